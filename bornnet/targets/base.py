"""What a target is: a number that depends on the potential, with a perturbation series around a reference.

Datasets store full potentials U. `labels`, `gradient`, `strength` and `require` take these; `terms` take
displacements dU = U - U0 from the reference U0, and so do all learners.
"""

from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from ..config.names import suggestion
from ..errors import InputError

_TABLE = {
    "scattering_length": "scattering_length:ScatteringLength",
    "inverse": "inverse:InverseScatteringLength",
    "given": "given:Given",
}


class Target(ABC):
    """A target around a reference.

    Attributes:
        name: in the table and in files.
        unit: the power of the range that its values are in units of.
        symbol: how it is written.
        reference: U0, ``(cells,)``; None for U0 = 0, whatever the number of cells.
    """

    name: ClassVar[str]
    unit: ClassVar[int]
    symbol: ClassVar[str]

    def __init__(self, reference: np.ndarray | None = None) -> None:
        self.reference = reference

    @property
    def series(self) -> str:
        """What the series is called in print."""
        if self.reference is None:
            return "Born series"
        return f"distorted-wave series of {self.symbol} around the reference"

    def base(self, cells: int) -> np.ndarray:
        """Where the series starts, ``(cells,)``. ``InputError`` where the reference has other cells."""
        if self.reference is None:
            return np.zeros(cells)
        if len(self.reference) != cells:
            raise InputError(
                f"reference: expected {cells} cells, as many as the potentials have, got "
                f"{len(self.reference)}."
            )
        return self.reference

    def displacements(self, U: np.ndarray) -> np.ndarray:
        """``(N, cells)``: the potentials minus the reference; the very array where U0 = 0."""
        return U if self.reference is None else U - self.base(U.shape[-1])

    @property
    @abstractmethod
    def value(self) -> float:
        """The target at the reference, which no series of displacements has."""

    @abstractmethod
    def labels(self, U: np.ndarray, workers: int | None = None) -> np.ndarray | None:
        """Its values ``(N,)``; None where only the user knows them."""

    @abstractmethod
    def gradient(self, U: np.ndarray, workers: int | None = None) -> np.ndarray | None:
        """Its derivatives by every cell ``(N, cells)``; None where only the user knows them."""

    @abstractmethod
    def strength(self, U: np.ndarray, workers: int | None = None) -> np.ndarray:
        """``(N,)``: of the displacement from the reference. Term n goes like the strength to the n; the
        series converges where it is below 1."""

    @abstractmethod
    def terms(self, dU: Any, order: int) -> Any:
        """The exact terms 1 .. order at displacements, ``(order, N)``; None where there is no truth. Torch
        tensors give tensors, through which autograd flows."""

    @abstractmethod
    def kernel(self, order: int, cells: int) -> Any:
        """The exact symmetric coefficient tensor ``(cells,) * order``; None where there is no truth."""

    def require(self, U: np.ndarray) -> np.ndarray:
        """The strengths of potentials ``(N, cells)``. ``InputError`` names the first that is the reference
        itself, or lies where the series diverges."""
        strength = self._nonzero(U)
        if strength.max() >= 1:
            row = int(np.argmax(strength))
            eta = " eta" if self.reference is None else ""
            raise InputError(
                f"potentials[{row}]: expected a strength{eta} below 1, where the {self.series} converges; "
                f"got {strength[row]:.6g}. Leave such potentials out."
            )
        return strength

    def _nonzero(self, U: np.ndarray) -> np.ndarray:
        strength = np.asarray(self.strength(U))
        if not np.all(strength > 0):
            row = int(np.argmin(strength))
            what = "zero everywhere" if self.reference is None else "the reference itself"
            raise InputError(f"potentials[{row}]: it is {what}, so it has no leading order; leave it out.")
        return strength


def target_names() -> tuple[str, ...]:
    """The targets there are."""
    return tuple(_TABLE)


def target(name: str, reference: Any = None) -> Target:
    """The target of that name around a reference ``(cells,)``; None, or zeros, for U0 = 0.

    Raises:
        InputError: no such target, a reference that is none, or one at which the target is infinite.
    """
    from ..physics.distorted.waves import as_reference

    if name not in _TABLE:
        raise InputError(
            f"target: expected one of {', '.join(_TABLE)}, got {name!r}.{suggestion(name, _TABLE)}"
        )
    if reference is not None:
        reference = as_reference(reference, np.shape(reference)[-1] if np.ndim(reference) else 0)
        reference.flags.writeable = False
        if not reference.any():
            reference = None
    module, _, kind = _TABLE[name].partition(":")
    found: Target = getattr(import_module(f".{module}", __package__), kind)(reference)
    return found
