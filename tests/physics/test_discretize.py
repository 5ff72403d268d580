"""Smooth potentials on cells: the order of convergence, against closed forms and an integrator."""

import numpy as np
import pytest
from smooth_potentials import EXACT, SMOOTH, exact_length, integrated_length

import bornnet
from bornnet.errors import InputError
from bornnet.physics.discretize import discretize, discretize_samples

smooth = pytest.mark.parametrize("name", SMOOTH)


@pytest.mark.parametrize("name", EXACT)
def test_closed_forms_agree_with_the_integrator(name):
    assert EXACT[name] == pytest.approx(integrated_length(SMOOTH[name]), rel=1e-11)


@smooth
@pytest.mark.parametrize(("order", "coarse", "least"), [(2, 64, 1.95), (4, 64, 3.85), (6, 24, 5.7)])
def test_order_of_convergence(name, order, coarse, least):
    """The error falls by 2^order at each doubling, down to what the reference itself is good for."""
    exact = exact_length(name)
    errors = [
        abs(bornnet.scattering_length(discretize(SMOOTH[name], n * coarse, order=order)) - exact)
        for n in (1, 2, 4)
    ]
    floor = 1e-12 * abs(exact)
    assert errors[0] + floor > 2 ** (2 * least) * (errors[2] - floor)


@smooth
def test_64_cells_are_good_to_a_part_in_a_billion(name):
    assert bornnet.scattering_length(discretize(SMOOTH[name], 64)) == pytest.approx(
        exact_length(name), rel=1e-9
    )


@pytest.mark.parametrize("order", [4, 6])
def test_born_terms_and_strength_converge_at_order_4(order):
    def values(cells):
        potential = discretize(SMOOTH["gaussian"], cells, order=order)
        return np.append(bornnet.born_terms(potential, 4), bornnet.weinberg_eigenvalue(potential))

    reference = values(2048)
    coarse, fine = (np.abs(values(cells) / reference - 1) for cells in (64, 128))
    assert (coarse < 2e-6 if order == 4 else coarse < 1e-8).all()
    assert (coarse + 1e-15 > 2**3.85 * (fine - 1e-15)).all()  # the first term of order 4 is exact


@pytest.mark.parametrize("cells", [1, 2, 5, 6, 7, 64])
@pytest.mark.parametrize("order", [2, 4, 6])
def test_constants_stay_what_they_are(cells, order):
    np.testing.assert_allclose(
        discretize(lambda r: np.full_like(r, 2.5), cells, order=order), 2.5, rtol=1e-12
    )
    np.testing.assert_allclose(discretize(lambda r: 2.5, cells, order=order), 2.5, rtol=1e-12)


@pytest.mark.parametrize("cells", [7, 20])
def test_moments_are_kept(cells):
    """The integrals of U against polynomials are kept; the nonlinear part, of order U^2, is made small."""
    small = 1e-9
    potential = discretize(lambda r: small * np.exp(-3 * r) * np.cos(5 * r), cells, order=6)
    edges = np.arange(cells + 1) / cells
    nodes, weights = np.polynomial.legendre.leggauss(60)
    r, weights = (nodes + 1) / 2, weights / 2
    for power in range(7):
        on_cells = (potential * np.diff(edges ** (power + 1)) / (power + 1)).sum()
        exact = (weights * small * np.exp(-3 * r) * np.cos(5 * r) * r**power).sum()
        assert on_cells == pytest.approx(exact, rel=1e-7)


@pytest.mark.parametrize("name", ["gaussian", "exponential", "core and well"])
def test_samples(name):
    """A spline of degree 5 through 400 samples is as good as the function; an uneven grid will do."""
    r = np.linspace(0, 1, 400) ** 1.3
    potential = discretize_samples(r, SMOOTH[name](r), 64)
    assert bornnet.scattering_length(potential) == pytest.approx(exact_length(name), rel=2e-9)


def test_samples_converge():
    exact = exact_length("gaussian")
    errors = []
    for count in (11, 21, 41):
        r = np.linspace(0, 1, count)
        potential = discretize_samples(r, SMOOTH["gaussian"](r), 512)
        errors.append(abs(bornnet.scattering_length(potential) - exact))
    assert errors[0] > 2**8 * errors[2]


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("cells", [1, 4, 6, 7, 8, 30])
def test_batches(order, cells):
    """A function may bring axes of its own; samples may be many."""
    depth, width = np.array([1.0, 2.0, 3.0])[:, None, None], np.array([[0.5], [0.3], [0.2]])[:, :, None]
    batch = discretize(lambda r: depth * np.exp(-r / width), cells, order=order)
    assert batch.shape == (3, cells)
    for k in range(3):
        alone = discretize(lambda r, k=k: depth[k, 0] * np.exp(-r / width[k, 0]), cells, order=order)
        np.testing.assert_allclose(batch[k], alone, rtol=1e-13)
    r = np.linspace(0, 1, 50)
    sampled = discretize_samples(r, np.exp(-r / width[:, 0]), cells, order=order)
    assert sampled.shape == (3, cells)
    np.testing.assert_allclose(
        sampled[1], discretize_samples(r, np.exp(-r / 0.3), cells, order=order), rtol=1e-13
    )


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_few_samples(count):
    r = np.linspace(0, 1, count)
    np.testing.assert_allclose(discretize_samples(r, 1 + 2 * r, 10, order=4).sum(), 20, rtol=1e-12)


@pytest.mark.parametrize(
    ("r", "values", "message"),
    [
        ([0, 0.5, 0.5, 1], [1, 1, 1, 1], r"increasing r, got r\[2\] = 0.5 after r\[1\]"),
        ([0, 0.5], [1, 1], "r from 0 to 1"),
        ([0.5, 0.6, 1], [1, 1, 1], "r from 0 to 1"),
        ([-0.1, 0.5, 1], [1, 1, 1], "r from 0 to 1"),
        ([0, 1], [1, np.nan], r"U\[1\] = nan"),
        ([0, np.inf], [1, 1], r"r\[1\] = inf"),
        ([0, 1], [1, 1, 1], "one length"),
        ([0], [1], "at least 2"),
    ],
)
def test_bad_samples(r, values, message):
    with pytest.raises(InputError, match=message):
        discretize_samples(r, values, 8)


def test_bad_functions():
    with pytest.raises(InputError, match="finite U"), np.errstate(all="ignore"):
        discretize(lambda r: np.where(r > 0.5, np.nan, 1.0), 8)
    with pytest.raises(InputError, match="order: expected one of 2, 4, 6"):
        discretize(np.cos, 8, order=3)
    with pytest.raises(InputError, match="cells"):
        discretize(np.cos, 0)
