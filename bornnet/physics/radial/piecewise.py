"""Piecewise polynomials through tabulated points: local, and monotone where the points are not smooth.

Through the six neighbours of an interval goes a quintic: nothing rings. Where they are not the points of a
smooth function (steps, kinks, noise), as a large step from the cubic to the quintic shows, the monotone cubic
of F. N. Fritsch and R. E. Carlson, SIAM J. Numer. Anal. 17, 238 (1980), takes its place: nothing overshoots.
"""

import numpy as np
from scipy.interpolate import PchipInterpolator

_ROUGH = 0.3
"""Where the step from the cubic to the quintic is more than this part of that from the line to the cubic."""


def stencils(points: int, width: int) -> np.ndarray:
    """The `width` points around each interval, `(points - 1, width)`."""
    first = np.clip(np.arange(points - 1) - (width // 2 - 1), 0, points - width)
    return first[:, None] + np.arange(width)


def pieces(t: np.ndarray, f: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Newton's form of a polynomial for each interval: nodes `(N-1, degree)`, coefficients one more."""
    points = len(t)
    full = min(6, points)
    through = {}
    for width in {2, min(4, points), full}:
        stencil = stencils(points, width)
        through[width] = t[stencil], _divided(t[stencil], f[stencil])
    nodes, coefficients = through[full]
    if full < 6:
        return nodes[:, :-1], coefficients
    middle = (t[1:] + t[:-1]) / 2
    line, cubic, quintic = (_newton(*through[width], middle) for width in (2, 4, 6))
    step, next_step = np.abs(cubic - line), np.abs(quintic - cubic)
    rough = next_step > _ROUGH * np.maximum.reduce([step, np.roll(step, 1), np.roll(step, -1)])
    rough &= next_step > 1e-13 * np.abs(f[1:])
    if rough.any():
        slopes = PchipInterpolator(t, f).derivative()(t)
        h, rise = np.diff(t), np.diff(f) / np.diff(t)
        second, third = (rise - slopes[:-1]) / h, (slopes[1:] - 2 * rise + slopes[:-1]) / h**2
        zero = np.zeros_like(h)
        hermite = np.stack([f[:-1], slopes[:-1], second, third, zero, zero], axis=1)
        at = np.stack([t[:-1], t[:-1], t[1:], t[1:], t[1:], t[1:]], axis=1)
        nodes = np.where(rough[:, None], at, nodes)
        coefficients = np.where(rough[:, None], hermite, coefficients)
    return nodes[:, :-1], coefficients


def _divided(t: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Divided differences `(N, width)` of values on the points of each row."""
    table = f.copy()
    for k in range(1, t.shape[1]):
        table[:, k:] = (table[:, k:] - table[:, k - 1 : -1]) / (t[:, k:] - t[:, :-k])
    return table


def _newton(nodes: np.ndarray, coefficients: np.ndarray, t: np.ndarray) -> np.ndarray:
    value = coefficients[:, -1]
    for k in range(coefficients.shape[1] - 2, -1, -1):
        value = value * (t - nodes[:, k]) + coefficients[:, k]
    return value


def evaluate(nodes: np.ndarray, coefficients: np.ndarray, piece: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The polynomials of the pieces chosen for each point, by Horner's rule."""
    f = coefficients[piece, -1]
    for k in range(nodes.shape[1] - 1, -1, -1):
        f = f * (t - nodes[piece, k]) + coefficients[piece, k]
    return f
