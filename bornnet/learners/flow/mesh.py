"""Where the steps along r begin and end: every cell is cut into equal steps."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError


def uniform_edges(cells: int) -> np.ndarray:
    """``(cells + 1,)``: the edges of equal cells on [0, 1]."""
    return np.arange(cells + 1) / cells


def checked_edges(edges: Any, cells: int) -> np.ndarray:
    """Edges of cells ``(cells + 1,)``; uniform ones for None.

    Raises ``InputError`` where they are not finite, not of that number, do not begin at 0 or do not grow.
    """
    if edges is None:
        return uniform_edges(cells)
    found = np.asarray(edges, dtype=float)
    if found.shape != (cells + 1,):
        raise InputError(f"edges: expected {cells + 1} for {cells} cells, got shape {found.shape}")
    if not np.isfinite(found).all():
        raise InputError(f"edges[{int(np.argmin(np.isfinite(found)))}]: expected a finite number")
    if found[0] != 0:
        raise InputError(f"edges[0]: expected 0, where the state starts, got {found[0]:g}")
    short = np.flatnonzero(np.diff(found) <= 0)
    if len(short):
        i = int(short[0])
        raise InputError(
            f"edges[{i + 1}]: expected an edge beyond edges[{i}] = {found[i]:g}, got {found[i + 1]:g}: sort "
            "the edges, and their cells with them"
        )
    return found


def common_cells(
    potentials: Sequence[np.ndarray], edges: Sequence[np.ndarray | None]
) -> tuple[np.ndarray, np.ndarray]:
    """Potentials of different cells as one table, on all of their edges together.

    Cutting a cell in two changes no potential, so that nothing is lost.

    Args:
        potentials: tables ``(N_1, D_1)``, ``(N_2, D_2)``, ..
        edges: of each, None for equal cells.

    Returns:
        ``(N_1 + N_2 + .., D)`` and the edges ``(D + 1,)``.

    Raises ``InputError`` where edges are bad, or do not end in the same place.
    """
    grids = [checked_edges(e, table.shape[1]) for e, table in zip(edges, potentials, strict=True)]
    ends = sorted({float(grid[-1]) for grid in grids})
    if len(ends) != 1:
        raise InputError(f"edges: expected one end for all potentials, got {ends[0]:g} and {ends[-1]:g}")
    union = np.unique(np.concatenate(grids))
    # edges that differ by rounding alone are one
    union = union[np.concatenate([[True], np.diff(union) > 1e-12 * ends[0]])]
    middles = (union[:-1] + union[1:]) / 2
    tables = [
        table[:, np.searchsorted(grid, middles) - 1] for table, grid in zip(potentials, grids, strict=True)
    ]
    return np.concatenate(tables), union
