"""Kernels of every order, carried across the cells: power series in the U of all cells at once.

What a cell does to y = u / u' (or to its like around a reference) is a series in that cell's U whose
coefficients are polynomials in y. The tensors of y so far go in, and those that know one cell more come out.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np

from .validation import refuse_oversize

Polynomials = list[list[float]]
Series = list[np.ndarray]  # a power series in the U of all cells: entry n, its symmetric tensor of degree n


def refuse_large_kernel(order: int, cells: int) -> None:
    """Raise the InputError that says how much memory a kernel would take, where there is less."""
    refuse_oversize(
        f"The Born kernel of order {order} at {cells} cells",
        3 * cells**order // 2,
        "lower the order or the number of cells, or take born_terms of the potentials themselves",
    )


def carry_kernels(order: int, starts: Sequence[float], crossings: Sequence[Polynomials]) -> Series:
    """The kernels of y behind all cells, where cell i takes y + starts[i] to the sum over k and p of
    `crossings[i][k][p] x_i^k (y + starts[i])^p`, and y = 0 before the first. Without x_i, y stays what it is
    but for the factor `crossings[i][0][1]`."""
    cells = len(starts)
    kernels = [np.zeros((cells,) * n) for n in range(order + 1)]
    for i, (start, crossing) in enumerate(zip(starts, crossings, strict=True)):
        y: Series = [np.array(start)] + [kernels[n][(slice(i),) * n] for n in range(1, order)]
        powers = [y]  # y^p through the degrees that are needed
        for _ in range(order):
            powers.append(_symmetric_product(powers[-1], y, order - len(powers)))
        for k in range(1, order + 1):
            for rest in range(order - k + 1):
                constant = crossing[k][0] if rest == 0 else 0.0
                term = sum((c * y_p[rest] for c, y_p in zip(crossing[k][1:], powers, strict=False)), constant)
                _place(kernels[k + rest], np.asarray(term) / comb(k + rest, k), i, k, rest)
        if crossing[0][1] != 1.0:
            for n in range(1, order + 1):
                kernels[n][(slice(i),) * n] *= crossing[0][1]
    return kernels


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
