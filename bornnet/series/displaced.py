"""Rows as the rounds see them: displacements from the reference, and values less the value there.

So the base point of every learner is zero, whatever the reference; at U0 = 0 the rows are what they were.
"""

from dataclasses import replace

import numpy as np

from ..datasets.labelled import Labelled, Table
from ..targets import Target


class Displaced:
    """The rows of a table less the reference, taken when they are asked for."""

    def __init__(self, table: Table, reference: np.ndarray) -> None:
        self.table = table
        self.reference = reference

    @property
    def shape(self) -> tuple[int, ...]:
        return self.table.shape

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        return self.table[rows] - self.reference


def displaced(rows: Labelled, target: Target) -> Labelled:
    """The rows as displacements from the target's reference. ``InputError`` where that has other cells."""
    if target.reference is None:
        return rows
    return replace(
        rows,
        potentials=Displaced(rows.potentials, target.base(rows.cells)),
        values=rows.values - target.value,
    )
