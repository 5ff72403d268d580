"""The Born series of the zero-energy scattering length: its terms for given potentials, and its kernels.

    a0(lambda U) = sum_n lambda^n a^(n)(U),     a^(n)(U) = sum K_n[i1, .., in] U[i1] .. U[in]

With G(r, r') = min(r, r'), `a^(n) = - int r1 U(r1) G(r1, r2) U(r2) .. G(r_{n-1}, r_n) U(r_n) r_n`; on cells
every order is exact.
"""

from fractions import Fraction
from typing import Any

import numpy as np

from .blocks import LANES, load_normalized, over_rows
from .carried_kernels import Polynomials, carry_kernels, refuse_large_kernel
from .stumpff import compiled, kernel
from .validation import as_count, as_potentials, is_tensor, refuse_nonfinite, refuse_oversize


def born_terms(potentials: Any, order: int, at: Any = None, *, workers: int | None = None) -> Any:
    """The Born terms a^(1) .. a^(order), in units of the range: the Taylor terms of a0 at U = 0.

    (u, u') is carried across the cells as a power series in lambda, truncated at the order wanted; a0 is then
    one division of power series. O(cells order^2) for all orders together.

    With a reference U0 they are the terms of the distorted-wave Born series, of a0(U0 + lambda U) in lambda;
    `bornnet.physics.distorted.waves` says how. They grow like 1 / u'(1)^(n + 1) towards the unitary limit,
    and keep their relative accuracy there.

    Args:
        potentials: `(..., cells)`, any finite real U; or a torch tensor, through which autograd flows. With a
            reference, the displacements from it and not the full potentials.
        order: the highest order, at least 1.
        at: the reference U0, `(cells,)`, any finite real numbers; U0 = 0 by default. A constant to autograd.
        workers: threads; all processors by default. The result does not depend on it.

    Returns:
        `(order, ...)` float64; row n-1 is a^(n), homogeneous of degree n in U.

    Raises:
        InputError: not a real array with at least one cell, an entry that is NaN or infinite, order < 1,
            more terms than memory holds, a reference of another number of cells, or one at which a0 is
            infinite (take `inverse_born_terms` there).
    """
    if at is not None:
        from .distorted.series import terms_around

        return terms_around(potentials, order, at, "scattering_length", workers)
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


def born_kernel(order: int, cells: int, at: Any = None) -> np.ndarray:
    """The Born kernel K_n: the symmetric tensor with `a^(n)(U) = sum K_n[i1, .., in] U[i1] .. U[in]`.

    Built cell by cell from the Riccati form of the radial equation. With y = u / u', U constant in a cell of
    unit width and x = U h^2, `y -> (y + t) / (1 - x t y)` where `t = tan sqrt(x) / sqrt(x)`. Its coefficient
    of x^k is a polynomial in y with positive coefficients, and y itself is r minus the scattering length of
    the cells so far, whose Born kernels are all negative: nothing cancels, and every entry is exact to
    rounding.

    Args:
        order: n, at least 1.
        cells: at least 1.
        at: a reference U0, `(cells,)`: the kernel is then that of `born_terms(.., at)`, with signs of both
            kinds where u has nodes, and exact to rounding relative to its largest entry.

    Returns:
        `(cells,) * order` float64, all entries negative at U0 = 0. Times n! it is the n-th derivative of a0.

    Raises:
        InputError: order or cells below 1, a tensor that does not fit into memory (the size is named), or a
            reference that `born_terms` refuses.
    """
    if at is not None:
        from .distorted.series import kernel_around

        return kernel_around(order, cells, at, "scattering_length")
    order, cells = as_count("order", order), as_count("cells", cells)
    refuse_large_kernel(order, cells)
    crossing = _crossing_polynomials(order)
    kernels = carry_kernels(order, [float(i) for i in range(cells)], [crossing] * cells)  # of -a0, in cells
    return kernels[order] * -(float(cells) ** -(2 * order + 1))


def _crossing_polynomials(order: int) -> Polynomials:
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


@kernel
def _terms_kernel(potentials, start, stop, terms):
    """Returns the number of entries that are NaN or infinite."""
    order = len(terms)
    cells = potentials.shape[1]
    factors, x, size, state, work = _workspace(order, cells)
    radii = np.arange(cells) + 0.5  # sized by the integral of r |U|
    nonfinite = 0
    for row in range(start, stop, LANES):
        lanes = min(LANES, stop - row)
        nonfinite += load_normalized(potentials, row, lanes, radii, x, size)
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
    radii = np.arange(cells) + 0.5  # sized by the integral of r |U|
    dual = np.empty((order, LANES))
    for row in range(start, stop, LANES):
        lanes = min(LANES, stop - row)
        load_normalized(potentials, row, lanes, radii, x, size)
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
