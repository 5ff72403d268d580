"""The user's own values, of whatever they measured or computed: there is no truth to compare with.

Strengths are Weinberg's eigenvalue of |U|: where a potential has both signs, the largest modulus of its own
eigenvalues is at most that, and the Born series converges for eta < 1.
"""

from typing import Any

import numpy as np

from ..errors import InputError
from ..physics.weinberg import weinberg_eigenvalue
from .base import Target


class Given(Target):
    name = "given"
    unit = 0
    symbol = "the observable"

    def __init__(self, reference: np.ndarray | None = None) -> None:
        super().__init__(reference)
        if reference is not None:
            raise InputError(
                "target given: expected no reference, since the value there is not known; give the "
                "potentials less the reference, and the values less the reference's, in their place."
            )

    @property
    def series(self) -> str:
        return "power series"

    @property
    def value(self) -> float:
        return 0.0

    def labels(self, U: np.ndarray, workers: int | None = None) -> None:
        return None

    def gradient(self, U: np.ndarray, workers: int | None = None) -> None:
        return None

    def strength(self, U: np.ndarray, workers: int | None = None) -> np.ndarray:
        return np.asarray(weinberg_eigenvalue(np.abs(U), workers=workers))

    def terms(self, dU: Any, order: int) -> None:
        return None

    def kernel(self, order: int, cells: int) -> None:
        return None

    def require(self, U: np.ndarray) -> np.ndarray:
        """Strengths from 1 on are the user's to judge: nothing is known of where the series diverges."""
        return self._nonzero(U)
