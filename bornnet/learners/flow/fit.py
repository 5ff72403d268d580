"""A round of the iteration, fitted by a flow.

About one flow in ten that is drawn at random ends in a valley where it stays: its error after some steps is a
hundred times that of the others. So some are drawn, each is fitted to a few hundred rows for a few steps, and
the one with the least typical held-out error is fitted to all.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import vector_to_parameters

from ...errors import BornnetError, InputError
from ...training.evidence import EvidenceLevenbergMarquardt
from ...training.fit import Fit, Progress
from ...training.laplace import weight_spread
from ...training.problem import Problem
from ...training.residuals import followed, truncation
from ..base import Task
from ..stepwise import settings
from .accuracy import extent
from .config import Config
from .ease import EasedLevenbergMarquardt, lasting, pulse
from .learner import FlowLearner, flow_of
from .model import Flow
from .remainder import FlowRemainder

_log = logging.getLogger(__name__)

_REACHED = 1000  # potentials of the fit whose states are what it has learned from
_TRIAL_ROWS = 300  # of those fitted, and of those held out
_TRIAL_STEPS = 16
_FREE_STEPS = 15  # at most, of values with errors, without a prior, where these are many
_MANY = 20  # times as many as there are weights
_REFINED = 5  # least order of methods whose steps are halved while a fit goes on
_MOST_STEPS = 8  # a cell, by halving
_MISSED = 0.025  # of the potentials, whose truncation may be larger than both
_BELOW = 1e-2  # of the typical error, and
_LEAST = 1e-9  # about where fits end


class FlowFit:
    """A fit in progress: `training.fit.Fit` on the flow without its lower orders.

    Args:
        drawn: flows drawn at random, from the best of which the fit starts; none to start from ``flow``.
    """

    def __init__(
        self, flow: Flow, problem: Problem, task: Task, config: Config, drawn: Sequence[Flow] = ()
    ) -> None:
        if task.device != "cpu":
            raise InputError(f"device: a flow is fitted on the processor, 'cpu'; got {task.device!r}")
        FlowLearner.check(config, noisy=problem.training.sigma is not None, left_by=task.left_by)
        if task.left_by == "learners":
            _log.warning(
                "what other learners leave does not build up along r, and in trials no flow behind them made "
                "all orders better; let the flow come first, as in flow,gp"
            )
        self.flow = flow
        self.ease = config.ease if config.ease is not None and config.ease[1] else None
        self.drawn = drawn if len(drawn) > 1 or self.ease else ()
        self.refines = config.substeps is None and flow.method.order >= _REFINED
        self.seed = task.seed
        model = self.model = FlowRemainder(flow, task.degree, task.at)
        self.fit = Fit(model, problem, settings(task, config))
        optimizer, weights = self.fit.optimizer, sum(p.numel() for p in model.parameters())
        if isinstance(optimizer, EvidenceLevenbergMarquardt) and len(problem.training) > _MANY * weights:
            optimizer.wait(min(_FREE_STEPS, self.fit.settings.steps // 2))
        if self.ease is not None:
            bend, weight = self.ease
            self.fit.optimizer = EasedLevenbergMarquardt(model, problem.training, bend, lasting(weight))

    @property
    def progress(self) -> Progress:
        return self.fit.progress

    def run(self, after_step: Callable[[Progress], None] = lambda progress: None) -> Progress:
        if self.drawn and self.progress.best_weights is None:  # neither begun nor gone on with
            began = time.perf_counter()
            self._choose_start()
            self.progress.seconds += time.perf_counter() - began

        def stepped(progress: Progress) -> None:
            began = time.perf_counter()
            self._refine()
            progress.seconds += time.perf_counter() - began
            after_step(progress)

        return self.fit.run(stepped)

    def _refine(self) -> None:
        """Halve the steps where more than a few potentials are missed by more than a small part of what is
        typically left. These have deep cells, and decide how exact the law is far out; to find that out when
        the fit has come to it would be late."""
        if not self.refines or self.flow.substeps >= _MOST_STEPS:
            return
        training = self.fit.problem.training
        level = max(_LEAST, _BELOW * self.progress.held_out_typical)
        if float((truncation(self.model, training) > level).double().mean()) > _MISSED:
            self.flow.substeps *= 2

    def _choose_start(self) -> None:
        """Move the flow to where the best of those drawn comes to in some steps on some rows."""
        problem, settings = self.fit.problem, self.fit.settings
        some = slice(0, _TRIAL_ROWS)
        part = Problem(problem.training.rows(some), problem.held_out.rows(some))
        seconds = settings.seconds and settings.seconds / (4 * len(self.drawn))
        penalties = pulse(self.ease[1]) if self.ease else []
        steps = len(penalties) or min(_TRIAL_STEPS, settings.steps)
        trial = replace(settings, steps=steps, seconds=seconds)
        reached: list[tuple[float, Tensor]] = []
        for flow in self.drawn:
            model = FlowRemainder(flow, self.model.degree, self.model.at)
            fit = Fit(model, part, trial)
            if self.ease:
                fit.optimizer = EasedLevenbergMarquardt(model, part.training, self.ease[0], penalties)
            try:
                found = fit.run()
            except BornnetError:  # it broke down, as others may not
                continue
            if found.best_weights is not None:
                reached.append((found.best_typical, found.best_weights))
        if reached:
            _, weights = min(reached, key=lambda one: one[0])
            vector_to_parameters(weights, self.model.parameters())

    def state(self) -> dict[str, Any]:
        return {**self.fit.state(), "substeps": self.flow.substeps}

    def load_state(self, state: dict[str, Any]) -> None:
        self.flow.substeps = state["substeps"]
        self.fit.load_state(state)

    def learned(self) -> FlowLearner:
        problem = self.fit.problem
        kept = Problem(followed(self.model, problem.training), followed(self.model, problem.held_out))
        rows = kept.training
        known = rows.rows(slice(0, None, max(1, len(rows) // _REACHED))).inputs
        low, high = extent(self.flow, self.model.potentials(known).numpy())
        spread = weight_spread(self.model, kept, self.seed, self.fit.optimizer)
        return FlowLearner(self.flow, spread, np.stack([low.min(axis=0), high.max(axis=0)]))


def begin(problem: Problem, task: Task, config: Config) -> FlowFit:
    """A fit of a flow that is ready to run; it starts from the flow of the round before, where there is one
    and lower orders are removed.

    Raises ``InputError`` for settings that exclude one another, and where f is infinite at the base.
    """
    rows = len(problem.training)
    if (taken := FlowLearner.rows_fitted(rows, config)) < rows:
        drawn = np.random.default_rng(_drawn(task, 1)).permutation(rows)[:taken]
        problem = Problem(problem.training.rows(torch.from_numpy(np.sort(drawn))), problem.held_out)
    # what has lost its first order is far from the flow of the round before, which has it
    if config.warm_start and isinstance(task.before, FlowLearner) and task.left_by is None:
        flow = task.before.flow.changed()
        return FlowFit(flow, problem, task, config)
    generator = torch.Generator().manual_seed(_drawn(task, 0))
    flows = [flow_of(config, generator) for _ in range(config.starts)]
    return FlowFit(flows[0].changed(), problem, task, config, flows)


def _drawn(task: Task, which: int) -> int:
    """A seed that follows from the study's, the member and the round."""
    sequence = np.random.SeedSequence([task.seed, task.member, task.number, which])
    return int(sequence.generate_state(1)[0])
