"""Curved paths of Levenberg-Marquardt, and conjugate gradients in the place of the normal matrix."""

import pytest
import torch
from fit_cases import model, samples, uniform
from torch import nn
from torch.nn.utils import parameters_to_vector

from bornnet.errors import InputError
from bornnet.training.gauss_newton import GaussNewton, conjugate_gradients
from bornnet.training.levenberg_marquardt import LevenbergMarquardt, interpolation
from bornnet.training.problem import Samples
from bornnet.training.row_space import RowSpace


class Exponential(nn.Module):
    """``f(x) = exp(w) x``: the path to a minimum is ``w = log(1 + t (goal - 1))`` for w = 0 at its start."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self, x):
        return torch.exp(self.w) * x[:, 0]

    def value_and_jacobian(self, x):
        value = self(x).detach()
        return value, value[:, None]


def test_the_path_is_the_taylor_series_of_the_way_to_the_minimum():
    """Without damping the residual falls as 1 - t; so ``exp(w(t)) = 1 + t (g - 1)``, w = log of it."""
    goal = 1.5
    x = torch.ones(4, 1, dtype=torch.float64)
    data = Samples(x, goal * x[:, 0], torch.ones(4, dtype=torch.float64))
    optimizer = LevenbergMarquardt(Exponential(), data, damping=0.0)
    _, gradient, solver = optimizer.linearize()
    path = optimizer.path(torch.zeros(1, dtype=torch.float64), gradient, solver(0.0))
    expected = [-((1 - goal) ** p) / p for p in range(1, 6)]
    assert [float(c) for c in path] == pytest.approx(expected, rel=0.02)  # what interpolation leaves


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_interpolation_gives_coefficients_of_polynomials(order):
    points, shares = interpolation(order)
    values = [2.0 - t + 3 * t**order for t in points]
    assert sum(s * v for s, v in zip(shares, values, strict=True)) == pytest.approx(3, rel=1e-9)


def reached(steps, **options):
    fitted = model(1, hidden=(8, 8))
    optimizer = LevenbergMarquardt(fitted, samples(200), **options)
    for _ in range(steps):
        optimizer.step()
    return optimizer.step()


def test_curved_paths_reach_further_than_straight_ones():
    straight, curved = (reached(15, path_order=order) for order in (1, 5))
    assert curved < straight / 4


def test_conjugate_gradients_solve_to_the_tolerance():
    root = uniform(20, 8)
    matrix, right = root.T @ root + 0.1 * torch.eye(8), uniform(8, seed=1)
    x = conjugate_gradients(lambda v: matrix @ v, right, tolerance=1e-12)
    torch.testing.assert_close(x, torch.linalg.solve(matrix, right), rtol=1e-9, atol=1e-11)
    rough = conjugate_gradients(lambda v: matrix @ v, right, tolerance=0.1)
    assert float((matrix @ rough - right).norm()) <= 0.1 * float(right.norm())
    assert torch.equal(conjugate_gradients(lambda v: matrix @ v, 0 * right), 0 * right)


@pytest.mark.parametrize("degree", [1, 2])
def test_matrix_free_solves_are_those_of_the_normal_matrix(degree):
    data, damping = samples(), 1e-2
    dense, free = (kind(model(degree), data) for kind in (LevenbergMarquardt, GaussNewton))
    (loss, gradient, solver), (free_loss, free_gradient, free_solver) = dense.linearize(), free.linearize()
    assert free_loss == pytest.approx(loss, rel=1e-12)
    torch.testing.assert_close(free_gradient, gradient, rtol=1e-10, atol=1e-13)
    right = uniform(len(gradient), seed=3)
    exact, found = solver(damping)(right), free_solver(damping)(right)
    product = free.product(found) + damping * found
    assert float((product - right).norm()) <= 1.01e-2 * float(right.norm())
    torch.testing.assert_close(free.product(exact) + damping * exact, right, rtol=1e-9, atol=1e-11)


def test_matrix_free_steps_bring_the_loss_down():
    fitted = model(1)
    optimizer = GaussNewton(fitted, samples())
    losses = [optimizer.step() for _ in range(10)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 100
    assert torch.isfinite(parameters_to_vector(fitted.parameters())).all()


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_the_gram_matrix_of_the_rows_is_that_of_the_jacobian(degree):
    fitted, x = model(degree, hidden=(9, 7)), samples(20).inputs
    value, jacobian = fitted.value_and_jacobian(x)
    alone, gram = fitted.value_and_gram(x)
    torch.testing.assert_close(alone, value, rtol=0, atol=0)
    torch.testing.assert_close(gram, jacobian @ jacobian.T, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("degree", [1, 2])
def test_steps_among_the_rows_are_those_of_the_normal_equations(degree):
    data = samples(15)
    optimizers = [kind(model(degree), data, robust=True) for kind in (LevenbergMarquardt, RowSpace)]
    assert optimizers[1].among_rows
    losses = [[optimizer.step() for _ in range(5)] for optimizer in optimizers]
    assert losses[1] == pytest.approx(losses[0], rel=1e-8)
    assert losses[0][-1] < losses[0][0] / 5
    weights = [parameters_to_vector(optimizer.model.parameters()) for optimizer in optimizers]
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-7, atol=1e-9)


def test_with_more_rows_than_weights_the_normal_equations_are_solved():
    optimizers = [kind(model(1), samples(80), robust=True) for kind in (LevenbergMarquardt, RowSpace)]
    assert not optimizers[1].among_rows
    plain, among = ([optimizer.step() for _ in range(4)] for optimizer in optimizers)
    assert among == plain


def test_memory_among_the_rows_grows_with_the_weights_and_not_with_their_square():
    small, large = (RowSpace.step_bytes(100, weights, kept=50) for weights in (10**4, 10**6))
    assert small < large < 8 * (4 * 100**2 + 100 * 50 + 20 * 10**6)
    assert RowSpace.step_bytes(100, 10) == LevenbergMarquardt.step_bytes(100, 10)


def test_a_model_without_that_matrix_is_refused():
    linear = torch.nn.Linear(3, 1, dtype=torch.float64)
    with pytest.raises(InputError, match="levenberg-marquardt-rows is for a perceptron"):
        RowSpace(linear, samples(5))
