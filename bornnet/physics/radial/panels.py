"""Panels: stretches of r that the zero-energy radial function crosses by collocation at Gauss points.

On a panel of width h, with U known at the Gauss points r_k, u'' = -U u is the integral equation

    u = u0 + h c v0 - h^2 Q Q U u,        Q = integrals from the left edge to the Gauss points

a small linear system. Its solution is the implicit Runge-Kutta method of Gauss and Kuntzmann, of order
twice the number of points, which keeps the Wronskian and grows as it should in a barrier (J. C. Butcher,
Math. Comp. 18, 50 (1964)). Behind the panel

    v1 = v0 - integral of U u,     d1 = d0 - integral of r U u,     u1 = u0 + h v0 - integral of (r1 - r) U u

with v = u' and d = r u' - u as in `cells`: for a shallow potential nothing cancels in d.
"""

import numpy as np

from ..stumpff import compiled, kernel

POINTS = 8
"""Gauss points of a panel: the error falls as the 16th power of its width."""

NODES, WEIGHTS = (np.polynomial.legendre.leggauss(POINTS) + np.array([[1.0], [0.0]])) / 2
"""Of a panel from 0 to 1."""


def _integrals() -> np.ndarray:
    """Q: `[to, node]`, the integral up to `NODES[to]` of the polynomial that is 1 at `node`, 0 at others."""
    legendre = np.polynomial.legendre
    values = legendre.legvander(2 * NODES - 1, POINTS - 1)
    primitives = np.stack(
        [legendre.legval(2 * NODES - 1, legendre.legint(row, lbnd=-1)) / 2 for row in np.eye(POINTS)], axis=1
    )
    return primitives @ np.linalg.inv(values)


INTEGRALS = _integrals()
_TWICE = INTEGRALS @ INTEGRALS
_LEVER = WEIGHTS * (1 - NODES)

_LARGE = 2.0**100


@compiled
def _solve_panel(x, h, matrix, first, second):
    """The two solutions at the Gauss points that start with (u, v) = (1, 0) and (0, 1); x is h^2 U there."""
    for i in range(POINTS):
        for j in range(POINTS):
            matrix[i, j] = _TWICE[i, j] * x[j]
        matrix[i, i] += 1.0
        first[i] = 1.0
        second[i] = h * NODES[i]
    for k in range(POINTS):
        pivot = k
        for i in range(k + 1, POINTS):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        if pivot != k:
            for j in range(k, POINTS):
                matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
            first[k], first[pivot] = first[pivot], first[k]
            second[k], second[pivot] = second[pivot], second[k]
        for i in range(k + 1, POINTS):
            factor = matrix[i, k] / matrix[k, k]
            for j in range(k + 1, POINTS):
                matrix[i, j] -= factor * matrix[k, j]
            first[i] -= factor * first[k]
            second[i] -= factor * second[k]
    for k in range(POINTS - 1, -1, -1):
        for j in range(k + 1, POINTS):
            first[k] -= matrix[k, j] * first[j]
            second[k] -= matrix[k, j] * second[j]
        first[k] /= matrix[k, k]
        second[k] /= matrix[k, k]


@compiled
def _room():
    return np.empty(POINTS), np.empty((POINTS, POINTS)), np.empty(POINTS), np.empty(POINTS)


@compiled
def _cross_panel(U, left, h, u0, v0, first, second, u):
    """u at the Gauss points, and how u, v and d change across the panel."""
    area = 0.0
    moment = 0.0
    lever = 0.0
    for k in range(POINTS):
        u[k] = u0 * first[k] + v0 * second[k]
        area += WEIGHTS[k] * U[k] * u[k]
        moment += WEIGHTS[k] * (left + h * NODES[k]) * U[k] * u[k]
        lever += _LEVER[k] * U[k] * u[k]
    return h * v0 - h * h * lever, -h * area, -h * moment


