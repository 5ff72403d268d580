"""Errors of least-squares coefficients against the covariance written down, and whether they hold."""

from itertools import combinations_with_replacement

import numpy as np
import pytest

import bornnet
from bornnet.learners.base import State
from bornnet.learners.polynomial.least_squares import Polynomial, fit_polynomial
from bornnet.physics.families import sample_potentials

RNG = np.random.default_rng(2)
X = RNG.uniform(-1, 1, (200, 3))
SIGMA = RNG.uniform(0.05, 0.2, 200)
COLUMNS = [(i,) for i in range(3)] + list(combinations_with_replacement(range(3), 2))
DESIGN = np.stack([np.prod(X[:, list(c)], axis=1) for c in COLUMNS], axis=1)
TRUTH = RNG.normal(size=9)


def fitted(seed=0, lowest=1, noise=1.0):
    values = DESIGN @ TRUTH + noise * SIGMA * np.random.default_rng(seed).normal(size=200)
    return fit_polynomial(X, values, 1 / SIGMA, 2, lowest, errors=True)


def covariance(noise=1.0):
    weighted = DESIGN / SIGMA[:, None]
    return noise**2 * np.linalg.inv(weighted.T @ weighted)


def test_the_covariance_is_that_of_weighted_least_squares():
    learner = fitted(noise=0.1)  # residuals below the errors stated: these stand
    exact = covariance()
    np.testing.assert_allclose(learner.uncertainty(1), np.sqrt(np.diag(exact)[:3]), rtol=1e-10)
    second = learner.uncertainty(2)
    for place, variance in zip(COLUMNS[3:], np.diag(exact)[3:], strict=True):
        share = 2.0 if place[0] == place[1] else 1.0  # d^2/dx_i dx_j of c x_i x_j
        np.testing.assert_allclose(second[place], share * np.sqrt(variance), rtol=1e-10)
    U = RNG.uniform(-1, 1, (5, 3))
    design = np.stack([np.prod(U[:, list(c)], axis=1) for c in COLUMNS], axis=1)
    own = np.sqrt(np.einsum("ij,jk,ik->i", design, exact, design))
    np.testing.assert_allclose(learner.value_uncertainty(U), own, rtol=1e-10)
    first = np.sqrt(np.einsum("ij,jk,ik->i", U, exact[:3, :3], U))
    np.testing.assert_allclose(learner.terms_uncertainty(U, 2)[1], first, rtol=1e-10)


def test_residuals_above_the_errors_widen_them():
    wide, narrow = fitted(noise=3.0), fitted(noise=0.1)
    np.testing.assert_allclose(wide.uncertainty(1) / narrow.uncertainty(1), 3, rtol=0.15)


def test_units_and_storage():
    learner = fitted()
    inputs = np.array([2.0, 0.5, 3.0])
    scaled = learner.rescaled(inputs, 7.0)
    np.testing.assert_allclose(scaled.uncertainty(1), 7 * inputs * learner.uncertainty(1), rtol=1e-12)
    state = scaled.state()
    again = Polynomial.from_state(State(dict(state.arrays), state.facts))
    np.testing.assert_array_equal(again.uncertainty(2), scaled.uncertainty(2))
    broken = {**state.arrays, "spread-2": np.zeros((2, 9))}
    with pytest.raises(ValueError, match="do not fit"):
        Polynomial.from_state(State(broken, state.facts))


def test_nothing_is_stated_of_what_is_not_known():
    learner = fitted()
    assert learner.uncertainty(3) is learner.terms_uncertainty(X, 3) is None
    assert learner.uncertainty(1, at=np.ones(3)) is None
    same = np.repeat(X[:4], 50, axis=0)  # four different rows for nine coefficients
    assert fit_polynomial(same, same.sum(axis=1), 1 / SIGMA, 2, errors=True).uncertainty(1) is None
    assert fit_polynomial(X, X.sum(axis=1), 1 / SIGMA, 2).uncertainty(1) is None


def test_errors_of_noisy_scattering_lengths_hold():
    U, _ = sample_potentials("mixture", 600, 4, strength=(3e-3, 0.1), spacing="log", seed=3)
    a0 = bornnet.scattering_length(U)
    sigma = 0.01 * np.abs(a0)
    inside = []
    for seed in range(5):
        values = a0 + sigma * np.random.default_rng(seed).normal(size=len(a0))
        series = bornnet.fit_series(U, values, sigma=sigma, learner="polynomial", degree=3, rounds=1)
        for order in (1, 2):
            off = np.abs(series.kernel(order) - bornnet.born_kernel(order, 4))
            inside.append(np.mean(off <= 2 * series.kernel_std(order)))
    assert 0.85 <= np.mean(inside) <= 1
