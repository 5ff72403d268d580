"""Terms order by order: what a series is, and the one that the rounds of one member make."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import Protocol

import numpy as np

from ..errors import InputError
from ..learners.base import Learner
from ..physics.validation import as_count
from .rows import as_rows
from .shown import counted


class Series(Protocol):
    """Terms homogeneous in the potential, order by order."""

    def kernel(self, order: int) -> np.ndarray:
        """The symmetric coefficient tensor of that order at U = 0, ``(cells,) * order``."""
        ...

    def terms(self, potentials: np.ndarray, order: int) -> np.ndarray:
        """``(order, N)``: row n-1 is the order-n term of each potential ``(N, cells)``."""
        ...


@dataclass(frozen=True, repr=False)
class MemberSeries:
    """The series that one member has learned, in units of the range. Around a reference, potentials here are
    displacements from it and values are less the value there: the base point of every learner is zero.

    Order n is the order-n Taylor term, at U = 0, of what was learned in round n; orders beyond the last round
    are those of the last one. Where later rounds correct (``corrected``), the same term of every later round
    is added.

    Its methods raise ``InputError`` for potentials of another shape than ``(N, cells)`` and for an order that
    is no whole number, or too low.

    Attributes:
        learners: of round 1, 2, .. in physical units: U in, scattering length out.
        corrected: whether later rounds correct the earlier orders.
        cells: of the kernels, for learners that take any number; None: the learners say.
    """

    learners: tuple[Learner, ...]
    corrected: bool = False
    cells: int | None = None

    def __repr__(self) -> str:
        kinds = ", ".join(dict.fromkeys(learner.kind for learner in self.learners))
        return f"MemberSeries({kinds}: {counted(len(self.learners), 'round')})"

    def sources(self, order: int) -> Sequence[Learner]:
        """The learners whose order-n Taylor terms make up order n."""
        first = min(order, len(self.learners)) - 1
        return self.learners[first:] if self.corrected else self.learners[first : first + 1]

    def kernel(self, order: int) -> np.ndarray:
        order = as_count("order", order)
        tensors = [learner.derivative_tensor(order, cells=self.cells) for learner in self.sources(order)]
        return np.sum(tensors, axis=0) / factorial(order)

    def kernel_std(self, order: int) -> np.ndarray | None:
        """One standard deviation of each coefficient, ``(cells,) * order``; None where it is not known."""
        order = as_count("order", order)
        stds = [learner.uncertainty(order, cells=self.cells) for learner in self.sources(order)]
        if any(std is None for std in stds):
            return None
        return np.sqrt(np.sum([np.square(std) for std in stds if std is not None], axis=0)) / factorial(order)

    def terms(self, potentials: np.ndarray, order: int) -> np.ndarray:
        potentials, order = as_rows(potentials), as_count("order", order, least=0)
        rows = np.zeros((order, len(potentials)))
        for learner, orders in self._orders(order):
            taylor = learner.taylor_terms(potentials, max(orders))
            for n in orders:
                rows[n - 1] += taylor[n]
        return rows

    def terms_std(self, potentials: np.ndarray, order: int) -> np.ndarray | None:
        """One standard deviation of each term, ``(order, N)``; None where it is not known."""
        potentials, order = as_rows(potentials), as_count("order", order, least=0)
        squares = np.zeros((order, len(potentials)))
        for learner, orders in self._orders(order):
            std = learner.terms_uncertainty(potentials, max(orders))
            if std is None:
                return None
            for n in orders:
                squares[n - 1] += std[n] ** 2
        return np.sqrt(squares)

    def gradient(self, potentials: np.ndarray, order: int) -> np.ndarray:
        """``(N, cells)``: the gradient in the potential of the sum of the terms through ``order``."""
        potentials = as_rows(potentials)
        total = np.zeros_like(potentials)
        for learner, orders in self._orders(order):
            total += learner.terms_gradient(potentials, orders)
        return total

    def through(self, order: int) -> "MemberSeries":
        """The learned Born approximation of that order as a series of its own, one learner an order.

        Raises ``InputError`` where there are fewer rounds.
        """
        if not 1 <= order <= len(self.learners):
            raise InputError(f"there are {len(self.learners)} rounds, so orders 1 to that; got {order}.")
        return MemberSeries(self.learners[:order], self.corrected, self.cells)

    def predict(self, potentials: np.ndarray, order: int | None = None) -> np.ndarray:
        """The sum of the learned terms through ``order``, ``(N,)``; without it the last round's own value:
        the terms of the orders below the one that was due, and all that the round's model says beyond
        them."""
        potentials = as_rows(potentials)
        if order is not None:
            return self.terms(potentials, order).sum(axis=0)
        last, due = self.learners[-1], len(self.learners)
        removed = last.taylor_terms(potentials, 0 if self.corrected else due - 1).sum(axis=0)
        own = last(potentials) - removed
        if due == 1:
            return own
        return own + MemberSeries(self.learners[:-1], self.corrected).terms(potentials, due - 1).sum(axis=0)

    def predict_std(self, potentials: np.ndarray) -> np.ndarray | None:
        """One standard deviation of the last round's own value, ``(N,)``; None where it is not known."""
        return self.learners[-1].value_uncertainty(as_rows(potentials))

    def _orders(self, order: int) -> list[tuple[Learner, list[int]]]:
        """Each learner that is a source, with its orders."""
        found = [
            (learner, [n for n in range(1, order + 1) if any(learner is s for s in self.sources(n))])
            for learner in self.learners
        ]
        return [(learner, orders) for learner, orders in found if orders]
