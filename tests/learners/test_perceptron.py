"""Error bars of a perceptron: what other networks that fit the same noisy values add to one's own."""

import numpy as np
import pytest
import torch
from fit_cases import stopped

import bornnet
from bornnet.compute.devices import limited_threads
from bornnet.learners.base import State, Task
from bornnet.learners.chain import Chain
from bornnet.learners.mlp.config import Config
from bornnet.learners.mlp.perceptron import Perceptron
from bornnet.networks.mlp import MLP
from bornnet.physics.families import sample_potentials
from bornnet.training.fit import BrokenDown
from bornnet.training.problem import Problem, Samples

CELLS = 3


def network(activation="tanh", seed=0):
    return MLP(CELLS, (4,), activation, generator=torch.Generator().manual_seed(seed))


def problem(noise=0.05):
    rng = np.random.default_rng(3)
    parts = []
    for rows in (60, 20):
        x = torch.from_numpy(rng.normal(size=(rows, CELLS)))
        sigma = torch.full((rows,), 0.05, dtype=torch.float64)
        y = torch.tanh(x.sum(1)) + noise * torch.from_numpy(rng.normal(size=rows))
        parts.append(Samples(x, y, 1 / sigma, sigma=sigma if noise else None))
    return Problem(*parts)


def begin(config=None, noise=0.05, **task):
    config = config or Config(hidden=(4,), steps=(8,))
    return Perceptron.begin(problem(noise), Task(CELLS, 1, seed=2, **task), config)


def test_variances_of_one_network_and_over_all_of_them_add():
    own, others = network(), [network("gelu", 1), network("softplus", 2)]
    spread = 0.1 * np.random.default_rng(0).normal(size=(sum(p.numel() for p in own.parameters()), 5))
    U = np.random.default_rng(1).normal(size=(6, CELLS))
    alone, together = Perceptron(own, spread), Perceptron(own, spread, others)
    networks = [Perceptron(n) for n in (own, *others)]
    for of, values in (
        (lambda p: p.terms_uncertainty(U, 3), [p.taylor_terms(U, 3) for p in networks]),
        (lambda p: p.uncertainty(2), [p.derivative_tensor(2) for p in networks]),
        (lambda p: p.value_uncertainty(U), [p(U) - p(0 * U) for p in networks]),
    ):
        expected = np.hypot(of(alone), np.std(values, axis=0, ddof=1))
        np.testing.assert_allclose(of(together), expected, rtol=1e-12)


def test_other_networks_go_along_into_units_and_files():
    learner = Perceptron(network(), np.full((21, 1), 0.1), [network("gelu", 1), network("softplus", 2)])
    inputs, output = np.array([2.0, 3.0, 0.5]), 7.0
    scaled = learner.rescaled(inputs, output)
    expected = 7 * np.outer(inputs, inputs) * learner.uncertainty(2)
    np.testing.assert_allclose(scaled.uncertainty(2), expected, rtol=1e-9)
    state = scaled.state()
    again = Perceptron.from_state(State(dict(state.arrays), state.facts))
    assert [n.activation for n in again.others] == ["gelu", "softplus"]
    np.testing.assert_array_equal(again.uncertainty(2), scaled.uncertainty(2))
    with pytest.raises(ValueError, match="zip"):  # a network of which nobody says what it is
        Perceptron.from_state(State(dict(state.arrays), {**state.facts, "others": ["gelu"]}))


def test_others_are_fitted_where_nobody_else_shows_what_they_would():
    assert [other.model.model.activation for other in begin().others] == ["gelu", "softplus"]
    assert not begin(alone=False).others  # one of several members
    assert not begin(noise=0.0).others
    assert not begin(Config(others="")).others
    settings = Chain.settings([("mlp", Config()), ("mlp", Config())])
    assert not Chain.begin(problem(), Task(CELLS, 1), settings).fit.others  # its errors are not asked for


def test_others_see_more_noise_of_the_size_stated():
    data, fit = problem().training, begin()
    added = [(other.problem.training.targets - data.targets) / data.sigma for other in fit.others]
    assert torch.equal(fit.problem.training.targets, data.targets)
    for one in added:
        assert 0.7 < float(one.std()) < 1.3
        assert abs(float(one.mean())) < 0.5
    assert not torch.equal(*added)
    assert torch.equal(begin().others[1].problem.training.targets, fit.others[1].problem.training.targets)


def test_others_leave_the_fit_as_it_is_and_start_where_they_ended():
    fit, alone = begin(), begin(alone=False)
    fit.run(), alone.run()
    learner, lone = fit.learned(), alone.learned()
    for own, other in zip(learner.network.parameters(), lone.network.parameters(), strict=True):
        assert torch.equal(own, other)
    assert (learner.uncertainty(1) > lone.uncertainty(1)).all()
    later = begin(number=2, rounds=2, before=learner)
    for before, after in zip(learner.others, later.others, strict=True):
        assert after.model.model is before


def test_one_that_breaks_down_is_passed_over():
    fit = begin()

    def broken(after_step):
        raise BrokenDown("no longer a number")

    fit.others[0].run = broken
    fit.run()
    assert [other.activation for other in fit.learned().others] == ["softplus"]


@pytest.mark.parametrize("step", [3, 12, 20])
def test_interrupted_equals_uninterrupted(step):
    whole, second = begin(), begin()
    whole.run()
    second.load_state(stopped(begin(), step))
    left = []
    second.run(left.append)
    np.testing.assert_array_equal(second.learned().uncertainty(2), whole.learned().uncertainty(2))
    assert step + len(left) == 3 * 8


def test_stated_errors_of_terms_hold():
    """Learned terms of potentials held out, of four draws of the noise: most exact ones lie within two stated
    deviations. The network's own covariance holds 83 and 56 % of the second and third order there."""
    U, _ = sample_potentials("mixture", 400, 6, strength=(3e-3, 0.5), spacing="log", seed=3)
    a0, exact = bornnet.scattering_length(U), bornnet.born_terms(U[200:], 3)
    sigma = 0.01 * np.abs(a0)
    ratios = []
    for draw in range(4):
        values = a0 + sigma * np.random.default_rng(draw).standard_normal(len(a0))
        with limited_threads(1):  # small matrices
            series = bornnet.fit_series(
                U[:200], values[:200], sigma=sigma[:200], rounds=1, hidden=(8,), steps=(40,), seed=draw
            )
        ratios.append((series.terms(U[200:], 3) - exact) / series.terms_std(U[200:], 3))
    assert (np.mean(np.abs(ratios) <= 2, axis=(0, 2)) >= 0.85).all()
    assert (np.mean(np.square(ratios), axis=(0, 2)) > 0.25).all()  # no empty bounds
