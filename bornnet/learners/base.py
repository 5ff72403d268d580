"""What a learner is: one class for all that can be fitted and has a Taylor series.

A learner is fitted in the units of its problem (`Scaling` lies between these and physical ones) and gives,
for potentials U ``(N, D)`` in whatever units it is in: values, Taylor terms along displacements, derivative
tensors at a point and, where it can, one standard deviation of each. The rounds, run directories, comparisons
and commands know learners by this class alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from ..training.fit import Progress
from ..training.problem import Problem

INPUT_SPREAD = 20.0
"""Inputs are scaled to an RMS of 1/20. The smaller they are, the closer an untrained network is to its own
low-order Taylor polynomial, which is what it is to become; trials on 16 and 64 cells favoured 10 to 30."""

LeftBy = Literal["rounds", "learners"]
"""What has taken the first order from values that are to be fitted: the rounds before, where lower orders are
corrected and no part of the model is removed, or the learners before in a chain."""


@dataclass(frozen=True)
class State:
    """A learner as it is stored: arrays by name, and facts that JSON can hold. No pickle."""

    arrays: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Scaling:
    """Units of a fit: inputs ``x = inputs * U`` (one factor a cell), outputs ``y = value / output``."""

    inputs: np.ndarray
    output: float


class Fit(Protocol):
    """A fit in progress: it can be stopped between steps, stored, and resumed to the same bits."""

    @property
    def progress(self) -> Progress:
        """Where it stands."""
        ...

    def run(self, after_step: Callable[[Progress], None] = ...) -> Progress:
        """Fit to the end; ``after_step`` is called between steps, or between stages of a direct solver."""
        ...

    def state(self) -> dict[str, Any]:
        """Tensors and plain values (for `files.checkpoint`)."""
        ...

    def load_state(self, state: dict[str, Any]) -> None: ...

    def learned(self) -> "Learner":
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
        seconds: time after which all rounds together are to end, if any.
        at: base point of the expansion in the units of the problem; None for 0.
        slopes: first-order coefficients ``(cells,)`` of the whole function, where learners before this one in
            a chain know them and the targets are what they leave; None where the targets are all.
        scaling: from physical units to those of the problem, but for the unit of what is left in a chain;
            None where they are physical.
        alone: whether nobody else shows where else the fit could have ended: no other member, and no later
            learner of a chain, whose error bars are the ones that count.
    """

    cells: int
    degree: int
    number: int = 1
    rounds: int = 1
    member: int = 0
    seed: int = 0
    before: "Learner | None" = None
    device: str = "cpu"
    seconds: float | None = None
    at: np.ndarray | None = None
    slopes: np.ndarray | None = None
    scaling: Scaling | None = None
    alone: bool = True

    @property
    def left_by(self) -> LeftBy | None:
        """What has taken the first order from the targets, if anything has."""
        if self.slopes is not None:
            return "learners"
        return "rounds" if self.degree < self.number else None


class Learner(ABC):
    """A function of a potential, with its Taylor series.

    Potentials are numpy arrays ``(N, D)`` of doubles, and numpy arrays of doubles come back.

    Attributes:
        kind: its name in the table (`config.registry`) and in files.
        shares_rows: whether processes that fit together can take a part of the rows each.
        on_gpu: whether it can be fitted on a GPU.
        any_cells: whether it takes potentials of other numbers of cells than it was fitted to.
    """

    kind: ClassVar[str]
    shares_rows: ClassVar[bool] = False
    on_gpu: ClassVar[bool] = False
    any_cells: bool = False

    @abstractmethod
    def __call__(self, U: np.ndarray) -> np.ndarray:
        """Values ``(N,)``; the value at the base point is not subtracted."""

    @abstractmethod
    def taylor_terms(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray:
        """``(order + 1, N)``: row n is ``D^n f(at)[U, .., U] / n!``."""

    @abstractmethod
    def derivative_tensor(
        self, order: int, at: np.ndarray | None = None, packed: bool = False, cells: int | None = None
    ) -> np.ndarray:
        """All partial derivatives of that order: ``(D,) * order``, or packed, one entry per multiset of
        indices. ``cells`` is D where the learner takes any number of cells and `at` does not tell."""

    @abstractmethod
    def rescaled(self, inputs: np.ndarray, output: float) -> "Learner":
        """The learner ``U -> output * f(inputs * U)``, with one factor a cell."""

    @abstractmethod
    def state(self) -> State:
        """All that `from_state` needs to give the same learner to the bit."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: State) -> "Learner":
        """The learner of a state; ``KeyError``, ``TypeError`` or ``ValueError`` where that is damaged."""

    @classmethod
    @abstractmethod
    def begin(cls, problem: Problem, task: Task, config: Any) -> Fit:
        """A fit that is ready to run; ``config`` are the learner's own settings."""

    def uncertainty(
        self, order: int, at: np.ndarray | None = None, cells: int | None = None
    ) -> np.ndarray | None:
        """One standard deviation of every entry of the dense derivative tensor; None where not known."""
        return None

    def terms_uncertainty(self, U: np.ndarray, order: int, at: np.ndarray | None = None) -> np.ndarray | None:
        """One standard deviation of every Taylor term, ``(order + 1, N)``; None where not known."""
        return None

    def value_uncertainty(self, U: np.ndarray) -> np.ndarray | None:
        """One standard deviation of each value, ``(N,)``; None where not known."""
        return None

    def terms_gradient(self, U: np.ndarray, orders: list[int]) -> np.ndarray:
        """``(N, D)``: the gradient in U of the sum of the Taylor terms at 0 of those orders."""
        total = np.zeros_like(U)
        for order in orders:
            part = self.derivative_tensor(order, cells=U.shape[1])
            contracted = np.broadcast_to(part, (len(U), *part.shape))
            for n in range(1, order):
                contracted = np.einsum("n...i,ni->n...", contracted, U) / n
            total += contracted
        return total

    @classmethod
    def scaling(cls, spread: np.ndarray, output: float, integral: float, config: Any) -> Scaling:
        """The units of a fit: from the RMS of the potentials in every cell, the RMS of value/strength, and
        the typical mean of |U| over the cells in units of the strength."""
        return Scaling(1 / (INPUT_SPREAD * np.where(spread == 0, 1.0, spread)), output)

    @classmethod
    def check(cls, config: Any, *, noisy: bool, left_by: LeftBy | None = None) -> None:
        """``InputError`` where settings exclude one another, values with errors (`noisy`), or values whose
        first order is gone (`left_by`); before anything is written."""
        return None

    @classmethod
    def least_rows(cls, cells: int, config: Any) -> int:
        """The fewest rows that it can be fitted to."""
        return 1

    @classmethod
    def rows_fitted(cls, rows: int, config: Any) -> int:
        """Of so many rows to fit, how many it takes."""
        return rows

    @classmethod
    def most_steps(cls, config: Any, number: int) -> int:
        """How many steps a round takes at most, for progress bars."""
        return 1

    @classmethod
    def memory(cls, rows: int, task: Task, config: Any, *, slopes: int = 0) -> float:
        """Bytes that a fit to so many rows, with derivatives along ``slopes`` directions, takes at its peak
        beside the rows themselves."""
        return 0.0

    @classmethod
    def seconds(cls, problem: Problem, task: Task, config: Any) -> float | None:
        """About how long a round takes; None where that is not known."""
        return None

    @classmethod
    def weight_count(cls, cells: int, config: Any) -> int | None:
        """How many numbers are fitted; None where that depends on the rows."""
        return None

    def require(self, cells: int, config: Any) -> None:
        """``ValueError`` where this is not what those settings give, as in a file of another run."""
        return None
