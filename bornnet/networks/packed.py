"""Homogeneous polynomials and symmetric tensors, one entry per multiset of indices.

A homogeneous polynomial of degree p in d variables is an array ``(C(d+p-1, p), neurons)``: row r holds
the coefficients of the r-th monomial in the order of ``itertools.combinations_with_replacement(range(d),
p)``, one column per neuron. The rank of ``i_1 <= .. <= i_p`` is a sum of table entries,

    rank = C(d+p-1, p) - 1 - sum_t C(d - 1 - i_t + p - t, p - t + 1),

which is the combinatorial number system read backwards (Knuth, TAOCP 4A, 7.2.1.3). A polynomial with
coefficients ``c_m`` is the symmetric tensor with entries ``c_m m! / p!``, m! being the product of the
factorials of the multiplicities.
"""

import math
from functools import lru_cache

import numpy as np

from ..compute.compiled import njit


def packed_size(inputs: int, degree: int) -> int:
    """Number of multisets of that size: ``C(inputs + degree - 1, degree)``."""
    return math.comb(inputs + degree - 1, degree)


@lru_cache(maxsize=32)
def multisets(inputs: int, degree: int) -> np.ndarray:
    """All index multisets ``(size, degree)``, in the order of ``combinations_with_replacement``."""
    table = np.zeros((packed_size(inputs, degree), degree), dtype=np.int16)
    _fill_multisets(table, inputs)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=64)
def rank_table(inputs: int, degree: int) -> np.ndarray:
    """``(degree, inputs)``: what index ``i`` in place t takes off the last rank."""
    table = np.empty((degree, inputs), dtype=np.int64)
    for t in range(degree):
        for i in range(inputs):
            table[t, i] = math.comb(inputs - 1 - i + degree - t - 1, degree - t)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=32)
def multiplicity_factorials(inputs: int, degree: int) -> np.ndarray:
    """``m!`` of every multiset, ``(size,)``: turns monomial coefficients into partial derivatives."""
    factorials = np.ones(packed_size(inputs, degree))
    _fill_factorials(multisets(inputs, degree), factorials)
    factorials.setflags(write=False)
    return factorials


def multiply(a: np.ndarray, b: np.ndarray, inputs: int, degrees: tuple[int, int]) -> np.ndarray:
    """Product of two polynomials of the given degrees >= 1, neuron by neuron."""
    total = sum(degrees)
    product = np.zeros((packed_size(inputs, total), a.shape[1]))
    if degrees == (1, 1):
        _multiply_vectors(a, b, product)
    else:
        left, right = multisets(inputs, degrees[0]), multisets(inputs, degrees[1])
        _multiply(a, b, left, right, rank_table(inputs, total), product)
    return product


def scatter_product(
    a: np.ndarray,
    b: np.ndarray,
    inputs: int,
    degrees: tuple[int, int],
    out: np.ndarray,
    block_bytes: int = 1 << 26,
) -> None:
    """Add ``sum over neurons of a b`` to the polynomial ``out``, by matrix products of bounded size."""
    left, right = multisets(inputs, degrees[0]), multisets(inputs, degrees[1])
    ranks = rank_table(inputs, sum(degrees))
    rows = max(1, block_bytes // (8 * len(b)))
    for start in range(0, len(a), rows):
        block = a[start : start + rows] @ b.T
        _scatter(block, left[start : start + rows], right, ranks, out)


def unpack(packed: np.ndarray, inputs: int, degree: int) -> np.ndarray:
    """The dense symmetric tensor ``(inputs,) * degree`` of packed entries."""
    dense = np.empty((inputs,) * degree)
    if degree == 1:
        dense[:] = packed
    else:
        _unpack(packed, rank_table(inputs, degree), dense.reshape(-1, inputs))
    return dense


def pack(dense: np.ndarray) -> np.ndarray:
    """One entry per multiset of a dense symmetric tensor."""
    return dense[tuple(multisets(dense.shape[0], dense.ndim).T)]


@njit(cache=True, nogil=True)
def _fill_multisets(table, inputs):
    degree = table.shape[1]
    for r in range(1, table.shape[0]):
        t = degree - 1
        while table[r - 1, t] == inputs - 1:
            t -= 1
        for s in range(degree):
            table[r, s] = table[r - 1, s] if s < t else table[r - 1, t] + 1


@njit(cache=True, nogil=True)
def _fill_factorials(table, factorials):
    for r in range(table.shape[0]):
        run = 1
        for t in range(1, table.shape[1]):
            run = run + 1 if table[r, t] == table[r, t - 1] else 1
            factorials[r] *= run


@njit(cache=True, nogil=True)
def _merged_rank(left, right, ranks, last):
    """Rank of the union of two sorted multisets."""
    i, j = 0, 0
    rank = last
    for t in range(ranks.shape[0]):
        if j == right.size or (i < left.size and left[i] <= right[j]):
            rank -= ranks[t, left[i]]
            i += 1
        else:
            rank -= ranks[t, right[j]]
            j += 1
    return rank


@njit(cache=True, nogil=True, fastmath={"contract"})
def _multiply_vectors(a, b, out):
    r = 0
    for i in range(a.shape[0]):
        for n in range(a.shape[1]):
            out[r, n] = a[i, n] * b[i, n]
        r += 1
        for j in range(i + 1, a.shape[0]):
            for n in range(a.shape[1]):
                out[r, n] = a[i, n] * b[j, n] + a[j, n] * b[i, n]
            r += 1


@njit(cache=True, nogil=True, fastmath={"contract"})
def _multiply(a, b, left, right, ranks, out):
    last = out.shape[0] - 1
    for x in range(a.shape[0]):
        for y in range(b.shape[0]):
            r = _merged_rank(left[x], right[y], ranks, last)
            for n in range(a.shape[1]):
                out[r, n] += a[x, n] * b[y, n]


@njit(cache=True, nogil=True)
def _scatter(block, left, right, ranks, out):
    last = out.size - 1
    for x in range(block.shape[0]):
        for y in range(block.shape[1]):
            out[_merged_rank(left[x], right[y], ranks, last)] += block[x, y]


@njit(cache=True, nogil=True)
def _unpack(packed, ranks, rows):
    """Row by row of the last index; a row whose prefix is not sorted is a copy of the sorted one's."""
    degree, inputs = ranks.shape
    last = packed.size - 1
    prefix = np.zeros(degree - 1, dtype=np.int64)
    ordered = np.zeros(degree - 1, dtype=np.int64)
    for row in range(rows.shape[0]):
        is_sorted = True
        for t in range(1, degree - 1):
            is_sorted = is_sorted and prefix[t - 1] <= prefix[t]
        if is_sorted:
            place = 0
            for i in range(inputs):
                while place < degree - 1 and prefix[place] <= i:
                    place += 1
                rank = last - ranks[place, i]
                for t in range(place):
                    rank -= ranks[t, prefix[t]]
                for t in range(place, degree - 1):
                    rank -= ranks[t + 1, prefix[t]]
                rows[row, i] = packed[rank]
        else:
            for t in range(degree - 1):  # insertion sort
                s = t
                while s > 0 and ordered[s - 1] > prefix[t]:
                    ordered[s] = ordered[s - 1]
                    s -= 1
                ordered[s] = prefix[t]
            source = 0
            for t in range(degree - 1):
                source = source * inputs + ordered[t]
            rows[row] = rows[source]
        t = degree - 2
        while t >= 0 and prefix[t] == inputs - 1:
            prefix[t] = 0
            t -= 1
        if t >= 0:
            prefix[t] += 1
