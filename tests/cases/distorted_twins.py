"""Slow and obvious ways to perturbation series around a reference: long arithmetic, and integrals."""

import numpy as np
from mpmath import mp, mpf

REFERENCES: dict[str, np.ndarray] = {
    "eta 0.5": np.full(6, 0.5 * (np.pi / 2) ** 2),
    "eta 0.99": np.full(6, 0.99 * (np.pi / 2) ** 2),
    "just below unitarity": np.full(6, (1 - 1e-9) * (np.pi / 2) ** 2),
    "just above unitarity": np.full(6, (1 + 1e-9) * (np.pi / 2) ** 2),
    "eta 1.5": np.full(6, 1.5 * (np.pi / 2) ** 2),
    "eta 3.9": np.full(6, 3.9 * (np.pi / 2) ** 2),
    "repulsive core": np.array([-400.0, -400.0, 60.0, 60.0, 20.0, 3.0]),
    "hard core": np.array([-1e6, -1e6, 60.0, 60.0, 20.0, 3.0]),
    "core beyond doubles": np.array([-3e7, -3e7, 60.0, 60.0, 20.0, 3.0]),
    "uneven": np.array([0.3, 4.0, 0.0, 7.0, 1.0, 0.2]),
    "many bound states": np.array([900.0, 3000.0, 100.0, 5.0, 0.0, 1.0]),
    "hardly there": np.full(6, 1e-12),
}
OTHER_SHAPES: dict[str, tuple[str, int]] = {
    "one cell": ("square:eta=0.5", 1),
    "gaussian": ("gaussian:eta=0.99", 3),
    "yukawa": ("yukawa:eta=1.5", 12),
    "exponential": ("exponential:eta=3.9", 8),
    "woods-saxon just below": (f"woods-saxon:eta={1 - 1e-9!r}", 10),
    "gaussian just above": (f"gaussian:eta={1 + 1e-9!r}", 7),
}
"""As `bornnet.reference` takes them."""


def complex_edge(potential) -> tuple:
    """u and u' at r = 1 by the textbook's transfer matrices, for complex depths."""
    h = mpf(1) / len(potential)
    u, v = mpf(0), mpf(1)
    for depth in potential:
        if depth == 0:
            u, v = u + h * v, v
            continue
        k = mp.sqrt(depth)
        c, s = mp.cos(k * h), mp.sin(k * h) / k
        u, v = c * u + s * v, c * v - depth * s * u
    return u, v


def exact_terms(reference, displacement, order: int, target: str, digits: int = 120) -> list[mpf]:
    """Taylor coefficients 1 .. order in lambda by Cauchy's integral over a tiny circle, in long arithmetic.

    With m points and radius R, coefficient n is off by coefficient n + m times R^m.
    """
    points = 2 * order + 2
    radius = mpf(10) ** -25
    growth = int(np.sqrt(np.abs(reference)).mean())
    with mp.workdps(digits + 25 * order + 2 * growth):
        values = []
        for j in range(points):
            coupling = radius * mp.expjpi(mpf(2 * j) / points)
            u, v = complex_edge(
                [mpf(a) + coupling * mpf(b) for a, b in zip(reference, displacement, strict=True)]
            )
            values.append((v - u) / v if target == "scattering_length" else v / (v - u))
        return [
            mp.re(
                mp.fsum(value * mp.expjpi(mpf(-2 * j * n) / points) for j, value in enumerate(values))
                / points
                / radius**n
            )
            for n in range(1, order + 1)
        ]


