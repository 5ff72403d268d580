"""Wrong rows: what all others say of a row, against leaving it out; and how little harm they do."""

import numpy as np
import pytest

import bornnet
from bornnet.learners.gp.kernels import exponential
from bornnet.learners.gp.posterior import covariance
from bornnet.learners.gp.robust import left_out
from bornnet.physics.families import sample_potentials

KERNEL = exponential(1)


def test_differences_are_those_of_leaving_each_row_out():
    draw = np.random.default_rng(0)
    x, noise = draw.uniform(0.1, 1.0, (40, 3)), draw.uniform(1e-4, 1e-3, 40)
    y = np.sin(x.sum(1))
    difference, variance = left_out(KERNEL, x, y, 1e-13, noise)
    K = covariance(KERNEL, x, x) + np.diag(noise)
    for i in range(40):
        rest = np.delete(np.arange(40), i)
        weights = np.linalg.solve(K[np.ix_(rest, rest)], K[rest, i])
        assert difference[i] == pytest.approx(y[i] - weights @ y[rest], rel=1e-7, abs=1e-9)
        assert variance[i] == pytest.approx(K[i, i] - weights @ K[rest, i], rel=1e-7)


def fitted(values, sigma, U, **settings):
    series = bornnet.fit_series(
        U, values, sigma=sigma, learner="gp", rounds=1, seed=1, progress=False, **settings
    )
    exact = {n: bornnet.born_kernel(n, U.shape[1]) for n in (1, 2)}
    errors = [np.linalg.norm(series.kernel(n) - exact[n]) / np.linalg.norm(exact[n]) for n in (1, 2)]
    return errors, series.members[0].learners[0]


def test_one_wrong_row_in_a_hundred_does_little_harm():
    U, _ = sample_potentials("mixture", 700, 5, strength=(3e-3, 0.5), seed=1)
    exact = bornnet.scattering_length(U)
    draw = np.random.default_rng(1)
    sigma = 0.01 * np.abs(exact)
    values = exact + sigma * draw.normal(size=len(U))
    wrong = values.copy()
    rows = draw.choice(len(U), 7, replace=False)
    wrong[rows] *= draw.choice([-1.0, 0.3, 2.0, 3.0], 7)
    clean, learner = fitted(values, sigma, U)
    plain, same = fitted(values, sigma, U, robust=False)
    assert clean == plain  # where no row is wrong, nothing changes
    assert np.array_equal(learner.noise, same.noise)
    robust, _ = fitted(wrong, sigma, U)
    spoiled, _ = fitted(wrong, sigma, U, robust=False)
    assert all(one < 1.5 * other for one, other in zip(robust, clean, strict=True))
    assert all(one > 5 * other for one, other in zip(spoiled, clean, strict=True))
