"""Each optimizer brings the loss down; Levenberg-Marquardt solves a linear problem outright."""

import math
from itertools import pairwise

import pytest
import torch
from fit_cases import SETTINGS, fall_of_loss, model, samples, squared, uniform
from torch import nn
from torch.nn.utils import parameters_to_vector

from bornnet.training.fit import KINDS, OPTIMIZERS, Fit, Settings
from bornnet.training.levenberg_marquardt import LevenbergMarquardt, block_rows
from bornnet.training.problem import Problem, Samples
from bornnet.training.residuals import errors, followed, mean_square, residuals, reweighted


class Linear(nn.Module):
    """``f(x) = w . x``: its Jacobian is x."""

    def __init__(self, weights):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(weights, dtype=torch.float64))

    def forward(self, x):
        return x @ self.w

    def value_and_jacobian(self, x):
        return self(x).detach(), x.clone()


def overdetermined():
    x = uniform(200, 8)
    return Samples(x, torch.sin(5 * x.sum(1)), 0.5 + x[:, 0].abs())


def losses_of(optimizer, steps):
    losses = [optimizer.step() for _ in range(steps)]
    return [loss for loss in losses if loss is not None]


def test_linear_least_squares_is_solved():
    data, linear = overdetermined(), Linear(8)
    losses = losses_of(LevenbergMarquardt(linear, data), 40)
    exact = torch.linalg.lstsq(
        data.weights[:, None] * data.inputs, (data.weights * data.targets)[:, None]
    ).solution[:, 0]
    # a step must lower the loss, which near its minimum tells weights apart to the root of the rounding
    torch.testing.assert_close(linear.w.detach(), exact, rtol=1e-8, atol=1e-9)
    least = float((data.weights * (data.inputs @ exact - data.targets)).square().mean())
    assert losses[-1] == pytest.approx(least, rel=1e-15)
    assert losses == sorted(losses, reverse=True)


def test_damping_vanishes_where_the_linear_model_is_exact():
    data = overdetermined()
    optimizer = LevenbergMarquardt(Linear(8), data, damping=1.0)
    dampings = []
    for _ in range(6):
        optimizer.step()
        dampings.append(optimizer.damping)
    assert dampings == pytest.approx([0.2**n for n in range(1, 7)])


def test_at_the_minimum_no_step_is_taken():
    data, linear = overdetermined(), Linear(8)
    optimizer = LevenbergMarquardt(linear, data)
    while optimizer.step() is not None:
        pass
    settled = linear.w.detach().clone()
    assert optimizer.step() is None
    assert torch.equal(linear.w, settled)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_levenberg_marquardt_is_monotone(degree):
    data = samples()
    fitted = model(degree)
    losses = losses_of(LevenbergMarquardt(fitted, data), 25)
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert mean_square(fitted, data) <= losses[-1]


def test_blocks_of_rows_change_nothing(monkeypatch):
    from bornnet.training import levenberg_marquardt

    whole = LevenbergMarquardt(model(2), samples()).normal_equations()
    monkeypatch.setattr(levenberg_marquardt, "BLOCK_VALUES", 700)
    assert block_rows(49) == 14
    blocks = LevenbergMarquardt(model(2), samples()).normal_equations()
    for one, other in zip((*whole[:2], squared(whole[2])), (*blocks[:2], squared(blocks[2])), strict=True):
        torch.testing.assert_close(torch.as_tensor(one), torch.as_tensor(other), rtol=1e-12, atol=1e-15)


def test_normal_equations_are_the_gradient_of_the_loss():
    fitted, data = model(3), samples()
    loss, gradient, _ = LevenbergMarquardt(fitted, data).normal_equations()
    by_autograd = residuals(fitted, data).square().mean()
    by_autograd.backward()
    assert loss == pytest.approx(float(by_autograd.detach()), rel=1e-12)
    expected = torch.cat([p.grad.flatten() for p in fitted.parameters()]) / 2
    torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-14)