def waves_on_grid(reference, target: str, points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, psi and chi on Gauss points in every cell, `(cells, points)`.

    For a0, psi = u / u'(1), chi(1) = 1 and chi'(1) = 0; for 1 / a0, psi = u / (u'(1) - u(1)), and both are 1.
    Either way psi' chi - psi chi' = 1.
    """
    nodes, weights = (np.polynomial.legendre.leggauss(points) + np.array([[1.0], [0.0]])) / 2
    cells = len(reference)
    h = 1 / cells

    def across(depth, t, u, v):
        k = np.sqrt(complex(depth))
        s = np.sin(k * t) / k if depth else t + 0j
        return (np.cos(k * t) * u + s * v).real, (np.cos(k * t) * v - depth * s * u).real

    psi, chi = np.empty((cells, points)), np.empty((cells, points))
    u, v = 0.0, 1.0
    for i, depth in enumerate(reference):
        psi[i] = across(depth, nodes * h, u, v)[0]
        u, v = across(depth, h, u, v)
    with mp.workdps(50):
        at_edge = complex_edge([mpf(float(depth)) for depth in reference])
        psi /= float(mp.re(at_edge[1] - (at_edge[0] if target == "inverse" else 0)))
    u, v = 1.0, 0.0 if target == "scattering_length" else -1.0  # backwards from the edge: r -> 1 - r
    for i in range(cells - 1, -1, -1):
        chi[i] = across(reference[i], (1 - nodes) * h, u, v)[0]
        u, v = across(reference[i], h, u, v)
    return np.broadcast_to(weights * h, psi.shape), psi, chi


def integrated_kernels(reference, target: str, points: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Kernels of order 1 and 2 by the distorted-wave integrals,

        K1 = s integral psi^2,   K2 = s integral integral psi(r) G(r, r') psi(r'),   G = psi(r<) chi(r>),

    with s = -1 for a0 and 1 for 1 / a0.
    """
    weights, psi, chi = waves_on_grid(reference, target, points)
    nodes = np.polynomial.legendre.leggauss(points)[0]
    powers = np.polynomial.legendre.legvander(nodes, points - 1)
    primitives = [np.polynomial.legendre.legint(c, lbnd=-1) for c in np.eye(points)]
    up_to = np.stack([np.polynomial.legendre.legval(nodes, c) for c in primitives], axis=1)
    up_to = up_to @ np.linalg.inv(powers) / (2 * len(reference))  # the integral from the left edge to a node
    squares, products = (weights * psi**2).sum(axis=1), (weights * psi * chi).sum(axis=1)
    cells = np.arange(len(reference))
    second = squares[np.minimum.outer(cells, cells)] * products[np.maximum.outer(cells, cells)]
    np.fill_diagonal(second, 2 * (weights * psi * chi * (psi**2 @ up_to.T)).sum(axis=1))
    sign = -1.0 if target == "scattering_length" else 1.0
    return sign * squares, sign * second


def exact_slopes(reference, displacement, direction, order: int, target: str) -> np.ndarray:
    """`(order,)`: the derivatives of terms 1 .. order along a direction, by central differences in long
    arithmetic."""
    step = mpf(10) ** -40
    with mp.workdps(150):
        up, down = (
            exact_terms(
                reference,
                [mpf(d) + sign * step * mpf(e) for d, e in zip(displacement, direction, strict=True)],
                order,
                target,
            )
            for sign in (1, -1)
        )
        return np.array([float((a - b) / (2 * step)) for a, b in zip(up, down, strict=True)])


def poles_within(reference, displacement, target: str, radius: float, points: int = 400) -> int:
    """How many poles the target has at |lambda| < radius, by the argument principle: how often the
    denominator goes around zero while lambda goes around the circle."""
    circle = radius * np.exp(2j * np.pi * np.arange(points) / points)
    h = 1 / len(reference)
    u, v = np.zeros(points, dtype=complex), np.ones(points, dtype=complex)
    for a, b in zip(reference, displacement, strict=True):
        depth = a + b * circle + 1e-300
        k = np.sqrt(depth)
        c, s = np.cos(k * h), np.sin(k * h) / k
        u, v = c * u + s * v, c * v - depth * s * u
    denominator = v if target == "scattering_length" else v - u
    turns = np.angle(np.roll(denominator, -1) / denominator)
    assert np.abs(turns).max() < 2.5  # fine enough to be counted
    return round(turns.sum() / (2 * np.pi))


def couplings(reference, displacement, target: str, degree: int = 16) -> np.ndarray:
    """All lambda at which the target has a pole, nearest first, by finite elements, polynomials in cells.

    The weak form of -u'' - U0 u = lambda dU u; u'(1) = 0 is natural, and u'(1) = u(1) takes u(1)^2 off.
    """
    cells = len(reference)
    h = 1 / cells
    legendre = np.polynomial.legendre
    points = (1 - np.cos(np.pi * np.arange(degree + 1) / degree)) / 2
    x, w = (legendre.leggauss(degree + 2) + np.array([[1.0], [0.0]])) / 2
    basis = np.linalg.inv(legendre.legvander(2 * points - 1, degree))
    value = legendre.legvander(2 * x - 1, degree) @ basis
    slope = (
        np.stack([2 * legendre.legval(2 * x - 1, legendre.legder(c)) for c in np.eye(degree + 1)], 1) @ basis
    )
    mass, stiffness = h * (value.T * w) @ value, (slope.T * w) @ slope / h
    size = cells * degree + 1
    left, right = np.zeros((size, size)), np.zeros((size, size))
    for i in range(cells):
        own = slice(i * degree, (i + 1) * degree + 1)
        left[own, own] += stiffness - reference[i] * mass
        right[own, own] += displacement[i] * mass
    if target == "inverse":
        left[-1, -1] -= 1
    inverses = np.linalg.eigvals(np.linalg.solve(left[1:, 1:], right[1:, 1:]))
    inverses = inverses[np.abs(inverses) > 1e-6 * np.abs(inverses).max()]
    return 1 / inverses[np.argsort(-np.abs(inverses))]


def exact_strength_around(reference, displacement, target: str, digits: int = 40) -> mpf:
    """1 / |lambda| of the nearest pole: each of the nearest by finite elements, brought to long precision."""
    with mp.workdps(digits):

        def denominator(coupling):
            u, v = complex_edge(
                [
                    mpf(float(a)) + coupling * mpf(float(b))
                    for a, b in zip(reference, displacement, strict=True)
                ]
            )
            return v if target == "scattering_length" else v - u

        nearest = couplings(reference, displacement, target)[:4]
        found = [
            abs(mp.findroot(denominator, (z * (1 - 1e-6), z, z * (1 + 1e-6)), solver="muller"))
            for z in map(mp.mpmathify, nearest.tolist())
            if abs(z) < 1.3 * abs(nearest[0])
        ]
        return 1 / min(found)
