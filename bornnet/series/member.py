"""One member's way through the rounds: what each round fits, with which learner, and what it reached."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ..compute.devices import choose_device
from ..compute.group import processes, rank
from ..config.load import AUTO
from ..config.registry import learner_class
from ..config.schema import StudyConfig
from ..datasets.labelled import Labelled
from ..errors import InputError
from ..learners.base import Fit, Learner, Scaling, Task
from ..learners.chain import Chain
from ..targets import Target
from ..training.fit import Progress
from ..training.problem import Problem
from .iteration import Rounds, round_problem


def rounds_of(study: StudyConfig, target: Target | None = None) -> Rounds:
    """How the configuration has the rounds differ; ``target`` is the scattering length around U = 0 unless
    given."""
    rounds = Rounds(study.strength_floors, study.lower_orders, study.remove, study.directions, study.seed)
    return rounds if target is None else replace(rounds, target=target)


def learner_of(study: StudyConfig) -> tuple[type[Learner], Any]:
    """The class that a study fits and its settings: one learner, or a chain of several."""
    if study.learner == (AUTO,):
        raise InputError("learner: auto has not been settled for a dataset (series.automatic).")
    if len(study.learner) > 1:
        return Chain, Chain.settings(study.parts())
    return learner_class(study.learner[0]), study.settings[0]


def checked_learner(study: StudyConfig, *, noisy: bool) -> tuple[type[Learner], Any]:
    """The same; ``InputError`` where settings exclude one another, or values with errors (`noisy`)."""
    learner, settings = learner_of(study)
    corrected = study.lower_orders == "corrected" and study.rounds > 1
    learner.check(settings, noisy=noisy, left_by="rounds" if corrected else None)
    return learner, settings


def require_rows(study: StudyConfig, number: int, rows: int, cells: int) -> None:
    """``InputError`` where a round has fewer rows than its learner needs."""
    learner, config = learner_of(study)
    least = learner.least_rows(cells, config)
    if rows < least:
        raise InputError(
            f"round {number} has {rows:,} potentials to fit; learner {learner.kind} needs at least {least:,} "
            f"at {cells} cells. Take more potentials, or another learner."
        )


def device_of(study: StudyConfig) -> torch.device:
    """Where a study is fitted: ``auto`` is a GPU only for learners that can use one.

    Raises ``InputError`` where a GPU is asked for that is not there, or for a learner that cannot use one,
    and where a learner lacks what no configuration holds, such as a torch module.
    """
    for part in study.settings:
        part.require_ready(study.members)
    learner, _ = learner_of(study)
    if learner.on_gpu:
        return choose_device(study.device)
    if study.device == "cuda":
        raise InputError(
            f"device: learner {','.join(study.learner)} is fitted on the CPU; give device = cpu or auto."
        )
    return torch.device("cpu")


@dataclass(frozen=True)
class Member:
    """A member of an ensemble and all that its rounds need.

    Attributes:
        study: the configuration.
        number: the member, from 0.
        training, held_out: the rows to fit and those to judge by, as displacements from the reference.
        scaling: between physical units and those of the fits.
        device: ``cpu`` or ``cuda``.
        target: what is learned; the scattering length around U = 0 unless given.
    """

    study: StudyConfig
    number: int
    training: Labelled
    held_out: Labelled
    scaling: Scaling
    device: str = "cpu"
    target: Target | None = None

    def __post_init__(self) -> None:
        if self.study.bootstrap and self.study.members < 2:
            raise InputError(
                "bootstrap: expected at least 2 members, whose spread is the error bar; got "
                f"{self.study.members}. Give members = 10, say."
            )

    def task(self, number: int, before: Learner | None = None) -> Task:
        """What round ``number`` asks of the learner; ``before``, in physical units, is where it may start."""
        study, scaling = self.study, self.scaling
        if before is not None:
            before = before.rescaled(1 / scaling.inputs, 1 / scaling.output)
        return Task(
            cells=self.training.cells,
            degree=rounds_of(study).degree(number),
            number=number,
            rounds=study.rounds,
            member=self.number,
            seed=study.seed,
            before=before,
            device=self.device,
            seconds=None if study.time_limit is None else 60 * study.time_limit,
            scaling=scaling,
            alone=study.members == 1,
        )

    @property
    def rows(self) -> Labelled:
        """The rows that this member is fitted to: all, or as many drawn from them with replacement (Efron,
        Ann. Stat. 7, 1, 1979), each with the error that it has."""
        if not self.study.bootstrap:
            return self.training
        count = len(self.training)
        draw = np.random.default_rng([self.study.seed, self.number, 22]).integers(0, count, count)
        return self.training.rows(np.sort(draw))

    def problem(self, number: int, finished: Sequence[Learner]) -> Problem:
        """What round ``number`` is fitted to, after what the finished rounds have learned."""
        return round_problem(
            rounds_of(self.study, self.target), number, finished, self.rows, self.held_out, self.scaling
        )

    def begin(self, number: int, problem: Problem, finished: Sequence[Learner]) -> Fit:
        """The fit of a round, ready to run."""
        learner, config = learner_of(self.study)
        require_rows(self.study, number, len(problem.training), self.training.cells)
        if processes() > 1 and not learner.shares_rows:
            raise InputError(f"learner {learner.kind} is fitted by one process; start it without torchrun.")
        return learner.begin(problem, self.task(number, finished[-1] if finished else None), config)

    def learned(self, fit: Fit) -> Learner:
        """What a fit has learned, in physical units."""
        return fit.learned().rescaled(self.scaling.inputs, self.scaling.output)

    def share(self, problem: Problem) -> Problem:
        """This process's part of the rows, where several fit together."""
        return problem.share(rank(), processes())

    def facts(self, number: int, problem: Problem, progress: Progress) -> dict[str, Any]:
        """What a round was fitted in, and what it reached."""
        learner, config = learner_of(self.study)
        return {
            "round": number,
            "floor": rounds_of(self.study).floor(number),
            "input_scale": self.scaling.inputs.tolist(),
            "output_scale": self.scaling.output,
            "training_rows": learner.rows_fitted(len(problem.training), config),
            "left_out": progress.left_out,
            "held_out_rows": len(problem.held_out),
            "steps": progress.step,
            "best_step": progress.best_step,
            "training_error": _error_at(progress, progress.best_step),
            "held_out_error": progress.best_error,
            "held_out_typical": progress.best_typical,
        }


def reached(facts: dict[str, Any]) -> dict[str, Any]:
    """Of these facts, what tells how a fit went."""
    errors = ("held_out_error", "held_out_typical")
    keys = ("round", "floor", "training_rows", "held_out_rows", "steps", "best_step", *errors)
    # nothing was left out where earlier versions fitted
    return {**{key: facts[key] for key in keys}, "left_out": facts.get("left_out", 0)}


def _error_at(progress: Progress, step: int) -> float | None:
    """The training error of the weights after ``step`` steps, where it is known."""
    return next((error for at, error, *_ in progress.curve if at == step + 1), None)