def test_step_memory_counts_jacobian_and_normal_matrix():
    assert LevenbergMarquardt.step_bytes(100, 10) == 8 * (4 * 100 * 10 + 3 * 100)
    assert LevenbergMarquardt.step_bytes(100, 600) == 8 * (2 * 100 * 600 + 3 * 600**2)
    assert LevenbergMarquardt.step_bytes(10**9, 1000) < 8 * (2 * (1 << 23) + 3 * 10**6) + 16_000


@pytest.mark.parametrize("name", SETTINGS)
def test_loss_falls(name):
    assert fall_of_loss(name, model(1), samples()) > 4


def test_adam_learning_rate_falls_along_a_cosine():
    settings = SETTINGS["adam"]
    adam = OPTIMIZERS["adam"](model(), samples(), settings)
    rates = []
    for _ in range(settings.steps):
        rates.append(adam.optimizer.param_groups[0]["lr"])
        adam.step()
    assert rates[0] == settings.learning_rate
    assert rates == sorted(rates, reverse=True)
    assert rates[settings.steps // 2] == pytest.approx(settings.learning_rate * (0.5 + 0.5e-3))
    assert adam.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * settings.learning_rate)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_first_damping_follows_the_loss(size):
    """A hundredth of it: small residuals want long steps. Residuals beyond one are as those of one."""
    data = overdetermined()
    optimizer = LevenbergMarquardt(Linear(8), Samples(data.inputs, size * data.targets, data.weights))
    assert optimizer.state()["damping"] is None
    loss = optimizer.step()
    # the linear model is exact: the first step is taken, and a fifth of the damping is left
    assert optimizer.damping == pytest.approx(0.2 * 1e-2 * min(loss, 1))


def test_weights_of_a_robust_fit():
    """``1/sqrt(1 + (r/s)^2)`` on the square, by the typical size s; a residual of zero keeps its weight."""
    data, fitted = samples(), model()
    with torch.no_grad():
        data.targets[0] = fitted(data.inputs[:1])
        r = data.weights * (fitted(data.inputs) - data.targets)
    square, weighed = reweighted(fitted, data)
    s = r.abs().sqrt().mean() ** 2
    assert square == pytest.approx(float(r.square().mean()))
    torch.testing.assert_close(weighed.weights**2, data.weights**2 / torch.sqrt(1 + (r / s) ** 2))
    assert weighed.weights[0] == data.weights[0]
    assert weighed.targets is data.targets


class Stepping(Linear):
    """A linear model that says of every value how far it may be off: what the last input is."""

    def truncation(self, x):
        return x[:, -1].abs()


@pytest.mark.parametrize(
    ("truncation", "kept"),
    [
        ([0.0, 1e-9, 1e-9, 4e-5, 6e-5], 4),  # below 5e-5
        ([1e-3, 2e-3, 3e-3, 0.2, 0.4], 4),  # not more than a hundred times the median
        ([0.0, 1e-9, 1e-9, math.nan, math.inf], 3),
    ],
)
def test_samples_that_a_model_cannot_find_exactly_are_not_followed(truncation, kept):
    x = uniform(5, 3)
    x[:, -1] = torch.tensor(truncation)
    half = Samples(x, uniform(5, seed=2), torch.full((5,), 0.5, dtype=torch.float64))
    weighed = Samples(x * torch.tensor([1, 1, 2]), half.targets, half.weights)
    assert followed(Linear(3), half) is half
    assert len(followed(Stepping(3), weighed)) == kept
    assert torch.equal(followed(Stepping(3), weighed).targets, half.targets[:kept])
    quiet = Samples(x[:2] * 0, half.targets[:2], half.weights[:2])
    assert followed(Stepping(3), quiet) is quiet


def test_noisy_samples_are_followed_where_noise_hides_the_error_of_steps():
    x = uniform(4, 3)
    x[:, -1] = torch.tensor([1e-9, 1e-9, 0.9e-3, 1.1e-3])
    weights = torch.full((4,), 2.0, dtype=torch.float64)
    noisy = Samples(x, uniform(4, seed=2), weights, sigma=torch.full((4,), 0.1, dtype=torch.float64))
    assert torch.equal(followed(Stepping(3), noisy).targets, noisy.targets[:3])


