"""The prior that the evidence chooses, against the evidence of linear models, which is known exactly."""

import numpy as np
import pytest
import torch
from fit_cases import stopped
from scipy.optimize import minimize
from torch import nn
from torch.nn.utils import parameters_to_vector

from bornnet.learners.mlp.remainder import TaylorRemainder
from bornnet.networks.mlp import MLP
from bornnet.training.evidence import EvidenceLevenbergMarquardt
from bornnet.training.fit import Fit, Settings
from bornnet.training.laplace import weight_spread
from bornnet.training.problem import Problem, Samples
from bornnet.training.residuals import reweighted


class Linear(nn.Module):
    """``x . w`` with weights in two groups, whose sizes differ."""

    def __init__(self, first, second):
        super().__init__()
        self.a = nn.Parameter(torch.full((first,), 0.1, dtype=torch.float64))
        self.b = nn.Parameter(torch.full((second,), 0.1, dtype=torch.float64))

    def forward(self, x):
        return x @ torch.cat([self.a, self.b])

    def value_and_jacobian(self, x):
        return self(x).detach(), x.clone()


def linear_data(rows=60, first=20, second=30, noise=0.5, size=1.0):
    """Values of ``x . w`` with errors, of which ``size`` times the true deviation is stated."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(rows, first + second))
    w = np.concatenate([2 * rng.normal(size=first), 0.1 * rng.normal(size=second)])
    y = x @ w + noise * rng.normal(size=rows)
    sigma = torch.full((rows,), size * noise, dtype=torch.float64)
    return Samples(torch.from_numpy(x), torch.from_numpy(y), 1 / sigma, sigma=sigma)


def fitted_linear(data, steps=300):
    optimizer = EvidenceLevenbergMarquardt(Linear(20, 30), data)
    optimizer.robust = False
    for _ in range(steps):
        optimizer.step()
    return optimizer


def test_precisions_are_where_the_evidence_is_largest():
    """Twin: the density of the values with the weights integrated out, maximised by a simplex."""
    data = linear_data()
    optimizer = fitted_linear(data)
    x, y, sigma = data.inputs.numpy(), data.targets.numpy(), data.sigma.numpy()

    def loss(logarithms):
        variances = np.exp(-np.repeat(logarithms, [20, 30]))
        covariance = (x * variances) @ x.T + np.diag(sigma**2) * optimizer.temperature
        return np.linalg.slogdet(covariance)[1] + y @ np.linalg.solve(covariance, y)

    best = minimize(loss, np.log([1.0, 10.0]), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6})
    found = optimizer.precision.numpy()[[0, -1]]
    np.testing.assert_allclose(found, np.exp(best.x), rtol=0.1)  # but for the broad hyperprior
    assert found[1] > 30 * found[0]


def test_the_weights_are_the_mean_under_that_prior():
    data = linear_data()
    optimizer = fitted_linear(data)
    x = (data.inputs / data.sigma[:, None]).numpy() / np.sqrt(optimizer.temperature)
    y = (data.targets / data.sigma).numpy() / np.sqrt(optimizer.temperature)
    mean = np.linalg.solve(x.T @ x + np.diag(optimizer.precision.numpy()), x.T @ y)
    found = parameters_to_vector(optimizer.model.parameters()).detach().numpy()
    np.testing.assert_allclose(found, mean, rtol=1e-3, atol=1e-4)
    problem = Problem(data, data)
    covariance = np.linalg.inv(x.T @ x + np.diag(optimizer.precision.numpy()))
    spread = weight_spread(optimizer.model, problem, 0, optimizer)
    np.testing.assert_allclose(spread @ spread.T, covariance, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(("size", "least", "most"), [(0.25, 8, 32), (1.0, 0.9, 2.0), (4.0, 0.99, 1.01)])
def test_values_can_be_worse_than_stated_and_not_better(size, least, most):
    """The temperature is the ratio of variances where too little is stated, and 1 where too much is."""
    temperature = fitted_linear(linear_data(rows=200, size=size)).temperature
    assert least <= temperature <= most


def test_an_input_that_does_not_matter_gets_a_tight_prior():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(300, 3)))
    sigma = torch.full((300,), 0.02, dtype=torch.float64)
    y = torch.tanh(x[:, 0]) + 0.5 * x[:, 1] ** 2 + 0.02 * torch.from_numpy(rng.normal(size=300))
    network = MLP(3, (6,), generator=torch.Generator().manual_seed(1))
    optimizer = EvidenceLevenbergMarquardt(TaylorRemainder(network, 1), Samples(x, y, 1 / sigma, sigma=sigma))
    for _ in range(60):
        optimizer.step()
    of_inputs = optimizer.precision[:18].reshape(6, 3)
    assert (of_inputs[0] == of_inputs[5]).all()
    assert of_inputs[0, 2] > 10 * of_inputs[0, :2].max()


def noisy_problem():
    rng = np.random.default_rng(3)
    parts = []
    for rows in (80, 20):
        x = torch.from_numpy(rng.normal(size=(rows, 2)))
        y = torch.tanh(x.sum(1)) + 0.05 * torch.from_numpy(rng.normal(size=rows))
        sigma = torch.full((rows,), 0.05, dtype=torch.float64)
        parts.append(Samples(x, y, 1 / sigma, sigma=sigma))
    return Problem(*parts)


def noisy_fit():
    network = MLP(2, (5,), generator=torch.Generator().manual_seed(1))
    return Fit(TaylorRemainder(network, 1), noisy_problem(), Settings(steps=25, patience=2))


def test_a_fit_to_noisy_values_ends_where_it_settles_and_keeps_its_last_weights():
    fit = noisy_fit()
    progress = fit.run()
    assert progress.best_step == progress.step > 2  # held-out errors, which patience looks at, do not end it
    gradient = fit.optimizer.normal_equations()[1]
    assert gradient.norm() < 1e-2


def test_interrupted_equals_uninterrupted():
    whole, second = noisy_fit(), noisy_fit()
    whole.run()
    second.load_state(stopped(noisy_fit(), 6))
    second.run()
    ends = [parameters_to_vector(fit.model.parameters()) for fit in (whole, second)]
    assert torch.equal(*ends)
    assert whole.progress.step == second.progress.step


def test_normal_errors_count_as_their_squares_and_outliers_as_their_sizes():
    data = linear_data(rows=400)
    model = Linear(20, 30)
    optimizer = fitted_linear(data)
    model.load_state_dict(optimizer.model.state_dict())
    data.targets[0] += 50 * data.sigma[0]
    square = (reweighted(model, data)[1].weights / data.weights) ** 2
    assert square[1:].mean() > 0.95
    assert square[0] == pytest.approx(4 / 50, rel=0.3)
