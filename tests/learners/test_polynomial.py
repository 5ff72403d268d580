"""Least-squares polynomials recover polynomials, with symmetric kernels that contract to their terms."""

from itertools import permutations
from math import comb

import numpy as np
import pytest
from series_cases import contracted, labelled

from bornnet.learners.polynomial import least_squares
from bornnet.learners.polynomial.least_squares import Polynomial, affordable, coefficients, fit_polynomial

CELLS = 3


def known_polynomial(degree, seed=4):
    generator = np.random.default_rng(seed)
    sizes = [comb(CELLS + n - 1, n) for n in range(1, degree + 1)]
    return Polynomial(CELLS, tuple(generator.normal(size=size) for size in sizes))


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_a_polynomial_is_recovered(degree):
    exact = known_polynomial(degree)
    potentials = np.random.default_rng(0).uniform(0, 2, (200, CELLS))
    targets = exact.terms(potentials, degree).sum(axis=0)
    fitted = fit_polynomial(potentials, targets, np.linspace(0.5, 2, 200), degree)
    for found, wanted in zip(fitted.monomials, exact.monomials, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_kernels_are_symmetric_and_contract_to_the_terms(order):
    polynomial, potentials = known_polynomial(3), labelled(20, CELLS).potentials
    kernel = polynomial.kernel(order)
    for axes in permutations(range(order)):
        np.testing.assert_array_equal(kernel, kernel.transpose(axes))
    np.testing.assert_allclose(
        polynomial.terms(potentials, 3)[order - 1], contracted(kernel, potentials), rtol=1e-12, atol=1e-15
    )


def test_a_kernel_by_hand():
    """3 U1^2 + 4 U1 U2 - U2^2, in the order 11, 12, 22."""
    polynomial = Polynomial(2, (np.zeros(2), np.array([3.0, 4.0, -1.0])))
    np.testing.assert_array_equal(polynomial.kernel(2), [[3.0, 2.0], [2.0, -1.0]])
    np.testing.assert_array_equal(polynomial.terms(np.array([[1.0, 2.0]]), 2)[1], [3 + 8 - 4])


def test_above_the_degree_it_is_zero():
    polynomial = known_polynomial(1)
    assert not polynomial.kernel(2).any()
    assert not polynomial.terms(np.ones((2, CELLS)), 3)[1:].any()


def test_blocks_of_rows_change_nothing(monkeypatch):
    """Against numpy's lstsq on the whole design matrix, written another way."""
    monkeypatch.setattr(least_squares, "BLOCK_VALUES", 1)
    data = labelled(300, CELLS)
    x, weights = data.potentials, 1 / data.strength
    fitted = fit_polynomial(x, data.values, weights, 2)
    pairs = np.stack([x[:, i] * x[:, j] for i in range(CELLS) for j in range(i, CELLS)], axis=1)
    design = np.concatenate([x, pairs], axis=1) * weights[:, None]
    exact = np.linalg.lstsq(design, data.values * weights, rcond=None)[0]
    np.testing.assert_allclose(np.concatenate(fitted.monomials), exact, rtol=1e-9)


def test_weights_count_as_repetitions():
    generator = np.random.default_rng(1)
    potentials, targets = generator.uniform(0, 1, (30, CELLS)), generator.normal(size=30)
    repeats = generator.integers(1, 5, 30)
    weighted = fit_polynomial(potentials, targets, np.sqrt(repeats), 1)
    repeated = fit_polynomial(
        np.repeat(potentials, repeats, axis=0), np.repeat(targets, repeats), np.ones(repeats.sum()), 1
    )
    np.testing.assert_allclose(weighted.monomials[0], repeated.monomials[0], rtol=1e-10)


def test_a_cell_that_is_never_filled_costs_nothing():
    potentials = np.random.default_rng(0).uniform(0, 1, (50, CELLS))
    potentials[:, 1] = 0
    fitted = fit_polynomial(potentials, potentials @ [1.0, 5.0, -2.0], np.ones(50), 1)
    np.testing.assert_allclose(fitted.monomials[0], [1.0, 0.0, -2.0], atol=1e-12)


def test_what_is_affordable():
    assert [coefficients(CELLS, degree) for degree in (1, 2, 3)] == [3, 9, 19]
    assert affordable(CELLS, 3, 19)
    assert not affordable(CELLS, 3, 18)
    assert not affordable(64, 3, 10**9)
