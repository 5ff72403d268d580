"""Slow and obvious ways to the numbers of bornnet.physics, written another way, and the potentials to try."""

from fractions import Fraction

import numpy as np
from mpmath import mp, mpf
from scipy.integrate import solve_ivp

mp.dps = 50

_rng = np.random.default_rng(2023)

POTENTIALS: dict[str, np.ndarray] = {
    "one cell": np.array([1.3]),
    "two-step well": np.array([5.0, 1.0]),
    "random": _rng.uniform(0, 4, 64),
    "random, both signs": _rng.uniform(-30, 30, 64),
    "spike in the first cell": np.eye(16)[0] * 300,
    "spike in the last cell": np.eye(16)[-1] * 10,
    "empty cells": np.array([0, 3.0, 0, 0, 1.0, 0]),
    "core and well": np.array([-1e4, -1e4, 40.0, 40.0, 40.0, 40.0, 10.0, 1.0]),
    "hard core and well": np.array([-1e6, 60.0, 60.0, 5.0]),
    "barrier behind a well": np.array([40.0, 40.0, -300.0, -300.0, 0.0]),
    "many bound states": np.array([900.0, 3000.0, 100.0]),
    "deep cells": np.array([1e3, -1e3, 5e4, -7e4, 3e3]),
    "repulsive": _rng.uniform(-100, 0, 33),
    "shallow": _rng.uniform(0, 1e-9, 32),
    "shallow, both signs": _rng.uniform(-1e-7, 1e-7, 32),
    "hardly there": np.full(8, 1e-200),
    "near the edge of the Taylor range": np.array([3.999999, 4.0, 4.000001, -3.999999, -4.000001]) * 25,
    "many cells": _rng.exponential(1.5, 1000),
}


def exact_edge(potential) -> tuple[mpf, mpf]:
    """u and u' at r = 1 to 50 digits, by the textbook's transfer matrices."""
    h = mpf(1) / len(potential)
    u, v = mpf(0), mpf(1)
    for depth in potential:
        depth = mpf(depth)
        if depth == 0:
            u, v = u + h * v, v
        elif depth > 0:
            k = mp.sqrt(depth)
            u, v = mp.cos(k * h) * u + mp.sin(k * h) / k * v, mp.cos(k * h) * v - k * mp.sin(k * h) * u
        else:
            k = mp.sqrt(-depth)
            u, v = mp.cosh(k * h) * u + mp.sinh(k * h) / k * v, mp.cosh(k * h) * v + k * mp.sinh(k * h) * u
    return u, v


def exact_length(potential) -> mpf:
    """The scattering length; 1 - u/u' loses digits when U is small, so more are carried."""
    with mp.workdps(450 if np.max(np.abs(np.asarray(potential, dtype=float))) < 1e-3 else 120):
        u, v = exact_edge(potential)
        return 1 - u / v


def exact_gradient(potential) -> list[mpf]:
    """d a0 / d U_i by central differences of a step so small, in arithmetic so long, that they are exact."""
    gradient = []
    for i in range(len(potential)):
        with mp.workdps(150):
            step = mpf(10) ** -45
            ends = []
            for sign in (1, -1):
                moved = [mpf(depth) for depth in potential]
                moved[i] += sign * step
                ends.append(exact_length(moved))
            gradient.append((ends[0] - ends[1]) / (2 * step))
    return gradient


def exact_strength(potential) -> mpf:
    """1 / lambda_c: Newton's method from below."""
    total = mp.fsum(mpf(depth) * (i + mpf(1) / 2) for i, depth in enumerate(potential)) / len(potential) ** 2

    def slope(coupling):
        return exact_edge([coupling * mpf(depth) for depth in potential])[1]

    coupling = 1 / total  # below the first zero, since the trace is the sum of all eigenvalues
    step = coupling
    while abs(step) > mpf(10) ** -40 * coupling:
        epsilon = mpf(10) ** -25 * coupling
        derivative = (slope(coupling + epsilon) - slope(coupling - epsilon)) / (2 * epsilon)
        step = -slope(coupling) / derivative  # v is convex up to its first zero: Newton never oversteps
        coupling += step
    return 1 / coupling


def exact_born_terms(potential, order: int) -> list[Fraction]:
    """The Born terms in rational numbers: u_n'' = -U u_{n-1} integrated as piecewise polynomials, u_0 = r."""
    cells = len(potential)
    depths = [Fraction(float(depth)) for depth in potential]
    pieces = [[Fraction(i, cells), Fraction(1)] for i in range(cells)]  # of u, in powers of r - i / cells
    u_edge, v_edge = [Fraction(1)], [Fraction(1)]
    width = Fraction(1, cells)
    for _ in range(order):
        u, v = Fraction(0), Fraction(0)
        following = []
        for depth, piece in zip(depths, pieces, strict=True):
            grown = [u, v] + [-depth * c / ((k + 1) * (k + 2)) for k, c in enumerate(piece)]
            following.append(grown)
            u = sum(c * width**k for k, c in enumerate(grown))
            v = sum(k * c * width ** (k - 1) for k, c in enumerate(grown) if k)
        pieces = following
        u_edge.append(u)
        v_edge.append(v)
    ratio: list[Fraction] = []
    for n in range(order + 1):
        ratio.append(u_edge[n] - sum(v_edge[k] * ratio[n - k] for k in range(1, n + 1)))
    return [-term for term in ratio[1:]]


def integrated_edge(potential) -> tuple[float, float]:
    """u and u' at r = 1 by a Runge-Kutta method of order 8."""
    state = np.array([0.0, 1.0])
    h = 1 / len(potential)
    for depth in potential:
        state = solve_ivp(
            lambda r, y, depth=depth: [y[1], -depth * y[0]],
            (0, h),
            state,
            method="DOP853",
            rtol=1e-13,
            atol=1e-14 * np.abs(state).max(),
        ).y[:, -1]
    return state[0], state[1]


def counted_nodes(potential) -> int:
    """Sign changes of u at 0 < r < infinity, on a fine grid and by the tail."""
    u, v = 0.0, 1.0
    h = 1 / len(potential)
    points = 2000
    values = [1e-300]
    for depth in potential:
        k = np.sqrt(complex(depth))
        r = np.arange(1, points + 1) * h / points
        sine = np.sin(k * r) / k if depth else r + 0j
        values.extend((np.cos(k * r) * u + sine * v).real)
        u, v = values[-1], (np.cos(k * h) * v - k * np.sin(k * h) * u).real
        size = max(abs(u), abs(v))
        u, v = u / size, v / size
    signs = np.sign(values)
    return int((signs[1:] * signs[:-1] < 0).sum()) + int(u * v < 0)


def two_step_length(inner: float, outer: float, edge: mpf) -> mpf:
    """A well of depth `inner` for r < edge and `outer` beyond it, by matching logarithmic derivatives."""
    k, q = mp.sqrt(mpf(inner)), mp.sqrt(mpf(outer))
    slope = k / mp.tan(k * edge)  # u'/u at the inner edge
    phase = mp.atan(q / slope) + q * (1 - edge)
    return 1 - mp.tan(phase) / q


def core_and_well_length(core: float, well: float, edge: mpf) -> mpf:
    """A repulsive core of height `core` for r < edge and a well beyond it."""
    k, q = mp.sqrt(mpf(core)), mp.sqrt(mpf(well))
    slope = k / mp.tanh(k * edge)
    phase = mp.atan(q / slope) + q * (1 - edge)
    return 1 - mp.tan(phase) / q
