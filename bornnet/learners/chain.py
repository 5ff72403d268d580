"""Several learners in a row: each learns what the ones before leave, and what they give adds up."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch

from ..config.registry import MODULE, learner_class
from ..config.schema import LearnerConfig
from ..training.fit import Progress
from ..training.problem import Problem, Samples
from .base import Fit, Learner, Scaling, State, Task
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
        """That of the last learner, which is fitted to all that the others left."""
        return self.parts[-1].uncertainty(order, at, cells)

    def terms_uncertainty(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray | None:
        return self.parts[-1].terms_uncertainty(U, order, at)

    def value_uncertainty(self, U: np.ndarray) -> np.ndarray | None:
        return self.parts[-1].value_uncertainty(U)

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
        parts = [learner_class(name).seconds(problem, task, part) for name, part in config.parts]
        return sum(s for s in parts if s is not None) if any(s is not None for s in parts) else None

    def require(self, cells: int, config: Settings) -> None:
        if [part.kind for part in self.parts] != [name for name, _ in config.parts]:
            raise ValueError(f"expected a chain of {[n for n, _ in config.parts]}, got another")
        for part, (_, own) in zip(self.parts, config.parts, strict=True):
            part.require(cells, own)


class ChainFit:
    """Fits one learner after the other, each to the residuals that the ones before leave."""

    def __init__(self, problem: Problem, task: Task, config: Settings) -> None:
        self.problem, self.task, self.config = problem, task, config
        self.progress = self.before_it = Progress()
        self.done: list[Learner] = []
        self.before = task.before.parts if isinstance(task.before, Chain) else (None,) * len(config.parts)
        self.fit = self._next()

    def run(self, after_step: Callable[[Progress], None] = lambda progress: None) -> Progress:
        while True:
            follow = self._follower()

            def show(inner: Progress, follow: _Follower = follow) -> None:
                self.progress = follow(inner)
                after_step(self.progress)

            self.progress = follow(self.fit.run(show))
            self.done.append(self.fit.learned())
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
        problem = self.problem if not self.done else Problem(*map(self._left, vars(self.problem).values()))
        slopes = self.task.slopes
        if self.done:
            firsts = [part.derivative_tensor(1, cells=self.task.cells) for part in self.done]
            slopes = np.sum(firsts, axis=0)
        alone = self.task.alone and place == len(self.config.parts) - 1
        task = replace(self.task, before=self.before[place], slopes=slopes, alone=alone)
        return learner_class(name).begin(problem, task, settings)

    def _left(self, samples: Samples) -> Samples:
        """The samples with what the learners so far leave of their targets."""
        targets = samples.targets.clone()
        for start in range(0, len(samples), _ROWS):
            U = samples.rows(slice(start, start + _ROWS)).inputs.cpu().numpy()
            for part in self.done:
                lower = part.taylor_terms(U, self.task.degree - 1).sum(axis=0)
                targets[start : start + _ROWS] -= torch.from_numpy(part(U) - lower).to(targets)
        return replace(samples, targets=targets)


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
