"""eta and the number of bound states: against 50 digits, counting by eye, and what must always hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mpmath import mpf
from physics_twins import POTENTIALS, counted_nodes, exact_strength

import bornnet
from bornnet.errors import InputError

ATTRACTIVE = {name: potential for name, potential in POTENTIALS.items() if (potential >= 0).all()}
DEPTHS = st.floats(0, 50) | st.just(0.0) | st.floats(1e-9, 1e-3)


@pytest.mark.parametrize("potential", ATTRACTIVE.values(), ids=ATTRACTIVE)
def test_strength_to_fifty_digits(potential):
    if len(potential) > 64:
        potential = potential[:200]
    exact = exact_strength(potential)
    assert float(abs(mpf(bornnet.weinberg_eigenvalue(potential)) - exact) / exact) < 3e-15


def test_strength_against_the_eigenvalues_of_the_kernel():
    """sqrt(U) min(r, r') sqrt(U') on a fine grid has eta as its largest eigenvalue."""
    potential = np.random.default_rng(8).exponential(3.0, 10)
    fine = np.repeat(potential, 60)
    r = (np.arange(600) + 0.5) / 600
    kernel = np.sqrt(fine)[:, None] * np.minimum.outer(r, r) * np.sqrt(fine) / 600
    assert bornnet.weinberg_eigenvalue(potential) == pytest.approx(np.linalg.eigvalsh(kernel)[-1], rel=1e-4)


@settings(max_examples=100, deadline=None)
@given(potential=arrays(float, st.integers(1, 64), elements=DEPTHS))
def test_strength_says_where_the_first_state_is_bound(potential):
    eta = bornnet.weinberg_eigenvalue(potential)
    if np.max(potential) < 1e-9:
        assert eta < 1e-8
        return
    assert bornnet.bound_states(potential / eta * (1 - 1e-12)) == 0
    assert bornnet.bound_states(potential / eta * (1 + 1e-12)) == 1


@settings(max_examples=50, deadline=None)
@given(potential=arrays(float, st.integers(1, 64), elements=DEPTHS), factor=st.floats(1e-6, 1e6))
def test_strength_is_homogeneous(potential, factor):
    expected = factor * bornnet.weinberg_eigenvalue(potential)
    assert bornnet.weinberg_eigenvalue(factor * potential) == pytest.approx(expected, rel=1e-14)


@settings(max_examples=50, deadline=None)
@given(potential=arrays(float, st.integers(1, 30), elements=DEPTHS), factor=st.integers(2, 6))
def test_cutting_every_cell_changes_nothing(potential, factor):
    expected = bornnet.weinberg_eigenvalue(potential)
    assert bornnet.weinberg_eigenvalue(np.repeat(potential, factor)) == pytest.approx(expected, rel=1e-13)


@settings(max_examples=50, deadline=None)
@given(potential=arrays(float, 12, elements=DEPTHS), more=arrays(float, 12, elements=DEPTHS))
def test_strength_grows_with_the_potential(potential, more):
    assert bornnet.weinberg_eigenvalue(potential + more) >= bornnet.weinberg_eigenvalue(potential) * (
        1 - 1e-14
    )


def test_no_potential_has_no_strength():
    np.testing.assert_array_equal(bornnet.weinberg_eigenvalue(np.zeros((3, 5))), 0)
    np.testing.assert_array_equal(bornnet.bound_states(np.zeros((3, 5))), 0)


@pytest.mark.parametrize("size", [1e-300, 1e-100, 1e100, 1e300])
def test_strength_at_extreme_sizes(size):
    expected = size * bornnet.weinberg_eigenvalue([1.0, 3.0, 2.0])
    assert bornnet.weinberg_eigenvalue(np.array([1.0, 3.0, 2.0]) * size) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("pair", [(0, 99), (10, 90), (0, 1)])
def test_two_thin_shells(pair):
    """Two shells of equal strength: eta from the 2 x 2 kernel of delta shells, but for their width."""
    cells = 10_000
    near, far = ((k + 0.5) / 100 for k in pair)
    potential = np.zeros(cells)
    for position in (near, far):
        potential[int(position * cells)] = cells / position
    eta = bornnet.weinberg_eigenvalue(potential)
    assert eta == pytest.approx(1 + np.sqrt(near / far), rel=1 / (cells * near))
    assert bornnet.bound_states(potential / eta * (1 + 1e-11)) == 1
    assert bornnet.bound_states(potential / eta * (1 - 1e-11)) == 0


@pytest.mark.parametrize("potential", POTENTIALS.values(), ids=POTENTIALS)
def test_bound_states_counted_by_eye(potential):
    assert bornnet.bound_states(potential) == counted_nodes(potential)


@settings(max_examples=60, deadline=None)
@given(potential=arrays(float, st.integers(1, 12), elements=st.floats(-3000, 3000) | st.floats(-30, 30)))
def test_bound_states_of_anything_counted_by_eye(potential):
    if abs(bornnet.inverse_scattering_length(potential)) < 1e-6:
        return
    assert bornnet.bound_states(potential) == counted_nodes(potential)


@settings(max_examples=60, deadline=None)
@given(potential=arrays(float, st.integers(1, 20), elements=st.floats(0, 3000)), factor=st.integers(2, 9))
def test_bound_states_do_not_depend_on_the_cells(potential, factor):
    if abs(bornnet.inverse_scattering_length(potential)) < 1e-6:
        return
    assert bornnet.bound_states(potential) == bornnet.bound_states(np.repeat(potential, factor))


def test_very_deep_wells():
    for states in (1, 1000, 10**6):
        depth = (states * np.pi) ** 2  # half way between two thresholds
        for cells in (1, 3, 1000):
            assert bornnet.bound_states(np.full(cells, depth)) == states


def test_refusals():
    with pytest.raises(InputError, match=r"potentials\[1, 0\]: expected U >= 0 .*got -1.0"):
        bornnet.weinberg_eigenvalue([[1, 2], [-1, 0]])
