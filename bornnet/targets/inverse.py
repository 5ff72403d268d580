"""The inverse scattering length 1 / a0: smooth through the unitary limit, around a reference with a0 != 0."""

from typing import Any

import numpy as np

from ..errors import InputError
from ..physics.distorted.strength import strength
from ..physics.distorted.waves import distortion
from ..physics.inverse_born import inverse_born_kernel, inverse_born_terms
from ..physics.scattering import inverse_scattering_length, inverse_scattering_length_and_gradient
from .base import Target


class InverseScatteringLength(Target):
    name = "inverse"
    unit = -1
    symbol = "1/a0"

    def __init__(self, reference: np.ndarray | None = None) -> None:
        super().__init__(reference)
        if reference is None:
            raise InputError(
                "target inverse: 1/a0 is infinite at U = 0; give a reference potential, such as "
                "square:a0=inf, or take the scattering length."
            )
        self._value = distortion(reference, "inverse", 1).value

    @property
    def value(self) -> float:
        return self._value

    def labels(self, U: np.ndarray, workers: int | None = None) -> np.ndarray:
        return np.asarray(inverse_scattering_length(U, workers=workers))

    def gradient(self, U: np.ndarray, workers: int | None = None) -> np.ndarray:
        return np.asarray(inverse_scattering_length_and_gradient(U, workers=workers)[1])

    def strength(self, U: np.ndarray, workers: int | None = None) -> np.ndarray:
        return np.asarray(strength(self.displacements(U), self.reference, "inverse", workers=workers))

    def terms(self, dU: Any, order: int) -> Any:
        return inverse_born_terms(dU, order, self.reference)

    def kernel(self, order: int, cells: int) -> np.ndarray:
        return inverse_born_kernel(order, cells, self.reference)
