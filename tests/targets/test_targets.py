"""Targets: at U0 = 0 the numbers of the physics; around a reference, a series that sums to the values."""

import numpy as np
import pytest

import bornnet
from bornnet.errors import InputError
from bornnet.physics.distorted.deviations import sample_deviations
from bornnet.targets import target
from bornnet.targets.base import target_names

CELLS = 6
U = np.random.default_rng(4).uniform(0, 1, (20, CELLS))
UNITARY = bornnet.reference("square:a0=inf", CELLS)
HALF = bornnet.reference("square:eta=0.5", CELLS)


@pytest.mark.parametrize("reference", [None, np.zeros(CELLS)], ids=["none", "zeros"])
def test_without_a_reference_the_same_bits_as_the_physics(reference):
    length = target("scattering_length", reference)
    value, slopes = bornnet.scattering_length_and_gradient(U)
    np.testing.assert_array_equal(length.labels(U), value)
    np.testing.assert_array_equal(length.gradient(U), slopes)
    np.testing.assert_array_equal(length.strength(U), bornnet.weinberg_eigenvalue(U))
    np.testing.assert_array_equal(length.require(U), bornnet.weinberg_eigenvalue(U))
    np.testing.assert_array_equal(length.terms(U, 4), bornnet.born_terms(U, 4))
    np.testing.assert_array_equal(length.kernel(3, CELLS), bornnet.born_kernel(3, CELLS))
    assert length.displacements(U) is U
    assert length.value == 0.0
    assert not length.base(CELLS).any()
    assert length.series == "Born series"


@pytest.mark.parametrize(
    ("name", "reference"), [("scattering_length", HALF), ("inverse", UNITARY)], ids=["a0", "1/a0"]
)
def test_the_series_around_a_reference_sums_to_the_values(name, reference):
    around = target(name, reference)
    dU, strength = sample_deviations(
        "mixture", 200, CELLS, at=reference, target=name, strength=(0.01, 0.3), seed=1
    )
    full = reference + dU
    np.testing.assert_allclose(around.displacements(full), dU, rtol=0, atol=1e-14)
    np.testing.assert_allclose(around.strength(full), strength, rtol=1e-10)
    total = around.value + around.terms(dU, 40).sum(axis=0)
    np.testing.assert_allclose(around.labels(full), total, rtol=1e-13, atol=1e-13)
    linear = dU @ around.kernel(1, CELLS)
    np.testing.assert_allclose(around.terms(dU, 1)[0], linear, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "reference"), [("scattering_length", HALF), ("inverse", UNITARY)], ids=["a0", "1/a0"]
)
def test_gradients_by_differences(name, reference):
    around = target(name, reference)
    full = reference + 0.1 * U
    slopes = around.gradient(full)
    for i in range(CELLS):
        step = 1e-5 * np.eye(CELLS)[i]
        difference = (around.labels(full + step) - around.labels(full - step)) / 2e-5
        np.testing.assert_allclose(slopes[:, i], difference, rtol=1e-6, atol=1e-9)


def test_given_values_have_no_truth_but_strengths():
    given = target("given")
    both = U - 0.5
    np.testing.assert_array_equal(given.strength(both), bornnet.weinberg_eigenvalue(np.abs(both)))
    assert given.labels(U) is None
    assert given.gradient(U) is None
    assert given.terms(U, 2) is None
    assert given.kernel(2, CELLS) is None
    assert (given.require(100 * U) > 1).all()


@pytest.mark.parametrize(
    ("name", "reference", "expected"),
    [
        ("lenght", None, "scattering_length"),
        ("inverse", None, "infinite at U = 0"),
        ("inverse", np.zeros(CELLS), "infinite at U = 0"),
        ("scattering_length", UNITARY, "take target inverse, 1/a0"),
        ("given", HALF, "no reference"),
        ("scattering_length", np.ones((2, CELLS)), "one reference"),
        ("scattering_length", np.full(CELLS, np.nan), "finite"),
    ],
)
def test_refused(name, reference, expected):
    with pytest.raises(InputError, match=expected):
        target(name, reference)


def test_rows_that_no_series_can_have():
    around = target("scattering_length", HALF)
    with pytest.raises(InputError, match=r"potentials\[1\].*the reference itself"):
        around.require(np.array([HALF + 0.1, HALF]))
    with pytest.raises(InputError, match=r"potentials\[0\].*distorted-wave series of a0.*converges"):
        around.require(np.array([3 * HALF]))
    with pytest.raises(InputError, match=r"potentials\[0\].*strength eta below 1.*Born series"):
        target("scattering_length").require(np.array([3 * HALF]))
    with pytest.raises(InputError, match="zero everywhere"):
        target("given").require(np.zeros((1, CELLS)))
    with pytest.raises(InputError, match="expected 7 cells"):
        around.base(7)


def test_names():
    assert target_names() == ("scattering_length", "inverse", "given")
    for name in target_names():
        assert target(name, UNITARY if name == "inverse" else None).name == name
