"""The Born series of the zero-energy scattering length: its terms for given potentials, and its kernels.

    a0(lambda U) = sum_n lambda^n a^(n)(U),     a^(n)(U) = sum K_n[i1, .., in] U[i1] .. U[in]

With G(r, r') = min(r, r'), `a^(n) = - int r1 U(r1) G(r1, r2) U(r2) .. G(r_{n-1}, r_n) U(r_n) r_n`; on cells
every order is exact.
"""

from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from .blocks import LANES, count_nonfinite, load_block, over_rows
from .stumpff import compiled, kernel
from .validation import as_count, as_potentials, is_tensor, refuse_nonfinite, refuse_oversize

Series = list[np.ndarray]  # a power series in the U of all cells: entry n, its symmetric tensor of degree n


def born_terms(potentials: Any, order: int, *, workers: int | None = None) -> Any:
    """The Born terms a^(1) .. a^(order), in units of the range.

    (u, u') is carried across the cells as a power series in lambda, truncated at the order wanted; a0 is then
    one division of power series. O(cells order^2) for all orders together.

    Args:
        potentials: `(..., cells)`, any finite real U; or a torch tensor, through which autograd flows.
        order: the highest order, at least 1.
        workers: threads; all processors by default. The result does not depend on it.

    Returns:
        `(order, ...)` float64; row n-1 is a^(n), homogeneous of degree n in U.

    Raises:
        InputError: not a real array with at least one cell, an entry that is NaN or infinite, order < 1,
            or more terms than memory holds.
    """
    order = as_count("order", order)
    if is_tensor(potentials):
        from .autograd import differentiable

        return differentiable(
            potentials,
            lambda U: born_terms(U, order, workers=workers),
            lambda U, grad: _pullback(U, grad, workers),
        )
    rows, batch = as_potentials(potentials)
    refuse_oversize(f"Born terms to order {order}", order * (len(rows) + 4 * LANES), "lower the order")
    terms = np.empty((order, len(rows)))
    if over_rows(lambda a, b: _terms_kernel(rows, a, b, terms), rows, workers):
        refuse_nonfinite(rows, batch)
    return terms.reshape(order, *batch)


def _pullback(potentials: np.ndarray, grad: np.ndarray, workers: int | None) -> np.ndarray:
    """sum_n grad[n] d a^(n) / d U_i."""
    rows, _ = as_potentials(potentials)
    weights = np.ascontiguousarray(grad, dtype=np.float64).reshape(len(grad), len(rows))
    gradient = np.empty(rows.shape)
    over_rows(lambda a, b: _pullback_kernel(rows, a, b, weights, gradient), rows, workers)
    return gradient.reshape(potentials.shape)


def born_kernel(order: int, cells: int) -> np.ndarray:
    """The Born kernel K_n: the symmetric tensor with `a^(n)(U) = sum K_n[i1, .., in] U[i1] .. U[in]`.

    Built cell by cell from the Riccati form of the radial equation. With y = u / u', U constant in a cell of
    unit width and x = U h^2, `y -> (y + t) / (1 - x t y)` where `t = tan sqrt(x) / sqrt(x)`. Its coefficient
    of x^k is a polynomial in y with positive coefficients, and y itself is r minus the scattering length of
    the cells so far, whose Born kernels are all negative: nothing cancels, and every entry is exact to
    rounding.

    Args:
        order: n, at least 1.
        cells: at least 1.

    Returns:
        `(cells,) * order` float64, all entries negative. Times n! it is the n-th derivative of a0 at U = 0.

    Raises:
        InputError: order or cells below 1, or a tensor that does not fit into memory (the size is named).
    """
    order, cells = as_count("order", order), as_count("cells", cells)
    refuse_oversize(
        f"The Born kernel of order {order} at {cells} cells",
        3 * cells**order // 2,
        "lower the order or the number of cells, or take born_terms of the potentials themselves",
    )
    kernels = [np.zeros((cells,) * n) for n in range(order + 1)]  # of -a0, in units of cells
    crossing = _crossing_polynomials(order)
    for i in range(cells):
        y: Series = [np.array(float(i))] + [kernels[n][(slice(i),) * n] for n in range(1, order)]
        powers = [y]  # y^p through the degrees that are needed
        for _ in range(order):
            powers.append(_symmetric_product(powers[-1], y, order - len(powers)))
        for k in range(1, order + 1):
            for rest in range(order - k + 1):
                constant = crossing[k][0] if rest == 0 else 0.0
                term = sum((c * y_p[rest] for c, y_p in zip(crossing[k][1:], powers, strict=False)), constant)
                _place(kernels[k + rest], np.asarray(term) / comb(k + rest, k), i, k, rest)
    return kernels[order] * -(float(cells) ** -(2 * order + 1))


