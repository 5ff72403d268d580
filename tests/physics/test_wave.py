"""Effective range and wave function: closed forms, 50 digits of the phase shift, and an integrator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mpmath import mp, mpf
from physics_twins import POTENTIALS
from scipy.integrate import solve_ivp

import bornnet
from bornnet.errors import InputError
from bornnet.physics.wave import effective_range, wave_function

potentials = pytest.mark.parametrize("potential", POTENTIALS.values(), ids=POTENTIALS)


def exact_effective_range(potential) -> mpf:
    """From the phase shift at two momenta so small, in arithmetic so long, that the slope in k^2 is exact."""
    with mp.workdps(700):

        def k_cot_delta(energy):
            h = mpf(1) / len(potential)
            u, v = mpf(0), mpf(1)
            for depth in potential:
                k = mp.sqrt(mpf(depth) + energy)
                u, v = mp.cos(k * h) * u + mp.sin(k * h) / k * v, mp.cos(k * h) * v - k * mp.sin(k * h) * u
            k = mp.sqrt(energy)
            return mp.re(k * (v * mp.cos(k) + u * k * mp.sin(k)) / (u * k * mp.cos(k) - v * mp.sin(k)))

        energy = mpf(10) ** -220
        return (k_cot_delta(2 * energy) - k_cot_delta(energy)) / energy * 2


@potentials
def test_effective_range_to_fifty_digits(potential):
    potential = potential[:64]
    exact = exact_effective_range(potential)
    assert float(abs(effective_range(potential) - exact) / abs(exact)) < 1e-12


@pytest.mark.parametrize("cells", [1, 3, 64, 1000])
def test_effective_range_of_the_square_well(cells):
    """r_e = 1 - 1 / (U a0) - 1 / (3 a0^2); 1 at the unitary limit; 2/3 for the hard sphere."""
    for depth in (0.5, 2.0, 5.0, 30.0, -3.0):
        length = bornnet.scattering_length(np.full(cells, depth))
        expected = 1 - 1 / (depth * length) - 1 / (3 * length**2)
        assert effective_range(np.full(cells, depth)) == pytest.approx(expected, rel=1e-12)
    assert effective_range(np.full(cells, (np.pi / 2) ** 2)) == pytest.approx(1, rel=1e-13)
    assert effective_range(np.full(cells, -1e14)) == pytest.approx(2 / 3, rel=1e-6)


def test_no_effective_range_without_potential():
    assert np.isnan(effective_range(np.zeros(5)))
    assert effective_range(np.empty((0, 5))).shape == (0,)


@settings(max_examples=40, deadline=None)
@given(
    potential=arrays(float, st.integers(1, 20), elements=st.floats(0, 5) | st.floats(0, 1e-6)),
    cut=st.integers(2, 4),
)
def test_cutting_every_cell_changes_nothing(potential, cut):
    if np.max(potential) > 1e-100:
        fine = effective_range(np.repeat(potential, cut))
        assert fine == pytest.approx(effective_range(potential), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    "name", ["two-step well", "random", "random, both signs", "core and well", "deep cells"]
)
def test_wave_function_against_an_integrator(name):
    potential = POTENTIALS[name]
    cells = len(potential)
    points = np.linspace(0, 1, 5 * cells + 1)
    state = np.array([0.0, 1.0])
    u = [0.0]
    for depth in potential:
        solution = solve_ivp(
            lambda r, y, depth=depth: [y[1], -depth * y[0]],
            (0, 1 / cells),
            state,
            t_eval=np.arange(1, 6) / (5 * cells) * (1 - 1e-15),
            method="DOP853",
            rtol=1e-13,
            atol=1e-14 * np.abs(state).max(),
        )
        u.extend(solution.y[0])
        state = solution.y[:, -1]
    expected = np.array(u) / np.hypot(state[1], state[1] - state[0])
    np.testing.assert_allclose(wave_function(potential, points), expected, rtol=1e-8, atol=1e-9)


@potentials
def test_outside_it_is_a_line_through_the_scattering_length(potential):
    length = bornnet.scattering_length(potential)
    r = np.array([1.0, 2.5, 40.0])
    u = wave_function(potential, r)
    np.testing.assert_allclose(np.abs(u), np.abs(r - length) / np.sqrt(1 + length**2), rtol=1e-11)


@potentials
def test_it_starts_upwards_and_has_a_node_for_every_bound_state(potential):
    r = np.linspace(0, 1, 20_001)
    u = wave_function(potential, r)
    assert u[0] == 0
    assert (u[1:3] >= 0).all()
    signs = np.sign(u[u != 0])
    inside = (signs[1:] != signs[:-1]).sum()
    tail = (
        np.abs(wave_function(potential, [1e9])[0] - u[-1]) > 0
        and wave_function(potential, [1e9])[0] * u[-1] < 0
    )
    assert inside + tail == bornnet.bound_states(potential)


def test_shapes_and_order_of_points():
    batch = np.random.default_rng(0).uniform(-5, 5, (2, 3, 8))
    r = np.array([1.4, 0.2, 0.7])
    u = wave_function(batch, r)
    assert u.shape == (2, 3, 3)
    np.testing.assert_array_equal(u[1, 2], wave_function(batch[1, 2], r))
    np.testing.assert_array_equal(u[..., ::-1], wave_function(batch, r[::-1]))


@pytest.mark.parametrize("points", [[-0.1], [np.nan], 0.5, [[0.5]]])
def test_bad_points(points):
    with pytest.raises(InputError, match="points"):
        wave_function([1.0], points)


def test_bad_potentials():
    with pytest.raises(InputError, match=r"potentials\[1\]"):
        wave_function([1.0, np.inf], [0.5])
    with pytest.raises(InputError, match=r"potentials\[0\]"):
        effective_range([np.nan, 1.0])
