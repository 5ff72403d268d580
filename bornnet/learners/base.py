"""What a learner is: one protocol for all that can be fitted and has a Taylor series.

A learner is fitted in the units of its problem (`Scaling` between these and physical ones belongs to the
learner's class) and gives, for potentials U ``(N, D)`` in whatever units it is in: values, Taylor terms along
displacements, derivative tensors at a point and, where it can, one standard deviation of each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from ..training.fit import Progress
from ..training.problem import Problem


@dataclass(frozen=True)
class State:
    """A learner as it is stored: arrays by name, and facts that JSON can hold. No pickle."""

    arrays: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]


class Learner(Protocol):
    """A function of a potential, with its Taylor series.

    ``kind`` is its name in the table. Potentials are numpy arrays ``(N, D)`` of doubles, and numpy arrays of
    doubles come back.
    """

    kind: ClassVar[str]

    def __call__(self, U: np.ndarray) -> np.ndarray:
        """Values ``(N,)``; the value at U = 0 is not subtracted."""
        ...

    def taylor_terms(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray:
        """``(order + 1, N)``: row n is ``D^n f(at)[U, .., U] / n!``."""
        ...

    def derivative_tensor(
        self, order: int, at: np.ndarray | None = None, packed: bool = False, cells: int | None = None
    ) -> np.ndarray:
        """All partial derivatives of that order: ``(D,) * order``, or packed, one entry per multiset of
        indices. ``cells`` is D where the learner takes any number of cells and `at` does not tell."""
        ...

    def uncertainty(
        self, order: int, at: np.ndarray | None = None, cells: int | None = None
    ) -> np.ndarray | None:
        """One standard deviation of every entry of the dense derivative tensor; None where not known."""
        ...

    def terms_uncertainty(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray | None:
        """One standard deviation of every Taylor term, ``(order + 1, N)``; None where not known."""
        ...

    def rescaled(self, inputs: np.ndarray, output: float) -> "Learner":
        """The learner ``U -> output * f(inputs * U)``, with one factor a cell."""
        ...

    def state(self) -> State:
        """All that `from_state` needs to give the same learner to the bit."""
        ...

    @classmethod
    def from_state(cls, state: State) -> "Learner":
        """The learner of a state; ``KeyError``, ``TypeError`` or ``ValueError`` where that is damaged."""
        ...


class Fit(Protocol):
    """A fit in progress: it can be stopped between steps, stored, and resumed to the same bits."""

    progress: Progress

    def run(self, after_step: Callable[[Progress], None] = ...) -> Progress:
        """Fit to the end; ``after_step`` is called between steps, or between stages of a direct solver."""
        ...

    def state(self) -> dict[str, Any]:
        """Tensors and plain values (for `files.checkpoint`)."""
        ...

    def load_state(self, state: dict[str, Any]) -> None: ...

    def learned(self) -> Learner:
        """What was learned, in the units of the problem."""
        ...


@dataclass(frozen=True)
class Task:
    """What a round of the iteration asks of a learner.

    Attributes:
        cells: of the potentials of the problem.
        degree: the Taylor order that is due: lower orders at the base point are no part of the model that is
            fitted (round n removes orders below n by construction). 1 removes the value at the base point
            alone.
        number, rounds: the round, from 1, and how many there are.
        member: of the ensemble, from 0.
        seed: of the study; a fit's own random numbers follow from it, the member and the round.
        before: what the round before has learned, in the units of the problem, to start from; or None.
        device: ``cpu`` or ``cuda``.
        seconds: time after which the fit is to end, if any.
        at: base point of the expansion in the units of the problem; None for 0.
    """

    cells: int
    degree: int
    number: int = 1
    rounds: int = 1
    member: int = 0
    seed: int = 0
    before: Learner | None = None
    device: str = "cpu"
    seconds: float | None = None
    at: np.ndarray | None = None


Begin = Callable[[Problem, Task, Any], Fit]
"""A learner's own ``begin(problem, task, config)``: a fit that is ready to run."""
