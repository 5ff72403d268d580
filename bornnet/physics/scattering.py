"""The zero-energy scattering length of piecewise-constant potentials and its gradient, exact to rounding.

    u'' = -U u,  u(0) = 0,   a0 = 1 - u(1) / u'(1),   d a0 / d U_i = - integral over cell i of (u / u'(1))^2

Lengths are in units of the range; U > 0 attracts. a0 is negative for a shallow attractive potential, positive
for a repulsive one and where there is a bound state just below threshold; it is 0 for U = 0.
"""

from typing import Any

import numpy as np

from .blocks import LANES, count_deep, count_nonfinite, load_block, over_rows
from .cells import LARGE, cross_deep, cross_shallow, square_shallow
from .stumpff import SHALLOW, compiled, kernel
from .validation import as_potentials, is_tensor, refuse_nonfinite

_TILE = 64  # cells between two looks at whether a solution has grown too large
NO_DIVISOR, BY_SLOPE, BY_NUMERATOR = 0, 1, 2


def scattering_length(potentials: Any, *, workers: int | None = None) -> Any:
    """The scattering length a0, in units of the range.

    Args:
        potentials: `(..., cells)`, any finite real U; or a torch tensor, through which autograd flows.
        workers: threads; all processors by default. The result does not depend on it.

    Returns:
        `(...)` float64. Exactly at the unitary limit, where u'(1) = 0, it is `inf`: a0 goes to -inf as the
        attraction grows towards that point and comes back from +inf behind it. `inverse_scattering_length` is
        smooth there.

    Raises:
        InputError: not a real array with at least one cell, or an entry that is NaN or infinite.
    """
    if is_tensor(potentials):
        from .autograd import differentiable

        return differentiable(
            potentials,
            lambda U: scattering_length(U, workers=workers),
            lambda U, grad: grad[..., None] * scattering_length_and_gradient(U, workers=workers)[1],
        )
    rows, batch = as_potentials(potentials)
    d, v = edge(rows, batch, workers)
    return length_from_edge(d, v, rows.shape[1]).reshape(batch)[()]


def inverse_scattering_length(potentials: Any, *, workers: int | None = None) -> Any:
    """1 / a0, in units of the inverse range: smooth through the unitary limit, where it is 0.

    Args and errors are those of `scattering_length`. Where a0 = 0 exactly, as for U = 0, the result is `inf`.
    """
    if is_tensor(potentials):
        from .autograd import differentiable

        def pullback(U: np.ndarray, grad: np.ndarray) -> np.ndarray:
            integrals = edge_and_integrals(*as_potentials(U), workers, BY_NUMERATOR)[2]
            return -grad[..., None] * integrals.reshape(U.shape)

        return differentiable(potentials, lambda U: inverse_scattering_length(U, workers=workers), pullback)
    rows, batch = as_potentials(potentials)
    d, v = edge(rows, batch, workers)
    return inverse_length_from_edge(d, v, rows.shape[1]).reshape(batch)[()]


def scattering_length_and_gradient(potentials: Any, *, workers: int | None = None) -> tuple[Any, Any]:
    """a0 and its exact gradient d a0 / d U_i, at about twice the cost of a0 alone.

    Returns:
        `(...)` and `(..., cells)`. At the unitary limit both are infinite: `inf` and `-inf`.
        Args and errors are those of `scattering_length`; for torch tensors the results carry no further
        graph.
    """
    if is_tensor(potentials):
        from .autograd import to_numpy, to_tensor

        value, slope = scattering_length_and_gradient(to_numpy(potentials), workers=workers)
        return to_tensor(value, potentials), to_tensor(slope, potentials)
    rows, batch = as_potentials(potentials)
    d, v, integrals = edge_and_integrals(rows, batch, workers, BY_SLOPE)
    return length_from_edge(d, v, rows.shape[1]).reshape(batch)[()], integrals.reshape(*batch, rows.shape[1])


