"""G from tables against the network itself, and what is done where a table does not serve."""

import numpy as np
import pytest
import torch

from bornnet.learners.flow import compiled, tables
from bornnet.learners.flow.model import Flow
from bornnet.physics.edges import uniform_edges


def flow(**settings) -> Flow:
    return Flow(8, generator=torch.Generator().manual_seed(3), **settings)


def potentials(rows: int = 128, cells: int = 64) -> torch.Tensor:
    draw = np.random.default_rng(5)
    return torch.from_numpy(draw.exponential(size=(rows, cells)) * draw.uniform(size=(rows, 1)))


@pytest.mark.parametrize("settings", [{}, {"activation": "silu", "substeps": 2}])
@torch.no_grad()
def test_states_from_a_table_are_those_of_the_network(settings):
    own, U = flow(**settings), potentials()
    edges = np.linspace(0, 1, 65) ** 1.2  # uneven cells
    assert tables.is_worthwhile(own, U)
    assert tables.table_of(own, edges, -2.0, 2.0) is not None
    found, twin = compiled.many_final_states(own, U, edges), compiled.final_states(own, U, edges)
    np.testing.assert_allclose(found, twin, rtol=1e-12, atol=1e-14)


@torch.no_grad()
def test_potentials_that_leave_the_table_are_integrated_by_the_network():
    own, U, edges = flow(), potentials(), uniform_edges(64)
    # first order does not tell that these go far and come back
    U[:3, :32], U[:3, 32:] = 60.0, -60.0 * (1 / 8) / (7 / 8)
    table = tables.table_of(own, edges, -1.0, 1.0)
    alone = compiled.FlowProblem(own, U, edges).tabulated(table)
    assert alone[:3].isnan().all()
    assert alone[3:].isfinite().any()
    twin = compiled.final_states(own, U, edges)
    np.testing.assert_allclose(compiled.many_final_states(own, U, edges), twin, rtol=1e-11, atol=1e-14)


@torch.no_grad()
def test_a_steep_network_has_no_table():
    own, U, edges = flow(), potentials(), uniform_edges(64)
    own.layers[0].weight.mul_(60.0)
    assert tables.table_of(own, edges, -1.0, 1.0) is None
    twin = compiled.final_states(own, U, edges)
    assert torch.equal(compiled.many_final_states(own, U, edges), twin)


@pytest.mark.parametrize("settings", [{"components": 2}, {"drive": "general"}, {"activation": "elu"}])
def test_tables_are_for_one_smooth_state_that_is_driven_linearly(settings):
    assert not tables.is_worthwhile(flow(**settings), potentials(1000))