def _crossing_polynomials(order: int) -> list[list[float]]:
    """`polynomials[k][p]`: the coefficient of x^k y^p in (y + t) / (1 - x t y), t = tan sqrt(x) / sqrt(x)."""
    zero = Fraction(0)
    tangent = [Fraction(1)]  # t' follows from T = sqrt(x) t, T' = 1 + T^2
    for j in range(1, order + 1):
        tangent.append(sum((tangent[a] * tangent[j - 1 - a] for a in range(j)), zero) / (2 * j + 1))
    polynomials = [[zero] * (k + 2) for k in range(order + 1)]
    power = [Fraction(1)] + [zero] * order  # t^m
    for m in range(order + 1):
        following = [sum((power[a] * tangent[j - a] for a in range(j + 1)), zero) for j in range(order + 1)]
        for k in range(m, order + 1):
            polynomials[k][m + 1] += power[k - m]
            polynomials[k][m] += following[k - m]
        power = following
    return [[float(c) for c in polynomial] for polynomial in polynomials]


def _symmetric_product(a: Series, b: Series, degree: int) -> Series:
    """The product of two power series with symmetric coefficient tensors, through `degree`."""
    product = []
    for n in range(degree + 1):
        terms = []
        for m in range(n + 1):
            for axes in combinations(range(n), m):
                left = tuple(slice(None) if k in axes else None for k in range(n))
                right = tuple(None if k in axes else slice(None) for k in range(n))
                terms.append(a[m][left] * b[n - m][right] / comb(n, m))
        product.append(np.asarray(sum(terms)))
    return product


def _place(kernel: np.ndarray, term: np.ndarray, i: int, k: int, rest: int) -> None:
    """Write the entries with cell i in k places and earlier cells in the others."""
    term = _sorted(term)
    for axes in combinations(range(k + rest), k):
        kernel[tuple(i if axis in axes else slice(i) for axis in range(k + rest))] = term


def _sorted(tensor: np.ndarray) -> np.ndarray:
    """A tensor that is symmetric to rounding, made so exactly: each entry that at the sorted indices."""
    rank = np.ndim(tensor)
    for last in range(1, rank):  # a bubble sort of the indices, from its last comparison to its first
        for a in range(last - 1, -1, -1):
            index = np.arange(len(tensor))
            in_order = index[:, None] <= index
            in_order = in_order.reshape([len(tensor) if axis in (a, a + 1) else 1 for axis in range(rank)])
            tensor = np.where(in_order, tensor, tensor.swapaxes(a, a + 1))
    return tensor


@kernel
def _terms_kernel(potentials, start, stop, terms):
    """Returns the number of entries that are NaN or infinite."""
    order = len(terms)
    cells = potentials.shape[1]
    factors, x, size, state, work = _workspace(order, cells)
    nonfinite = 0
    for row in range(start, stop, LANES):
        lanes = min(LANES, stop - row)
        nonfinite += _load_normalized(potentials, row, lanes, x, size)
        _series_at_edge(x, factors, state, work)
        for b in range(lanes):
            scale = 1.0 / cells
            for n in range(1, order + 1):
                scale *= size[b]
                a = state[2, n, b]
                for k in range(1, n):
                    a -= state[1, k, b] * work[n - k, b]
                work[n, b] = a
                terms[n - 1, row + b] = scale * a
    return nonfinite


@compiled
def _workspace(order, cells):
    """1 / k!, and room for a block of potentials, their sizes, the series of u, v, d, and a crossing."""
    factors = np.ones(2 * order + 3)
    for k in range(1, len(factors)):
        factors[k] = factors[k - 1] / k
    state = np.empty((3, order + 1, LANES))
    return factors, np.empty((cells, LANES)), np.empty(LANES), state, np.empty((order + 3, LANES))


@compiled
def _load_normalized(potentials, row, lanes, x, size):
    """Load potentials divided by the integral of r |U|, written to `size`, so that no power of lambda
    underflows or overflows; returns the number of entries that are NaN or infinite."""
    cells = potentials.shape[1]
    load_block(potentials, row, lanes, 0, cells, 1.0 / (float(cells) * float(cells)), x)
    size[:] = 0.0
    for i in range(cells):
        for b in range(LANES):
            size[b] += (i + 0.5) * abs(x[i, b])
    for i in range(cells):
        for b in range(LANES):
            x[i, b] /= size[b] if size[b] > 0.0 else 1.0
    return count_nonfinite(x, cells)