@kernel
def cross_panels(U, left, h, start, state, logs, u):
    """Take (u, v, d) of `start` across all panels, in which U is `(panels, POINTS)`; returns the zeros of u.

    `state[i]` is before panel i, in units of exp(`logs[i]`), `u[i]` inside it in the same ones.
    """
    x, matrix, first, second = _room()
    zeros = 0
    state[0] = start
    logs[0] = 0.0
    for i in range(len(h)):
        u0, v0, d0 = state[i]
        for k in range(POINTS):
            x[k] = h[i] * h[i] * U[i, k]
        _solve_panel(x, h[i], matrix, first, second)
        du, dv, dd = _cross_panel(U[i], left[i], h[i], u0, v0, first, second, u[i])
        before = u0
        for k in range(POINTS + 1):
            after = u[i, k] if k < POINTS else u0 + du
            zeros += (after < 0.0 < before) or (after > 0.0 > before)
            if after != 0.0:
                before = after
        size = abs(u0 + du) + abs(v0 + dv)
        shrink = 1.0 / size if size > _LARGE or 0.0 < size < 1.0 / _LARGE else 1.0
        state[i + 1, 0] = (u0 + du) * shrink
        state[i + 1, 1] = (v0 + dv) * shrink
        state[i + 1, 2] = (d0 + dd) * shrink
        logs[i + 1] = logs[i] - np.log(shrink)
    return zeros


@kernel
def cross_each(U, left, h, state, behind):
    """Take the state before each panel across it: `behind` is `(panels, 3)`, in the same units."""
    x, matrix, first, second = _room()
    u = np.empty(POINTS)
    for i in range(len(h)):
        u0, v0, d0 = state[i]
        for k in range(POINTS):
            x[k] = h[i] * h[i] * U[i, k]
        _solve_panel(x, h[i], matrix, first, second)
        du, dv, dd = _cross_panel(U[i], left[i], h[i], u0, v0, first, second, u)
        behind[i, 0] = u0 + du
        behind[i, 1] = v0 + dv
        behind[i, 2] = d0 + dd
    return 0


@kernel
def cross_orders(U, left, h, order, v, d):
    """v and d of lambda U behind all panels, as power series in lambda through `order`; u starts as r.

    By Neumann's series on each panel: order n of u inside is -h^2 Q Q U of order n - 1, and what flows in.
    """
    u_in = np.zeros(order + 1)
    v[:] = 0.0
    d[:] = 0.0
    v[0] = 1.0
    inside = np.empty(POINTS)
    below = np.empty(POINTS)
    for i in range(len(h)):
        area, moment, lever = 0.0, 0.0, 0.0
        for n in range(order + 1):
            du, dv, dd = -h[i] * h[i] * lever, -h[i] * area, -h[i] * moment
            for k in range(POINTS):
                inside[k] = u_in[n] + h[i] * NODES[k] * v[n]
                if n > 0:
                    for j in range(POINTS):
                        inside[k] -= h[i] * h[i] * _TWICE[k, j] * below[j]
            area, moment, lever = 0.0, 0.0, 0.0
            for k in range(POINTS):
                below[k] = U[i, k] * inside[k]
                area += WEIGHTS[k] * below[k]
                moment += WEIGHTS[k] * (left[i] + h[i] * NODES[k]) * below[k]
                lever += _LEVER[k] * below[k]
            u_in[n] += h[i] * v[n] + du
            v[n] += dv
            d[n] += dd
    return 0


def halved(left: np.ndarray, width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two panels in place of each."""
    lefts, widths = np.repeat(left, 2), np.repeat(width / 2, 2)
    lefts[1::2] += width / 2
    return lefts, widths


def points_of(left: np.ndarray, width: np.ndarray) -> np.ndarray:
    """The Gauss points of panels, `(panels, POINTS)`."""
    return left[:, None] + width[:, None] * NODES


def refined(
    panels: tuple[np.ndarray, ...], halves: tuple[np.ndarray, ...], bad: np.ndarray
) -> tuple[np.ndarray, ...]:
    """The arrays of `panels`, `left` first, with the two halves of the bad ones in their place."""
    kept = [array[~bad] for array in panels]
    split = [array[np.repeat(bad, 2)] for array in halves]
    order = np.argsort(np.concatenate([kept[0], split[0]]))
    return tuple(np.concatenate(pair)[order] for pair in zip(kept, split, strict=True))
