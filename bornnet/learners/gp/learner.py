"""The posterior mean of a Gaussian process as a learner: values, Taylor terms, derivative tensors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from ...networks.packed import multiplicity_factorials, multisets, packed_size, unpack
from ...training.problem import Problem
from ..base import Fit, Learner, Scaling, State, Task
from .config import Config
from .kernels import build
from .posterior import block_rows, mean, squares
from .taylor import Series
from .tensors import as_polynomial, power_sum, square, times


@dataclass(frozen=True)
class GaussianProcess(Learner):
    """``f(U) = output * sum_i alpha_i k(scale * U, rows_i)``.

    Attributes:
        rows: training inputs in the units of the kernel ``(N, D)``.
        alpha: their coefficients ``(N,)``.
        scale: factors of the cells ``(D,)``.
        output: unit of the values.
        degree: Taylor orders below it at 0 are no part of the kernel.
        config: of the kernel.
        chosen: what the fit has chosen, for people: factor, nugget, held-out errors.
    """

    kind: ClassVar[str] = "gp"

    rows: np.ndarray
    alpha: np.ndarray
    scale: np.ndarray
    output: float
    degree: int
    config: Config
    chosen: Mapping[str, Any]

    def __call__(self, U: np.ndarray) -> np.ndarray:
        """Values ``(N,)`` of potentials ``(N, D)``."""
        kernel = build(self.config, self.degree)
        return self.output * mean(kernel, self.rows, self.alpha, self._scaled(U))

    def taylor_terms(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray:
        """``(order + 1, N)``: row n is ``D^n f(at)[U, .., U] / n!``, from the kernel's power series."""
        point, weights = self._series(order, at)
        displacements = self._scaled(U)
        terms = np.zeros((order + 1, len(displacements)))
        size = block_rows(len(self.rows))
        for start in range(0, len(displacements), size):
            d = displacements[start : start + size]
            # |x|^2 and x.y change by s = linear * step + quadratic * step^2 and t = d.y * step
            linear, quadratic = 2 * d @ point, squares(d)
            along = d @ self.rows.T
            powers = np.ones_like(along)
            for q in range(order + 1):
                sums = powers @ weights[: order + 1 - q, q].T
                for p in range(order + 1 - q):
                    for j in range(min(p, order - p - q) + 1):
                        change = math.comb(p, j) * linear ** (p - j) * quadratic**j
                        terms[p + j + q, start : start + size] += change * sums[:, p]
                if q < order:
                    powers *= along
        return self.output * terms

    def derivative_tensor(
        self, order: int, at: np.ndarray | None = None, packed: bool = False, cells: int | None = None
    ) -> np.ndarray:
        """All partial derivatives of that order: ``(D,) * order``, or packed, one entry per multiset."""
        inputs = len(self.scale)
        if cells is not None and cells != inputs:
            raise InputError(f"cells: this Gaussian process was fitted at {inputs} cells, got {cells}.")
        point, weights = self._series(order, at)
        polynomial = np.zeros(packed_size(inputs, order))
        for p in range(order + 1):
            for j in range(p + 1):
                q = order - p - j
                if q < 0 or (p > j and not point.any()):
                    continue
                part = as_polynomial(power_sum(self.rows, weights[p, q], q), inputs, q)
                degree = q
                for factor, size in [(2 * point, 1)] * (p - j) + [(square(inputs), 2)] * j:
                    part = times(part, factor, inputs, (degree, size))
                    degree += size
                polynomial += math.comb(p, j) * part
        if order == 0:
            return self.output * (polynomial if packed else polynomial.reshape(()))
        scales = np.prod(self.scale[multisets(inputs, order)], axis=1)
        tensor = self.output * polynomial * multiplicity_factorials(inputs, order) * scales
        return tensor if packed else unpack(tensor, inputs, order)

    def uncertainty(self, order: int, at: np.ndarray | None = None, cells: int | None = None) -> None:
        """Not estimated."""
        return None

    def terms_uncertainty(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> None:
        """Not estimated."""
        return None

    @classmethod
    def begin(cls, problem: Problem, task: Task, config: Config) -> Fit:
        from .fit import begin  # which gives learners of this class

        return begin(problem, task, config)

    @classmethod
    def scaling(cls, spread: np.ndarray, output: float, integral: float, config: Config) -> Scaling:
        """Physical units: the process finds a scale for each cell itself (`fit.linear_profile`)."""
        return Scaling(np.ones(len(spread)), 1.0)

    @classmethod
    def least_rows(cls, cells: int, config: Config) -> int:
        return 2

    @classmethod
    def rows_fitted(cls, rows: int, config: Config) -> int:
        return min(rows, config.rows)

    @classmethod
    def most_steps(cls, config: Config, number: int) -> int:
        return len(config.scales) + 1

    @classmethod
    def memory(cls, rows: int, task: Task, config: Config, *, slopes: int = 0) -> float:
        """The kernel matrix and its factor."""
        rows = min(rows, config.rows)
        return 16.0 * rows**2 + 8.0 * rows * task.cells

    def require(self, cells: int, config: Config) -> None:
        if len(self.scale) != cells or self.config != config:
            raise ValueError(f"expected a Gaussian process at {cells} cells with these settings, got another")

    def rescaled(self, inputs: np.ndarray, output: float) -> "GaussianProcess":
        """The learner ``U -> output * f(inputs * U)``, with one factor a cell."""
        return replace(self, scale=self.scale * np.asarray(inputs), output=self.output * output)

    def state(self) -> State:
        """All that `from_state` needs to give the same learner to the bit."""
        arrays = {
            "rows": self.rows,
            "alpha": self.alpha,
            "scale": self.scale,
            "output": np.array([self.output]),
        }
        facts = {
            "kind": self.kind,
            "degree": self.degree,
            "config": self.config.model_dump(mode="json"),
            "chosen": dict(self.chosen),
        }
        return State(arrays, facts)

    @classmethod
    def from_state(cls, state: State) -> "GaussianProcess":
        """The learner of a state; ``KeyError``, ``TypeError`` or ``ValueError`` where that is damaged."""
        rows, alpha, scale, output = (state.arrays[name] for name in ("rows", "alpha", "scale", "output"))
        if (
            rows.ndim != 2
            or alpha.shape != rows.shape[:1]
            or scale.shape != rows.shape[1:]
            or output.size != 1
        ):
            raise ValueError(f"rows {rows.shape}, alpha {alpha.shape} and scale {scale.shape} do not fit")
        config = Config.model_validate(state.facts["config"])
        degree = int(state.facts["degree"])
        return cls(rows, alpha, scale, float(output[0]), degree, config, dict(state.facts["chosen"]))

    def _scaled(self, U: np.ndarray) -> np.ndarray:
        U = np.asarray(U, dtype=float)
        if U.ndim != 2 or U.shape[1] != len(self.scale):
            raise InputError(f"potentials: expected shape (N, {len(self.scale)}), got {U.shape}.")
        return U * self.scale

    def _series(self, order: int, at: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The base point in the kernel's units, and the weights ``(p, q, N)`` of ``s^p t^q``."""
        if order < 0:
            raise InputError(f"order: expected at least 0, got {order}.")
        point = np.zeros(len(self.scale)) if at is None else self._scaled(np.asarray(at)[None])[0]
        size = np.full(len(self.rows), point @ point)
        series = build(self.config, self.degree)(
            Series.variable(size, (1, 0), order),
            squares(self.rows),
            Series.variable(self.rows @ point, (0, 1), order),
        )
        return point, series.c * self.alpha
