"""The adaptive solver in r: closed forms, many digits of Bessel functions, an integrator; walls to tails."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from physics_twins import POTENTIALS
from scipy.integrate import solve_ivp
from scipy.special import digamma

import bornnet
from bornnet.errors import InputError
from bornnet.physics.radial.series import radial_born_terms, radial_strength
from bornnet.physics.radial.solver import RadialPotential, octaves, solve_radial
from bornnet.physics.wave import effective_range

HELIUM = 2 * 1864 * 8.617333262e-11 / 197.3269804593025e-5**2 * 4 * 10.22
"""4 epsilon of the Lennard-Jones potential of helium, in angstrom^-2, for a reduced mass of 1864 MeV."""


def on(attraction, end, scale=1.0):
    return RadialPotential(attraction, octaves(end, scale))


def lennard_jones(r):
    return HELIUM * ((2.556 / r) ** 6 - (2.556 / r) ** 12)


def integrated(attraction, start, end):
    """The slow twin: a0 by scipy's integrator, from a wall at `start`; the slope stays of order one."""

    def slopes(r, y):  # of arctan(u / u'): no poles, whatever binds
        s, c = np.sin(y), np.cos(y)
        return c * c + attraction(r) * s * s

    phase = solve_ivp(slopes, (start, end), [0.0], method="DOP853", rtol=1e-13, atol=1e-13).y[0, -1]
    return end - np.tan(phase)


def test_square_well():
    """a0 = 1 - tan(sqrt U) / sqrt U, and the effective range of every textbook."""
    for depth in (1e-9, 0.5, 2.0, 30.0, 900.0):
        wave = solve_radial(on(lambda r, U=depth: np.full_like(r, U), 1.0))
        k = np.sqrt(depth)
        exact = float(1 - mp.tan(mp.sqrt(mpf(depth))) / mp.sqrt(mpf(depth)))
        assert abs(wave.scattering_length - exact) <= wave.integration_error < 1e-11 * abs(exact)
        assert wave.effective_range == pytest.approx(1 - 1 / (depth * exact) - 1 / (3 * exact**2), rel=1e-6)
        assert wave.bound_states == int(k / np.pi + 0.5)
        assert radial_strength(on(lambda r, U=depth: np.full_like(r, U), 1.0)) == pytest.approx(
            depth / (np.pi / 2) ** 2, rel=1e-12
        )


def test_born_terms_of_the_square_well():
    terms = radial_born_terms(on(lambda r: np.full_like(r, 2.0), 1.0), 4)
    np.testing.assert_allclose(terms, [-2 / 3, -8 / 15, -8 * 17 / 315, -16 * 62 / 2835], rtol=1e-13)


@pytest.mark.parametrize(
    "name", ["two-step well", "random", "random, both signs", "core and well", "deep cells"]
)
def test_cells_are_one_kind_of_potential(name):
    """The exact solver of cells, edge by edge."""
    U = np.asarray(POTENTIALS[name], dtype=float)
    cells = len(U)
    steps = RadialPotential(
        lambda r: U[np.minimum((r * cells).astype(int), cells - 1)], np.arange(cells + 1) / cells
    )
    wave = solve_radial(steps)
    exact = bornnet.scattering_length(U)
    assert abs(wave.scattering_length - exact) < wave.integration_error + 1e-13 * abs(exact)
    assert wave.integration_error < 1e-9 * max(1, abs(exact))
    assert wave.bound_states == bornnet.bound_states(U)
    assert wave.effective_range == pytest.approx(effective_range(U), rel=1e-9)
    np.testing.assert_allclose(radial_born_terms(steps, 5), bornnet.born_terms(U, 5), rtol=1e-9)
    if (U >= 0).all():
        assert radial_strength(steps) == pytest.approx(bornnet.weinberg_eigenvalue(U), rel=1e-11)


@pytest.mark.parametrize("strength", [0.5, 2.0, 7.0, 40.0])
def test_one_over_r_at_the_origin(strength):
    """Hulthen: a0 = 2 gamma + psi(1 + s) + psi(1 - s), s^2 the strength, which is eta."""
    potential = on(lambda r: strength / np.expm1(r), 45.0)
    s = np.sqrt(strength)
    wave = solve_radial(potential)
    exact = 2 * np.euler_gamma + digamma(1 + s) + digamma(1 - s)
    assert abs(wave.scattering_length - exact) < 5 * wave.integration_error < 1e-11
    assert wave.bound_states == int(s)
    assert radial_strength(potential) == pytest.approx(strength, rel=1e-12)


