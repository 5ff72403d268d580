"""Derivatives along directions as further residuals, against nested autodiff and differences."""

import pytest
import torch
from fit_cases import ACTIVATIONS, SETTINGS, fall_of_loss, model, squared, taylor_remainder, uniform
from torch.func import jacrev, jvp, vmap

from bornnet.errors import InputError
from bornnet.training.levenberg_marquardt import LevenbergMarquardt
from bornnet.training.problem import Samples, Slopes
from bornnet.training.residuals import (
    errors,
    linearized,
    mean_square,
    pulled_back,
    pushed_forward,
    residuals,
    reweighted,
)
from bornnet.training.row_space import NAME as ROW_SPACE
from bornnet.training.row_space import RowSpace

DIRECTIONS = 2


def sloped(count=40, seed=0):
    """A smooth function's values, and its derivatives along two directions."""
    x = uniform(count, 3, seed=seed)
    weights = 1 + x[:, 2].abs()
    gradient = torch.cos(x.sum(1))[:, None] + torch.stack([x[:, 1], x[:, 0], 0 * x[:, 0]], dim=1)
    directions = uniform(count, DIRECTIONS, 3, seed=seed + 1)
    slopes = Slopes(directions, (directions * gradient[:, None]).sum(2), weights**2)
    return Samples(x, torch.sin(x.sum(1)) + x[:, 0] * x[:, 1], weights, slopes)


def whole(samples):
    return samples.rows(slice(None))


def twin_slopes(remainder, x, v):
    """``d/ds r(x + s v)`` and its derivatives by the weights, by nested forward modes and one reverse."""
    network = remainder.model
    parameters = {name: p.detach() for name, p in network.named_parameters()}

    def slope(p, row, direction):
        return jvp(lambda y: taylor_remainder(network, remainder.degree, p, y), (row,), (direction,))[1]

    values = vmap(slope, (None, 0, 0))(parameters, x, v)
    blocks = vmap(jacrev(slope), (None, 0, 0))(parameters, x, v)
    return values, torch.cat([blocks[name].flatten(1) for name in parameters], dim=1)


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slope_and_its_jacobian(degree, activation):
    remainder, x, v = model(degree, activation), uniform(4, 3, seed=2), uniform(4, 3, seed=3)
    slope, jacobian = remainder.slope_and_jacobian(x, v)
    expected_slope, expected_jacobian = twin_slopes(remainder, x, v)
    torch.testing.assert_close(slope, expected_slope, rtol=1e-11, atol=1e-14)
    torch.testing.assert_close(jacobian, expected_jacobian, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_residuals_are_weighted_errors_of_values_and_slopes(degree):
    remainder, samples = model(degree), sloped()
    with torch.no_grad():
        found = residuals(remainder, whole(samples))
        value = samples.weights * (remainder(samples.inputs) - samples.targets)
    expected = [value]
    for k in range(DIRECTIONS):
        slope, _ = twin_slopes(remainder, samples.inputs, samples.slopes.directions[:, k])
        expected.append(samples.slopes.weights * (slope - samples.slopes.targets[:, k]) / DIRECTIONS**0.5)
    expected = torch.cat([expected[0], torch.stack(expected[1:], dim=1).flatten()])
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-14)
    assert not found.requires_grad
    square = float(expected.square().sum()) / len(samples)
    assert mean_square(remainder, samples) == pytest.approx(square)
    assert errors(remainder, samples) == pytest.approx(
        (square**0.5, float(expected.abs().sqrt().mean()) ** 2), rel=1e-12
    )


def test_slopes_have_robust_weights_of_their_own():
    remainder, samples = model(), sloped()
    found = residuals(remainder, whole(samples))
    value, slope = found[: len(samples)], found[len(samples) :].reshape(-1, DIRECTIONS).norm(dim=1)
    square, weighed = reweighted(remainder, samples)
    assert square == pytest.approx(mean_square(remainder, samples))
    for r, given, new in (
        (value, samples.weights, weighed.weights),
        (slope, samples.slopes.weights, weighed.slopes.weights),
    ):
        s = r.abs().sqrt().mean() ** 2
        torch.testing.assert_close(new**2, given**2 / torch.sqrt(1 + (r / s) ** 2))


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_jacobian_forward_and_backward_are_one_matrix(degree):
    """The parts of ``linearized``, ``J v`` and ``J^T c`` agree."""
    remainder, batch = model(degree), whole(sloped())
    parts = list(linearized(remainder, batch))
    assert len(parts) == batch.residuals_each == 1 + DIRECTIONS
    (value, jacobian), *slopes = parts
    # residuals() orders slopes sample by sample, linearized() direction by direction
    r = torch.cat([value, torch.stack([s for s, _ in slopes], dim=1).flatten()])
    matrix = torch.cat([jacobian, torch.stack([j for _, j in slopes], dim=1).flatten(0, 1)])
    torch.testing.assert_close(residuals(remainder, batch).detach(), r, rtol=1e-11, atol=1e-14)
    v, c = uniform(matrix.shape[1], seed=5), uniform(len(r), seed=6)
    torch.testing.assert_close(pushed_forward(remainder, batch, v), matrix @ v, rtol=1e-10, atol=1e-13)
    torch.testing.assert_close(pulled_back(remainder, batch, c)[1], matrix.T @ c, rtol=1e-10, atol=1e-13)
    torch.testing.assert_close(pulled_back(remainder, batch)[1], matrix.T @ r, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", [name for name in SETTINGS if name != ROW_SPACE])  # takes values alone
def test_loss_falls(name):
    assert fall_of_loss(name, model(1), sloped()) > 2


def test_the_space_of_the_rows_takes_values_alone():
    with pytest.raises(InputError, match="values alone"):
        RowSpace(model(1), sloped())


def test_normal_equations_hold_slopes_too():
    remainder, samples = model(2), sloped()
    loss, gradient, normal = LevenbergMarquardt(remainder, samples).normal_equations()
    matrix = torch.cat([jacobian.clone() for _, jacobian in linearized(remainder, whole(samples))])
    torch.testing.assert_close(squared(normal), matrix.T @ matrix / len(samples), rtol=1e-12, atol=1e-14)
    assert loss == pytest.approx(mean_square(remainder, samples))
    expected = pulled_back(remainder, whole(samples))[1] / len(samples)
    torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-13)
