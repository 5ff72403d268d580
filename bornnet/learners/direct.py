"""A fit that is solved in one go, for learners without steps."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..training.fit import Progress
from ..training.problem import Problem, Samples
from ..training.residuals import errors as residual_errors
from .base import Learner


class Direct:
    """A fit of one step: it solves, and then judges what it found on the held-out rows.

    Stopped, it starts anew: its state is empty.

    Args:
        solve: from the problem to the learner.
    """

    def __init__(self, problem: Problem, solve: Callable[[Problem], Learner]) -> None:
        self.problem, self.solve = problem, solve
        self.progress = Progress()
        self._learned: Learner | None = None

    def run(self, after_step: Callable[[Progress], None] = lambda progress: None) -> Progress:
        began = time.perf_counter()
        self._learned = self.solve(self.problem)
        progress = self.progress
        progress.step = progress.best_step = 1
        progress.error, _ = errors(self._learned, self.problem.training)
        progress.held_out_error, progress.held_out_typical = errors(self._learned, self.problem.held_out)
        progress.best_error, progress.best_typical = progress.held_out_error, progress.held_out_typical
        progress.curve = [(1, progress.error, progress.held_out_error, progress.held_out_typical)]
        progress.seconds = time.perf_counter() - began
        progress.finished = True
        after_step(progress)
        return progress

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        return None

    def learned(self) -> Learner:
        assert self._learned is not None, "not run yet"
        return self._learned


def errors(learner: Learner, samples: Samples) -> tuple[float, float]:
    """RMS and typical size (`training.residuals.errors`) of a learner's weighted residuals, values alone; the
    learner has no value at the base point."""

    def model(x: Tensor) -> Tensor:
        return torch.from_numpy(learner(x.cpu().double().numpy()))

    return residual_errors(model, replace(samples, slopes=None))
