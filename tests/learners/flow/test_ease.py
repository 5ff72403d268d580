"""The penalty on curved paths: derivatives along them, and its Jacobian, against nested differentiation."""

import numpy as np
import pytest
import torch
from torch.func import jvp

from bornnet.learners.flow.ease import Penalty, path_derivative
from bornnet.learners.flow.model import Flow

U = torch.from_numpy(np.random.default_rng(2).uniform(0.0, 3.0, (3, 4)))


def flow(**settings) -> Flow:
    return Flow(5, generator=torch.Generator().manual_seed(1), factor=0.7, **settings)


@pytest.mark.parametrize("order", [2, 3])
def test_derivatives_along_a_path_are_those_of_its_equation(order):
    """``d/dr`` along a path is ``d/dr + (ds/dr) . d/ds``."""
    own = flow(components=2)
    x = torch.tensor([1.3], dtype=torch.float64)

    def rate(s, r):
        return own.drive_at(s, r[None], x)

    def along(function):
        return lambda s, r: jvp(function, (s, r), (rate(s, r), torch.ones_like(r)))[1]

    nested = rate
    for _ in range(order - 1):
        nested = along(nested)
    s, r = torch.tensor([0.2, -0.4], dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64)
    torch.testing.assert_close(path_derivative(own, s, r, x[0], order), nested(s, r), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "settings", [{}, {"components": 2, "readout": "linear", "substeps": 2}, {"drive": "general"}], ids=str
)
def test_jacobian_of_the_penalty_against_autograd(settings):
    own = flow(integrator="rk4", **settings)
    penalty = Penalty(own, U, 2, 0.3, edges=[0, 0.2, 0.5, 0.6, 1.0])
    residuals, jacobian = penalty.linearized()
    twin = penalty().flatten()
    torch.testing.assert_close(residuals, twin.detach(), rtol=1e-10, atol=1e-13)
    torch.testing.assert_close(penalty.residuals(), twin.detach(), rtol=1e-10, atol=1e-13)
    for row in range(0, len(twin), 5):
        parts = torch.autograd.grad(
            twin[row], list(own.parameters()), retain_graph=True, allow_unused=True, materialize_grads=True
        )
        expected = torch.cat([part.flatten() for part in parts])
        torch.testing.assert_close(jacobian[row], expected, rtol=1e-8, atol=1e-12)


def test_the_penalty_is_the_weighted_integral_of_the_square():
    """For a constant G the path bends nowhere; for ``ds/dr = x r`` its second derivative is x."""
    own = flow(activation="identity")
    with torch.no_grad():
        for p in own.parameters():
            p.zero_()
        own.layers[0].weight[0, 1] = 1.0  # r
        own.layers[2].weight[0, 0] = 1.0
    total = float(Penalty(own, U, 2, 2.0).residuals().square().sum())
    assert total == pytest.approx(2.0 * float((0.7 * U).square().mean()), rel=1e-12)
    with torch.no_grad():
        own.layers[0].weight.zero_()
        own.layers[2].bias.fill_(1.0)
    assert float(Penalty(own, U, 2, 2.0).residuals().abs().max()) < 1e-13
