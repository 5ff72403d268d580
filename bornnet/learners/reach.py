"""A capability of learners that step along r: to know where their state leaves what they have learned.

A network gives a number for any potential; where the exact state passes through infinity, or goes far beyond
all states of the fit, that number means nothing. Other rooms ask with ``isinstance(learner, HasReach)``.
"""

from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class HasReach(Protocol):
    """A learner that can tell for which potentials it has no value."""

    @property
    def carries_through(self) -> bool:
        """Whether its state stays finite where the observable passes through infinity."""
        ...

    def outside(self, U: np.ndarray) -> list[str | None]:
        """Of each potential ``(N, cells)``, why there is no value for it; None where there is one."""
        ...