def inverse_scattering_length_and_gradient(
    potentials: Any, *, workers: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """1 / a0 and its exact gradient d (1 / a0) / d U_i = integral over cell i of (u / (u'(1) - u(1)))^2.

    Returns:
        `(...)` and `(..., cells)`. Where a0 = 0 both are infinite. Args and errors are those of
        `scattering_length`; of numbers, not of tensors.
    """
    rows, batch = as_potentials(potentials)
    d, v, integrals = edge_and_integrals(rows, batch, workers, BY_NUMERATOR)
    value = inverse_length_from_edge(d, v, rows.shape[1]).reshape(batch)[()]
    return value, -integrals.reshape(*batch, rows.shape[1])


def length_from_edge(d: np.ndarray, v: np.ndarray, cells: int) -> np.ndarray:
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(v == 0.0, np.inf, d / v / cells)


def inverse_length_from_edge(d: np.ndarray, v: np.ndarray, cells: int) -> np.ndarray:
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(d == 0.0, np.inf, v / d * cells)


def edge(rows: np.ndarray, batch: tuple[int, ...], workers: int | None) -> tuple[np.ndarray, np.ndarray]:
    """d = r u' - u (in cells) and v = u' at the edge of each potential, up to a factor common to both."""
    d, v = np.empty(len(rows)), np.empty(len(rows))
    if over_rows(lambda a, b: _edge_kernel(rows, a, b, d, v), rows, workers):
        refuse_nonfinite(rows, batch)
    return d, v


def edge_and_integrals(
    rows: np.ndarray, batch: tuple[int, ...], workers: int | None, divisor: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """d, v and the integrals `-integral over cell i of u^2 dr`, in units of the range.

    Divided by v^2 they are the gradient of a0; by (h d)^2, the gradient of -1 / a0; or by nothing.
    """
    d, v, integrals = np.empty(len(rows)), np.empty(len(rows)), np.empty(rows.shape)
    if over_rows(lambda a, b: _integral_kernel(rows, a, b, divisor, d, v, integrals), rows, workers):
        refuse_nonfinite(rows, batch)
    return d, v, integrals


@compiled
def _states():
    """Room for u, v, d of all lanes, and for u and v before a cell."""
    return np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty((2, LANES))


@compiled
def _at_origin(u, v, d):
    u[:] = 0.0
    v[:] = 1.0
    d[:] = 0.0


@compiled
def _cross_lanes(x, i, u, v, d, before):
    """Take all lanes across cell i. The few that are deep are taken again, from the state in `before`."""
    deep = count_deep(x)
    if deep > 0:
        before[0] = u
        before[1] = v
    _cross_shallow_lanes(x, i, u, v, d)
    if deep > 0:
        for b in range(LANES):
            if abs(x[b]) > SHALLOW:
                u[b], v[b], d[b], _, _ = cross_deep(x[b], i, before[0, b], before[1, b])


@compiled
def _cross_shallow_lanes(x, i, u, v, d):
    for b in range(LANES):
        u[b], v[b], d[b] = cross_shallow(x[b], i, u[b], v[b], d[b])


@compiled
def _shrink(u, v, b):
    """The factor that keeps lane b in range: repulsive cells let u grow exponentially."""
    return 1.0 / LARGE if abs(u[b]) + abs(v[b]) > LARGE else 1.0


@kernel
def _edge_kernel(potentials, start, stop, d_out, v_out):
    cells = potentials.shape[1]
    scale = 1.0 / (float(cells) * float(cells))
    x = np.empty((_TILE, LANES))
    u, v, d, before = _states()
    nonfinite = 0
    for row in range(start, stop, LANES):
        lanes = min(LANES, stop - row)
        _at_origin(u, v, d)
        for first in range(0, cells, _TILE):
            width = min(_TILE, cells - first)
            if load_block(potentials, row, lanes, first, width, scale, x) == 0:
                for j in range(width):
                    _cross_shallow_lanes(x[j], float(first + j), u, v, d)
            else:
                nonfinite += count_nonfinite(x, width)
                for j in range(width):
                    _cross_lanes(x[j], float(first + j), u, v, d, before)
            for b in range(LANES):
                factor = _shrink(u, v, b)
                u[b] *= factor
                v[b] *= factor
                d[b] *= factor
        d_out[row : row + lanes] = d[:lanes]
        v_out[row : row + lanes] = v[:lanes]
    return nonfinite


@kernel
def _integral_kernel(potentials, start, stop, divisor, d_out, v_out, integrals):
    cells = potentials.shape[1]
    scale = 1.0 / (float(cells) * float(cells))
    h = 1.0 / float(cells)
    x = np.empty((cells, LANES))
    squares = np.empty((cells, LANES))
    u, v, d, before = _states()
    nonfinite = 0
    for row in range(start, stop, LANES):
        lanes = min(LANES, stop - row)
        _at_origin(u, v, d)
        deep = load_block(potentials, row, lanes, 0, cells, scale, x)
        if deep > 0:
            nonfinite += count_nonfinite(x, cells)
        for i in range(cells):
            xi = x[i]
            square = squares[i]
            for b in range(LANES):
                square[b] = square_shallow(xi[b], u[b], v[b])
            if deep == 0:
                _cross_shallow_lanes(xi, float(i), u, v, d)
            else:
                _square_deep_lanes(x, i, u, v, squares)
                _cross_lanes(xi, float(i), u, v, d, before)
            if (i + 1) % _TILE == 0:
                for b in range(LANES):
                    factor = _shrink(u, v, b)
                    if factor != 1.0:
                        u[b] *= factor
                        v[b] *= factor
                        d[b] *= factor
                        squares[: i + 1, b] *= factor * factor
        for b in range(lanes):
            factor = -h * h * h
            if divisor == BY_SLOPE:
                factor = factor / v[b] / v[b]
            elif divisor == BY_NUMERATOR:
                factor = -h / d[b] / d[b]
            for i in range(cells):
                integrals[row + b, i] = factor * squares[i, b]
        d_out[row : row + lanes] = d[:lanes]
        v_out[row : row + lanes] = v[:lanes]
    return nonfinite


@compiled
def _square_deep_lanes(x, i, u, v, squares):
    """The integrals over cell i in the lanes where it is deep; earlier ones take on that cell's factor."""
    for b in range(LANES):
        if abs(x[i, b]) > SHALLOW:
            _, _, _, squares[i, b], factor = cross_deep(x[i, b], float(i), u[b], v[b])
            if factor != 1.0:
                squares[:i, b] *= factor * factor