@compiled
def _series_at_edge(x, factors, state, work):
    """The power series of u, v = u' and d = r u' - u at the edge: `state[0..2, power of lambda, lane]`."""
    state[:] = 0.0
    state[1, 0] = 1.0
    for i in range(len(x)):
        _cross_series(x[i], float(i), factors, state[0], state[1], state[2], work)


@compiled
def _cross_series(x, i, factors, u, v, d, work):
    """Take the power series of all lanes across cell i; see `cells.cross_shallow`."""
    order = len(u) - 1
    powers = work[: order + 1]  # of -x
    area = work[order + 1]
    lever = work[order + 2]
    powers[0] = 1.0
    for j in range(1, order):
        for b in range(LANES):
            powers[j, b] = -x[b] * powers[j - 1, b]
    for m in range(order, -1, -1):
        area[:] = 0.0
        lever[:] = 0.0
        for j in range(m):
            f1, f2, f3 = factors[2 * j + 1], factors[2 * j + 2], factors[2 * j + 3]
            for b in range(LANES):
                area[b] += powers[j, b] * (f1 * u[m - 1 - j, b] + f2 * v[m - 1 - j, b])
                lever[b] += powers[j, b] * (f2 * u[m - 1 - j, b] + f3 * v[m - 1 - j, b])
        for b in range(LANES):
            u[m, b] += v[m, b] - x[b] * lever[b]
            v[m, b] -= x[b] * area[b]
            d[m, b] -= x[b] * ((i + 1.0) * area[b] - lever[b])


@kernel
def _pullback_kernel(potentials, start, stop, weights, gradient):
    """sum_n weights[n] d a^(n+1) / d U_i, from `d a0 / d U_i = - integral over cell i of (u / u'(1))^2`."""
    order = len(weights)
    cells = potentials.shape[1]
    factors, x, size, state, work = _workspace(order, cells)
    dual = np.empty((order, LANES))
    for row in range(start, stop, LANES):
        lanes = min(LANES, stop - row)
        _load_normalized(potentials, row, lanes, x, size)
        _series_at_edge(x, factors, state, work)
        for b in range(lanes):
            _dual_series(state[1, :, b], weights[:, row + b], size[b], dual[:, b])
        state[:] = 0.0
        state[1, 0] = 1.0
        for i in range(cells):
            for b in range(lanes):
                square = _contracted_square(x[i, b], state[0, :, b], state[1, :, b], factors, dual[:, b])
                gradient[row + b, i] = -square / (float(cells) ** 3)
            _cross_series(x[i], float(i), factors, state[0], state[1], state[2], work)
    return 0


@compiled
def _dual_series(v, weights, size, dual):
    """dual[m] = sum_n weights[n] size^n [lambda^(n-m)] v^-2."""
    order = len(dual)
    inverse = np.zeros(order)
    inverse[0] = 1.0
    for n in range(1, order):
        for k in range(1, n + 1):
            inverse[n] -= v[k] * inverse[n - k]
    for m in range(order):
        dual[m] = 0.0
        scale = size**m
        for n in range(m, order):
            w = 0.0
            for k in range(n - m + 1):
                w += inverse[k] * inverse[n - m - k]
            dual[m] += weights[n] * scale * w
            scale *= size


@compiled
def _contracted_square(x, u, v, factors, dual):
    """sum_m dual[m] [lambda^m] of the integral of u^2 over a cell,
    u^2 (1 + c_1(4x)) / 2 + 2 u v c_2(4x) + 2 v^2 c_3(4x)."""
    order = len(dual)
    total = 0.0
    for s in range(order):
        uu, uv, vv = 0.0, 0.0, 0.0
        for k in range(s + 1):
            uu += u[k] * u[s - k]
            uv += u[k] * v[s - k]
            vv += v[k] * v[s - k]
        total += 0.5 * uu * dual[s]
        power = 1.0
        for j in range(order - s):
            term = 0.5 * uu * factors[2 * j + 1] + 2.0 * (uv * factors[2 * j + 2] + vv * factors[2 * j + 3])
            total += dual[s + j] * power * term
            power *= -4.0 * x
    return total
