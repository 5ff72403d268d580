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
from scipy.ndimage import maximum_filter1d

from ..errors import InputError
from .blocks import LANES, load_block, over_rows
from .stumpff import compiled, kernel
from .validation import as_count, as_potentials

_STENCIL = {2: 1, 4: 3, 6: 7}  # cells that a reconstruction uses, by the order of convergence


def gauss(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights in a cell, from -1/2 to 1/2."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes / 2, weights / 2


_NODES, _WEIGHTS = gauss(3)
_POWERS = np.arange(len(_NODES))


def discretize(potential: Callable[[np.ndarray], Any], cells: int, *, order: int = 6) -> np.ndarray:
    """Bring a smooth potential U(r), 0 <= r <= 1, or a batch of them, onto cells.

    Args:
        potential: a function of an array of r, vectorized; it may put axes of a batch in front of those of
            r. Where U is smooth, a0 of the result converges as `cells ** -order`; with kinks or jumps inside
            cells take order 2; where it goes like 1/r at the origin, `discretize_singular`.
        cells: how many. A cell within whose reach |U| exceeds cells^2, as in a steep wall, has its average:
            what is of high order would swing there.
        order: 2 (cell averages), 4 or 6. The correction behind order 6 is quadratic in U: it makes a0
            right, while single Born terms and eta, which belong to other multiples of U, converge at order 4.
            64 cells give a0 of smooth wells to 1e-9 or better, Born terms and eta to 1e-7 or better; 256
            cells make that 1e-9.

    Returns:
        `(..., cells)` float64. What only repels or only attracts does so on cells too.

    Raises:
        InputError: another order, cells below 1, or a potential that is not finite somewhere.
    """
    cells = as_count("cells", cells)
    if order not in _STENCIL:
        raise InputError(f"order: expected one of {', '.join(map(str, _STENCIL))}, got {order!r}")
    r = (np.arange(cells)[:, None] + 0.5 + _NODES) / cells
    values = finite_values(potential, r)
    rows, batch = as_potentials(values.reshape(*values.shape[:-2], r.size))
    result = np.empty((len(rows), cells))
    matrices = _shares(min(_STENCIL[order], cells)), _WEIGHTS, _within_cell()
    over_rows(lambda a, b: _cells_kernel(rows, a, b, *matrices, order == 6, result), rows, 1)
    nodes = rows.reshape(len(rows), cells, len(_NODES))
    highest = maximum_filter1d(np.abs(nodes).max(axis=2), 2 * _STENCIL[order] + 1, axis=1, mode="nearest")
    result = np.where(highest > cells**2, nodes @ _WEIGHTS, result)
    least, most = rows.min(axis=1, keepdims=True), rows.max(axis=1, keepdims=True)
    result = np.clip(result, np.where(least >= 0, 0.0, -np.inf), np.where(most <= 0, 0.0, np.inf))
    return result.reshape(*batch, cells)


def finite_values(potential: Callable[[np.ndarray], Any], r: np.ndarray) -> np.ndarray:
    """U at the points r, with axes of a batch in front if it has some; InputError where it is not finite."""
    values = np.asarray(potential(r), dtype=float)
    values = np.broadcast_to(values, np.broadcast_shapes(values.shape, r.shape))
    if not np.isfinite(values).all():
        place = np.broadcast_to(r, values.shape)[~np.isfinite(values)][0]
        raise InputError(f"potential: expected finite U(r) on 0 <= r <= 1; it is not at r = {place:.6g}")
    return values


@kernel
def _cells_kernel(values, start, stop, shares, weights, within, correct, result):
    """The constants U_i of the text from `values[row, node]`; less those of D^2 where `correct`."""
    cells = result.shape[1]
    nodes = values.shape[1]
    x = np.empty((nodes, LANES))
    u = np.empty((cells, LANES))
    correction = np.empty((cells, LANES))
    for row in range(start, stop, LANES):
        lanes = min(LANES, stop - row)
        load_block(values, row, lanes, 0, nodes, 1.0, x)
        _onto_cells(x, shares, u)
        if correct:
            _square_of_primitive(x, u, weights, within)
            _onto_cells(x, shares, correction)
            u -= correction
        for b in range(lanes):
            for i in range(cells):
                result[row + b, i] = u[i, b]
    return 0


@compiled
def _onto_cells(x, shares, u):
    """Share the integrals in each cell out to the cells of its stencil, as `shares[own, to, node]` says."""
    cells = len(u)
    width = len(shares)
    u[:] = 0.0
    for i in range(cells):
        first = min(max(i - width // 2, 0), cells - width)
        for to in range(width):
            _add_nodes(u[first + to], shares[i - first, to], x, len(_NODES) * i)


@compiled
def _square_of_primitive(x, u, weights, within):
    """Put in the place of U in `x` the square of the integral from r = 0 of D = u - U."""
    h = 1.0 / len(u)
    before = np.zeros(LANES)
    difference = np.empty((len(weights), LANES))
    for i in range(len(u)):
        for node in range(len(weights)):
            for b in range(LANES):
                difference[node, b] = (u[i, b] - x[len(weights) * i + node, b]) * h
        for node in range(len(weights)):
            primitive = x[len(weights) * i + node]
            primitive[:] = before
            _add_nodes(primitive, within[node], difference, 0)
            for b in range(LANES):
                primitive[b] *= primitive[b]
        _add_nodes(before, weights, difference, 0)


@compiled
def _add_nodes(total, weights, x, first):
    """Add the weighted values at the three nodes of a cell, which begin at `x[first]`."""
    for b in range(LANES):
        total[b] += weights[0] * x[first, b] + weights[1] * x[first + 1, b] + weights[2] * x[first + 2, b]


@cache
def _shares(width: int) -> np.ndarray:
    """`[own, to, node]`: the weight of the value at a node of cell `own`, of `width` cells, in cell `to`:
    the integral of L_ij of the text times the polynomial through the values at the nodes of the cell.

    The primitive of a function is known at the edges of cells from its averages; L is the derivative of its
    interpolating polynomial.
    """
    edges = np.arange(width + 1) - width / 2
    s, weights = gauss(width // 2 + 2)  # exact for that product
    slopes = []
    for k in range(1, width + 1):
        others = np.delete(edges, k)
        cardinal = np.polynomial.Polynomial.fromroots(others) / np.prod(edges[k] - others)
        slopes.append(cardinal.deriv()(edges[:-1, None] + 0.5 + s))
    shape = np.cumsum(slopes[::-1], axis=0)[::-1].swapaxes(0, 1)
    return shape * weights @ _through_nodes(s[:, None] ** _POWERS)


@cache
def _within_cell() -> np.ndarray:
    """`[to, node]`: what the value at a node adds to the integral from the left edge of the cell to node
    `to`."""
    return _through_nodes((_NODES[:, None] ** (_POWERS + 1) - (-0.5) ** (_POWERS + 1)) / (_POWERS + 1))


def _through_nodes(monomials: np.ndarray) -> np.ndarray:
    """Linear functionals of the polynomial through the values at the nodes, from those of its monomials."""
    return monomials @ np.linalg.inv(_NODES[:, None] ** _POWERS)


def discretize_samples(r: Any, values: Any, cells: int, *, order: int = 6) -> np.ndarray:
    """Bring potentials given as samples `(..., k)` of U(r_k) on a grid onto cells, by interpolating splines.

    The spline has degree 5, or one below the number of samples where there are fewer than 6. Samples must be
    at increasing r and reach from 0 (or within one spacing of it) to 1.

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
