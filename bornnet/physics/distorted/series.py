"""The perturbation series of a0 and of 1 / a0 around any reference: terms, their derivatives, and kernels.

A and B (see `distorted_waves`) are carried across the cells as power series in lambda, for the potential
U0 + lambda U. O(cells order^2) for all orders together.
"""

from typing import Any

import numpy as np

from ..blocks import LANES, load_normalized, over_rows
from ..carried_kernels import Polynomials, carry_kernels, refuse_large_kernel
from ..stumpff import compiled, kernel
from ..validation import as_count, as_potentials, is_tensor, refuse_nonfinite, refuse_oversize
from .waves import Distortion, Target, as_reference, distortion


def terms_around(potentials: Any, order: int, at: Any, target: Target, workers: int | None) -> Any:
    """Terms 1 .. order of the target at U0 + lambda U, `(order, ...)`; see `born_terms`."""
    order = as_count("order", order)
    if is_tensor(potentials):
        from ..autograd import differentiable

        return differentiable(
            potentials,
            lambda U: terms_around(U, order, at, target, workers),
            lambda U, grad: _pullback(U, grad, at, target, workers),
        )
    rows, batch = as_potentials(potentials)
    refuse_oversize(f"Terms to order {order}", order * (len(rows) + 4 * LANES), "lower the order")
    around = distortion(as_reference(at, rows.shape[1]), target, order)
    terms = np.empty((order, len(rows)))
    matrices, weights, factor = around.matrices, around.weights, around.factor
    if over_rows(lambda a, b: _terms_kernel(rows, a, b, matrices, weights, factor, terms), rows, workers):
        refuse_nonfinite(rows, batch)
    return terms.reshape(order, *batch)


def _pullback(
    potentials: np.ndarray, grad: np.ndarray, at: Any, target: Target, workers: int | None
) -> np.ndarray:
    """sum_n grad[n - 1] d term n / d U_i."""
    rows, _ = as_potentials(potentials)
    around = distortion(as_reference(at, rows.shape[1]), target, len(grad))
    grad = np.ascontiguousarray(grad, dtype=np.float64).reshape(len(grad), len(rows))
    gradient = np.empty(rows.shape)
    matrices, weights, factor = around.matrices, around.weights, around.factor
    over_rows(
        lambda a, b: _pullback_kernel(rows, a, b, matrices, weights, factor, grad, gradient), rows, workers
    )
    return gradient.reshape(potentials.shape)


