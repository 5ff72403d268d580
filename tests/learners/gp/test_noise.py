"""Values with errors: the evidence, what it chooses, and the posterior's deviations, against slow twins."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

import bornnet
from bornnet.learners.base import State, Task
from bornnet.learners.gp.baseline import baseline
from bornnet.learners.gp.config import Config
from bornnet.learners.gp.evidence import log_evidence
from bornnet.learners.gp.fit import begin
from bornnet.learners.gp.learner import GaussianProcess
from bornnet.learners.gp.scales import scale_matrix
from bornnet.physics.families import sample_potentials
from bornnet.training.problem import Problem, Samples


def test_the_evidence_is_that_of_a_normal_distribution():
    draw = np.random.default_rng(3)
    x, y, sigma = draw.normal(size=(9, 4)), draw.normal(size=9), draw.uniform(0.1, 0.3, 9)
    K = x @ x.T
    expected = multivariate_normal(np.zeros(9), K + np.diag(sigma**2)).logpdf(y)
    assert log_evidence(K, y, sigma) == pytest.approx(expected, rel=1e-9)
    assert log_evidence(-K, y, 1e-3 * sigma) == -np.inf


def test_the_scale_of_cells_that_belong_together():
    profile = np.array([0.5, 1.0, 2.0, 1.5])
    np.testing.assert_array_equal(scale_matrix(profile, 0.0, 2.0), np.diag(2 * profile))
    near = scale_matrix(profile, 1e-3, 2.0)
    np.testing.assert_allclose(near @ near.T, np.diag(4 * profile**2), atol=1e-12)
    covariance = (scale := scale_matrix(profile, 0.5, 1.0)) @ scale.T / np.outer(profile, profile)
    np.testing.assert_allclose(covariance[0] / covariance[0, 0], np.exp(-np.arange(4) / 4 / 0.5), rtol=1e-12)
    assert covariance.sum() == pytest.approx(4)  # a constant potential has the size that it has by itself


def process() -> GaussianProcess:
    draw = np.random.default_rng(4)
    rows, noise = 0.4 * draw.normal(size=(6, 3)), draw.uniform(0.01, 0.2, 6)
    scale = np.array([[0.5, 0.0, 0.0], [0.4, 1.5, 0.0], [-0.2, 0.3, 1.0]])
    chosen = {"amplitude": 3.0, "nugget": 1e-13}
    return GaussianProcess(rows, np.zeros(6), scale, 2.0, 1, Config(), chosen, noise)


HIGHEST = 14
POWERS = np.array(
    [p for n in range(1, HIGHEST + 1) for p in itertools.product(range(n + 1), repeat=3) if sum(p) == n]
)
SIZES = np.sqrt(np.vectorize(math.factorial, otypes=[float])(POWERS).prod(axis=1))


def features(x: np.ndarray) -> np.ndarray:
    """``phi(x) . phi(y) = exp(x.y) - 1``: a column a monomial."""
    powers = x[:, :, None] ** np.arange(HIGHEST + 1)
    return np.prod([powers[:, i, POWERS[:, i]] for i in range(3)], axis=0) / SIZES


def test_deviations_are_those_of_bayesian_regression_on_monomials():
    """The same posterior in the space of weights, where nothing is said of kernels."""
    learner = process()
    phi = features(learner.rows)
    weights = np.linalg.inv(np.eye(phi.shape[1]) + phi.T @ np.diag(1 / learner.noise) @ phi)
    unit = 2.0 * math.sqrt(3.0)
    U = 0.3 * np.random.default_rng(1).normal(size=(4, 3))
    at = features(U @ learner.scale)
    expected = unit * np.sqrt(np.einsum("ij,jk,ik->i", at, weights, at))
    np.testing.assert_allclose(learner.value_uncertainty(U), expected, rtol=1e-7)
    for order, part in ((1, slice(0, 3)), (2, slice(3, 9)), (3, slice(9, 19))):
        own, term = weights[part, part], at[:, part]
        expected = unit * np.sqrt(np.einsum("ij,jk,ik->i", term, own, term))
        np.testing.assert_allclose(learner.terms_uncertainty(U, 3)[order], expected, rtol=1e-7)
        # a derivative is a functional of the order's monomials: by finite sums over signs (polarization)
        tensor = learner.uncertainty(order)
        for place in itertools.product(range(3), repeat=order):
            functional = np.zeros(part.stop - part.start)
            for signs in itertools.product((-1, 1), repeat=order):
                x = sum(s * learner.scale[i] for s, i in zip(signs, place, strict=True))
                functional += math.prod(signs) * features(x[None])[0, part] / 2**order
            assert tensor[place] == pytest.approx(unit * math.sqrt(functional @ own @ functional), rel=1e-7)


def test_nothing_is_stated_without_errors_or_parts_or_elsewhere():
    learner = process()
    assert learner.uncertainty(1, at=np.ones(3)) is None
    exact = GaussianProcess(learner.rows, learner.alpha, learner.scale, 1.0, 1, Config(), learner.chosen)
    assert exact.uncertainty(1) is exact.value_uncertainty(np.ones((1, 3))) is None
    assert exact.terms_uncertainty(np.ones((1, 3)), 2) is None


def test_a_process_with_noise_is_stored():
    learner = process()
    state = learner.state()
    again = GaussianProcess.from_state(State(dict(state.arrays), dict(state.facts)))
    np.testing.assert_array_equal(again.uncertainty(2), learner.uncertainty(2))


def test_noisy_values_give_coefficients_with_errors_that_hold():
    """Draws of 1 % noise on 8 cells: near weighted least squares that knows all other orders exactly."""
    U, eta = sample_potentials("mixture", 400, 8, strength=(0.003, 0.5), seed=7)
    a0 = bornnet.scattering_length(U)
    sigma = 0.01 * np.abs(a0)
    first = bornnet.born_kernel(1, 8)
    linear = bornnet.born_terms(U, 1)[0]
    inside, ratios = [], []
    for seed in range(3):
        noise = sigma * np.random.default_rng(seed).normal(size=len(U))
        learner = baseline(U, a0 + noise, eta, sigma, rows=400, seed=seed)
        for order in (1, 2):
            exact = math.factorial(order) * bornnet.born_kernel(order, 8)
            error = np.abs(learner.derivative_tensor(order) - exact)
            inside.append(np.mean(error <= 2 * learner.uncertainty(order)))
        oracle = np.linalg.lstsq(U / sigma[:, None], (linear + noise) / sigma, rcond=None)[0]
        ratios.append(np.linalg.norm(learner.derivative_tensor(1) - first) / np.linalg.norm(oracle - first))
    assert 0.85 <= np.mean(inside) <= 1
    assert np.median(ratios) < 2


def test_a_chain_hands_on_the_first_order_coefficients():
    """Behind another learner the scale of the cells is that of the whole function, not of its rounding."""
    draw = np.random.default_rng(0)
    x = draw.uniform(0, 0.3, (60, 3))
    left = 1e-9 * torch.from_numpy(draw.normal(size=60))
    rows = Samples(torch.from_numpy(x), left, torch.ones(60).double())
    slopes = np.array([0.1, 0.4, 0.9])
    fit = begin(Problem(rows, rows), Task(cells=3, degree=1, slopes=slopes), Config())
    np.testing.assert_allclose(fit.profile, np.sqrt(slopes))
