"""Smooth potentials U(r) at r < 1, and their scattering lengths by closed forms or an integrator."""

import numpy as np
from mpmath import mp, mpf
from scipy.integrate import solve_ivp


def cut_exponential_length(depth: float, width: float) -> float:
    """a0 of depth exp(-r / width) at r < 1, by Bessel functions of order zero."""
    depth, width = mpf(depth), mpf(width)

    def z(r):
        return 2 * width * mp.sqrt(depth) * mp.exp(-r / (2 * width))

    a, b = mp.bessely(0, z(0)), mp.besselj(0, z(0))
    u = a * mp.besselj(0, z(1)) - b * mp.bessely(0, z(1))
    slope = (a * mp.besselj(1, z(1)) - b * mp.bessely(1, z(1))) * z(1) / (2 * width)
    return float(1 - u / slope)


def cut_poeschl_teller_length(width: float) -> float:
    """a0 of 2 sech^2(r / width) / width^2 at r < 1: u = tanh(r / width)."""
    return float(1 - width * mp.sinh(1 / mpf(width)) * mp.cosh(1 / mpf(width)))


def integrated_length(potential) -> float:
    u, v = solve_ivp(
        lambda r, y: [y[1], -potential(r) * y[0]], (0, 1), [0, 1], method="DOP853", rtol=1e-13, atol=1e-15
    ).y[:, -1]
    return 1 - u / v


SMOOTH = {
    "gaussian": lambda r: 10 * np.exp(-(r**2) / 0.18),
    "narrow gaussian": lambda r: 20 * np.exp(-(r**2) / 0.08),
    "repulsive gaussian": lambda r: -20 * np.exp(-(r**2) / 0.08),
    "polynomial": lambda r: 3 * (1 - r * r) ** 3,
    "exponential": lambda r: 8 * np.exp(-r / 0.3),
    "wide exponential": lambda r: 2 * np.exp(-r),
    "Poeschl-Teller": lambda r: 2 * 1.5**2 / np.cosh(1.5 * r) ** 2,
    "core and well": lambda r: 60 * np.exp(-(r**2) / 0.1) - 90 * np.exp(-(r**2) / 0.03),
}
EXACT = {
    "exponential": cut_exponential_length(8, 0.3),
    "wide exponential": cut_exponential_length(2, 1),
    "Poeschl-Teller": cut_poeschl_teller_length(1 / 1.5),
}


def exact_length(name: str) -> float:
    return EXACT[name] if name in EXACT else integrated_length(SMOOTH[name])
