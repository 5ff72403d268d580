"""Labelled potentials, in memory or on a disk, and their split."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..files.view import RowSource, view

BLOCK_VALUES = 1 << 20
"""Numbers of potentials in a block, 8 MiB: bounds the memory."""


@dataclass(frozen=True)
class Labelled:
    """Rows of data.

    Attributes:
        potentials: ``(N, cells)``.
        values: ``(N,)``, what is to be learned of each.
        strength: ``(N,)``, their strengths eta.
        gradient: ``(N, cells)``, the gradients of the values, where they are known.
        sigma: ``(N,)``, one standard deviation of the values' errors; None where they are exact.
    """

    potentials: RowSource
    values: np.ndarray
    strength: np.ndarray
    gradient: RowSource | None = None
    sigma: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.strength)

    @property
    def cells(self) -> int:
        return self.potentials.shape[1]

    def rows(self, index: np.ndarray) -> "Labelled":
        """Those rows; potentials and gradients stay where they are."""
        return Labelled(
            view(self.potentials).rows(index),
            self.values[index],
            self.strength[index],
            None if self.gradient is None else view(self.gradient).rows(index),
            None if self.sigma is None else self.sigma[index],
        )

    def blocks(self) -> Iterator[slice]:
        """All rows, so many at a time that their potentials take some megabytes."""
        rows = max(1, BLOCK_VALUES // self.cells)
        for start in range(0, len(self), rows):
            yield slice(start, min(start + rows, len(self)))


def split(data: Labelled, holdout: float, seed: int) -> tuple[Labelled, Labelled]:
    """Training and held-out rows, drawn without order; the same for every member."""
    held = _held(len(data), holdout)
    if held >= len(data):
        raise InputError(f"{len(data)} potentials are too few to hold out {holdout:.0%} and train on others.")
    order = _order(len(data), seed)
    return data.rows(np.sort(order[held:])), data.rows(np.sort(order[:held]))


def held_out_rows(rows: int, holdout: float, seed: int) -> np.ndarray:
    """Which of so many rows `split` holds out, from 0, in their order."""
    return np.sort(_order(rows, seed)[: _held(rows, holdout)])


def _held(rows: int, holdout: float) -> int:
    return max(1, round(holdout * rows))


def _order(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).permutation(rows)
