"""Errors of weights and coefficients at the end of a fit, against a linear model that is solved exactly."""

import numpy as np
import pytest
import torch
from torch import nn

import bornnet
from bornnet.learners.base import State, Task
from bornnet.learners.mlp.config import Config
from bornnet.learners.mlp.fit import initial_network
from bornnet.learners.mlp.perceptron import Perceptron
from bornnet.networks.mlp import MLP
from bornnet.physics.families import sample_potentials
from bornnet.training.laplace import weight_spread
from bornnet.training.problem import Problem, Samples


class Linear(nn.Module):
    """``x . w``, with what the optimizers need to know of a model."""

    def __init__(self, inputs):
        super().__init__()
        self.w = nn.Parameter(torch.full((inputs,), 0.5, dtype=torch.float64))

    def forward(self, x):
        return x @ self.w

    def value_and_jacobian(self, x):
        return x @ self.w, x.clone()


@pytest.mark.parametrize("inputs", [5, 300])
def test_covariance_of_a_linear_model_is_the_exact_posterior(inputs):
    rng = np.random.default_rng(2)
    x, sigma = rng.normal(size=(2000, inputs)), rng.uniform(0.5, 2, 2000)
    parts = [
        Samples(
            *map(torch.from_numpy, (x[p], 0.5 * x[p].sum(axis=1), 1 / sigma[p])),
            sigma=torch.from_numpy(sigma[p]),
        )
        for p in (slice(0, 1000), slice(1000, 2000))
    ]
    spread = weight_spread(Linear(inputs), Problem(*parts), 1)
    weighted = x[:1000] / sigma[:1000, None]
    exact = np.diag(np.linalg.inv(weighted.T @ weighted + np.eye(inputs) / 0.25))
    found = np.sum(spread**2, axis=1)
    if inputs == 5:
        np.testing.assert_allclose(found, exact, rtol=1e-10)
    else:  # drawn: right to sqrt(2 / 128) each
        np.testing.assert_allclose(found, exact, rtol=0.6)
        assert np.mean(found / exact) == pytest.approx(1, abs=0.05)


def perceptron(columns=4):
    network = MLP(3, (5, 4), "tanh", generator=torch.Generator().manual_seed(3))
    count = sum(p.numel() for p in network.parameters())
    return Perceptron(network, 0.1 * np.random.default_rng(0).normal(size=(count, columns)))


def test_errors_of_coefficients_are_their_slopes_along_the_spread():
    learner = perceptron()
    names = [name for name, _ in learner.network.named_parameters()]
    U = torch.tensor([[0.3, -0.2, 0.5]], dtype=torch.float64)
    weights = nn.utils.parameters_to_vector(learner.network.parameters()).detach()

    def value(w, x):
        own, start = {}, 0
        for name, p in learner.network.named_parameters():
            own[name] = w[start : start + p.numel()].reshape(p.shape)
            start += p.numel()
        return torch.func.functional_call(learner.network, own, (x[None],))[0]

    origin = torch.zeros(3, dtype=torch.float64)
    slopes = torch.func.jacrev(torch.func.grad(value, argnums=1))(weights, origin).detach().numpy()
    expected = np.sqrt(np.sum((slopes @ learner.spread) ** 2, axis=1))
    np.testing.assert_allclose(learner.uncertainty(1), expected, rtol=1e-6)
    terms = np.sqrt(np.sum((U.numpy() @ (slopes @ learner.spread)) ** 2, axis=1))
    np.testing.assert_allclose(learner.terms_uncertainty(U.numpy(), 1)[1], terms, rtol=1e-6)
    values = torch.func.grad(lambda w: value(w, U[0]) - value(w, origin))(weights).detach().numpy()
    np.testing.assert_allclose(
        learner.value_uncertainty(U.numpy()), np.linalg.norm(values @ learner.spread), rtol=1e-6
    )
    assert len(names) == 6


def test_errors_scale_with_units_and_are_stored():
    learner = perceptron()
    inputs, output = np.array([2.0, 3.0, 0.5]), 7.0
    scaled = learner.rescaled(inputs, output)
    np.testing.assert_allclose(scaled.uncertainty(1), 7 * inputs * learner.uncertainty(1), rtol=1e-6)
    second = 7 * np.outer(inputs, inputs) * learner.uncertainty(2)
    np.testing.assert_allclose(scaled.uncertainty(2), second, rtol=1e-6)
    state = scaled.state()
    again = Perceptron.from_state(State(dict(state.arrays), state.facts))
    np.testing.assert_array_equal(again.uncertainty(2), scaled.uncertainty(2))


def test_a_network_without_a_spread_states_nothing():
    learner = Perceptron(initial_network(Task(cells=3, degree=1), Config()))
    assert learner.uncertainty(1) is None
    assert learner.value_uncertainty(np.ones((2, 3))) is None


def fitted(noise, draw=1):
    U, _ = sample_potentials("mixture", 1500, 4, strength=(3e-3, 0.5), spacing="log", seed=3)
    a0 = bornnet.scattering_length(U)
    sigma = noise * np.abs(a0)
    values = a0 + sigma * np.random.default_rng(draw).standard_normal(len(a0))
    given = sigma if noise else None
    return bornnet.fit_series(U, values, sigma=given, rounds=1, hidden=(8, 8), steps=(60,), seed=1)


def test_stated_errors_hold():
    """Exact coefficients over their stated deviations, of six draws of the noise: most are within two, and
    their root mean square is near one, so that the errors are no empty bound."""
    drawn = [fitted(0.02, draw) for draw in range(6)]
    for order in (1, 2):
        exact = bornnet.born_kernel(order, 4)
        ratios = np.array([(series.kernel(order) - exact) / series.kernel_std(order) for series in drawn])
        assert np.mean(np.abs(ratios) <= 2) >= 0.85
        assert 0.5 < np.sqrt(np.mean(ratios**2)) < 1.5


def test_nothing_is_stated_of_a_fit_to_exact_values():
    assert fitted(0.0).kernel_std(1) is None
