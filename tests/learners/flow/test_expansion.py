"""Jacobian, jets and tensors of a flow against nested differentiation of its steps in torch."""

from math import factorial

import numpy as np
import pytest
import torch

from bornnet.learners.flow.jets import taylor_terms
from bornnet.learners.flow.model import Flow
from bornnet.learners.flow.remainder import FlowRemainder
from bornnet.learners.flow.tensors import derivative_tensor

CELLS = 4
AT = np.array([0.3, 0.2, 0.5, 0.1])
CASES = [
    {},
    {"components": 2, "readout": "linear"},
    {"drive": "general"},
    {"state": "angle"},
    {"state": "inverse"},
]


def small(**settings) -> Flow:
    generator = torch.Generator().manual_seed(1)
    return Flow((5, 4), integrator="rk4", factor=1.3, unit=0.7, generator=generator, **settings)


@pytest.mark.parametrize("at", [None, AT], ids=["zero", "base"])
@pytest.mark.parametrize("settings", CASES, ids=str)
def test_tensors_and_terms(settings, at):
    flow = small(**settings)
    edges = np.arange(CELLS + 1) / CELLS

    def output(u):
        return flow.unit * flow.read_out(flow.trajectory(u[None], edges)[-1])[0]

    point = torch.zeros(CELLS, dtype=torch.float64) if at is None else torch.from_numpy(at)
    U = np.random.default_rng(2).random((3, CELLS))
    terms = taylor_terms(flow, U, 3, at)
    for order in (1, 2, 3):
        output = torch.func.jacfwd(output)
        expected = output(point).detach().numpy()
        found = derivative_tensor(flow, order, at, cells=CELLS)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
        for row, u in enumerate(U):
            value = expected
            for _ in range(order):
                value = value @ u
            np.testing.assert_allclose(terms[order, row], value / factorial(order), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("at", [None, AT], ids=["zero", "base"])
@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("settings", CASES, ids=str)
def test_jacobian(settings, degree, at):
    """Compiled adjoint and cell maps against autograd through torch's own steps."""
    model = FlowRemainder(small(**settings), degree, at)
    U = torch.from_numpy(np.random.default_rng(3).random((5, CELLS)))
    value, jacobian = model.value_and_jacobian(U)
    expected_value, expected = model.traced(U, None)
    torch.testing.assert_close(value, expected_value, rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(jacobian, expected, rtol=1e-10, atol=1e-12)
    own = model(U)
    torch.testing.assert_close(own.detach(), expected_value, rtol=1e-11, atol=1e-13)
    pulled = torch.autograd.grad(own[2], list(model.parameters()))
    torch.testing.assert_close(
        torch.cat([part.flatten() for part in pulled]), expected[2], rtol=1e-10, atol=1e-12
    )
    removed = torch.from_numpy(taylor_terms(model.flow, U, degree - 1, at=at).sum(axis=0))
    with torch.no_grad():
        whole = model.flow(model.potentials(U))
    torch.testing.assert_close(value, whole - removed, rtol=1e-11, atol=1e-13)
