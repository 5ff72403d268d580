"""Where the labelled potentials of a dataset come from: a family, drawn, or the user's own file."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..config.schema import StudyConfig
from ..errors import InputError
from ..files.potentials import file_sha256, read_potentials, require_finite
from ..targets import Target, target
from ..targets.named import read_reference
from .content import OBSERVABLE, array_names
from .labelled import Labelled
from .noise import noisy

BLOCK = 1 << 20
"""Numbers in a block of potentials: bounds the memory, and does not change the result."""

_CELLS_AROUND = 2000  # a reference stands in an attribute of the file, which HDF5 keeps below 64 KiB


@dataclass(frozen=True)
class Source:
    """Where potentials come from: a configured family, or a file."""

    config: StudyConfig
    file: Path | None

    @cached_property
    def shape(self) -> tuple[int, int]:
        if self.file is None:
            return self.config.samples, self.config.cells
        samples, cells = self._table.shape
        return int(samples), int(cells)

    @property
    def samples(self) -> int:
        return self.shape[0]

    @property
    def cells(self) -> int:
        return self.shape[1]

    @property
    def gradient(self) -> bool:
        return self.config.labels == "gradient"

    @property
    def names(self) -> tuple[str, ...]:
        """The arrays of the dataset."""
        return array_names(gradient=self.gradient, sigma=self.config.noisy, observable=self.observable)

    @cached_property
    def target(self) -> Target:
        """What the labels are, around the reference; `InputError` where it is infinite there."""
        at = self.config.at
        return target(self.config.target, None if at is None else read_reference(at, self.cells))

    @property
    def observable(self) -> str:
        """What the labels are called."""
        return OBSERVABLE if self.config.target == OBSERVABLE else "inverse_scattering_length"

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """What determines the numbers."""
        if self.file is None:
            return {**self.config.generator(), **self._around}
        noise = ("noise", "noise_absolute", "seed") if self.config.noisy else ()
        return {
            "labels": self.config.labels,
            **{key: getattr(self.config, key) for key in noise},
            "potentials": self.file.name,
            "potentials_sha256": self._sha256,
            **self._around,
        }

    @property
    def _around(self) -> dict[str, Any]:
        """The reference itself, cell by cell, whatever it was named by; nothing where U0 = 0."""
        around = self.target  # refused where it is infinite at the reference
        if self.config.at is None:
            return {}
        if self.cells > _CELLS_AROUND:
            raise InputError(
                f"at: expected at most {_CELLS_AROUND} cells around a reference, got {self.cells}."
            )
        return {
            "at": Path(self.config.at).name,
            "target": self.config.target,
            "observable": self.observable,
            "reference": around.base(self.cells).tolist(),
        }

    def blocks(self, start: int, stop: int, workers: int | None) -> Iterator[Labelled]:
        """Rows `start .. stop`, labelled, a block at a time."""
        for first in range(start, stop, self._step):
            last = min(first + self._step, stop)
            if self.file is None:
                potentials, strength = self._drawn(first, last, workers)
            else:
                potentials, strength = self._given(first, last, workers)
            labelled = (
                _labelled(potentials, strength, self.gradient, workers)
                if self.config.at is None
                else _around(self.target, potentials, strength, self.gradient, workers)
            )
            yield noisy(labelled, self.config, first)

    def require_attractive(self) -> None:
        """Look through a file of potentials before any work is done."""
        if self.file is not None:
            for start in range(0, self.samples, self._step):
                self._attractive(start, start + self._step)

    @property
    def _step(self) -> int:
        return 16 * max(1, BLOCK // 16 // self.cells)  # whole chunks of the families' random streams

    @property
    def _table(self) -> np.ndarray:
        assert self.file is not None
        return _table(self.file, self._sha256)

    @cached_property
    def _sha256(self) -> str:
        assert self.file is not None
        return file_sha256(self.file)

    def _given(self, start: int, stop: int, workers: int | None) -> tuple[np.ndarray, np.ndarray]:
        from ..physics.weinberg import weinberg_eigenvalue

        block = self._attractive(start, stop)
        if self.config.at is not None:
            return block, self.target.strength(block, workers)
        return block, weinberg_eigenvalue(block, workers=workers)

    def _attractive(self, start: int, stop: int) -> np.ndarray:
        assert self.file is not None
        block = np.array(self._table[start:stop], dtype=float)
        require_finite(self.file, block, start)
        negative = np.argwhere(block < 0)
        if negative.size and self.config.at is None:
            row, column = (int(index) for index in negative[0])
            raise InputError(
                f"{self.file}: row {start + row + 1}, column {column + 1}: expected U >= 0 (attractive), got "
                f"{block[row, column]:g}: the strength eta of a dataset is defined for attractive potentials "
                "only. Leave such rows out; `bornnet solve` takes them."
            )
        return block

    def _drawn(self, start: int, stop: int, workers: int | None) -> tuple[np.ndarray, np.ndarray]:
        from ..physics.distorted.deviations import sample_deviations
        from ..physics.families import sample_potentials

        if self.config.at is not None:
            reference = self.target.base(self.cells)
            deviations, strength = sample_deviations(
                self.config.family,
                stop - start,
                self.config.cells,
                at=reference,
                target=self.config.target,
                strength=self.config.strength,
                spacing=self.config.strength_spacing,
                seed=self.config.seed,
                start=start,
                workers=workers,
            )
            return reference + deviations, strength
        return sample_potentials(
            self.config.family,
            stop - start,
            self.config.cells,
            strength=self.config.strength,
            spacing=self.config.strength_spacing,
            seed=self.config.seed,
            start=start,
            workers=workers,
        )


@lru_cache(maxsize=1)
def _table(file: Path, sha256: str) -> np.ndarray:
    """The file's potentials; a CSV is parsed once by a process that makes many shards of it."""
    return read_potentials(file)


def _labelled(potentials: np.ndarray, strength: np.ndarray, gradient: bool, workers: int | None) -> Labelled:
    from ..physics.scattering import scattering_length, scattering_length_and_gradient

    if gradient:
        a0, slopes = scattering_length_and_gradient(potentials, workers=workers)
        return Labelled(potentials, a0, strength, slopes)
    return Labelled(potentials, scattering_length(potentials, workers=workers), strength)


def _around(
    around: Target, potentials: np.ndarray, strength: np.ndarray, gradient: bool, workers: int | None
) -> Labelled:
    values = around.labels(potentials, workers)
    assert values is not None
    return Labelled(potentials, values, strength, around.gradient(potentials, workers) if gradient else None)


class Ranges:
    """The least and largest of the labels."""

    def __init__(self) -> None:
        self.strength = self.values = (np.inf, -np.inf)

    def add(self, rows: Labelled) -> None:
        for name in vars(self):
            values = getattr(rows, name)
            self._widen(name, float(values.min()), float(values.max()))

    def merge(self, other: "Ranges") -> None:
        for name, (low, high) in vars(other).items():
            self._widen(name, low, high)

    def _widen(self, name: str, low: float, high: float) -> None:
        former = getattr(self, name)
        setattr(self, name, (min(former[0], low), max(former[1], high)))