def test_steep_repulsion():
    """U = -1e7 exp(-100 r) at r < 1, by modified Bessel functions: no bound state, a0 = 0.0806."""

    def z(r):
        return mpf(2) / 100 * mp.sqrt(mpf(10) ** 7) * mp.exp(-50 * mpf(r))

    with mp.workdps(80):
        a, b = mp.besselk(0, z(0)), mp.besseli(0, z(0))
        u = a * mp.besseli(0, z(1)) - b * mp.besselk(0, z(1))
        slope = -(a * mp.besseli(1, z(1)) + b * mp.besselk(1, z(1))) * 50 * z(1)
        exact = float(1 - u / slope)
    wave = solve_radial(on(lambda r: -1e7 * np.exp(-100 * r), 1.0, 0.05))
    assert abs(wave.scattering_length - exact) < wave.integration_error < 1e-14
    assert wave.bound_states == 0


@pytest.mark.parametrize(("factor", "states"), [(0.3, 0), (1.0, 0), (3.0, 1), (100.0, 6)])
def test_lennard_jones_against_an_integrator(factor, states):
    """The wall of r^-12, entered where its action is 50; and a cut-off at 30 angstrom."""
    wave = solve_radial(on(lambda r: factor * lennard_jones(r), 30.0, 2.0))
    twin = integrated(lambda r: factor * lennard_jones(r), 1.3, 30.0)
    assert wave.scattering_length == pytest.approx(twin, rel=1e-7)
    assert wave.bound_states == states


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.7])
def test_hard_core_and_van_der_waals_tail(radius):
    """At r > radius U = beta^4 / r^6, solved by Bessel functions of order 1/4 (G. F. Gribakin and
    V. V. Flambaum, Phys. Rev. A 48, 546 (1993)): u = sqrt(r) J(beta^2 / 2 r^2), with beta = 3."""
    x = mpf(9) / (2 * mpf(radius) ** 2)
    ratio = mp.besselj(-0.25, x) / mp.besselj(0.25, x)
    # sqrt(r) J_{1/4} -> constant, sqrt(r) J_{-1/4} -> r at large r
    constant = (mpf(9) / 4) ** 0.25 / mp.gamma(mpf(5) / 4)
    line = (mpf(9) / 4) ** -0.25 / mp.gamma(mpf(3) / 4)
    exact = float(ratio * constant / line)
    edges = octaves(1e6, 1.0)
    potential = RadialPotential(lambda r: 81 / r**6, np.append(radius, edges[edges > radius]))
    wave = solve_radial(potential)
    assert abs(wave.scattering_length - exact) < wave.integration_error + 1e-13 < 1e-10
    assert radial_strength(potential) == np.inf
    assert np.isnan(radial_born_terms(potential, 2)).all()


def test_no_series_for_a_wall_without_end():
    assert radial_strength(on(lennard_jones, 30.0, 2.0)) == np.inf


@settings(max_examples=12, deadline=None)
@given(
    depth=st.floats(-40, 40),
    core=st.floats(-100, 100),
    width=st.floats(0.3, 2.0),
    ratio=st.floats(0.1, 0.9),
)
@example(depth=0.0, core=58.375, width=1.4765625, ratio=0.78125)
def test_gaussians_against_an_integrator(depth, core, width, ratio):
    def attraction(r):
        return depth * np.exp(-((r / width) ** 2)) + core * np.exp(-((r / (ratio * width)) ** 2))

    wave = solve_radial(on(attraction, 6.5 * width, width))
    twin = integrated(attraction, 0.0, 6.5 * width)
    if abs(twin) < 1:
        assert wave.scattering_length == pytest.approx(twin, abs=1e-8)
    else:  # also where a0 is all but infinite
        assert wave.inverse_scattering_length == pytest.approx(1 / twin, abs=1e-8)


@settings(max_examples=15, deadline=None)
@given(depth=st.floats(-30, 30), core=st.floats(-100, 100), multiple=st.floats(0.1, 10))
@example(depth=0.0, core=2.3e-309, multiple=1.0)
def test_eta_is_homogeneous_and_decides_what_binds(depth, core, multiple):
    def attraction(r):
        return depth * np.exp(-(r**2)) + core * np.exp(-((2 * r) ** 2))

    potential = on(attraction, 6.5)
    eta = radial_strength(potential)
    assert radial_strength(potential.scaled(-multiple)) == pytest.approx(multiple * eta, rel=1e-10)
    for sign in (1, -1):
        assert eta == 0 or solve_radial(potential.scaled(sign * 0.999 / eta)).bound_states == 0
    if eta:
        assert any(solve_radial(potential.scaled(sign * 1.001 / eta)).bound_states for sign in (1, -1))


def test_what_cannot_be_solved():
    with pytest.raises(InputError, match="fall to the centre"):
        solve_radial(on(lambda r: 3 / r**2, 1.0))
    with pytest.raises(InputError, match=r"not finite at r ="):
        solve_radial(on(lambda r: np.where(r > 0.5, np.nan, 1.0), 1.0))
