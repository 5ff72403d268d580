"""How exactly flows are integrated, on one whose solution is known, and what cannot be integrated.

With G(s, r) = s + 1 the state is ``exp(I(r)) - 1``, I(r) being the integral of the scaled potential below r.
"""

import numpy as np
import pytest
import torch

from bornnet.errors import BornnetError, InputError
from bornnet.learners.flow.accuracy import adaptive, truncation, values
from bornnet.learners.flow.learner import FlowLearner
from bornnet.learners.flow.model import Flow
from bornnet.learners.flow.remainder import FlowRemainder
from bornnet.learners.flow.tableaus import INTEGRATORS
from bornnet.physics.edges import checked_edges

U = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]])
EDGES = np.array([0.0, 0.3, 1.0])


def exponential(**settings):
    """G(s, r) = s + 1 by one identity neuron."""
    flow = Flow((1,), "identity", **settings)
    first, last = flow.linears
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, 0.0]]))
        first.bias.fill_(1.0)
        last.weight.fill_(1.0)
        last.bias.zero_()
    return flow


def solution(U, edges=EDGES):
    return np.expm1(U @ np.diff(edges))


@pytest.mark.parametrize("name", INTEGRATORS)
def test_every_method_converges_at_its_order(name):
    few = 1 if INTEGRATORS[name].order == 8 else 4
    errors = [
        np.abs(values(exponential(integrator=name, substeps=n), U, EDGES) - solution(U)).max()
        for n in (few, 2 * few)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(INTEGRATORS[name].order, abs=0.5)


def test_one_euler_step_a_cell_is_a_residual_network():
    """Layer i adds ``U_i h_i G(s)`` to its input."""
    s = np.zeros(len(U))
    for x, h in zip(U.T, np.diff(EDGES), strict=True):
        s = s + x * h * (s + 1)
    np.testing.assert_allclose(values(exponential(integrator="euler"), U, EDGES), s, rtol=1e-14)


@pytest.mark.parametrize("name", INTEGRATORS)
def test_stated_truncation_is_the_error(name):
    flow = exponential(integrator=name, substeps=1 if INTEGRATORS[name].order == 8 else 8)
    errors = np.abs(values(flow, U, EDGES) - solution(U))
    np.testing.assert_allclose(truncation(flow, U, EDGES), errors, rtol=0.3, atol=1e-15)


@pytest.mark.parametrize("degree", [1, 2])
def test_a_fit_knows_the_truncation_of_its_rows(degree):
    """As the difference to half the steps, which is nearly all of it."""
    flow = exponential(integrator="rk4", substeps=4)
    own = FlowRemainder(flow, degree, edges=EDGES).truncation(torch.from_numpy(U)).numpy()
    np.testing.assert_allclose(own, truncation(flow, U, EDGES), rtol=0.1)
    np.testing.assert_allclose(own, np.abs(values(flow, U, EDGES) - solution(U)), rtol=0.3, atol=1e-15)


@pytest.mark.parametrize("tolerance", [1e-6, 1e-10])
def test_tolerances_are_kept(tolerance):
    flow = exponential(integrator="rk4")
    exact = solution(U)
    assert np.abs(values(flow, U, EDGES, tolerance) - exact).max() < 2 * tolerance
    found = adaptive(flow, U, EDGES, tolerance)
    assert np.abs(found.outputs - exact).max() < 100 * tolerance
    assert (found.evaluations >= 12).all()  # six a cell at least


def test_a_smaller_tolerance_takes_more_evaluations():
    flow = exponential()
    rough, fine = (adaptive(flow, U, EDGES, tolerance).evaluations for tolerance in (1e-4, 1e-10))
    assert (fine > rough).any()
    assert (fine >= rough).all()


def test_tolerances_out_of_reach():
    flow = exponential(integrator="euler")
    with pytest.raises(BornnetError, match=r"potentials\[0\]: the tolerance 1e-12 is not reached .* euler"):
        values(flow, U, EDGES, 1e-12)
    for wanted in (1e-15, 0.0, np.nan):
        with pytest.raises(InputError, match="double precision"):
            values(flow, U, EDGES, wanted)
        with pytest.raises(InputError, match="double precision"):
            adaptive(flow, U, EDGES, wanted)


def test_states_that_leave_all_bounds():
    strong = np.array([[1.0, 1.0], [60.0, 60.0]])
    for call in (values, adaptive, lambda flow, rows: FlowLearner(flow)(rows)):
        with pytest.raises(BornnetError, match=r"potentials\[1\].*a bound state.*'angle'"):
            call(exponential(), strong)


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        ([0, 0.5, 0.3, 1], r"edges\[2\]: expected an edge beyond edges\[1\] = 0.5, got 0.3: sort"),
        ([0, 0.5, 0.5, 1], r"edges\[2\]"),
        ([0.1, 0.5, 0.6, 1], r"edges\[0\]: expected 0"),
        ([0, 0.5, np.nan, 1], r"edges\[2\]: expected a finite number"),
        ([0, 0.5, 1], "expected 4 for 3 cells"),
    ],
)
def test_bad_edges(edges, words):
    with pytest.raises(InputError, match=words):
        checked_edges(edges, 3)
    with pytest.raises(InputError, match=words):
        FlowLearner(exponential()).values(np.ones((2, 3)), edges=edges)
