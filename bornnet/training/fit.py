"""The training loop: steps of an optimizer, the best weights on held-out data, and a state to go on from."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ..compute.group import decided
from ..errors import BornnetError
from . import evidence
from .evidence import EvidenceLevenbergMarquardt
from .first_order import LBFGS, Adam
from .gauss_newton import GaussNewton
from .levenberg_marquardt import LevenbergMarquardt
from .model import Residual
from .problem import Problem, Samples
from .residuals import errors, followed
from .row_space import NAME as ROW_SPACE
from .row_space import RowSpace

_log = logging.getLogger(__name__)


class BrokenDown(BornnetError):
    """The error of a fit is no longer a number."""


class Optimizer(Protocol):
    """Moves a model's weights downhill; its state and the weights are all that it remembers.

    Attributes:
        keeps_last: the weights of a fit are those of the last step, not the best on held-out data.
    """

    keeps_last: bool

    def step(self) -> float | None: ...
    def state(self) -> dict[str, Any]: ...
    def load_state(self, state: dict[str, Any]) -> None: ...

    @classmethod
    def step_bytes(
        cls, rows: int, weights: int, *, kept: int = 0, batch: int = 0, slopes: bool = False
    ) -> int:
        """Memory that a step takes at its peak; autograd keeps ``kept`` numbers a row of the model, and
        ``batch`` are the rows of a mini-batch."""
        ...

    def step_seconds(self) -> float:
        """About how long a step takes: parts of one on a small block of rows, timed and scaled up."""
        ...


@dataclass(frozen=True)
class Settings:
    """How to fit.

    Attributes:
        optimizer: a name of ``OPTIMIZERS``.
        steps: optimizer steps at most (an epoch of Adam, 20 iterations of L-BFGS).
        patience: steps without a lower typical error on held-out data after which the fit ends.
        seconds: time after which the fit ends, if any; it makes the result depend on the machine's speed.
        learning_rate, batch, seed: for Adam.
    """

    optimizer: str = "levenberg-marquardt"
    steps: int = 60
    patience: int = 20
    seconds: float | None = None
    learning_rate: float = 1e-3
    batch: int = 256
    seed: int = 0


KINDS: dict[str, type[Optimizer]] = {
    "levenberg-marquardt": LevenbergMarquardt,
    ROW_SPACE: RowSpace,
    "gauss-newton": GaussNewton,
    "l-bfgs": LBFGS,
    "adam": Adam,
}

OPTIMIZERS: dict[str, Callable[[Residual, Samples, Settings], Optimizer]] = {
    "levenberg-marquardt": lambda model, samples, s: (
        EvidenceLevenbergMarquardt(model, samples)
        if evidence.applies(model, samples)
        else LevenbergMarquardt(model, samples, robust=True)
    ),
    ROW_SPACE: lambda model, samples, s: RowSpace(model, samples, robust=True),
    "gauss-newton": lambda model, samples, s: GaussNewton(model, samples, robust=True),
    "l-bfgs": lambda model, samples, s: LBFGS(model, samples),
    "adam": lambda model, samples, s: Adam(
        model, samples, steps=s.steps, learning_rate=s.learning_rate, batch=s.batch, seed=s.seed
    ),
}


@dataclass
class Progress:
    """Where a fit stands after ``step`` steps; all of it, with the optimizer's state, makes a checkpoint.

    Errors are root mean squares of the weighted residuals: relative errors, where weights are 1/target. Those
    on held-out data are of the samples that the model finds exactly enough (`residuals.followed`).
    The best weights are those with the least typical error on held-out data (`residuals.errors`): one sample
    unlike all others can decide the root mean square, and does so long after all others have gained.
    """

    step: int = 0
    error: float = math.nan
    held_out_error: float = math.nan
    held_out_typical: float = math.nan
    best_step: int = 0
    best_error: float = math.nan
    best_typical: float = math.inf
    best_weights: Tensor | None = None
    left_out: int = 0
    """Training samples that the best weights do not find exactly enough (`residuals.followed`)."""
    seconds: float = 0.0
    finished: bool = False
    curve: list[tuple[int, float, float, float]] = field(default_factory=list)
    """(step, training error, held-out error and its typical size) after every step; the training error is
    that before the step."""


class Fit:
    """A fit that can be stopped between any two steps and gone on with, bit for bit as if uninterrupted."""

    def __init__(self, model: Residual, problem: Problem, settings: Settings) -> None:
        self.model = model
        self.problem = problem
        self.settings = settings
        self.optimizer = OPTIMIZERS[settings.optimizer](model, problem.training, settings)
        self.progress = Progress()

    @np.errstate(over="ignore", invalid="ignore")  # found in the errors, and reported with the step
    def run(self, after_step: Callable[[Progress], None] = lambda progress: None) -> Progress:
        """Fit to the end and leave the best weights in the model.

        ``after_step`` is called between steps: the place for progress bars and checkpoints. Raises
        ``BrokenDown`` that names the step where the error is no longer a number; the model then holds the
        best weights there were.
        """
        progress, settings = self.progress, self.settings
        if progress.best_weights is None:
            self._judge()
        while not progress.finished:
            began = time.perf_counter()
            loss = self.optimizer.step()
            if loss is None:
                progress.finished = True
            else:
                progress.step += 1
                progress.error = math.sqrt(loss) if loss >= 0 else math.nan
                self._judge()
                progress.curve.append(
                    (progress.step, progress.error, progress.held_out_error, progress.held_out_typical)
                )
                if not (math.isfinite(progress.error) and math.isfinite(progress.held_out_error)):
                    self._take_best()
                    raise BrokenDown(
                        f"training broke down at step {progress.step}: the error is no longer a number. The "
                        f"best weights, of step {progress.best_step}, are kept. Take another optimizer, a "
                        "smaller learning rate, or a smooth activation."
                    )
            progress.seconds += time.perf_counter() - began
            progress.finished = decided(
                progress.finished
                or progress.step >= settings.steps
                or progress.step - progress.best_step >= settings.patience
                or (settings.seconds is not None and progress.seconds >= settings.seconds)
            )
            after_step(progress)
        self._take_best()
        return progress

    def state(self) -> dict[str, Any]:
        """Everything that ``load_state`` needs, of tensors and plain values alone."""
        return {
            "weights": parameters_to_vector(self.model.parameters()).detach().clone(),
            "optimizer": self.optimizer.state(),
            "progress": {**vars(self.progress), "curve": list(self.progress.curve)},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        vector_to_parameters(state["weights"].to(self._device), self.model.parameters())
        self.optimizer.load_state(state["optimizer"])
        self.progress = Progress(**state["progress"])

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    @torch.no_grad()
    def _judge(self) -> None:
        progress = self.progress
        held_out = followed(self.model, self.problem.held_out)
        progress.held_out_error, progress.held_out_typical = errors(self.model, held_out)
        if progress.held_out_typical < progress.best_typical or self.optimizer.keeps_last:
            progress.best_error, progress.best_typical = progress.held_out_error, progress.held_out_typical
            progress.best_step = progress.step
            progress.best_weights = parameters_to_vector(self.model.parameters()).detach().clone()

    @torch.no_grad()
    def _take_best(self) -> None:
        if self.progress.best_weights is not None:
            vector_to_parameters(self.progress.best_weights.to(self._device), self.model.parameters())
            training = self.problem.training
            self.progress.left_out = len(training) - len(followed(self.model, training))
