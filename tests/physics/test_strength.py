"""Strength around a reference against finite elements in long arithmetic, and what must always hold."""

import numpy as np
import pytest
import torch
from distorted_twins import OTHER_SHAPES, REFERENCES, couplings, exact_strength_around, poles_within
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import bornnet
from bornnet.errors import InputError

TARGETS = ("scattering_length", "inverse")
targets = pytest.mark.parametrize("target", TARGETS)
SOFT = [name for name in REFERENCES if "hard core" not in name and "beyond" not in name]


@targets
@pytest.mark.parametrize("name", SOFT)
def test_in_long_arithmetic(name, target):
    """Two displacements of each kind; eigenvalues may be complex where both have both signs."""
    rng = np.random.default_rng(len(name))
    for kind in range(3):
        displacement = rng.standard_normal(6)
        if kind < 2:
            displacement = np.abs(displacement) * (-1) ** kind
        exact = float(exact_strength_around(REFERENCES[name], displacement, target))
        assert bornnet.strength(displacement, REFERENCES[name], target) == pytest.approx(exact, rel=1e-12)


@targets
@pytest.mark.parametrize("name", ["eta 0.5", "eta 1.5", "eta 3.9", "repulsive core", "uneven"])
def test_many_against_finite_elements(name, target):
    displacements = np.random.default_rng(7).standard_normal((100, 6))
    displacements[::5] = np.eye(6)[np.arange(20) % 6] * (-1.0) ** np.arange(20)[:, None]
    nearest = [couplings(REFERENCES[name], row, target)[0] for row in displacements]
    found = bornnet.strength(displacements, REFERENCES[name], target)
    np.testing.assert_allclose(found, 1 / np.abs(nearest), rtol=1e-9)


@targets
def test_no_pole_is_nearer(target):
    """Counted by the argument principle: none within 0.98 of the distance, one at least within 1.02."""
    references = [REFERENCES[name] for name in ("eta 0.5", "eta 1.5", "eta 3.9", "repulsive core", "uneven")]
    references += [bornnet.reference(*shape) for shape in OTHER_SHAPES.values()]
    rng = np.random.default_rng(11)
    several = 0
    for reference in references:
        displacements = rng.standard_normal((12, len(reference)))
        displacements[:3] *= -np.sign(displacements[:3])
        displacements[3:6] *= np.sign(displacements[3:6])
        for row in displacements:
            distance = 1 / bornnet.strength(row, reference, target)
            assert poles_within(reference, row, target, 0.98 * distance) == 0
            found = poles_within(reference, row, target, 1.02 * distance)
            assert found >= 1
            several += found > 1
    assert several  # complex pairs among them


def test_eigenvalues_are_complex_where_it_says():
    """Both signs around a well that binds; never around one that does not, for a0."""
    rng = np.random.default_rng(3)
    displacements = rng.standard_normal((60, 6))
    shallow = [couplings(REFERENCES["eta 0.5"], row, "scattering_length")[0] for row in displacements]
    deep = [couplings(REFERENCES["eta 3.9"], row, "scattering_length")[0] for row in displacements]
    assert max(abs(z.imag) / abs(z) for z in map(complex, shallow)) < 1e-9
    assert max(abs(z.imag) / abs(z) for z in map(complex, deep)) > 0.1


@settings(max_examples=50, deadline=None)
@given(potential=arrays(float, st.integers(1, 20), elements=st.floats(0, 10)))
def test_without_a_reference_it_is_the_weinberg_eigenvalue(potential):
    assert bornnet.strength(potential) == bornnet.weinberg_eigenvalue(potential)
    if bornnet.weinberg_eigenvalue(potential) > 1e-100:
        assert bornnet.strength(-potential) == pytest.approx(bornnet.strength(potential), rel=1e-13)


@pytest.mark.parametrize("cells", [3, 17])
def test_of_both_signs_without_a_reference(cells):
    """The largest modulus of the eigenvalues of min(r, r') U(r')."""
    for seed in range(10):
        potential = np.random.default_rng(seed).standard_normal(cells) * 5
        nearest = couplings(np.zeros(cells), potential, "scattering_length")[0]
        assert bornnet.strength(potential) == pytest.approx(1 / abs(nearest), rel=1e-10)


