"""A round of the iteration, fitted by a flow."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...errors import InputError
from ...training.fit import Fit, Progress
from ...training.laplace import weight_spread
from ...training.problem import Problem
from ..base import Task
from ..stepwise import settings
from .accuracy import extent
from .config import Config
from .ease import EasedLevenbergMarquardt
from .learner import FlowLearner, flow_of
from .model import Flow
from .remainder import FlowRemainder

_REACHED = 1000  # potentials of the fit whose states are what it has learned from


class FlowFit:
    """A fit in progress: `training.fit.Fit` on the flow without its lower orders."""

    def __init__(self, flow: Flow, problem: Problem, task: Task, config: Config) -> None:
        if task.device != "cpu":
            raise InputError(f"device: a flow is fitted on the processor, 'cpu'; got {task.device!r}")
        self.flow = flow
        self.seed = task.seed
        model = self.model = FlowRemainder(flow, task.degree, task.at)
        self.fit = Fit(model, problem, settings(task, config))
        if config.ease is not None and config.ease[1]:
            if config.optimizer != "levenberg-marquardt":
                raise InputError(
                    f"ease: a penalty needs the optimizer 'levenberg-marquardt', got {config.optimizer!r}"
                )
            self.fit.optimizer = EasedLevenbergMarquardt(model, problem.training, *config.ease)

    @property
    def progress(self) -> Progress:
        return self.fit.progress

    def run(self, after_step: Callable[[Progress], None] = lambda progress: None) -> Progress:
        return self.fit.run(after_step)

    def state(self) -> dict[str, Any]:
        return self.fit.state()

    def load_state(self, state: dict[str, Any]) -> None:
        self.fit.load_state(state)

    def learned(self) -> FlowLearner:
        rows = self.fit.problem.training.inputs
        known = rows[slice(0, None, max(1, len(rows) // _REACHED))]
        low, high = extent(self.flow, self.model.potentials(known).numpy())
        spread = weight_spread(self.fit.model, self.fit.problem, self.seed, self.fit.optimizer)
        return FlowLearner(self.flow, spread, np.stack([low.min(axis=0), high.max(axis=0)]))


def begin(problem: Problem, task: Task, config: Config) -> FlowFit:
    """A fit of a flow that is ready to run; it starts from the flow of the round before, where there is one.

    Raises ``InputError`` for settings that exclude one another, and where f is infinite at the base.
    """
    if config.warm_start and isinstance(task.before, FlowLearner):
        flow = task.before.flow.changed()
    else:
        flow = flow_of(config, torch.Generator().manual_seed(_drawn(task, 0)))
    return FlowFit(flow, problem, task, config)


def _drawn(task: Task, which: int) -> int:
    """A seed that follows from the study's, the member and the round."""
    sequence = np.random.SeedSequence([task.seed, task.member, task.number, which])
    return int(sequence.generate_state(1)[0])
