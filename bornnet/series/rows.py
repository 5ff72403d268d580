"""What learned series take: potentials a row each, checked before learners see them."""

from typing import Any

import numpy as np

from ..errors import InputError
from ..physics.validation import as_potentials


def as_rows(potentials: Any, cells: int | None = None) -> np.ndarray:
    """The potentials ``(N, cells)`` in double precision; any number of cells where that is None.

    ``InputError`` for what is no array of numbers, and for other shapes, such as that of one potential alone.
    """
    rows, batch = as_potentials(potentials)
    if len(batch) != 1 or cells not in (None, rows.shape[1]):
        shape = (*batch, rows.shape[1])
        raise InputError(f"potentials: expected shape (N, {cells or 'cells'}), got {shape}.")
    return np.asarray(potentials, dtype=float)
