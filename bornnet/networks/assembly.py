"""Sums of products of two polynomials, order 2 to 5, as symmetric tensors of partial derivatives.

The factors come in pieces ``(left, right)`` of orders 1|1, 2|1, 2|2 or 2|3, packed monomials with a
column per neuron. Read as symmetric tensors, the entry ``i <= j <= ..`` of their symmetrised product is
the mean over all ways of giving the left factor its share of the n places. One matrix product over all
neurons holds every way. For orders 4 and 5 it is done in blocks that share the smallest index i: their
entries are a contiguous tail of the packed order, so memory stays small, and nothing is computed that is
not read.
"""

from collections.abc import Sequence
from math import factorial

import numpy as np
from numba import njit

from .packed import multiplicity_factorials, pack, packed_size, unpack

Pieces = Sequence[tuple[np.ndarray, np.ndarray]]


def symmetrised_product(pieces: Pieces, inputs: int, order: int, packed: bool) -> np.ndarray:
    """Partial derivatives of order 2 to 5 of ``sum left right``, packed or dense ``(inputs,) * order``."""
    if order == 2:
        product = _summed(pieces)
        product += product.T.copy()
        return pack(product) if packed else product
    if order == 3:
        product = _summed(pieces)
        product *= multiplicity_factorials(inputs, 2)[:, None]  # 3! / 2! of the tensor, 1/3 of the mean
        return _third(product, inputs, packed)
    left = _as_tensors([left for left, _ in pieces], inputs, 2, factorial(order))
    right = _as_tensors([right for _, right in pieces], inputs, order - 2, 1.0)
    entries = _fourth(left, right, inputs) if order == 4 else _fifth(left, right, inputs)
    return entries if packed else unpack(entries, inputs, order)


def _summed(pieces: Pieces) -> np.ndarray:
    """``sum_K left right`` piece by piece, while each is in the cache."""
    (left, right), *others = pieces
    total = left @ right.T
    for left, right in others:
        total += left @ right.T
    return total


def _as_tensors(polynomials: Sequence[np.ndarray], inputs: int, degree: int, scale: float) -> np.ndarray:
    """The polynomials side by side, as entries of symmetric tensors times ``scale``."""
    stacked = np.hstack(polynomials)
    stacked *= (multiplicity_factorials(inputs, degree) * (scale / factorial(degree)))[:, None]
    return stacked


def _third(product: np.ndarray, inputs: int, packed: bool) -> np.ndarray:
    """Pairs with single indices."""
    if packed:
        entries = np.empty(packed_size(inputs, 3))
        _gather_third(product, entries)
        return entries
    dense = np.empty((inputs,) * 3)
    _fill_third(product, dense)
    return dense


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


@njit(cache=True, nogil=True)
def _gather_third(product, packed):
    inputs = product.shape[1]
    row = _pair_rows(inputs)
    entry = 0
    for i in range(inputs):
        for j in range(i, inputs):
            for k in range(j, inputs):
                packed[entry] = product[row[i] + j, k] + product[row[i] + k, j] + product[row[j] + k, i]
                entry += 1


@njit(cache=True, nogil=True)
def _fill_third(product, dense):
    inputs = product.shape[1]
    row = _pair_rows(inputs)
    for i in range(inputs):
        for j in range(i, inputs):
            for k in range(j, inputs):
                value = product[row[i] + j, k] + product[row[i] + k, j] + product[row[j] + k, i]
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
