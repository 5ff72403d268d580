"""References by name: the strength, length or depth that was asked for, and errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bornnet
from bornnet.errors import InputError
from bornnet.physics.distorted.references import PROFILES

profiles = pytest.mark.parametrize("name", PROFILES)


@profiles
@pytest.mark.parametrize("cells", [4, 16, 100])
def test_eta_is_what_was_asked_for(name, cells):
    for eta in (0.5, 0.95, 1.5, 3.9):
        potential = bornnet.reference(f"{name}:eta={eta}", cells)
        assert potential.shape == (cells,)
        assert bornnet.weinberg_eigenvalue(potential) == pytest.approx(eta, rel=1e-13)


@profiles
@pytest.mark.parametrize("length", [-0.5, -50.0, 0.3, 2.0, 700.0])
def test_a0_is_what_was_asked_for_at_the_first_multiple(name, length):
    potential = bornnet.reference(f"{name}:a0={length}", 16)
    assert bornnet.scattering_length(potential) == pytest.approx(length, rel=1e-10)
    assert bornnet.bound_states(potential) == (0 if length < 0 else 1)


@profiles
def test_a0_infinite_is_the_unitary_limit(name):
    potential = bornnet.reference(f"{name}:a0=inf", 16)
    assert bornnet.weinberg_eigenvalue(potential) == pytest.approx(1, rel=1e-14)
    assert abs(bornnet.inverse_scattering_length(potential)) < 1e-14


def test_multiples_and_lengths():
    np.testing.assert_array_equal(bornnet.reference("square:U=2.4", 5), np.full(5, 2.4))
    np.testing.assert_allclose(
        bornnet.reference("square:U=2, radius=0.5", 5), [2, 2, 1, 0, 0], rtol=1e-15, atol=1e-15
    )
    centres = (np.arange(8) + 0.5) / 8
    np.testing.assert_allclose(bornnet.reference("exponential:width=0.3,U=4", 8), 4 * np.exp(-centres / 0.3))
    fine = np.exp(-(((np.arange(80_000) + 0.5) / 80_000 / 0.4) ** 2) / 2).reshape(8, -1).mean(axis=1)
    np.testing.assert_allclose(bornnet.reference("gaussian:U=1,width=0.4", 8), fine, rtol=1e-8)


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(sorted(PROFILES)), cells=st.integers(1, 40), depth=st.floats(1e-6, 1e3))
def test_a_reference_is_a_multiple_of_its_profile(name, cells, depth):
    unit = bornnet.reference(f"{name}:U=1", cells)
    assert (unit >= 0).all()
    np.testing.assert_allclose(bornnet.reference(f"{name}:U={depth}", cells), depth * unit, rtol=1e-15)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("sqare:eta=1", "'sqare'. Did you mean 'square'"),
        ("", "expected one of square"),
        ("square", "expected one of eta=, a0= and U="),
        ("square:eta=0.5,U=1", "got eta and U"),
        ("square:eta=0.5,eta=0.6", "expected eta once"),
        ("square:etta=0.5", "Did you mean 'eta'"),
        ("square:width=0.5,eta=1", "expected keys eta, a0, U, radius"),
        ("square:eta=big", "expected eta=NUMBER, got 'eta=big'"),
        ("square:eta", "expected eta=NUMBER"),
        ("square:eta=-1", "eta to be positive and finite"),
        ("square:eta=inf", "eta to be positive and finite"),
        ("square:a0=nan", "a0 to be a number or inf"),
        ("square:U=0", "U to be positive"),
        ("gaussian:eta=1,width=0", "width to be positive"),
        ("yukawa:eta=1,heavy=0.5", "expected heavy below width"),
    ],
)
def test_refused(spec, expected):
    with pytest.raises(InputError, match=expected) as caught:
        bornnet.reference(spec, 16)
    assert "\n" not in str(caught.value)
