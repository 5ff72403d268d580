"""The fit: a scale for the cells from a linear fit, a factor from held-out errors, one solve."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ...errors import InputError
from ...training.fit import Progress
from ...training.problem import Problem, Samples
from ..base import Task
from ..direct import errors
from .config import Config
from .kernels import build
from .learner import GaussianProcess
from .posterior import coefficients

_log = logging.getLogger(__name__)
_HELD_OUT = 2000  # held-out rows that choose the factor
_FAR = 1.0  # held-out RMS, relative to the leading order, from which on values are no predictions


def begin(problem: Problem, task: Task, config: Config) -> "Fit":
    """A fit that is ready to run."""
    return Fit(problem, task, config)


class Fit:
    """One trial for each factor on a subset of the rows, then the fit on all: it can stop in between."""

    def __init__(self, problem: Problem, task: Task, config: Config) -> None:
        if problem.training.slopes is not None:
            raise InputError("a Gaussian process takes values alone; leave out the gradients.")
        if task.at is not None and np.any(task.at):
            raise InputError("a Gaussian process is fitted around U = 0; give its problem displacements.")
        self.problem = problem
        self.task = task
        self.config = config
        build(config, task.degree)  # says now what it cannot do
        draw = np.random.default_rng([task.seed, task.member, task.number, 15])
        self.training = _drawn(problem.training, config.rows, draw)
        self.held_out = _drawn(problem.held_out, _HELD_OUT, draw)
        _require_consistent(self.training)
        self.profile = linear_profile(*self.training)
        self.progress = Progress()
        self.trials: list[float] = []
        self._learned: GaussianProcess | None = None

    def run(self, after_step: Callable[[Progress], None] = lambda progress: None) -> Progress:
        """Fit to the end; ``after_step`` is called between stages."""
        progress = self.progress
        while not progress.finished:
            began = time.perf_counter()
            if len(self.trials) < len(self.config.scales):
                self.trials.append(self._trial(self.config.scales[len(self.trials)]))
                progress.held_out_typical = self.trials[-1]
            else:
                self._fit()
                progress.finished = True
            progress.step += 1
            progress.seconds += time.perf_counter() - began
            after_step(progress)
        return progress

    def state(self) -> dict[str, Any]:
        """Tensors and plain values."""
        learned = self._learned
        return {
            "trials": list(self.trials),
            "progress": {**vars(self.progress), "curve": list(self.progress.curve)},
            "alpha": None if learned is None else torch.from_numpy(learned.alpha),
            "chosen": None if learned is None else dict(learned.chosen),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.trials = list(state["trials"])
        self.progress = Progress(**state["progress"])
        if state["alpha"] is not None:
            self._learned = self._learner(state["chosen"]["factor"], state["alpha"].numpy(), state["chosen"])

    def learned(self) -> GaussianProcess:
        """What was learned, in the units of the problem."""
        if self._learned is None:
            raise InputError("the Gaussian process has not been fitted to the end: run it first.")
        return self._learned

    def _learner(self, factor: float, alpha: np.ndarray, chosen: dict[str, Any]) -> GaussianProcess:
        scale = factor * self.profile
        rows = self.training[0][: len(alpha)] * scale
        return GaussianProcess(rows, alpha, scale, 1.0, self.task.degree, self.config, chosen)

    def _solved(self, factor: float, rows: int) -> GaussianProcess:
        inputs, targets, _ = (part[:rows] for part in self.training)
        kernel = build(self.config, self.task.degree)
        alpha, nugget = coefficients(kernel, inputs * (factor * self.profile), targets, self.config.nugget)
        return self._learner(factor, alpha, {"factor": factor, "nugget": nugget, "rows": len(alpha)})

    def _errors(self, learner: GaussianProcess) -> np.ndarray:
        inputs, targets, weights = self.held_out
        return np.abs(weights * (learner(inputs) - targets))

    @np.errstate(over="ignore", invalid="ignore")  # a factor that is too large loses its trial
    def _trial(self, factor: float) -> float:
        """The typical (median) held-out error with that factor, on few rows; infinite where it cannot be."""
        try:
            error = float(np.median(self._errors(self._solved(factor, self.config.trial_rows))))
        except InputError as reason:
            _log.info("factor %g: %s", factor, reason)
            return np.inf
        return error if np.isfinite(error) else np.inf

    def _fit(self) -> None:
        if not np.isfinite(min(self.trials)):
            raise InputError(
                f"scales: the kernel {self.config.kernel!r} could be fitted with none of "
                f"{self.config.scales}; give smaller factors, or another kernel."
            )
        learner = self._solved(self.config.scales[int(np.argmin(self.trials))], self.config.rows)
        progress = self.progress
        progress.held_out_error, progress.held_out_typical = errors(learner, self.problem.held_out)
        progress.best_error, progress.best_typical = progress.held_out_error, progress.held_out_typical
        progress.best_step = progress.step + 1
        if progress.held_out_error > _FAR:
            _log.warning(
                "on some held-out potentials the Gaussian process is far off (RMS %.1e of the leading order, "
                "typical %.1e): the kernel %r grows fast along potentials unlike those fitted. Its "
                "terms at U = 0 are another matter; do not trust its values there, or take kernel = 'ball'.",
                progress.held_out_error,
                progress.held_out_typical,
                self.config.kernel,
            )
        facts = {"held_out_error": progress.held_out_error, "held_out_typical": progress.held_out_typical}
        chosen = {**learner.chosen, **facts, "trials": list(self.trials)}
        self._learned = self._learner(learner.chosen["factor"], learner.alpha, chosen)


def linear_profile(inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``sqrt |k|`` of each cell, k the coefficients of a linear fit, its residuals weighted by ``weights^2``.

    Shallow potentials are almost linear: the weights are squared so that they decide.
    """
    k = np.linalg.lstsq(inputs * weights[:, None] ** 2, targets * weights**2, rcond=None)[0]
    size = np.abs(k)
    return np.sqrt(np.maximum(size, 1e-3 * size.max()))


