"""The edges of cells: equal ones, or the user's own, checked."""

from typing import Any

import numpy as np

from ..errors import InputError


def uniform_edges(cells: int) -> np.ndarray:
    """``(cells + 1,)``: the edges of equal cells on [0, 1]."""
    return np.arange(cells + 1) / cells


def checked_edges(edges: Any, cells: int, name: str = "edges") -> np.ndarray:
    """Edges of cells ``(cells + 1,)``; uniform ones for None. Errors call them ``name``.

    Raises ``InputError`` where they are not finite, not of that number, do not begin at 0 or do not grow.
    """
    if edges is None:
        return uniform_edges(cells)
    found = np.asarray(edges, dtype=float)
    if found.shape != (cells + 1,):
        raise InputError(f"{name}: expected {cells + 1} for {cells} cells, got shape {found.shape}")
    if not np.isfinite(found).all():
        raise InputError(f"{name}[{int(np.argmin(np.isfinite(found)))}]: expected a finite number")
    if found[0] != 0:
        raise InputError(f"{name}[0]: expected 0, where r begins, got {found[0]:g}")
    short = np.flatnonzero(np.diff(found) <= 0)
    if len(short):
        i = int(short[0])
        raise InputError(
            f"{name}[{i + 1}]: expected an edge beyond {name}[{i}] = {found[i]:g}, got {found[i + 1]:g}: "
            "sort the edges, and their cells with them"
        )
    return found
