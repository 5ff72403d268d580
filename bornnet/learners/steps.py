"""A capability of learners that step along r: to say how far the steps' finite length puts their values off.

Other rooms ask for it with ``isinstance(learner, HasSteps)``.
"""

from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class HasSteps(Protocol):
    """A learner whose values are integrated in steps."""

    def truncation(self, U: np.ndarray) -> np.ndarray:
        """Estimated error ``(N,)`` of the values of potentials ``(N, cells)`` by the steps' finite length."""
        ...
