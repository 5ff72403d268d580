"""Sums of powers, ``sum_i w_i (y_i . d)^q``, as packed symmetric tensors."""

import numpy as np

from ...networks.packed import multiplicity_factorials, multiply, multisets, packed_size

_BLOCK_VALUES = 1 << 25  # doubles of the products of a block of rows: 256 MiB


def power_sum(y: np.ndarray, weights: np.ndarray, degree: int) -> np.ndarray:
    """``sum_i w_i y_i[a] y_i[b] ..``, one entry per multiset, of ``y (N, D)`` and ``weights (N,)``.

    A multiset is split into its lower and its upper half. Upper halves that start at or after the last index
    of the lower one are the last of all, so that one matrix product for each such index gives every entry
    once.
    """
    inputs = y.shape[1]
    if degree == 0:
        return np.array([weights.sum()])
    if degree == 1:
        return weights @ y
    low, high = degree // 2, degree - degree // 2
    lower, upper = multisets(inputs, low), multisets(inputs, high)
    order = [np.flatnonzero(lower[:, -1] == j) for j in range(inputs)]
    tails = [packed_size(inputs - j, high) for j in range(inputs)]
    # where the entries of a lower half begin: halves in order, each with its tail
    begins = np.concatenate([[0], np.cumsum([tails[j] for j in lower[:, -1]])])
    total = np.zeros(packed_size(inputs, degree))
    rows = max(1, _BLOCK_VALUES // len(upper))
    for start in range(0, len(y), rows):
        block = np.ascontiguousarray(y[start : start + rows].T)
        left = _products(block, lower) * weights[start : start + rows]
        right = _products(block, upper)
        for which, tail in zip(order, tails, strict=True):
            part = left[which] @ right[len(upper) - tail :].T
            for row, half in zip(part, which, strict=True):
                total[begins[half] : begins[half] + tail] += row
    return total


def _products(columns: np.ndarray, sets: np.ndarray) -> np.ndarray:
    result = columns[sets[:, 0]]
    for place in range(1, sets.shape[1]):
        result *= columns[sets[:, place]]
    return result


def as_polynomial(tensor: np.ndarray, inputs: int, degree: int) -> np.ndarray:
    """Monomial coefficients of a packed symmetric tensor."""
    if degree == 0:
        return tensor
    repeats = multiplicity_factorials(inputs, degree)
    return tensor * (np.prod(np.arange(1.0, degree + 1)) / repeats)


def times(a: np.ndarray, b: np.ndarray, inputs: int, degrees: tuple[int, int]) -> np.ndarray:
    """The product of two packed polynomials, of any degrees from 0."""
    if 0 in degrees:
        return a * b
    return multiply(a[:, None], b[:, None], inputs, degrees)[:, 0]


def square(scale: np.ndarray) -> np.ndarray:
    """``|d @ scale|^2`` as a packed polynomial in d, of ``scale (D, D)``."""
    product = scale @ scale.T
    places = multisets(len(product), 2)
    return product[places[:, 0], places[:, 1]] * np.where(places[:, 0] == places[:, 1], 1.0, 2.0)
