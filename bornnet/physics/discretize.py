"""Smooth potentials brought onto cells so that what they scatter converges at a high order in the cell width.

U is felt through its integrals against smooth functions, so the constants of the cells should reproduce
those, not the values of U. A smooth function is known inside a cell, to order m, from its averages over m
neighbouring cells (polynomial reconstruction); moved over to U, that makes a cell's constant a weighted
average of U over its neighbourhood, exact against all polynomials of degree below m:

    U_i = (1/h) sum_j integral over cell j of U L_ij,     L_ij = 1 on average over cell i, 0 over the others

m = 1 is the plain cell average. What is left is of second order in the difference D' = U_cells - U, which
goes up and down within each cell: it acts like an additional attraction D^2, the square of its primitive
(Kapitza's effective potential). That is brought onto the cells in the same way, and subtracted.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from scipy.interpolate import make_interp_spline

from ..errors import InputError
from .validation import as_count

_STENCIL = {2: 1, 4: 3, 6: 7}  # cells that a reconstruction uses, by the order of convergence
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)
_NODES, _WEIGHTS = _NODES / 2, _WEIGHTS / 2  # in a cell, from -1/2 to 1/2


def discretize(potential: Callable[[np.ndarray], Any], cells: int, *, order: int = 6) -> np.ndarray:
    """Bring a smooth potential U(r), 0 <= r <= 1, or a batch of them, onto cells.

    Args:
        potential: a function of an array of r, vectorized; it may put axes of a batch in front of those of
            r. Where U is smooth, a0 of the result converges as `cells ** -order`; with kinks or jumps inside
            cells take order 2.
        cells: how many.
        order: 2 (cell averages), 4 or 6. The correction behind order 6 is quadratic in U: it makes a0
            right, while single Born terms and eta, which belong to other multiples of U, converge at order 4.

    Returns:
        `(..., cells)` float64. It may dip below zero where U itself is next to zero.

    Raises:
        InputError: another order, cells below 1, or a potential that is not finite somewhere.
    """
    cells = as_count("cells", cells)
    if order not in _STENCIL:
        raise InputError(f"order: expected one of {', '.join(map(str, _STENCIL))}, got {order!r}")
    r = (np.arange(cells)[:, None] + 0.5 + _NODES) / cells
    values = np.asarray(potential(r), dtype=float)
    values = np.broadcast_to(values, np.broadcast_shapes(values.shape, r.shape))
    if not np.isfinite(values).all():
        place = np.broadcast_to(r, values.shape)[~np.isfinite(values)][0]
        raise InputError(f"potential: expected finite U(r) on 0 <= r <= 1; it is not at r = {place:.6g}")
    width = min(_STENCIL[order], cells)
    result = _onto_cells(values, width)
    if order == 6:
        result -= _onto_cells(_primitive(result[..., None] - values) ** 2, width)
    return result


def _onto_cells(values: np.ndarray, width: int) -> np.ndarray:
    """The constants U_i of the text, from `values[.., cell, node]`."""
    cells = values.shape[-2]
    half = width // 2
    inner = cells - width + 1
    shares = _reconstruction(width, half) @ values.reshape(-1, len(_NODES)).T
    shares = shares.reshape(width, *values.shape[:-1])[..., half : half + inner]
    result = np.zeros(values.shape[:-1])
    for i in range(width):
        result[..., i : i + inner] += shares[i]
    for own in range(width):
        if own < half:  # the cells at either end are known from the same stencil as the last one inside
            result[..., :width] += values[..., own, :] @ _reconstruction(width, own).T
        elif own > half:
            result[..., -width:] += values[..., cells - width + own, :] @ _reconstruction(width, own).T
    return result


@cache
def _reconstruction(width: int, own: int) -> np.ndarray:
    """`[i, node]`: L_i of the text times the weights of the nodes, in cell `own` of `width` cells.

    The primitive of a function is known at the edges of cells from its averages; L_i is the derivative of its
    interpolating polynomial.
    """
    edges = np.arange(width + 1)
    slopes = []
    for k in range(1, width + 1):
        others = np.delete(edges, k)
        cardinal = np.polynomial.Polynomial.fromroots(others - own - 0.5) / np.prod(k - others)
        slopes.append(cardinal.deriv()(_NODES))
    return np.cumsum(slopes[::-1], axis=0)[::-1] * _WEIGHTS


def _primitive(values: np.ndarray) -> np.ndarray:
    """The integral from r = 0 of what has `values[.., cell, node]`, at the nodes."""
    power = np.arange(len(_NODES))
    moments = (_NODES[:, None] ** (power + 1) - (-0.5) ** (power + 1)) / (power + 1)
    within = np.linalg.solve(
        (_NODES[:, None] ** power).T, moments.T
    )  # integrates the interpolating polynomial
    whole = values @ _WEIGHTS
    before = np.cumsum(whole, axis=-1) - whole
    return (values @ within + before[..., None]) / values.shape[-2]


def discretize_samples(r: Any, values: Any, cells: int, *, order: int = 6) -> np.ndarray:
    """Bring potentials given as samples `(..., k)` of U(r_k) on a grid onto cells, by interpolating splines.

    The spline has degree 5, or one below the number of samples where there are fewer than 6. Samples must be
    at increasing r and reach from 0 (or within one spacing of it) to 1; beyond the last one U is taken as 0.

    Raises:
        InputError: r not increasing, below 0 or not covering the range, lengths that differ, or not finite.
    """
    r, values = np.asarray(r, dtype=float), np.asarray(values, dtype=float)
    if r.ndim != 1 or values.shape[-1:] != r.shape or len(r) < 2:
        raise InputError(
            f"samples: expected r and U of one length, at least 2, got {r.shape} and {values.shape}"
        )
    for name, column in (("r", r), ("U", values)):
        if not np.isfinite(column).all():
            index = [int(k) for k in np.argwhere(~np.isfinite(column))[0]]
            raise InputError(f"samples: expected finite numbers, got {name}{index} = {column[tuple(index)]}")
    if not (np.diff(r) > 0).all():
        k = int(np.argmax(np.diff(r) <= 0)) + 1
        raise InputError(f"samples: expected increasing r, got r[{k}] = {r[k]} after r[{k - 1}] = {r[k - 1]}")
    if not 0 <= r[0] <= 1.001 * (r[1] - r[0]) or r[-1] < 1 - 1e-9:
        raise InputError(
            f"samples: expected r from 0 to 1 (in units of the range), got {r[0]:g} to {r[-1]:g}"
        )
    spline = make_interp_spline(r, values, k=_odd(min(5, len(r) - 1)), axis=-1)
    return discretize(spline, cells, order=order)


def _odd(degree: int) -> int:
    return degree if degree % 2 else degree - 1
