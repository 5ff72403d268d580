"""Several learners in a row: each learns what the ones before leave, and what they give adds up."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch

from ..config.registry import MODULE, learner_class
from ..config.schema import LearnerConfig
from ..training.fit import Progress
from ..training.problem import Problem, Samples
from .base import Fit, Learner, LeftBy, Scaling, State, Task
from .states import packed_states, unpacked_states

_ROWS = 8192  # potentials taken at once


@dataclass(frozen=True)
class Settings:
    """The learners of a chain by name, and the settings of each."""

    parts: tuple[tuple[str, LearnerConfig], ...]


class Chain(Learner):
    """The sum of what several learners have learned."""

    kind: ClassVar[str] = "chain"

    def __init__(self, parts: tuple[Learner, ...]) -> None:
        self.parts = parts
        self.any_cells = all(part.any_cells for part in parts)

    @staticmethod
    def settings(parts: Iterable[tuple[str, LearnerConfig]]) -> Settings:
        return Settings(tuple(parts))

    def __call__(self, U: np.ndarray) -> np.ndarray:
        return np.sum([part(U) for part in self.parts], axis=0)

    def taylor_terms(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray:
        return np.sum([part.taylor_terms(U, order, at) for part in self.parts], axis=0)

    def derivative_tensor(
        self, order: int, at: np.ndarray | None = None, packed: bool = False, cells: int | None = None
    ) -> np.ndarray:
        return np.sum([part.derivative_tensor(order, at, packed, cells) for part in self.parts], axis=0)

    def uncertainty(
        self, order: int, at: np.ndarray | None = None, cells: int | None = None
    ) -> np.ndarray | None:
        """Of values without errors, which the last learner alone states, that of the last one, fitted to all
        that the others left. Of values with errors each part has followed some of them: variances add."""
        return _together([part.uncertainty(order, at, cells) for part in self.parts])

    def terms_uncertainty(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray | None:
        return _together([part.terms_uncertainty(U, order, at) for part in self.parts])

    def value_uncertainty(self, U: np.ndarray) -> np.ndarray | None:
        return _together([part.value_uncertainty(U) for part in self.parts])

    def terms_gradient(self, U: np.ndarray, orders: list[int]) -> np.ndarray:
        return np.sum([part.terms_gradient(U, orders) for part in self.parts], axis=0)

    def rescaled(self, inputs: np.ndarray, output: float) -> "Chain":
        return Chain(tuple(part.rescaled(inputs, output) for part in self.parts))

    def state(self) -> State:
        arrays, parts = packed_states(self.parts)
        return State(arrays, {"parts": parts})

    @classmethod
    def from_state(cls, state: State, module: Any = None) -> "Chain":
        return cls(tuple(unpacked_states(state.arrays, state.facts["parts"], module=module)))

    @classmethod
    def begin(cls, problem: Problem, task: Task, config: Settings) -> "ChainFit":
        return ChainFit(problem, task, config)

    @classmethod
    def scaling(cls, spread: np.ndarray, output: float, integral: float, config: Settings) -> Scaling:
        """The units of the first learner, with one factor for all cells, which means the same to every
        one."""
        name, part = config.parts[0]
        common = np.full_like(spread, np.sqrt(np.mean(spread**2)))
        return learner_class(name).scaling(common, output, integral, part)

    @classmethod
    def check(cls, config: Settings, *, noisy: bool, left_by: LeftBy | None = None) -> None:
        for place, (name, part) in enumerate(config.parts):
            learner_class(name).check(part, noisy=noisy, left_by="learners" if place else left_by)

    @classmethod
    def least_rows(cls, cells: int, config: Settings) -> int:
        return max(learner_class(name).least_rows(cells, part) for name, part in config.parts)

    @classmethod
    def rows_fitted(cls, rows: int, config: Settings) -> int:
        return max(learner_class(name).rows_fitted(rows, part) for name, part in config.parts)

    @classmethod
    def most_steps(cls, config: Settings, number: int) -> int:
        return sum(learner_class(name).most_steps(part, number) for name, part in config.parts)

    @classmethod
    def memory(cls, rows: int, task: Task, config: Settings, *, slopes: int = 0) -> float:
        return max(learner_class(name).memory(rows, task, part, slopes=slopes) for name, part in config.parts)

    @classmethod
    def seconds(cls, problem: Problem, task: Task, config: Settings) -> float | None:
        behind = replace(task, slopes=np.zeros(task.cells))
        tasks = [task] + [behind] * (len(config.parts) - 1)
        parts = [
            learner_class(name).seconds(problem, its, part)
            for its, (name, part) in zip(tasks, config.parts, strict=True)
        ]
        return sum(s for s in parts if s is not None) if any(s is not None for s in parts) else None

    def require(self, cells: int, config: Settings) -> None:
        if [part.kind for part in self.parts] != [name for name, _ in config.parts]:
            raise ValueError(f"expected a chain of {[n for n, _ in config.parts]}, got another")
        for part, (_, own) in zip(self.parts, config.parts, strict=True):
            part.require(cells, own)


def _together(deviations: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Of a sum: nothing where the last learner states nothing."""
    if deviations[-1] is None:
        return None
    return np.sqrt(sum(std**2 for std in deviations if std is not None))