def denominators(
    rows: np.ndarray, batch: tuple[int, ...], around: Distortion, workers: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """The power series of A(lambda), the denominator of the target, `(N, order + 1)`, each in units of a
    lambda of its own, `(N,)`: coefficient n is `series[:, n] * size^n`. 0 is the size of U = 0."""
    order = around.matrices.shape[1] - 1
    series, size = np.empty((len(rows), order + 1)), np.empty(len(rows))
    matrices, weights = around.matrices, around.weights
    if over_rows(
        lambda a, b: _denominator_kernel(rows, a, b, matrices, weights, series, size), rows, workers
    ):
        refuse_nonfinite(rows, batch)
    return series, size


def kernel_around(order: int, cells: int, at: Any, target: Target) -> np.ndarray:
    """The kernel of that order, `(cells,) * order`; see `born_kernel`.

    y = B / A is taken across cell i by `(BA + BB y) / (AA + AB y)`: the variable-phase equation in the basis
    of the distorted waves. Since y = 0 at the reference, the target's denominator is never divided by.
    """
    order, cells = as_count("order", order), as_count("cells", cells)
    refuse_large_kernel(order, cells)
    around = distortion(as_reference(at, cells), target, order)
    crossings = [_crossing(matrices) for matrices in around.matrices]
    scale = around.factor * float(cells) ** (-2 * order)
    return carry_kernels(order, [0.0] * cells, crossings)[order] * scale


def _crossing(matrices: np.ndarray) -> Polynomials:
    """`polynomials[k][p]`: the coefficient of x^k y^p in (BA + BB y) / (AA + AB y)."""
    order = len(matrices) - 1
    polynomials = np.zeros((order + 1, order + 2))
    for k, (_, _, BA, BB) in enumerate(matrices):
        polynomials[k, :2] = BA, BB
        for j in range(1, k + 1):
            polynomials[k] -= matrices[j, 0] * polynomials[k - j]
            polynomials[k, 1:] -= matrices[j, 1] * polynomials[k - j, :-1]
    return [polynomials[k, : k + 2].tolist() for k in range(order + 1)]


@kernel
def _terms_kernel(potentials, start, stop, matrices, weights, factor, terms):
    """Returns the number of entries that are NaN or infinite."""
    cells = potentials.shape[1]
    order = len(terms)
    x, size, A, B, powers = _workspace(order, cells)
    ratio = np.empty(order + 1)
    nonfinite = 0
    for row in range(start, stop, LANES):
        lanes = min(LANES, stop - row)
        nonfinite += load_normalized(potentials, row, lanes, weights, x, size)
        _carry(x, matrices, A, B, powers)
        for b in range(lanes):
            _divide(B[:, b], A[:, b], ratio)
            scale = factor
            for n in range(1, order + 1):
                scale *= size[b]
                terms[n - 1, row + b] = scale * ratio[n]
    return nonfinite


@kernel
def _denominator_kernel(potentials, start, stop, matrices, weights, series, size_out):
    """Returns the number of entries that are NaN or infinite."""
    cells = potentials.shape[1]
    order = series.shape[1] - 1
    x, size, A, B, powers = _workspace(order, cells)
    nonfinite = 0
    for row in range(start, stop, LANES):
        lanes = min(LANES, stop - row)
        nonfinite += load_normalized(potentials, row, lanes, weights, x, size)
        _carry(x, matrices, A, B, powers)
        for b in range(lanes):
            series[row + b] = A[:, b]
            size_out[row + b] = size[b]
    return nonfinite


@kernel
def _pullback_kernel(potentials, start, stop, matrices, weights, factor, grad, gradient):
    """The adjoint of `_terms_kernel`: from the edge back to r = 0."""
    cells = potentials.shape[1]
    order = len(grad)
    x, size, A, B, powers = _workspace(order, cells)
    before = np.empty((cells, 2, order + 1, LANES))
    adjoint = np.empty((2, order + 1))
    ratio = np.empty(order + 1)
    for row in range(start, stop, LANES):
        lanes = min(LANES, stop - row)
        load_normalized(potentials, row, lanes, weights, x, size)
        A[:] = 0.0
        B[:] = 0.0
        A[0] = 1.0
        for i in range(cells):
            before[i, 0] = A
            before[i, 1] = B
            _cross(x[i], matrices[i], A, B, powers)
        for b in range(lanes):
            _divide(B[:, b], A[:, b], ratio)
            _adjoint_of_division(A[:, b], ratio, grad[:, row + b], factor, size[b], adjoint)
            unit = 1.0 / (float(cells) * float(cells))
            if size[b] > 0.0:
                unit /= size[b]
            for i in range(cells - 1, -1, -1):
                slope = _cross_back(x[i, b], matrices[i], before[i, 0, :, b], before[i, 1, :, b], adjoint)
                gradient[row + b, i] = slope * unit
    return 0


@compiled
def _workspace(order, cells):
    """Room for a block of potentials, their sizes, the series of A and B, and the powers of x."""
    shape = (order + 1, LANES)
    return np.empty((cells, LANES)), np.empty(LANES), np.empty(shape), np.empty(shape), np.empty(shape)


@compiled
def _carry(x, matrices, A, B, powers):
    A[:] = 0.0
    B[:] = 0.0
    A[0] = 1.0
    for i in range(len(x)):
        _cross(x[i], matrices[i], A, B, powers)


@compiled
def _cross(x, matrices, A, B, powers):
    """Take the power series of all lanes across one cell."""
    order = len(A) - 1
    scale = matrices[0, 3]
    powers[0] = 1.0
    for k in range(1, order + 1):
        for b in range(LANES):
            powers[k, b] = x[b] * powers[k - 1, b]
    for m in range(order, -1, -1):
        for b in range(LANES):
            B[m, b] *= scale
        for k in range(1, m + 1):
            AA, AB, BA, BB = matrices[k, 0], matrices[k, 1], matrices[k, 2], matrices[k, 3]
            for b in range(LANES):
                A[m, b] += powers[k, b] * (AA * A[m - k, b] + AB * B[m - k, b])
                B[m, b] += powers[k, b] * (BA * A[m - k, b] + BB * B[m - k, b])


@compiled
def _divide(B, A, ratio):
    """The power series B / A, where A[0] = 1."""
    for n in range(len(ratio)):
        ratio[n] = B[n]
        for k in range(1, n + 1):
            ratio[n] -= A[k] * ratio[n - k]


@compiled
def _adjoint_of_division(A, ratio, grad, factor, size, adjoint):
    """d (sum_n grad[n - 1] factor size^n ratio[n]) / d A[k] and / d B[k]."""
    order = len(grad)
    scale = factor * size**order
    for n in range(order, -1, -1):  # B first: divide by A, from the highest power down
        weight = 0.0
        if n > 0:
            weight = scale * grad[n - 1]
            scale = factor * size ** (n - 1)
        for k in range(1, order - n + 1):
            weight -= A[k] * adjoint[1, n + k]
        adjoint[1, n] = weight
    for k in range(order + 1):
        adjoint[0, k] = 0.0
        for n in range(order - k + 1):
            adjoint[0, k] -= ratio[n] * adjoint[1, n + k]


@compiled
def _cross_back(x, matrices, A, B, adjoint):
    """Take the adjoint back across one cell, with A and B in front of it; returns the derivative by x."""
    order = len(A) - 1
    slope = 0.0
    for m in range(1, order + 1):
        power = 1.0  # x^(k - 1)
        for k in range(1, m + 1):
            by_power = adjoint[0, m] * (matrices[k, 0] * A[m - k] + matrices[k, 1] * B[m - k])
            by_power += adjoint[1, m] * (matrices[k, 2] * A[m - k] + matrices[k, 3] * B[m - k])
            slope += k * power * by_power
            power *= x
    for m in range(order + 1):
        adjoint[1, m] *= matrices[0, 3]
        power = x
        for k in range(1, order - m + 1):
            # rows m + k of `adjoint` are not taken back yet
            to_A = matrices[k, 0] * adjoint[0, m + k] + matrices[k, 2] * adjoint[1, m + k]
            to_B = matrices[k, 1] * adjoint[0, m + k] + matrices[k, 3] * adjoint[1, m + k]
            adjoint[0, m] += power * to_A
            adjoint[1, m] += power * to_B
            power *= x
    return slope
