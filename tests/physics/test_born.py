"""Born terms and kernels against rational arithmetic, and what must always hold."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from physics_twins import exact_born_terms

import bornnet
from bornnet.errors import InputError

SHALLOW = st.floats(0, 10) | st.just(0.0) | st.floats(1e-9, 1e-6)


def relative_error(value: float, exact: Fraction) -> float:
    return float(abs(Fraction(float(value)) - exact) / abs(exact))


@pytest.mark.parametrize(
    "potential",
    [[2.0], [1, 0, 3], [0, 0, 0, 5.0], [5.0, 0, 0, 0], [1e-12, 3e-12], [0.3, 2.0, 7.0, 1.0, 0.0]],
    ids=str,
)
def test_terms_in_rational_numbers(potential):
    exact = exact_born_terms(potential, 24)
    terms = bornnet.born_terms(potential, 24)
    for n in range(24):
        if abs(exact[n]) > 1e-300:
            assert relative_error(terms[n], exact[n]) < 1e-14 * (n + 1)


@pytest.mark.parametrize("seed", range(3))
def test_terms_of_both_signs_in_rational_numbers(seed):
    potential = np.random.default_rng(seed).uniform(-20, 20, 7)
    size = bornnet.born_terms(np.abs(potential), 12)
    exact = np.array([float(term) for term in exact_born_terms(potential, 12)])
    assert (np.abs(bornnet.born_terms(potential, 12) - exact) < 1e-14 * np.abs(size)).all()


def test_high_orders_go_like_the_strength():
    """a^(n+1) / a^(n) tends to eta, the inverse radius of convergence."""
    potential = np.random.default_rng(3).uniform(0, 3, 64)
    terms = bornnet.born_terms(potential, 60)
    assert terms[-1] / terms[-2] == pytest.approx(bornnet.weinberg_eigenvalue(potential), rel=1e-13)


@settings(max_examples=40, deadline=None)
@given(potential=arrays(float, st.integers(1, 30), elements=SHALLOW), eta=st.floats(0.01, 0.9))
def test_the_series_converges_to_the_length_when_eta_is_below_one(potential, eta):
    strength = bornnet.weinberg_eigenvalue(potential)
    if strength < 1e-3:
        return
    potential = potential * (eta / strength)
    orders = int(np.ceil(np.log(1e-18) / np.log(eta))) + 2
    total = bornnet.born_terms(potential, orders).sum()
    assert total == pytest.approx(bornnet.scattering_length(potential), rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(potential=arrays(float, st.integers(1, 30), elements=SHALLOW), eta=st.floats(1.1, 5))
def test_the_series_diverges_when_eta_is_above_one(potential, eta):
    strength = bornnet.weinberg_eigenvalue(potential)
    if strength < 1e-3:
        return
    terms = bornnet.born_terms(potential * (eta / strength), 80)
    assert (np.diff(np.abs(terms[60:])) > 0).all()


@settings(max_examples=40, deadline=None)
@given(
    potential=arrays(float, st.integers(1, 20), elements=st.integers(-1000, 1000).map(lambda k: k / 100)),
    factor=st.integers(-3, 6),
    order=st.integers(1, 9),
)
def test_terms_are_homogeneous(potential, factor, order):
    """Scaling U by a power of two scales each term by its power, bit for bit."""
    terms = bornnet.born_terms(potential, order)
    scaled = bornnet.born_terms(potential * 2.0**factor, order)
    np.testing.assert_array_equal(
        scaled, terms * (2.0 ** (factor * np.arange(1, order + 1)))[:, None].squeeze()
    )


@settings(max_examples=30, deadline=None)
@given(potential=arrays(float, st.integers(1, 20), elements=SHALLOW), factor=st.integers(2, 5))
def test_cutting_every_cell_changes_nothing(potential, factor):
    fine = bornnet.born_terms(np.repeat(potential, factor), 6)
    np.testing.assert_allclose(fine, bornnet.born_terms(potential, 6), rtol=1e-13, atol=1e-300)


@given(cells=st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_first_kernel(cells):
    """K_1 = - integral of r^2 over the cell."""
    edges = np.arange(cells + 1) / cells
    np.testing.assert_allclose(bornnet.born_kernel(1, cells), -np.diff(edges**3) / 3, rtol=1e-12)


def test_second_kernel_by_its_integral():
    """K_2[i, j] = - integral of r min(r, r') r': for i < j, - integral of r^2 times integral of r'."""
    cells = 12
    edges = np.arange(cells + 1) / cells
    squares, firsts = np.diff(edges**3) / 3, np.diff(edges**2) / 2
    kernel = bornnet.born_kernel(2, cells)
    for i in range(cells):
        for j in range(i + 1, cells):
            assert kernel[i, j] == pytest.approx(-squares[i] * firsts[j], rel=1e-13)
    np.testing.assert_allclose(kernel.sum(), -2 / 15, rtol=1e-14)


@pytest.mark.parametrize(("order", "cells"), [(3, 3), (4, 3), (5, 2), (6, 2)])
def test_kernels_by_polarization(order, cells):
    """Every entry from the exact terms of sums of unit potentials, by the polarization formula."""
    kernel = bornnet.born_kernel(order, cells)
    factorial = Fraction(len(list(permutations(range(order)))))
    for index in np.ndindex(kernel.shape):
        total = Fraction(0)
        for subset in range(1, 2**order):
            chosen = [axis for axis in range(order) if subset >> axis & 1]
            potential = [float(sum(index[axis] == cell for axis in chosen)) for cell in range(cells)]
            total += (-1) ** (order - len(chosen)) * exact_born_terms(potential, order)[-1]
        assert relative_error(kernel[index], total / factorial) < 1e-14


def test_fourth_kernel_at_64_cells():
    kernel = bornnet.born_kernel(4, 64)
    potential = np.random.default_rng(0).uniform(0, 3, 64)
    contracted = kernel @ potential @ potential @ potential @ potential
    assert contracted == pytest.approx(bornnet.born_terms(potential, 4)[-1], rel=1e-13)
    assert kernel.sum() == pytest.approx(-62 / 2835, rel=1e-13)
    np.testing.assert_array_equal(kernel, kernel.transpose(2, 3, 1, 0))


@pytest.mark.parametrize("order", [0, -1, 1.5, "2", True])
def test_bad_orders(order):
    with pytest.raises(InputError, match="order: expected an integer of at least 1"):
        bornnet.born_terms([1.0], order)
    with pytest.raises(InputError, match="order: expected an integer of at least 1"):
        bornnet.born_kernel(order, 4)


def test_a_kernel_that_does_not_fit():
    with pytest.raises(InputError, match=r"order 6 at 1000 cells would take 1.2e\+10 GB"):
        bornnet.born_kernel(6, 1000)
    with pytest.raises(InputError, match="cells"):
        bornnet.born_kernel(2, 0)


def test_orders_that_no_memory_holds():
    with pytest.raises(InputError, match="Born terms to order 1000000000 would take"):
        bornnet.born_terms([1.0], 10**9)
    with pytest.raises(InputError, match="far too many GB"):
        bornnet.born_kernel(10**6, 2)