def _drawn(
    samples: Samples, most: int, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, targets and weights of at most so many rows, in random order."""
    index = torch.from_numpy(draw.permutation(len(samples))[:most])
    if len(index) < 2:
        raise InputError(f"a Gaussian process needs at least 2 rows, got {len(index)}.")
    rows = samples.rows(index)
    inputs, targets, weights = (part.cpu().double() for part in (rows.inputs, rows.targets, rows.weights))
    return inputs.numpy(), targets.numpy(), weights.numpy()


def _require_consistent(samples: Sequence[np.ndarray]) -> None:
    """``InputError`` where the same input has two values."""
    inputs, targets, _ = samples
    unique, which = np.unique(inputs, axis=0, return_inverse=True)
    if len(unique) == len(inputs):
        return
    which = which.reshape(-1)
    low, high = np.full(len(unique), np.inf), np.full(len(unique), -np.inf)
    np.minimum.at(low, which, targets)
    np.maximum.at(high, which, targets)
    spread = high - low
    if (spread > 1e-12 * np.abs(targets).max()).any():
        raise InputError(
            f"{int((spread > 0).sum())} potentials stand more than once in the training rows with different "
            "values, and no noise was given: leave the duplicates out."
        )


def baseline(
    potentials: np.ndarray, values: np.ndarray, strength: np.ndarray, rows: int = 4000, seed: int = 0
) -> GaussianProcess:
    """A Gaussian process on at most `rows` of ``potentials (N, D)`` and ``values (N,)``, in a few seconds.

    Residuals weigh 1/``strength (N,)``. A tenth of the rows is held out to choose the factor.
    """
    order = np.random.default_rng([seed, 16]).permutation(len(values))
    held = max(2, min(len(order) // 10, _HELD_OUT))
    arrays = [torch.from_numpy(np.asarray(a, dtype=float)) for a in (potentials, values)]
    weights = torch.from_numpy(1 / np.asarray(strength))
    training, held_out = (
        Samples(arrays[0][i], arrays[1][i], weights[i]) for i in (order[held:], order[:held])
    )
    task = Task(cells=np.shape(potentials)[1], degree=1, seed=seed)
    fit = begin(Problem(training, held_out), task, Config(rows=rows, trial_rows=min(rows, 1500)))
    fit.run()
    return fit.learned()
