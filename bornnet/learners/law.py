"""A capability of learners that step along r: the law they have found, to be shown and integrated.

What such a learner knows is an equation for the observable y of the potential cut off at r,

    dy/dr = U(r) g(y, r),   y(0) = 0.

Other rooms ask for it with ``isinstance(learner, HasLaw)``.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np


@dataclass(frozen=True)
class Path:
    """What potentials ``(N, cells)`` take the observable through, at the end of every step.

    Attributes:
        r: ``(M,)``; the edges of the cells are among them.
        outputs: y there ``(N, M)``: of the potential cut off at r.
        rates: g(y, r) there ``(N, M)``.
    """

    r: np.ndarray
    outputs: np.ndarray
    rates: np.ndarray


@dataclass(frozen=True)
class Adjoint:
    """How the last output depends on what happens at r, at the end of every step.

    Attributes:
        r: ``(M,)``.
        momentum: p, the derivative of y(1) by y(r), ``(N, M)``.
        response: p g, the functional derivative of y(1) by U(r), ``(N, M)``.
    """

    r: np.ndarray
    momentum: np.ndarray
    response: np.ndarray


class Law(Protocol):
    """The learned equation."""

    def path(self, potentials: np.ndarray, edges: Any = None) -> Path:
        """Along every potential ``(N, cells)``, on equal cells or those of the edges ``(cells + 1,)``."""
        ...

    def adjoint(self, potentials: np.ndarray, edges: Any = None) -> Adjoint:
        """The same backwards."""
        ...

    def coefficients(self, r: np.ndarray, powers: int) -> np.ndarray:
        """``(powers + 1, len(r))``: g_k(r), the Taylor coefficients of g in y at y = 0."""
        ...


@runtime_checkable
class HasLaw(Protocol):
    """A learner that may have a law."""

    def law(self) -> Law | None:
        """None where what it has learned cannot be written so."""
        ...
