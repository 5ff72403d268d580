"""Sums of products of two polynomials, order 3 to 5, as symmetric tensors of partial derivatives.

The factors come in pieces ``(left, right)`` of orders 1|1 (order 3), 2|2 or 2|3, packed monomials with a
column per neuron. Read as symmetric tensors, the entry ``i <= j <= ..`` of their symmetrised product is
the mean over all ways of giving the left factor its share of the n places. One matrix product over all
neurons holds every way. For orders 4 and 5 it is done in blocks that share the smallest index i: their
entries are a contiguous tail of the packed order, so memory stays small, and nothing is computed that is
not read.
"""

from collections.abc import Sequence
from math import factorial

import numpy as np

from ..compute.compiled import njit
from .packed import multiplicity_factorials, packed_size, unpack

Pieces = Sequence[tuple[np.ndarray, np.ndarray]]


def symmetrised_product(pieces: Pieces, inputs: int, order: int, packed: bool) -> np.ndarray:
    """Partial derivatives of order 4 or 5 of ``sum left right``, packed or dense ``(inputs,) * order``."""
    left = _as_tensors([left for left, _ in pieces], inputs, 2, factorial(order))
    right = _as_tensors([right for _, right in pieces], inputs, order - 2, 1.0)
    entries = _fourth(left, right, inputs) if order == 4 else _fifth(left, right, inputs)
    return entries if packed else unpack(entries, inputs, order)


def _as_tensors(polynomials: Sequence[np.ndarray], inputs: int, degree: int, scale: float) -> np.ndarray:
    """The polynomials side by side, as entries of symmetric tensors times ``scale``."""
    stacked = np.hstack(polynomials)
    stacked *= (multiplicity_factorials(inputs, degree) * (scale / factorial(degree)))[:, None]
    return stacked


def symmetrised_squares(pieces: Pieces, inputs: int, packed: bool) -> np.ndarray:
    """Order 3: partial derivatives of ``sum left^2 right``, both of order 1, slice by slice of the index i.

    With l and r the factors, the slice is ``X + X^T``, ``X_jk = sum l_j (2 l_i r_k + r_i l_k)``, for j, k
    >= i.
    """
    left = np.hstack([left for left, _ in pieces])
    right = np.hstack([right for _, right in pieces])
    result = np.empty(packed_size(inputs, 3) if packed else (inputs,) * 3)
    done = 0
    for i in range(inputs):
        product = left[i:] @ _slice_factor(left, right, i).T
        if packed:
            done = _gather_third(product, result, done)
        else:
            _fill_third(product, result)
    return result


def _fourth(left: np.ndarray, right: np.ndarray, inputs: int) -> np.ndarray:
    """Pairs with pairs: both factors take both roles, so they are stacked to get L R + R L at once."""
    packed = np.empty(packed_size(inputs, 4))
    both, swapped = np.hstack((left, right)), np.hstack((right, left))
    done = 0
    for i in range(inputs):
        tail = len(left) - packed_size(inputs - i, 2)
        block = both[tail : tail + inputs - i] @ swapped[tail:].T
        done = _gather_fourth(block, packed, done)
    return packed


def _fifth(left: np.ndarray, right: np.ndarray, inputs: int) -> np.ndarray:
    """Pairs with triples: index i sits in the pair (``near``) or in the triple (``far``)."""
    packed = np.empty(packed_size(inputs, 5))
    done = 0
    for i in range(inputs):
        pairs = len(left) - packed_size(inputs - i, 2)
        triples = len(right) - packed_size(inputs - i, 3)
        near = left[pairs : pairs + inputs - i] @ right[triples:].T
        far = left[pairs:] @ right[triples : triples + packed_size(inputs - i, 2)].T
        _add_transpose(far)
        done = _gather_fifth(near, far, packed, done)
    return packed


@njit(cache=True, nogil=True, fastmath={"contract"})
def _slice_factor(left, right, i):
    factor = np.empty((left.shape[0] - i, left.shape[1]))
    for k in range(i, left.shape[0]):
        for n in range(left.shape[1]):
            factor[k - i, n] = 2.0 * left[i, n] * right[k, n] + right[i, n] * left[k, n]
    return factor


@njit(cache=True, nogil=True)
def _gather_third(product, packed, entry):
    """Entries (0, j, k), indices counted from the slice's first one."""
    for j in range(product.shape[0]):
        for k in range(j, product.shape[0]):
            packed[entry] = product[j, k] + product[k, j]
            entry += 1
    return entry


@njit(cache=True, nogil=True)
def _fill_third(product, dense):
    """The same entries in all six places of the dense tensor."""
    size = product.shape[0]
    i = dense.shape[0] - size
    for j in range(i, i + size):
        for k in range(j, i + size):
            value = product[j - i, k - i] + product[k - i, j - i]
            dense[i, j, k] = value
            dense[i, k, j] = value
            dense[j, i, k] = value
            dense[j, k, i] = value
            dense[k, i, j] = value
            dense[k, j, i] = value


@njit(cache=True, nogil=True)
def _pair_rows(inputs):
    """``row[i] + j`` is the rank of the pair i <= j."""
    row = np.empty(inputs, dtype=np.int64)
    for i in range(inputs):
        row[i] = i * inputs - i * (i - 1) // 2 - i
    return row


@njit(cache=True, nogil=True)
def _triple_rows(inputs):
    """``row[i, j] + k`` is the rank of the triple i <= j <= k."""
    row = np.empty((inputs, inputs), dtype=np.int64)
    rank = 0
    for i in range(inputs):
        for j in range(i, inputs):
            row[i, j] = rank - j
            rank += inputs - j
    return row


@njit(cache=True, nogil=True)
def _gather_fourth(block, packed, entry):
    """Entries (0, j, k, l), indices counted from the block's first one."""
    inputs = block.shape[0]
    row = _pair_rows(inputs)
    for j in range(inputs):
        for k in range(j, inputs):
            for l in range(k, inputs):
                total = block[j, row[k] + l] + block[k, row[j] + l] + block[l, row[j] + k]
                packed[entry + l - k] = total / 6.0
            entry += inputs - k
    return entry


@njit(cache=True, nogil=True)
def _gather_fifth(near, far, packed, entry):
    """Entries (0, j, k, l, m): four pairs hold the index 0, six do not."""
    inputs = near.shape[0]
    row = _pair_rows(inputs)
    triple = _triple_rows(inputs)
    for j in range(inputs):
        for k in range(j, inputs):
            for l in range(k, inputs):
                jkl, jk, jl, kl = triple[j, k] + l, row[j] + k, row[j] + l, row[k] + l
                for m in range(l, inputs):
                    with_first = (
                        near[j, triple[k, l] + m]
                        + near[k, triple[j, l] + m]
                        + near[l, triple[j, k] + m]
                        + near[m, jkl]
                    )
                    without = far[jk, row[l] + m] + far[jl, row[k] + m] + far[kl, row[j] + m]
                    packed[entry + m - l] = (with_first + without) / 10.0
                entry += inputs - l
    return entry


@njit(cache=True, nogil=True)
def _add_transpose(matrix):
    """``matrix += matrix.T`` in place, tile by tile."""
    size = matrix.shape[0]
    tile = 32
    for r0 in range(0, size, tile):
        for c0 in range(r0, size, tile):
            for r in range(r0, min(r0 + tile, size)):
                for c in range(max(c0, r), min(c0 + tile, size)):
                    total = matrix[r, c] + matrix[c, r]
                    matrix[r, c] = total
                    matrix[c, r] = total
