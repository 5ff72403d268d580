"""Homogeneous polynomials in the cells, one entry per multiset of indices, in an order that grows.

Multisets are sorted by their largest index, then by the next (colexicographically): the rank of
``i_1 <= .. <= i_m`` is the sum of ``C(i_t + t - 1, t)`` over t (Knuth, TAOCP 4A, 7.2.1.3). So the polynomials
in the first i cells are the first part of the array, and what holds cell i as its largest index comes next,
in parts: cell i once, with the polynomials of degree m - 1 in earlier cells; twice, with those of degree
m - 2; and so on. A potential can be crossed cell by cell without moving an entry.
"""

import math
from functools import lru_cache

import numpy as np

from ...compute.compiled import njit
from ...networks.packed import multisets


def size(cells: int, degree: int) -> int:
    """Number of multisets of that size: ``C(cells + degree - 1, degree)``."""
    return math.comb(cells + degree - 1, degree) if degree else 1


@lru_cache(maxsize=16)
def rank_table(cells: int, degree: int) -> np.ndarray:
    """``(degree, cells)``: what index i in place t adds to the rank."""
    return np.array([[math.comb(i + t, t + 1) for i in range(cells)] for t in range(degree)], dtype=np.int64)


@lru_cache(maxsize=16)
def table(cells: int, degree: int) -> np.ndarray:
    """All multisets ``(size, degree)``, each sorted, in this order."""
    lexicographic = multisets(cells, degree)
    places = np.empty(len(lexicographic), dtype=np.int64)
    places[_ranks(lexicographic, cells, degree)] = np.arange(len(lexicographic))
    return np.ascontiguousarray(lexicographic[places])


def to_lexicographic(polynomial: np.ndarray, cells: int, degree: int) -> np.ndarray:
    """The entries in the order of ``itertools.combinations_with_replacement``."""
    return polynomial[_ranks(multisets(cells, degree), cells, degree)]


def _ranks(sets: np.ndarray, cells: int, degree: int) -> np.ndarray:
    ranks = rank_table(cells, degree)
    total = np.zeros(len(sets), dtype=np.int64)
    for t in range(degree):
        total += ranks[t][sets[:, t]]
    return total


def multiply(a: np.ndarray, b: np.ndarray, cells: int, degrees: tuple[int, int], out: np.ndarray) -> None:
    """Add the product of two polynomials of degrees >= 1 in the first cells to ``out``."""
    left, right = (table(cells, degree)[: len(p)] for p, degree in zip((a, b), degrees, strict=True))
    _multiply(a, b, left, right, rank_table(cells, sum(degrees)), out)


@njit(cache=True, nogil=True, fastmath={"contract"})
def _multiply(a, b, left, right, ranks, out):
    p, q = left.shape[1], right.shape[1]
    for x in range(len(a)):
        if a[x] == 0.0:
            continue
        for y in range(len(b)):
            rank, i, j = 0, 0, 0
            for t in range(p + q):
                if j == q or (i < p and left[x, i] <= right[y, j]):
                    rank += ranks[t, left[x, i]]
                    i += 1
                else:
                    rank += ranks[t, right[y, j]]
                    j += 1
            out[rank] += a[x] * b[y]