class ChainFit:
    """Fits one learner after the other, each to the residuals that the ones before leave, in their size.

    Values alone: of derivatives along directions, where there are some, the first learner makes use.
    """

    def __init__(self, problem: Problem, task: Task, config: Settings) -> None:
        self.problem, self.task, self.config = problem, task, config
        self.progress = self.before_it = Progress()
        self.done: list[Learner] = []
        self.before = task.before.parts if isinstance(task.before, Chain) else (None,) * len(config.parts)
        self.unit = 1.0  # of the targets of the fit at work
        self.fit = self._next()

    def run(self, after_step: Callable[[Progress], None] = lambda progress: None) -> Progress:
        while True:
            follow = self._follower()

            def show(inner: Progress, follow: _Follower = follow) -> None:
                self.progress = follow(inner)
                after_step(self.progress)

            self.progress = follow(self.fit.run(show))
            self.done.append(self.fit.learned().rescaled(np.ones(self.task.cells), self.unit))
            if follow.last:
                return self.progress
            self.before_it = self.progress
            self.fit = self._next()

    def state(self) -> dict[str, Any]:
        arrays, parts = packed_states(self.done)
        return {
            "arrays": {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()},
            "parts": parts,
            "fit": self.fit.state(),
            "before_it": {**vars(self.before_it), "curve": list(self.before_it.curve)},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        arrays = {name: tensor.numpy() for name, tensor in state["arrays"].items()}
        module = next((part.module for name, part in self.config.parts if name == MODULE), None)  # type: ignore[attr-defined]
        self.done = unpacked_states(arrays, state["parts"], module=module)
        self.fit = self._next()
        self.fit.load_state(state["fit"])
        self.before_it = Progress(**state["before_it"])
        self.progress = self._follower()(self.fit.progress)

    def learned(self) -> Chain:
        return Chain(tuple(self.done))

    def _follower(self) -> "_Follower":
        return _Follower(self.before_it, last=len(self.done) == len(self.config.parts) - 1)

    def _next(self) -> Fit:
        place = len(self.done)
        name, settings = self.config.parts[place]
        learner, alone = learner_class(name), self.task.alone and place == len(self.config.parts) - 1
        task = replace(self.task, before=self.before[place], alone=alone)
        if not self.done:
            return learner.begin(self.problem, task, settings)
        training, held_out = (self._left(part) for part in (self.problem.training, self.problem.held_out))
        self.unit = _size(training) / _size(self.problem.training) or 1.0
        firsts = [part.derivative_tensor(1, cells=task.cells) for part in self.done]
        before = task.before and task.before.rescaled(np.ones(task.cells), 1 / self.unit)
        task = replace(task, before=before, slopes=np.sum(firsts, axis=0))
        return learner.begin(Problem(*(self._in_unit(part) for part in (training, held_out))), task, settings)

    def _in_unit(self, left: Samples) -> Samples:
        sigma = None if left.sigma is None else left.sigma / self.unit
        return replace(left, targets=left.targets / self.unit, weights=left.weights * self.unit, sigma=sigma)

    def _left(self, samples: Samples) -> Samples:
        """The samples with what the learners so far leave of their targets."""
        targets = samples.targets.clone()
        for start in range(0, len(samples), _ROWS):
            U = samples.rows(slice(start, start + _ROWS)).inputs.cpu().numpy()
            for part in self.done:
                lower = part.taylor_terms(U, self.task.degree - 1).sum(axis=0)
                targets[start : start + _ROWS] -= torch.from_numpy(part(U) - lower).to(targets)
        return replace(samples, targets=targets, slopes=None)


def _size(samples: Samples) -> float:
    """RMS of the weighted targets."""
    return float(torch.sqrt(torch.mean((samples.weights * samples.targets) ** 2)))


class _Follower:
    """The progress of the learner at work, counted on from those before it."""

    def __init__(self, before: Progress, *, last: bool) -> None:
        self.before, self.last = before, last

    def __call__(self, inner: Progress) -> Progress:
        taken = self.before.step
        curve = [*self.before.curve, *((at + taken, a, b, c) for at, a, b, c in inner.curve)]
        return replace(
            inner,
            step=inner.step + taken,
            best_step=inner.best_step + taken,
            curve=curve,
            seconds=inner.seconds + self.before.seconds,
            finished=inner.finished and self.last,
            best_weights=None,
        )