@targets
@pytest.mark.parametrize("name", ["eta 0.5", "eta 0.99", "eta 1.5", "eta 3.9", "repulsive core"])
def test_terms_of_high_order_go_like_it(name, target):
    """Of an attractive displacement all poles are real: the ratio of terms tends to the strength."""
    displacement = np.array([0.3, 0.1, 0.4, 0.1, 0.5, 0.9])
    of_terms = bornnet.born_terms if target == "scattering_length" else bornnet.inverse_born_terms
    terms = of_terms(displacement, 120, at=REFERENCES[name])
    strength = bornnet.strength(displacement, REFERENCES[name], target)
    assert abs(terms[-1] / terms[-2]) == pytest.approx(strength, rel=1e-9)


@targets
def test_the_square_well_in_closed_form(target):
    """The poles of a0(U) = 1 - tan(sqrt U)/sqrt U are at U = ((k + 1/2) pi)^2; those of 1/a0 at its zeros
    tan(k) = k: U = 20.190728556426630."""
    for depth in (1.0, 2.0, 5.0):
        poles = (
            (np.pi * np.array([0.5, 1.5])) ** 2 if target == "scattering_length" else (0, 20.19072855642663)
        )
        exact = 1 / np.abs(np.array(poles) - depth).min()
        for displacement in (np.ones(4), -np.ones(4)):
            found = bornnet.strength(displacement, np.full(4, depth), target)
            assert found == pytest.approx(exact, rel=1e-13)


@settings(max_examples=40, deadline=None)
@given(
    reference=arrays(float, 5, elements=st.floats(-20, 40).map(lambda x: round(x, 3))),
    displacement=arrays(float, 5, elements=st.floats(-5, 5).map(lambda x: round(x, 3))),
    factor=st.integers(-20, 20),
    sign=st.sampled_from([1.0, -1.0]),
    target=st.sampled_from(TARGETS),
)
def test_it_is_homogeneous(reference, displacement, factor, sign, target):
    try:
        strength = bornnet.strength(displacement, reference, target)
    except InputError:
        return
    scaled = bornnet.strength(sign * 2.0**factor * displacement, reference, target)
    assert scaled == pytest.approx(2.0**factor * strength, rel=1e-9)
    if displacement.any():
        assert strength > 0


@targets
def test_rows_batches_workers_and_tensors(target):
    displacements = np.random.default_rng(1).standard_normal((2, 600, 6))
    reference = REFERENCES["eta 1.5"]
    whole = bornnet.strength(displacements, reference, target, workers=3)
    assert whole.shape == (2, 600)
    np.testing.assert_array_equal(whole[1, :50], bornnet.strength(displacements[1, :50], reference, target))
    tensor = bornnet.strength(torch.tensor(displacements), torch.tensor(reference), target)
    np.testing.assert_array_equal(tensor.numpy(), whole)
    assert bornnet.strength(np.zeros((0, 6)), reference, target).shape == (0,)
    assert bornnet.strength(np.zeros(6), reference, target) == 0


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: bornnet.strength(np.ones(4), target="lenght"), "target: expected one of"),
        (lambda: bornnet.strength(np.ones(4), target="inverse"), "1/a0 is infinite at this reference"),
        (lambda: bornnet.strength(np.ones(4), np.ones(3)), "at: expected 4 cells"),
        (lambda: bornnet.strength([1.0, np.nan]), r"potentials\[1\]"),
        (lambda: bornnet.strength([[1.0, -np.inf]], [1.0, 1.0]), r"potentials\[0, 1\]"),
        (
            lambda: bornnet.strength([np.ones(6), np.eye(6)[0]], REFERENCES["hard core"]),
            r"potentials\[1\].*hard core",
        ),
    ],
)
def test_refused(call, expected):
    with pytest.raises(InputError, match=expected):
        call()
