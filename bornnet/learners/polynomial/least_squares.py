"""Least-squares polynomials in the potential: a learner, and a baseline that others have to beat."""

from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from math import comb, factorial
from typing import ClassVar

import numpy as np
from scipy.linalg import lstsq, solve_triangular

from ...errors import InputError
from ...files.view import RowSource
from ...networks.packed import pack, packed_size, unpack
from ...training.problem import Problem
from ..base import Learner, State, Task
from ..direct import Direct
from .config import Config

BLOCK_VALUES = 1 << 21  # doubles of the design matrix made at once: 16 MiB
_WHOLE = 1000  # coefficients whose covariance is kept whole; of more, draws
_DRAWS = 256
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
    return max(4 * unknowns, BLOCK_VALUES // unknowns)


@dataclass(frozen=True)
class Polynomial(Learner):
    """A polynomial without constant: ``monomials[n-1]`` weighs those of order n, packed
    (one per multiset of cells, in ``combinations_with_replacement`` order).

    ``spread``, one array an order, is a factor F of the covariance ``F F^T`` of all coefficients,
    ``(multisets, K)`` each; None where values had no errors, or the rows leave a coefficient open."""

    kind: ClassVar[str] = "polynomial"

    cells: int
    monomials: tuple[np.ndarray, ...]
    spread: tuple[np.ndarray, ...] | None = None

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
        return self.taylor_terms(potentials, order)[1:]

    def __call__(self, U: np.ndarray) -> np.ndarray:
        return self.taylor_terms(U, len(self.monomials)).sum(axis=0)

    def taylor_terms(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray:
        rows = np.zeros((order + 1, len(U)))
        if at is None:
            for n, weights in enumerate(self.monomials[:order], start=1):
                rows[n] = _design(U, n) @ weights
            return rows
        rows[0] = self(at[None])[0]
        for n in range(1, min(order, len(self.monomials)) + 1):
            rows[n] = _contracted(self.derivative_tensor(n, at), U) / factorial(n)
        return rows

    def derivative_tensor(
        self, order: int, at: np.ndarray | None = None, packed: bool = False, cells: int | None = None
    ) -> np.ndarray:
        if packed and order > len(self.monomials):
            return np.zeros(packed_size(self.cells, order))
        tensor = factorial(order) * self.kernel(order)
        if at is not None:
            for degree in range(order + 1, len(self.monomials) + 1):
                part = self.kernel(degree)
                for _ in range(degree - order):
                    part = part @ at
                tensor += factorial(degree) / factorial(degree - order) * part
        return pack(tensor) if packed else tensor

    def uncertainty(
        self, order: int, at: np.ndarray | None = None, cells: int | None = None
    ) -> np.ndarray | None:
        """At 0, through the degree: what lies above is not fitted, and nothing is known of it."""
        if self.spread is None or (at is not None and np.any(at)) or not 1 <= order <= len(self.monomials):
            return None
        packed = np.linalg.norm(self.spread[order - 1], axis=1) / _multisets(self.cells, order)[1]
        return factorial(order) * unpack(packed, self.cells, order)

    def terms_uncertainty(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray | None:
        if self.spread is None or (at is not None and np.any(at)) or order > len(self.monomials):
            return None
        rows = [np.linalg.norm(_design(U, n) @ self.spread[n - 1], axis=1) for n in range(1, order + 1)]
        return np.stack([np.zeros(len(U)), *rows])

    def value_uncertainty(self, U: np.ndarray) -> np.ndarray | None:
        if self.spread is None:
            return None
        parts = [_design(U, n) @ part for n, part in enumerate(self.spread, start=1)]
        return np.linalg.norm(np.sum(parts, axis=0), axis=1)

    def rescaled(self, inputs: np.ndarray, output: float) -> "Polynomial":
        factors = [
            output * np.prod(inputs[_multisets(self.cells, n)[0]], axis=1)
            for n in range(1, len(self.monomials) + 1)
        ]
        monomials = tuple(f * weights for f, weights in zip(factors, self.monomials, strict=True))
        if self.spread is None:
            return Polynomial(self.cells, monomials)
        spread = tuple(f[:, None] * part for f, part in zip(factors, self.spread, strict=True))
        return Polynomial(self.cells, monomials, spread)

    def state(self) -> State:
        arrays = {f"order-{n}": weights for n, weights in enumerate(self.monomials, start=1)}
        arrays |= {f"spread-{n}": part for n, part in enumerate(self.spread or (), start=1)}
        return State(arrays, {"cells": self.cells})

    @classmethod
    def from_state(cls, state: State) -> "Polynomial":
        cells = int(state.facts["cells"])
        degree = sum(name.startswith("order-") for name in state.arrays)
        monomials = tuple(state.arrays[f"order-{n}"] for n in range(1, degree + 1))
        sizes = [len(weights) for weights in monomials]
        if sizes != [packed_size(cells, n) for n in range(1, len(sizes) + 1)]:
            raise ValueError(f"coefficients of orders of {sizes} do not fit {cells} cells")
        if "spread-1" not in state.arrays:
            return cls(cells, monomials)
        spread = tuple(state.arrays[f"spread-{n}"] for n in range(1, degree + 1))
        if [part.shape for part in spread] != [(size, spread[0].shape[1]) for size in sizes]:
            raise ValueError(f"errors {[part.shape for part in spread]} do not fit orders of {sizes}")
        return cls(cells, monomials, spread)

    @classmethod
    def begin(cls, problem: Problem, task: Task, config: Config) -> Direct:
        return Direct(problem, lambda given: _solved(given, task, config.degree))

    @classmethod
    def least_rows(cls, cells: int, config: Config) -> int:
        return coefficients(cells, config.degree)

    @classmethod
    def weight_count(cls, cells: int, config: Config) -> int:
        return coefficients(cells, config.degree)

    @classmethod
    def memory(cls, rows: int, task: Task, config: Config, *, slopes: int = 0) -> float:
        return polynomial_bytes(task.cells, config.degree, rows)


def _contracted(tensor: np.ndarray, U: np.ndarray) -> np.ndarray:
    """``K[U, .., U]`` for every row."""
    values = np.broadcast_to(tensor, (len(U), *tensor.shape))
    while values.ndim > 1:
        values = np.einsum("n...i,ni->n...", values, U)
    return values


def _solved(problem: Problem, task: Task, degree: int) -> Polynomial:
    """The polynomial of the orders from the one that is due to the degree."""
    if problem.training.slopes is not None:
        raise InputError("learner polynomial: takes values alone, got gradients; give labels = value.")
    if task.degree > degree:
        raise InputError(
            f"learner polynomial: expected a degree of at least {task.degree}, the order "
            "that is due in round "
            f"{task.number}; got {degree}. Give a higher degree, or fewer rounds."
        )
    samples = problem.training.loaded()
    arrays = (samples.inputs.numpy(), samples.targets.numpy(), samples.weights.numpy())
    return fit_polynomial(*arrays, degree, task.degree, errors=samples.sigma is not None)


def fit_polynomial(
    potentials: RowSource,
    targets: np.ndarray,
    weights: np.ndarray,
    degree: int,
    lowest: int = 1,
    *,
    errors: bool = False,
) -> Polynomial:
    """The polynomial of that degree, zero at U = 0, with the least weighted squares.

    ``potentials (N, cells)``, taken block by block, ``targets (N,)`` and the weights of the residuals
    ``(N,)``. Orders below ``lowest`` are left out. With ``errors`` the weights are one over those of the
    targets, and the coefficients get theirs: the covariance of least squares, times the mean square of the
    residuals over the degrees of freedom where that is above 1, as it is where the degree is too low.
    """
    cells = potentials.shape[1]
    unknowns = coefficients(cells, degree) - (coefficients(cells, lowest - 1) if lowest > 1 else 0)
    triangle = np.zeros((0, unknowns + 1))
    rows = _block_rows(unknowns)
    for start in range(0, len(potentials), rows):
        block = slice(start, start + rows)
        system = _system(potentials[block], targets[block], weights[block], lowest, degree)
        # the triangle of what came before stands for it: memory does not grow with the samples
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, system]), mode="r"))
    matrix, right = triangle[:, :-1], triangle[:, -1]
    scale = np.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1.0
    solution = lstsq(matrix / scale, right, check_finite=False)[0] / scale
    ends = np.cumsum([_multisets(cells, n)[0].shape[0] for n in range(lowest, degree + 1)])
    absent = [np.zeros(packed_size(cells, n)) for n in range(1, lowest)]
    monomials = (*absent, *np.split(solution, ends[:-1]))
    factor = _factor(triangle / np.append(scale, 1.0), len(potentials)) if errors else None
    if factor is None:
        return Polynomial(cells, monomials)
    parts = np.split(factor / scale[:, None], ends[:-1])
    return Polynomial(cells, monomials, (*(np.zeros((len(a), factor.shape[1])) for a in absent), *parts))


def _factor(triangle: np.ndarray, rows: int) -> np.ndarray | None:
    """F with ``F F^T`` the covariance of the coefficients, from the triangle of system and targets; for many
    coefficients some draws from it, as in `training.laplace`. None where the rows do not determine all."""
    unknowns = triangle.shape[1] - 1
    if len(triangle) <= unknowns or rows <= unknowns:
        return None
    matrix = triangle[:unknowns, :unknowns]
    sizes = np.linalg.svd(matrix, compute_uv=False)
    if sizes[-1] < 1e-12 * sizes[0]:
        return None
    spread = max(1.0, abs(triangle[unknowns, unknowns]) / np.sqrt(rows - unknowns))
    drawn = np.random.default_rng(0).standard_normal((unknowns, _DRAWS)) / np.sqrt(_DRAWS)
    return spread * solve_triangular(matrix, drawn if unknowns > _WHOLE else np.eye(unknowns))


def _system(
    potentials: np.ndarray, targets: np.ndarray, weights: np.ndarray, lowest: int, degree: int
) -> np.ndarray:
    """Every monomial of those orders, and the targets in the last column, both weighted."""
    designs = [_design(potentials, n) for n in range(lowest, degree + 1)]
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
