"""Tables between their points: no overshoot, no ringing, high order where they are smooth."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bornnet.physics.radial.interpolation import Interpolant, scheme_for, thinned


def lennard_jones(r):
    return 4 * ((1 / r) ** 12 - (1 / r) ** 6)


SHAPES = {
    "gaussian": (lambda r: -3 * np.exp(-(r**2)), 0.0, 6.0),
    "exponential": (lambda r: -3 * np.exp(-r), 0.0, 12.0),
    "woods-saxon": (lambda r: -3 / (1 + np.exp((r - 2) / 0.4)), 0.0, 12.0),
    "core and well": (lambda r: 9 * np.exp(-4 * r**2) - 3 * np.exp(-(r**2)), 0.0, 6.0),
    "lennard-jones": (lennard_jones, 0.6, 12.0),
    "morse": (lambda r: np.exp(-4 * (r - 1)) - 2 * np.exp(-2 * (r - 1)), 0.0, 12.0),
    "yukawa": (lambda r: -3 * np.exp(-r) / r, 0.05, 20.0),
    "yukawas": (lambda r: (20 * np.exp(-3 * r) - 7 * np.exp(-r)) / r, 0.05, 20.0),
}


def missed(V, start, end, points):
    """The largest error in units of 1 + |V|, between the points of a table."""
    r = np.linspace(start, end, points)
    fine = np.linspace(start, end, 20 * points + 3)[1:-1]
    exact = V(fine)
    return np.max(np.abs(Interpolant(r, V(r))(fine) - exact) / (1 + np.abs(exact)))


@pytest.mark.parametrize("name", SHAPES)
def test_high_order(name):
    V, start, end = SHAPES[name]
    coarse, fine = missed(V, start, end, 121), missed(V, start, end, 481)
    assert fine < 1e-4
    assert fine < max(coarse / 4**4, 1e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_points_are_met(name):
    V, start, end = SHAPES[name]
    r = np.linspace(start, end, 60)
    np.testing.assert_allclose(Interpolant(r, V(r))(r), V(r), rtol=1e-9, atol=1e-12)


def test_a_wall_of_many_decades_stays_between_its_points():
    r = 0.05 * np.arange(1, 601)
    V = lennard_jones(r / 2.556)
    table = Interpolant(r, V)
    wall = np.flatnonzero(V > 30)
    for t in (0.1, 0.5, 0.9):
        between = table(r[wall[:-1]] + t * 0.05)
        assert (between <= V[wall[:-1]]).all()
        assert (between >= V[wall[1:]]).all()


@settings(max_examples=60, deadline=None)
@given(
    low=st.floats(-5, 5),
    high=st.floats(-5, 5),
    step=st.integers(3, 36),
    noise=st.sampled_from([0.0, 1e-6]),
)
def test_a_step_does_not_ring(low, high, step, noise):
    """An eighth of the step is overshot at most, within three points of it; farther away nothing is."""
    r = np.linspace(0, 4, 41)
    V = np.where(np.arange(41) < step, low, high) + noise * np.sin(1e3 * r)
    fine = np.linspace(0, 4, 1001)
    found = Interpolant(r, V)(fine)
    slack = abs(high - low) / 8 + 3 * noise + 1e-12
    assert found.min() >= min(low, high) - slack
    assert found.max() <= max(low, high) + slack
    away = (fine < r[max(step - 4, 0)]) | (fine > r[min(step + 3, 40)])
    assert np.abs(found - np.where(fine < r[step], low, high))[away].max(initial=0.0) <= 3 * noise + 1e-9


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.sampled_from(["even", "uneven", "log"]))
@example([3.0, 0.0, 0.0, 0.0, 0.0, -1.0], "even")  # r^6 V would be 0 at r = 0
def test_any_table_is_finite_and_meets_its_points(values, spacing):
    count = len(values)
    r = {
        "even": np.arange(count) * 0.3,
        "uneven": np.cumsum(1 + np.sin(np.arange(count)) ** 2),
        "log": 1e-3 * 1.4 ** np.arange(count),
    }[spacing]
    V = np.array(values)
    table = Interpolant(r, V)
    np.testing.assert_allclose(table(r), V, rtol=1e-6, atol=1e-6 * max(np.abs(V).max(), 1e-290))
    assert np.isfinite(table(np.linspace(r[0], r[-1], 300))).all()


@pytest.mark.parametrize(
    ("V", "power"),
    [
        (lambda r: -np.exp(-r) / r, 1),
        (lambda r: (5 * np.exp(-4 * r) - np.exp(-r)) / r, 1),
        (lambda r: 1 / np.expm1(r), 1),
        (lambda r: -np.exp(-r), 0),
        (lambda r: -np.exp(-(r**2)), 0),
        (lennard_jones, 0),
        (lambda r: np.cos(r), 0),
    ],
)
@pytest.mark.parametrize(
    "r", [np.linspace(0.05, 9, 180), np.linspace(1e-6, 9, 181), np.geomspace(0.01, 9, 150)]
)
def test_one_over_r_is_recognized(V, power, r):
    assert scheme_for(r, V(r)).power == power


def test_below_the_first_point():
    """A parabola, in the logarithm where that is interpolated; a wall goes on as it rises."""
    r = np.linspace(0.1, 6, 60)
    for V in (lambda r: -3 * np.exp(-(r**2)), lambda r: -3 * np.exp(-r) / r):
        np.testing.assert_allclose(Interpolant(r, V(r))([0.01, 0.05]), V(np.array([0.01, 0.05])), rtol=1e-6)
    wall = np.linspace(0.8, 6, 100)
    for V in (lambda r: r**-12.0 - 1e-3, lambda r: np.exp(-12 * r) - 1e-9):
        table = Interpolant(wall, V(wall))
        assert table.wall
        assert table(0.7) == pytest.approx(V(0.7), rel=0.1)
        flat = Interpolant(wall, V(wall), steepness=0.0)
        assert flat(0.7) == V(wall)[0]  # powers of arrays may round differently from those of numbers


def test_thinned_tables():
    r = np.linspace(0.0, 1, 8)
    table = Interpolant(r, 1 + r)
    np.testing.assert_array_equal(thinned(table, False).r, r[[0, 2, 4, 6, 7]])
    np.testing.assert_array_equal(thinned(table, True).r, r[[0, 1, 3, 5, 7]])
    late = Interpolant(r + 0.1, 1 + r)
    np.testing.assert_array_equal(thinned(late, True).r, r[[1, 3, 5, 7]] + 0.1)