@pytest.mark.parametrize("name", ["levenberg-marquardt", "gauss-newton"])
def test_samples_that_are_not_followed_do_not_move_a_fit(name):
    x, exact = uniform(60, 8), uniform(8, seed=2)
    x[:, -1] = 0.0
    x[::10, -1] = 1.0  # not found exactly enough
    targets = x @ exact
    targets[::10] += 100.0
    stepping = Stepping(8)
    problem = Problem(*(Samples(x, targets, torch.ones(60, dtype=torch.float64)) for _ in range(2)))
    progress = Fit(stepping, problem, Settings(name, steps=30, patience=100)).run()
    assert float((stepping.w.detach() - exact)[:-1].norm()) < 1e-6
    assert progress.left_out == 6
    assert progress.best_error < 1e-6


@pytest.mark.parametrize("name", ["levenberg-marquardt", "gauss-newton"])
def test_the_loss_of_a_step_is_that_by_which_its_ends_are_judged(name):
    """Where rows are left out, both are means over those that are not: else a step must gain as much as they
    differ by, and fits stop short."""
    x = uniform(40, 8)
    x[:, -1] = 0.0
    x[::4, -1] = 1.0
    data = Samples(x, uniform(40, seed=3), torch.ones(40, dtype=torch.float64))
    stepping = Stepping(8)
    optimizer = OPTIMIZERS[name](stepping, data, Settings(name))
    optimizer.step()
    assert len(optimizer.samples) == 30
    with torch.no_grad():
        loss, gradient, _ = optimizer.linearize()
        assert loss == pytest.approx(mean_square(stepping, optimizer.samples), rel=1e-12)
        moved = 1e-6 * gradient / gradient.norm()
        stepping.w.add_(moved)
        after = mean_square(stepping, optimizer.samples)
    assert after - loss == pytest.approx(2 * float(moved @ gradient), rel=1e-3)


def test_outliers_do_not_rule_a_robust_fit():
    x, exact = uniform(200, 8), uniform(8, seed=2)
    targets = x @ exact + 1e-6 * uniform(200, seed=3)
    targets[::100] += 1.0
    data = Samples(x, targets, torch.ones(200, dtype=torch.float64))
    errors = []
    for robust in (False, True):
        linear = Linear(8)
        optimizer = LevenbergMarquardt(linear, data, robust=robust)
        for _ in range(40):
            optimizer.step()
        errors.append(float((linear.w.detach() - exact).norm()))
    assert errors[1] < errors[0] / 200


def test_errors_are_the_rms_and_the_squared_mean_root():
    data, fitted = samples(), model()
    with torch.no_grad():
        r = (data.weights * (fitted(data.inputs) - data.targets)).abs()
    rms, typical = errors(fitted, data)
    assert rms == pytest.approx(float(r.square().mean()) ** 0.5, rel=1e-14)
    assert typical == pytest.approx(float(r.sqrt().mean()) ** 2, rel=1e-14)
    assert 0.3 < typical / float(r.median()) < 3


@pytest.mark.parametrize("name", SETTINGS)
def test_an_optimizer_states_its_cost_and_moves_nothing(name):
    fitted = model(2)
    optimizer = OPTIMIZERS[name](fitted, samples(), SETTINGS[name])
    assert type(optimizer) is KINDS[name]
    before = parameters_to_vector(fitted.parameters()).clone()
    assert 0 < optimizer.step_seconds() < 10
    assert torch.equal(parameters_to_vector(fitted.parameters()), before)
    few, many, wide = (
        KINDS[name].step_bytes(rows, weights, kept=30, batch=64)
        for rows, weights in ((10, 49), (50, 49), (50, 900))
    )
    assert 8 * 49 < few < many < wide
