"""The zero-energy wave function, and the effective range that it gives.

    k cot delta = - 1 / a0 + r_e k^2 / 2 + ..,   r_e = 2 integral over r of (1 - r / a0)^2 - (u / a0 u'(1))^2

H. A. Bethe, Phys. Rev. 76, 38 (1949). Outside the range u is a straight line that meets zero at r = a0.
"""

from math import exp, log
from typing import Any

import numpy as np

from ..errors import InputError
from .blocks import over_rows
from .cells import LARGE, cross_deep, cross_shallow, matrix_deep
from .stumpff import SHALLOW, c2, c3, compiled, kernel
from .validation import as_potentials, refuse_nonfinite

_NODES, _WEIGHTS = (np.polynomial.legendre.leggauss(10) + np.array([[1.0], [0.0]])) / 2  # on [0, 1]


def effective_range(potentials: Any, *, workers: int | None = None) -> Any:
    """The effective range r_e, in units of the range; smooth through the unitary limit.

    Extrapolated inwards from r, u is the line `v s - d`; E(r) = integral from 0 to r of u^2 - (v s - d)^2
    gives `r_e = -2 E(1) / d(1)^2`. It is carried from cell to cell by `E' = U u r^2 (d - v r / 3)`, so that
    nothing cancels for shallow potentials, where r_e grows like 1 / a0.

    Args:
        potentials: `(..., cells)`, any finite real U.
        workers: threads; all processors by default. The result does not depend on it.

    Returns:
        `(...)` float64; `nan` where a0 = 0, as for U = 0: there is no effective-range expansion.

    Raises:
        InputError: not a real array with at least one cell, or an entry that is NaN or infinite.
    """
    rows, batch = as_potentials(potentials)
    result = np.empty(len(rows))
    if over_rows(lambda a, b: _range_kernel(rows, a, b, _NODES, _WEIGHTS, result), rows, workers):
        refuse_nonfinite(rows, batch)
    return result.reshape(batch)[()]


def wave_function(potentials: Any, points: Any, *, workers: int | None = None) -> np.ndarray:
    """The zero-energy u(r), the regular solution of `u'' = -U u`.

    Args:
        potentials: `(..., cells)`, any finite real U.
        points: `(m,)`, r >= 0 in units of the range, in any order; r > 1 is outside.
        workers: threads; all processors by default.

    Returns:
        `(..., m)` float64. Starts upwards at r = 0, and outside is a straight line of slope s with
        `s^2 (1 + a0^2) = 1`: `|u| = |r - a0| / sqrt(1 + a0^2)`, and 1 at the unitary limit.

    Raises:
        InputError: bad potentials, or points that are not a list of numbers r >= 0.
    """
    rows, batch = as_potentials(potentials)
    r = np.asarray(points, dtype=float)
    if r.ndim != 1 or not (np.isfinite(r) & (r >= 0)).all():
        raise InputError(f"points: expected a list of finite r >= 0, got {points!r:.80}")
    u = np.empty((len(rows), len(r)))
    if over_rows(lambda a, b: _wave_kernel(rows, a, b, r, u), rows, workers):
        refuse_nonfinite(rows, batch)
    return u.reshape(*batch, len(r))


@kernel
def _range_kernel(potentials, start, stop, nodes, weights, result):
    """Returns the number of entries that are NaN or infinite."""
    cells = potentials.shape[1]
    scale = 1.0 / (float(cells) * float(cells))
    nonfinite = 0
    for row in range(start, stop):
        u, v, d, excess = 0.0, 1.0, 0.0, 0.0
        for i in range(cells):
            x = scale * potentials[row, i]
            nonfinite += not np.isfinite(x)
            if abs(x) <= SHALLOW:
                for k in range(len(nodes)):
                    r = i + nodes[k]
                    u_k, v_k, d_k = _partly_across(x, float(i), nodes[k], u, v, d)
                    excess += weights[k] * x * u_k * r * r * (d_k - v_k * r / 3.0)
                u, v, d = cross_shallow(x, float(i), u, v, d)
            else:
                area = excess + _line_squared(float(i), v, d)
                u, v, d, square, factor = cross_deep(x, float(i), u, v)
                excess = factor * factor * area + square - _line_squared(i + 1.0, v, d)
            if abs(u) + abs(v) > LARGE:
                u, v, d, excess = u / LARGE, v / LARGE, d / LARGE, excess / (LARGE * LARGE)
        result[row] = -2.0 * (excess / d) / d / cells if d != 0.0 else np.nan
    return nonfinite


@compiled
def _line_squared(r, v, d):
    """The integral of (v s - d)^2 over 0 < s < r."""
    return r * (v * v * r * r / 3.0 - v * d * r + d * d)


@compiled
def _partly_across(x, i, t, u, v, d):
    """u, v, d at i + t in cell i, for |x| <= SHALLOW; see `cells.cross_shallow`."""
    y = x * t * t
    s2 = c2(y)
    s3 = c3(y)
    area = t * ((1.0 - y * s3) * u + s2 * t * v)
    lever = t * t * (s2 * u + s3 * t * v)
    return u + t * v - x * lever, v - x * area, d - x * ((i + t) * area - lever)


@kernel
def _wave_kernel(potentials, start, stop, points, out):
    """Returns the number of entries that are NaN or infinite."""
    cells = potentials.shape[1]
    scale = 1.0 / (float(cells) * float(cells))
    u = np.empty(cells + 1)
    v = np.empty(cells + 1)
    shrunk = np.empty(cells + 1)  # log of what u and v were multiplied by
    nonfinite = 0
    for row in range(start, stop):
        d = 0.0
        u[0], v[0], shrunk[0] = 0.0, 1.0, 0.0
        for i in range(cells):
            x = scale * potentials[row, i]
            nonfinite += not np.isfinite(x)
            factor = 1.0
            if abs(x) <= SHALLOW:
                u[i + 1], v[i + 1], d = cross_shallow(x, float(i), u[i], v[i], d)
                if abs(u[i + 1]) + abs(v[i + 1]) > LARGE:
                    factor = 1.0 / LARGE
                    u[i + 1] *= factor
                    v[i + 1] *= factor
                    d *= factor
                shrunk[i + 1] = shrunk[i] + log(factor)
            else:
                u[i + 1], v[i + 1], d, _, factor = cross_deep(x, float(i), u[i], v[i])
                shrunk[i + 1] = shrunk[i] + (log(factor) if factor > 0.0 else -np.sqrt(-x))
        norm = np.hypot(v[cells], d / cells) * cells
        for k in range(len(points)):
            r = points[k] * cells
            if r >= cells:
                out[row, k] = (v[cells] * r - d) / norm
            else:
                i = int(r)
                t = r - i
                value, factor = _inside(scale * potentials[row, i], t, u[i], v[i])
                out[row, k] = value * exp(shrunk[cells] - shrunk[i] - factor) / norm
    return nonfinite


@compiled
def _inside(x, t, u, v):
    """u at t in [0, 1] behind the left edge of a cell, and the log of the factor it carries."""
    y = x * t * t
    if abs(y) <= SHALLOW:
        return (1.0 - y * c2(y)) * u + t * (1.0 - y * c3(y)) * v, 0.0
    c, s, factor = matrix_deep(y)
    return c * u + t * s * v, (-np.sqrt(-y) if factor < 1.0 else 0.0)
