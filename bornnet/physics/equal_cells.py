"""Potentials of uneven or different cells on common equal ones, exactly: cutting a cell changes nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from .edges import checked_edges

MOST = 1024
"""Equal cells at most."""

_ROUNDING = 1e-12  # of an edge


def equal_cells(potentials: Any, edges: Any = None) -> np.ndarray:
    """Potentials on the fewest equal cells that have all of their edges: the same functions of r.

    Args:
        potentials: a table ``(N, cells)``, or several of different cells ``[(N_1, D_1), (N_2, D_2), ..]``.
        edges: of the cells of a table, ``(cells + 1,)`` from 0 to 1; of several tables one for each. None:
            they are equal.

    Returns:
        ``(N_1 + N_2 + .., D)``, rows in their order.

    Raises ``InputError`` for a table of another shape or numbers that are not finite, for edges that do not
    grow from 0 to 1 or are not those of the table's cells, and where no D up to `MOST` has them all.
    """
    tables, grids = _tables(potentials, edges)
    checked = [
        _checked(grid, table.shape[1], f"edges[{number}]" if len(tables) > 1 else "edges")
        for number, (table, grid) in enumerate(zip(tables, grids, strict=True))
    ]
    cells = _fewest(np.unique(np.concatenate(checked)))
    middles = (np.arange(cells) + 0.5) / cells
    return np.concatenate(
        [table[:, np.searchsorted(grid, middles) - 1] for table, grid in zip(tables, checked, strict=True)]
    )


def _tables(potentials: Any, edges: Any) -> tuple[list[np.ndarray], list[Any]]:
    several = isinstance(potentials, Sequence) and any(np.ndim(part) == 2 for part in potentials)
    given: Sequence[Any] = potentials if several else [potentials]
    tables = []
    for number, table in enumerate(given, 1):
        try:
            found = np.asarray(table, dtype=float)
        except ValueError as error:
            raise InputError(
                "potentials: expected a table (N, cells), or several; in table "
                f"{number} rows differ in length"
            ) from error
        if found.ndim != 2 or not found.size:
            raise InputError(
                f"potentials: expected a table (N, cells), or several; table {number} has the shape "
                f"{found.shape}"
            )
        if not np.isfinite(found).all():
            row, cell = np.argwhere(~np.isfinite(found))[0] + 1
            raise InputError(f"potentials: table {number}, row {row}, cell {cell}: expected a finite number")
        tables.append(found)
    if edges is None:
        return tables, [None] * len(tables)
    grids = list(edges) if several else [edges]
    if len(grids) != len(tables):
        raise InputError(f"edges: expected those of each of {len(tables)} tables, got {len(grids)}")
    return tables, grids


def _checked(edges: Any, cells: int, name: str) -> np.ndarray:
    found = checked_edges(edges, cells, name)
    if found[-1] != 1:
        raise InputError(
            f"{name}[{cells}]: expected 1, the range R, got {found[-1]:g}. Divide edges by R, and multiply "
            "potentials by R^2"
        )
    return found


def _fewest(edges: np.ndarray) -> int:
    """The least D for which every edge is a multiple of 1/D."""
    counts = np.arange(1, MOST + 1)
    places = edges * counts[:, None]
    apart = (np.abs(places - np.round(places)) / counts[:, None]).max(axis=1)
    fit = np.flatnonzero(apart <= _ROUNDING)
    if len(fit):
        return int(counts[fit[0]])
    nearest = int(counts[np.flatnonzero(apart <= 10 * apart.min())[0]])
    worst = edges[np.argmax(np.abs(edges * nearest - np.round(edges * nearest)))]
    raise InputError(
        f"edges: no number of equal cells up to {MOST} has an edge at all of them; {nearest} come near, "
        f"with one at {round(worst * nearest) / nearest:.15g} in place of {worst:.15g}. Move edges onto "
        "those where that is near enough for you: the potential is then another one"
    )
