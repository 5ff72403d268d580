"""Potentials that go like 1/r at the origin: closed forms, published thresholds, the order of convergence."""

import numpy as np
import pytest
from mpmath import digamma, euler, mp, zeta
from scipy.integrate import solve_ivp

from bornnet import born_terms, scattering_length, weinberg_eigenvalue
from bornnet.errors import InputError
from bornnet.physics.singular import discretize_singular

END = 33.0


def yukawa(strength, cells):
    """strength exp(-r) / r at r < END, on cells."""
    return discretize_singular(lambda x: strength * END * np.exp(-END * x) / x, cells)


def hulthen(strength, cells):
    return discretize_singular(lambda x: strength * END**2 / np.expm1(END * x), cells)


def hulthen_length(strength):
    """a0 of strength / (exp(r) - 1)."""
    root = mp.sqrt(strength)
    return float(2 * euler + digamma(1 + root) + digamma(1 - root))


def yukawa_length(strength):
    """The integrator, started from the first terms of the power series: u = r - strength r^2 / 2."""
    start = 1e-6
    u, slope = solve_ivp(
        lambda r, y: [y[1], -strength * np.exp(-r) / r * y[0]],
        (start, END),
        [start - strength * start**2 / 2, 1 - strength * start],
        method="DOP853",
        rtol=3e-14,
        atol=1e-16,
    ).y[:, -1]
    return END - u / slope


@pytest.mark.parametrize("strength", [-2.0, 0.3, 1.0, 3.0])
def test_order_of_convergence(strength):
    exact = yukawa_length(strength)
    coarse, fine = (abs(END * scattering_length(yukawa(strength, n)) / exact - 1) for n in (1000, 8000))
    assert coarse > 8**2.8 * (fine - 1e-12)
    assert fine < 1e-7


@pytest.mark.parametrize("strength", [0.1, 0.5, 2.0])
def test_hulthen_by_digamma_functions(strength):
    assert END * scattering_length(hulthen(strength, 10_000)) == pytest.approx(
        hulthen_length(strength), rel=1e-7
    )


def test_thresholds():
    """Hulthen's is 1; Yukawa's 1.6798077 is that of L. Hulthen and K. V. Laurikainen, Rev. Mod. Phys. 23, 1
    (1951), and of every later calculation."""
    assert weinberg_eigenvalue(hulthen(1.0, 10_000)) == pytest.approx(1, abs=3e-9)
    assert 1 / weinberg_eigenvalue(yukawa(1.0, 10_000)) == pytest.approx(1.6798077, abs=1e-7)


def test_first_born_terms():
    """- integral of r^2 U: 1 for Yukawa, 2 zeta(3) for Hulthen."""
    assert END * born_terms(yukawa(1.0, 2000), 1)[0] == pytest.approx(-1, rel=1e-10)
    assert END * born_terms(hulthen(1.0, 2000), 1)[0] == pytest.approx(-2 * float(zeta(3)), rel=1e-10)


def test_attraction_stays_attraction():
    assert (yukawa(1.0, 500) > 0).all()


@pytest.mark.parametrize("cells", [1, 2, 3, 4, 50])
def test_constants_stay_what_they_are(cells):
    potential = discretize_singular(lambda x: np.full_like(x, 2.5), cells)
    np.testing.assert_allclose(potential, 2.5, rtol=1e-12)


def test_bad_input():
    with pytest.raises(InputError, match="finite U"), np.errstate(all="ignore"):
        discretize_singular(lambda x: np.log(x - 0.5), 8)
    with pytest.raises(InputError, match="cells"):
        discretize_singular(np.exp, 0)
