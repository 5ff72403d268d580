"""What can be redone by hand: square wells and barriers, in every way of cutting them into cells."""

import numpy as np
import pytest

import bornnet

DEPTHS = [1e-12, 1e-6, 0.1, 1.0, 2.4, 2.6, 10.0, 30.0, 300.0, -1e-12, -0.1, -1.0, -30.0, -1e4, -1e6, -1e9]
CELLS = [1, 2, 3, 16, 64, 257, 10_000]


def square_well_length(depth: float) -> float:
    """1 - tan(sqrt U) / sqrt U, by its series where that cancels."""
    if abs(depth) < 1e-3:
        return -depth / 3 - 2 * depth**2 / 15 - 17 * depth**3 / 315 - 62 * depth**4 / 2835
    k = np.sqrt(complex(depth))
    return float((1 - np.tan(k) / k).real)


@pytest.mark.parametrize("cells", CELLS)
def test_square_well(cells):
    lengths = bornnet.scattering_length(np.repeat(np.array(DEPTHS)[:, None], cells, axis=1))
    np.testing.assert_allclose(
        lengths, [square_well_length(depth) for depth in DEPTHS], rtol=1e-13 * cells**0.5
    )


@pytest.mark.parametrize("cells", CELLS)
def test_born_terms_of_the_square_well(cells):
    terms = bornnet.born_terms(np.full(cells, 1.5), 4)
    expected = np.array([-1 / 3, -2 / 15, -17 / 315, -62 / 2835]) * 1.5 ** np.arange(1, 5)
    np.testing.assert_allclose(terms, expected, rtol=1e-13)


@pytest.mark.parametrize("cells", CELLS)
def test_strength_of_the_square_well(cells):
    assert bornnet.weinberg_eigenvalue(np.full(cells, 3.7)) == pytest.approx(
        3.7 / (np.pi / 2) ** 2, rel=1e-14
    )


@pytest.mark.parametrize("cells", CELLS)
def test_bound_states_of_the_square_well(cells):
    """A new state at every depth ((n - 1/2) pi)^2."""
    thresholds = ((np.arange(1, 21) - 0.5) * np.pi) ** 2
    below = np.repeat((thresholds * (1 - 1e-9))[:, None], cells, axis=1)
    above = np.repeat((thresholds * (1 + 1e-9))[:, None], cells, axis=1)
    np.testing.assert_array_equal(bornnet.bound_states(below), np.arange(20))
    np.testing.assert_array_equal(bornnet.bound_states(above), np.arange(1, 21))


@pytest.mark.parametrize(
    ("order", "cells"), [(1, 1), (1, 64), (2, 5), (3, 7), (4, 6), (5, 4), (7, 2), (9, 1)]
)
def test_born_kernel_is_what_the_terms_contract(order, cells):
    kernel = bornnet.born_kernel(order, cells)
    assert kernel.shape == (cells,) * order
    assert (kernel < 0).all()
    for axis in range(1, order):
        np.testing.assert_array_equal(kernel, kernel.swapaxes(0, axis))
    potential = np.random.default_rng(order).uniform(0, 5, cells)
    contracted = kernel
    for _ in range(order):
        contracted = contracted @ potential
    assert contracted == pytest.approx(bornnet.born_terms(potential, order)[-1], rel=1e-13)
