"""The user's own potentials around a reference: distorted-wave terms and how far their sums are off."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..targets import Target, target
from ..targets.named import read_reference


@dataclass(frozen=True)
class Expansion:
    """The series of a target around a reference, for N potentials; lengths in units of the range.

    Attributes:
        target: what is expanded.
        at: the reference's name.
        potentials: ``(N, cells)``, the full ones.
        values: ``(N,)``, the exact target.
        strength: ``(N,)``, of the displacements: the series converges below 1.
        terms: ``(order, N)``.
    """

    target: Target
    at: str
    potentials: np.ndarray
    values: np.ndarray
    strength: np.ndarray
    terms: np.ndarray

    @property
    def sums(self) -> np.ndarray:
        """``(order, N)``: the value at the reference and the terms through each order."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.target.value + np.cumsum(self.terms, axis=0)

    @property
    def errors(self) -> np.ndarray:
        """``(order, N)``: how far the sums are off, relative to what the terms are to make up: the value
        less that at the reference. NaN for the reference itself, or where a value is infinite."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            errors = (self.sums - self.values) / np.abs(self.values - self.target.value)
        return np.where(np.isfinite(errors) & (self.strength > 0), errors, np.nan)

    def records(self, length: float = 1.0) -> Iterator[dict[str, Any]]:
        """All of each potential, as plain numbers; one range is ``length`` units."""
        unit = length**self.target.unit
        errors = self.errors
        for row in range(len(self.values)):
            yield {
                "value": float(unit * self.values[row]),
                "strength": float(self.strength[row]),
                "converges": bool(self.strength[row] < 1),
                "terms": (unit * self.terms[:, row] + 0.0).tolist(),  # without negative zeros
                "sums": (unit * self.sums[:, row]).tolist(),
                "errors": errors[:, row].tolist(),
            }


def expand(potentials: Any, at: Any, name: str = "scattering_length", order: int = 4) -> Expansion:
    """Expand a target around a reference.

    Args:
        potentials: ``(N, cells)`` or ``(cells,)``, the full potentials.
        at: the reference ``(cells,)``, or its name such as ``"square:eta=0.95"``, or the file that it is in.
        name: ``scattering_length``, or ``inverse`` for 1/a0.
        order: the highest.

    Raises:
        InputError: bad potentials, a reference of other cells or one at which the target is infinite.
    """
    U = np.atleast_2d(np.asarray(potentials, dtype=float))
    if U.ndim != 2 or not U.shape[1]:
        raise InputError(f"potentials: expected an array (N, cells), got shape {U.shape}.")
    reference = read_reference(at, U.shape[1]) if isinstance(at, str) else at
    around = target(name, reference)
    displacements = around.displacements(U)
    values = around.labels(U)
    assert values is not None
    called = at if isinstance(at, str) else "the reference"
    return Expansion(around, called, U, values, around.strength(U), around.terms(displacements, order))
