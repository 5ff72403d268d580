"""The fit: cells scaled by a linear fit, factor and length by held-out errors or the evidence, one solve."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from ...errors import InputError
from ...training.fit import Progress
from ...training.problem import Batch, Problem
from ..base import Task
from ..direct import errors
from . import halves, warp
from .config import Config
from .graded import most_likely_orders, of_every_order
from .halves import LEAST_ROWS
from .kernels import Kernel, build
from .learner import GaussianProcess
from .low_rank import Basis
from .posterior import coefficients
from .robust import likely, widened
from .rows import distinct, drawn, require_consistent, require_values
from .scales import linear_profile, profile_behind, scale_matrix
from .size import carried
from .trial import CHOSEN, Trial, following, following_graded, stated

_log = logging.getLogger(__name__)
HELD_OUT = 2000  # held-out rows that choose scale and length
_EVIDENCE_ROWS = 1000
_FAR = 1.0  # held-out RMS, relative to the leading order, from which on values are no predictions


def begin(problem: Problem, task: Task, config: Config) -> "Fit":
    """A fit that is ready to run."""
    return Fit(problem, task, config)


class Fit:
    """Trials that choose scale and length, then the fit on all rows: it can stop in between.

    Without errors of the values the trials are fits to some of the rows, judged by held-out potentials. With
    errors there is one stage, in which the evidence chooses the amplitude of the process too.
    """

    warns = True  # of values far from those fitted

    def __init__(self, problem: Problem, task: Task, config: Config) -> None:
        require_values(problem.training, task.at)
        self.problem = problem
        self.task = task
        self.config = config
        self.kernel = build(config, task.degree)  # says now what it cannot do
        self.graded = of_every_order(config, problem.training.sigma is None, behind=task.slopes is not None)
        draw = np.random.default_rng([task.seed, task.member, task.number, 15])
        self.training = drawn(problem.training, config.rows, draw)
        self.held_out = drawn(problem.held_out, HELD_OUT, draw)
        if self.training.sigma is None:
            require_consistent(self.training)
            self.training = distinct(self.training)
        rows = self.training
        self.profile = (
            linear_profile(rows.inputs.numpy(), rows.targets.numpy(), rows.weights.numpy())
            if task.slopes is None
            else profile_behind(task.slopes, rows.inputs.numpy(), task.scaling)
        )
        self.progress = Progress()
        self.trials: list[Trial] = []
        self._basis: Basis | None = None  # while it grows
        self._carrying: np.ndarray | None = None  # the rows of the learner, where these are not the first
        self._learned: GaussianProcess | None = None

    def run(self, after_step: Callable[[Progress], None] = lambda progress: None) -> Progress:
        """Fit to the end; ``after_step`` is called between stages."""
        progress = self.progress
        while not progress.finished:
            began = time.perf_counter()
            following = self._following()
            if following is not None:
                self.trials.append(self._tried(following))
                progress.held_out_typical = stated(self.trials[-1].error)
            elif self._learned is None and not self._grown():
                pass
            elif self._learned is None:
                self._fit()
                progress.finished = not self._has_deviations
            else:
                self._fit_halves(self._learned)
                progress.finished = True
            progress.step += 1
            progress.seconds += time.perf_counter() - began
            after_step(progress)
        return progress

    def state(self) -> dict[str, Any]:
        """Tensors and plain values."""
        learned = self._learned
        return {
            "trials": [asdict(trial) for trial in self.trials],
            "progress": {**vars(self.progress), "curve": list(self.progress.curve)},
            "carrying": None if self._carrying is None else torch.from_numpy(self._carrying),
            "sigma": self.training.sigma,
            "alpha": None if learned is None else torch.from_numpy(learned.alpha),
            "parts": None if learned is None or learned.parts is None else torch.from_numpy(learned.parts),
            "factor": None if learned is None or learned.factor is None else torch.from_numpy(learned.factor),
            "chosen": None if learned is None else dict(learned.chosen),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.trials = [Trial.read(trial) for trial in state["trials"]]
        self.progress = Progress(**state["progress"])
        if state["alpha"] is None:
            self.progress.step = len(self.trials)  # a basis is too large to be kept: it grows anew
        else:
            carrying = state.get("carrying")
            self._carrying = None if carrying is None else carrying.numpy()
            if state.get("sigma") is not None:
                self.training = replace(self.training, sigma=state["sigma"])
            chosen = state["chosen"]
            best = Trial.read(chosen)
            learner = self._learner(best, state["alpha"].numpy(), chosen)
            kept = {name: state.get(name) for name in ("parts", "factor")}
            found = {name: tensor.numpy() for name, tensor in kept.items() if tensor is not None}
            self._learned = replace(learner, **found)

    def learned(self) -> GaussianProcess:
        """What was learned, in the units of the problem."""
        if self._learned is None:
            raise InputError("the Gaussian process has not been fitted to the end: run it first.")
        return self._learned

    def _following(self) -> Trial | None:
        if self.training.sigma is not None:
            least = Trial(min(self.config.scales), self.config.lengths[0], self.config.nugget)
            return None if self.trials else least
        if self.graded:
            return following_graded(self.trials, self.config, self._bends())
        return following(self.trials, self.config, self._bends(), behind=self.task.slopes is not None)

    def _bends(self) -> list[float]:
        """The bends to try, in units of 1 / values: those that the values allow. Rounds after the first, and
        learners behind others, fit what is left: that has no pole of its own."""
        y = self.training.targets.numpy()
        if self.task.degree > 1 or self.task.slopes is not None:
            return [0.0]
        found = [bend / float(np.abs(y).max() or 1.0) for bend in self.config.bends]
        return [bend for bend in found if (1 - bend * y).min() >= warp.LEAST] or [0.0]

    @np.errstate(over="ignore", invalid="ignore")  # a factor that is too large loses its trial
    def _tried(self, trial: Trial) -> Trial:
        """That trial with its typical (median) held-out error on few rows, infinite where it cannot be; or,
        for values with errors, what the evidence chooses."""
        if self.training.sigma is not None:
            rows = self.training.rows(slice(min(self.config.trial_rows, _EVIDENCE_ROWS)))
            prior = likely(self.kernel, rows, self.profile, trial.nugget, self.config.robust)
            chosen = ("factor", "length", "smooth", "amplitude")
            return replace(trial, **{key: getattr(prior, key) for key in chosen})
        rows = self.training.rows(slice(self.config.trial_rows))
        if self.graded and not trial.amplitudes:
            y = warp.unbent(rows.targets.numpy(), trial.bend)
            x = rows.inputs.numpy() @ self._scale(trial)
            orders = most_likely_orders(x, y, self.task.degree, trial.nugget)
            trial = replace(trial, amplitudes=orders.amplitudes, nugget=orders.nugget)
        try:
            learner = self._solved(trial, rows)
            error = float(np.median(self._errors(learner)))
        except InputError as reason:
            _log.info("factor %g, length %g: %s", trial.factor, trial.length, reason)
            error = np.inf
        return replace(trial, error=error if np.isfinite(error) else np.inf)

    def _kernel(self, trial: Trial) -> Kernel:
        return build(self.config, self.task.degree, trial.amplitudes)

    def _scale(self, trial: Trial) -> np.ndarray:
        return scale_matrix(self.profile, trial.length, trial.factor, trial.smooth)

    def _learner(self, trial: Trial, alpha: np.ndarray, chosen: dict[str, Any]) -> GaussianProcess:
        scale = self._scale(trial)
        carrying = self._carrying
        kept = self.training.rows(slice(len(alpha)) if carrying is None else torch.from_numpy(carrying))
        exact = kept.sigma is None or carrying is not None  # the posterior needs every row's noise
        noise = None if exact or kept.sigma is None else kept.sigma.numpy() ** 2 / trial.amplitude
        rows = kept.inputs.numpy() @ scale
        return GaussianProcess(
            rows, alpha, scale, 1.0, self.task.degree, self.config, chosen, noise, None, trial.bend
        )

    def _solved(self, trial: Trial, training: Batch) -> GaussianProcess:
        x = training.inputs.numpy() @ self._scale(trial)
        noise = None if training.sigma is None else training.sigma.numpy() ** 2 / trial.amplitude
        y = warp.unbent(training.targets.numpy(), trial.bend)
        alpha, nugget = coefficients(self._kernel(trial), x, y, trial.nugget, noise)
        chosen = {key: getattr(trial, key) for key in CHOSEN}
        return self._learner(trial, alpha, {**chosen, "nugget": nugget, "rows": len(alpha)})

    def _grown(self) -> bool:
        """Whether all is there that the fit to all rows needs; if not, some more of it is made."""
        config, training = self.config, self.training
        if not carried(len(training.targets), config):
            return True
        if self._basis is None:
            best = self._best()
            x = training.inputs.numpy() @ self._scale(best)
            noise = None if training.sigma is None else training.sigma.numpy() ** 2 / best.amplitude
            self._basis = Basis(self._kernel(best), x, best.nugget, noise, config.rank)
        self._basis.grow()
        return self._basis.finished

    def _solved_by_basis(self, trial: Trial, basis: Basis) -> GaussianProcess:
        """The fit to all rows and, where they are asked for, those to halves and quarters of them."""
        y = warp.unbent(self.training.targets.numpy(), trial.bend)
        found, residuals = basis.fitted(y, [np.arange(len(y))])
        self._carrying = np.array(basis.chosen)
        chosen = {
            **{key: getattr(trial, key) for key in CHOSEN},
            **{"rows": len(y), "rank": len(found), "left": float(basis.left.max()), "residual": residuals[0]},
        }
        learner = self._learner(trial, found[:, 0], chosen)
        if self.training.sigma is None:
            return learner
        return replace(learner, factor=basis.posterior_factor().numpy())

    def _errors(self, learner: GaussianProcess) -> np.ndarray:
        held_out = self.held_out
        off = learner(held_out.inputs.numpy()) - held_out.targets.numpy()
        return np.abs(held_out.weights.numpy() * off)

    def _best(self) -> Trial:
        """The best trial with which no kernel of any row overflows."""
        ranked = sorted(self.trials, key=lambda trial: trial.error)
        for trial in ranked:
            squares = np.sum((self.training.inputs.numpy() @ self._scale(trial)) ** 2, axis=1)
            with np.errstate(over="ignore"):
                if np.isfinite(self._kernel(trial)(squares, squares, squares)).all():
                    return trial
        return ranked[0]

    def _fit(self) -> None:
        best = self._best()
        if self.training.sigma is None and not np.isfinite(best.error):
            raise InputError(
                f"scales: the kernel {self.config.kernel!r} could be fitted with none of "
                f"{self.config.scales}; give smaller factors, or another kernel."
            )
        basis = self._basis
        if self.training.sigma is not None and basis is None and self.config.robust:
            sigma = widened(self._kernel(best), self.training, self._scale(best), best.nugget, best.amplitude)
            self.training = replace(self.training, sigma=torch.from_numpy(sigma))
        learner = self._solved(best, self.training) if basis is None else self._solved_by_basis(best, basis)
        progress = self.progress
        with np.errstate(over="ignore", invalid="ignore"):
            found = errors(learner, self.problem.held_out)
        progress.held_out_error, progress.held_out_typical = (stated(error) for error in found)
        progress.best_error, progress.best_typical = progress.held_out_error, progress.held_out_typical
        progress.best_step = progress.step + 1
        if self.warns and self.training.sigma is None and progress.held_out_error > _FAR:
            _log.warning(
                "on some held-out potentials the Gaussian process is far off (RMS %.1e of the leading order, "
                "typical %.1e): the kernel %r grows fast along potentials unlike those fitted. Its "
                "terms at the base point are another matter; do not trust its values there, or take "
                "kernel = 'ball'.",
                progress.held_out_error,
                progress.held_out_typical,
                self.config.kernel,
            )
        facts = {"held_out_error": progress.held_out_error, "held_out_typical": progress.held_out_typical}
        trials = [{**asdict(trial), "error": stated(trial.error)} for trial in self.trials]
        chosen = {**learner.chosen, **facts, "trials": trials}
        self._learned = replace(learner, chosen=chosen)

    @property
    def _has_deviations(self) -> bool:
        rows = self.training
        return rows.sigma is None and len(rows) >= LEAST_ROWS and self.config.deviations == "halves"

    def _fit_halves(self, learner: GaussianProcess) -> None:
        """What fits to parts of the rows say of the one to all of them."""
        y = warp.unbent(self.training.rows(slice(learner.chosen["rows"])).targets.numpy(), learner.bend)
        try:
            if self._carrying is not None:
                while not self._grown():
                    pass  # where the fit was stopped after the learner was found
                assert self._basis is not None
                found, _ = self._basis.fitted(y, halves.parts_of(len(y)))
            else:
                found = halves.fits(self._kernel(self._best()), learner.rows, y, learner.chosen["nugget"])
        except InputError as reason:
            _log.info("no standard deviations: %s", reason)
            return
        learner = replace(learner, parts=found)
        U, values = self.held_out.inputs.numpy(), self.held_out.targets.numpy()
        with np.errstate(over="ignore", invalid="ignore"):
            of_halves = np.array([half(U) for half in learner.of_parts()[:4]])
            shrunk = halves.value_ratios(learner(U), of_halves, values)
        self._learned = replace(learner, chosen={**learner.chosen, "shrunk": list(shrunk)})
