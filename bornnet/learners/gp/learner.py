"""The posterior mean of a Gaussian process as a learner: values, Taylor terms, derivative tensors."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch

from ...errors import InputError
from ...networks.packed import multiplicity_factorials, packed_size, unpack
from ...training.problem import Problem
from ..base import Fit, Learner, Scaling, State, Task
from .config import Config
from .graded import of_every_order
from .halves import Halves
from .kernels import Kernel, build
from .posterior import block_rows, factorized, mean, squares
from .size import fit_bytes, fit_seconds
from .taylor import Series
from .tensors import as_polynomial, power_sum, square, times
from .uncertainty import Posterior
from .warp import bent, bent_polynomial, bent_terms


@dataclass(frozen=True)
class GaussianProcess(Learner):
    """``f(U) = output * bent(sum_i alpha_i k(U @ scale, rows_i))``.

    Attributes:
        rows: training inputs in the units of the kernel ``(N, D)``.
        alpha: their coefficients ``(N,)``.
        scale: from cells to inputs of the kernel ``(D, D)``: a factor a cell, and what neighbours share.
        output: unit of the values.
        degree: Taylor orders below it at 0 are no part of the kernel.
        config: of the kernel.
        chosen: what the fit has chosen: factor, length, amplitude, nugget, held-out errors.
        noise: variance of the values at the rows, in units of the amplitude ``(N,)``; None without errors.
        parts: coefficients of fits to parts of the rows (`halves.fits`); None where deviations are the
            posterior's, or not asked for.
        bend: t of `warp.bent`; 0: values are the process itself.
        factor: of values with errors that some of the rows carry, what all of them tell ``(N, N)``
            (`low_rank.Basis.posterior_factor`); None where the rows are all.
    """

    kind: ClassVar[str] = "gp"

    rows: np.ndarray
    alpha: np.ndarray
    scale: np.ndarray
    output: float
    degree: int
    config: Config
    chosen: Mapping[str, Any]
    noise: np.ndarray | None = None
    parts: np.ndarray | None = None
    bend: float = 0.0
    factor: np.ndarray | None = None

    def __call__(self, U: np.ndarray) -> np.ndarray:
        """Values ``(N,)`` of potentials ``(N, D)``."""
        kernel = self._kernel
        return self.output * bent(mean(kernel, self.rows, self.alpha, self._scaled(U)), self.bend)

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
        return self.output * bent_terms(terms, self.bend)

    def derivative_tensor(
        self, order: int, at: np.ndarray | None = None, packed: bool = False, cells: int | None = None
    ) -> np.ndarray:
        """All partial derivatives of that order: ``(D,) * order``, or packed, one entry per multiset."""
        inputs = len(self.scale)
        if cells is not None and cells != inputs:
            raise InputError(f"cells: this Gaussian process was fitted at {inputs} cells, got {cells}.")
        point, weights = self._series(order, at)
        degrees = range(order + 1) if self.bend else [order]
        parts = {n: self._homogeneous(n, point, weights) for n in degrees}
        polynomial = bent_polynomial([*parts.values()], self.bend, inputs) if self.bend else parts[order]
        if order == 0:
            return self.output * (polynomial if packed else polynomial.reshape(()))
        tensor = self.output * polynomial * multiplicity_factorials(inputs, order)
        return tensor if packed else unpack(tensor, inputs, order)

    def _homogeneous(self, order: int, point: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """That order of the process's Taylor polynomial at `point`, packed; as `_series` gives its input."""
        inputs = len(self.scale)
        rows, point = self.rows @ self.scale.T, self.scale @ point  # as derivatives in the cells see them
        metric = square(self.scale)
        polynomial = np.zeros(packed_size(inputs, order))
        for p in range(order + 1):
            for j in range(p + 1):
                q = order - p - j
                if q < 0 or (p > j and not point.any()):
                    continue
                part = as_polynomial(power_sum(rows, weights[p, q], q), inputs, q)
                degree = q
                for factor, size in [(2 * point, 1)] * (p - j) + [(metric, 2)] * j:
                    part = times(part, factor, inputs, (degree, size))
                    degree += size
                polynomial += math.comb(p, j) * part
        return polynomial

    def uncertainty(
        self, order: int, at: np.ndarray | None = None, cells: int | None = None
    ) -> np.ndarray | None:
        """``(D,) * order``, at 0: the posterior's for values with errors, by fits to halves of the rows for
        those without. None elsewhere, for high orders, and for noise with other kernels than the exponential.
        """
        if (at is not None and np.any(at)) or order < max(self.degree, 1):
            return None
        if self._halves is not None:
            return self._halves.coefficients(order)
        found = None if self._posterior is None else self._posterior.coefficients(order, self.scale)
        return None if found is None else self._unit * np.sqrt(found)

    def terms_uncertainty(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray | None:
        """``(order + 1, N)``, at 0; otherwise as `uncertainty`."""
        if at is not None and np.any(at):
            return None
        if self._halves is not None:
            return self._halves.terms(np.asarray(U, dtype=float), order)
        posterior = self._posterior
        if posterior is None:
            return None
        x, none = self._scaled(U), np.zeros(len(U))
        rows = [none if n < max(self.degree, 1) else posterior.terms(n, x) for n in range(order + 1)]
        return self._unit * np.sqrt(rows)

    def value_uncertainty(self, U: np.ndarray) -> np.ndarray | None:
        """``(N,)``; otherwise as `uncertainty`."""
        if self._halves is not None:
            return self._halves.values(np.asarray(U, dtype=float))
        posterior = self._posterior
        if posterior is None:
            return None
        return self._unit * np.sqrt(posterior.values(self._kernel, self._scaled(U)))

    @property
    def _unit(self) -> float:
        return abs(self.output) * float(np.sqrt(self.chosen["amplitude"]))

    @property
    def _kernel(self) -> Kernel:
        return build(self.config, self.degree, self.chosen.get("amplitudes", ()))

    def of_parts(self) -> list["GaussianProcess"]:
        """The learners of the fits to parts of the rows: four halves and four quarters."""
        assert self.parts is not None
        kept = [np.flatnonzero(alpha) for alpha in self.parts.T]
        return [
            replace(self, rows=self.rows[rows], alpha=alpha[rows], parts=None)
            for alpha, rows in zip(self.parts.T, kept, strict=True)
        ]

    @cached_property
    def _halves(self) -> Halves | None:
        if self.parts is None:
            return None
        parts, (typical, of_values) = self.of_parts(), self.chosen["shrunk"]
        return Halves(self, parts[:4], parts[4:], typical, of_values)

    @cached_property
    def _posterior(self) -> Posterior | None:
        if self.config.kernel != "exponential" or (self.noise is None and self.factor is None):
            return None
        if self.factor is not None:
            return Posterior(self.rows, torch.from_numpy(self.factor))
        return Posterior(self.rows, factorized(self._kernel, self.rows, self.chosen["nugget"], self.noise)[0])

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
        trials = len(config.scales) + len(config.lengths) + len(config.bends) + 6
        return trials + (config.rank // 1000 if config.solver == "low-rank" else 0)  # see `fit.Fit`

    @classmethod
    def memory(cls, rows: int, task: Task, config: Config, *, slopes: int = 0) -> float:
        return fit_bytes(min(rows, config.rows), task.cells, config)

    @classmethod
    def seconds(cls, problem: Problem, task: Task, config: Config) -> float:
        rows = min(len(problem.training), config.rows)
        graded = of_every_order(config, problem.training.sigma is None, behind=task.slopes is not None)
        return fit_seconds(rows, cls.most_steps(config, task.number), config, graded)

    def require(self, cells: int, config: Config) -> None:
        if len(self.scale) != cells or self.config != config:
            raise ValueError(f"expected a Gaussian process at {cells} cells with these settings, got another")

    def rescaled(self, inputs: np.ndarray, output: float) -> "GaussianProcess":
        """The learner ``U -> output * f(inputs * U)``, with one factor a cell."""
        return replace(self, scale=np.asarray(inputs)[:, None] * self.scale, output=self.output * output)

    def state(self) -> State:
        """All that `from_state` needs to give the same learner to the bit."""
        arrays = {
            "rows": self.rows,
            "alpha": self.alpha,
            "scale": self.scale,
            "output": np.array([self.output]),
        }
        arrays |= {} if self.noise is None else {"noise": self.noise}
        arrays |= {} if self.parts is None else {"parts": self.parts}
        arrays |= {} if self.factor is None else {"factor": self.factor}
        facts = {
            "kind": self.kind,
            "degree": self.degree,
            "bend": self.bend,
            "config": self.config.model_dump(mode="json"),
            "chosen": dict(self.chosen),
        }
        return State(arrays, facts)

    @classmethod
    def from_state(cls, state: State) -> "GaussianProcess":
        """The learner of a state; ``KeyError``, ``TypeError`` or ``ValueError`` where that is damaged."""
        rows, alpha, scale, output = (state.arrays[name] for name in ("rows", "alpha", "scale", "output"))
        if scale.ndim == 1:  # files of earlier versions: a factor a cell
            scale = np.diag(scale)
        if (
            rows.ndim != 2
            or alpha.shape != rows.shape[:1]
            or scale.shape != rows.shape[1:] * 2
            or output.size != 1
        ):
            raise ValueError(f"rows {rows.shape}, alpha {alpha.shape} and scale {scale.shape} do not fit")
        noise = state.arrays.get("noise")
        if noise is not None and noise.shape != alpha.shape:
            raise ValueError(f"noise {noise.shape} and alpha {alpha.shape} do not fit")
        parts = state.arrays.get("parts")
        if parts is not None and parts.shape != (len(alpha), 8):
            raise ValueError(f"parts {parts.shape} and alpha {alpha.shape} do not fit")
        factor = state.arrays.get("factor")
        if factor is not None and factor.shape != alpha.shape * 2:
            raise ValueError(f"factor {factor.shape} and alpha {alpha.shape} do not fit")
        config = Config.model_validate(state.facts["config"])
        degree = int(state.facts["degree"])
        chosen = dict(state.facts["chosen"])
        bend = float(state.facts.get("bend", 0.0))
        return cls(rows, alpha, scale, float(output[0]), degree, config, chosen, noise, parts, bend, factor)

    def _scaled(self, U: np.ndarray) -> np.ndarray:
        U = np.asarray(U, dtype=float)
        if U.ndim != 2 or U.shape[1] != len(self.scale):
            raise InputError(f"potentials: expected shape (N, {len(self.scale)}), got {U.shape}.")
        return U @ self.scale

    def _series(self, order: int, at: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The base point in the kernel's units, and the weights ``(p, q, N)`` of ``s^p t^q``."""
        if order < 0:
            raise InputError(f"order: expected at least 0, got {order}.")
        point = np.zeros(len(self.scale)) if at is None else self._scaled(np.asarray(at)[None])[0]
        size = np.full(len(self.rows), point @ point)
        series = self._kernel(
            Series.variable(size, (1, 0), order),
            squares(self.rows),
            Series.variable(self.rows @ point, (0, 1), order),
        )
        return point, series.c * self.alpha
