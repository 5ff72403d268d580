"""The scattering length a0, around a reference with u'(1) != 0: Born and distorted-wave Born series."""

from typing import Any

import numpy as np

from ..physics.born import born_kernel, born_terms
from ..physics.distorted.strength import strength
from ..physics.distorted.waves import distortion
from ..physics.scattering import scattering_length, scattering_length_and_gradient
from .base import Target


class ScatteringLength(Target):
    name = "scattering_length"
    unit = 1
    symbol = "a0"

    def __init__(self, reference: np.ndarray | None = None) -> None:
        super().__init__(reference)
        self._value = 0.0 if reference is None else distortion(reference, "scattering_length", 1).value

    @property
    def value(self) -> float:
        return self._value

    def labels(self, U: np.ndarray, workers: int | None = None) -> np.ndarray:
        return np.asarray(scattering_length(U, workers=workers))

    def gradient(self, U: np.ndarray, workers: int | None = None) -> np.ndarray:
        return np.asarray(scattering_length_and_gradient(U, workers=workers)[1])

    def strength(self, U: np.ndarray, workers: int | None = None) -> np.ndarray:
        return np.asarray(strength(self.displacements(U), self.reference, workers=workers))

    def terms(self, dU: Any, order: int) -> Any:
        return born_terms(dU, order, self.reference)

    def kernel(self, order: int, cells: int) -> np.ndarray:
        return born_kernel(order, cells, self.reference)
