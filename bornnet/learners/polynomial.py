"""Least-squares polynomials in the potential: the baselines that a network has to beat."""

from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from math import comb, factorial

import numpy as np
from scipy.linalg import lstsq

from ..datasets.labelled import Table

_BLOCK_VALUES = 1 << 21  # doubles of the design matrix made at once: 16 MiB
_LARGEST = 4000  # coefficients: beyond, the fit takes longer than the networks it is compared with


def coefficients(cells: int, degree: int) -> int:
    """How many coefficients a polynomial without constant has."""
    return comb(cells + degree, degree) - 1


def affordable(cells: int, degree: int, samples: int) -> bool:
    """Whether the polynomial can be fitted: fewer coefficients than samples, and not too many."""
    return coefficients(cells, degree) <= min(samples, _LARGEST)


def polynomial_bytes(cells: int, degree: int, samples: int) -> int:
    """Memory that a fit holds at its peak: a block of rows, its reading and making, and its QR."""
    unknowns = coefficients(cells, degree)
    return 8 * 6 * min(samples, _block_rows(unknowns)) * unknowns


def _block_rows(unknowns: int) -> int:
    return max(4 * unknowns, _BLOCK_VALUES // unknowns)


@dataclass(frozen=True)
class Polynomial:
    """A polynomial without constant: ``monomials[n-1]`` weighs those of order n, packed
    (one per multiset of cells, in ``combinations_with_replacement`` order)."""

    cells: int
    monomials: tuple[np.ndarray, ...]

    def kernel(self, order: int) -> np.ndarray:
        """The symmetric coefficient tensor of that order, ``(cells,) * order``; zero above the degree."""
        tensor = np.zeros((self.cells,) * order)
        if order <= len(self.monomials):
            index, repeats = _multisets(self.cells, order)
            values = self.monomials[order - 1] / repeats
            position = np.sort(np.indices(tensor.shape).reshape(order, -1), axis=0)
            packed = np.zeros((self.cells,) * order)
            packed[tuple(index.T)] = values
            tensor = packed[tuple(position)].reshape(tensor.shape)
        return tensor

    def terms(self, potentials: np.ndarray, order: int) -> np.ndarray:
        """``(order, N)``: row n-1 is the order-n term of each potential ``(N, cells)``."""
        rows = np.zeros((order, len(potentials)))
        for n, weights in enumerate(self.monomials[:order], start=1):
            rows[n - 1] = _design(potentials, n) @ weights
        return rows


def fit_polynomial(potentials: Table, targets: np.ndarray, weights: np.ndarray, degree: int) -> Polynomial:
    """The polynomial of that degree, zero at U = 0, with the least weighted squares.

    ``potentials (N, cells)``, taken block by block, ``targets (N,)`` and the weights of the residuals
    ``(N,)``.
    """
    cells = potentials.shape[1]
    unknowns = coefficients(cells, degree)
    triangle = np.zeros((0, unknowns + 1))
    rows = _block_rows(unknowns)
    for start in range(0, len(potentials), rows):
        block = slice(start, start + rows)
        system = _system(potentials[block], targets[block], weights[block], degree)
        # the triangle of what came before stands for it: memory does not grow with the samples
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, system]), mode="r"))
    matrix, right = triangle[:, :-1], triangle[:, -1]
    scale = np.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1.0
    solution = lstsq(matrix / scale, right, check_finite=False)[0] / scale
    ends = np.cumsum([_multisets(cells, n)[0].shape[0] for n in range(1, degree + 1)])
    return Polynomial(cells, tuple(np.split(solution, ends[:-1])))


def _system(potentials: np.ndarray, targets: np.ndarray, weights: np.ndarray, degree: int) -> np.ndarray:
    """Every monomial through that degree, and the targets in the last column, both weighted."""
    designs = [_design(potentials, n) for n in range(1, degree + 1)]
    system = np.concatenate([*designs, targets[:, None]], axis=1)
    system *= weights[:, None]
    return system


def _design(potentials: np.ndarray, order: int) -> np.ndarray:
    """Every monomial of that order: ``(N, multisets)``."""
    index, _ = _multisets(potentials.shape[1], order)
    product = potentials[:, index[:, 0]]
    for column in index.T[1:]:
        product = product * potentials[:, column]
    return product


@cache
def _multisets(cells: int, order: int) -> tuple[np.ndarray, np.ndarray]:
    """The multisets of cells, ``(multisets, order)``, and in how many orders each can be written."""
    index = np.array(list(combinations_with_replacement(range(cells), order)))
    repeats = np.full(len(index), factorial(order))
    run = np.ones(len(index), dtype=int)
    for left, right in zip(index.T, index.T[1:], strict=False):
        run = np.where(left == right, run + 1, 1)
        repeats //= run
    return index, repeats
