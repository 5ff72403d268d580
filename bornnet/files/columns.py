"""Single columns of numbers beside a table of potentials: of a file of their own, or of the table by name."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ..errors import InputError
from .fields import number
from .potentials import read_table, require_cells, require_finite


def read_beside(
    path: str | Path, named: Mapping[str, str | float | None]
) -> tuple[np.ndarray, dict[str, np.ndarray | float]]:
    """The potentials of a table, and columns beside them.

    Args:
        path: CSV or NPY.
        named: for each thing wanted a file of one column, the heading of a column of the table, a number, or
            None where it is not wanted.

    Returns:
        Potentials ``(N, cells)`` without the columns that were named, and ``(N,)`` or the number for each
        thing that is wanted.
    """
    table = read_table(path)
    found: dict[str, np.ndarray | float] = {}
    taken: list[int] = []
    for thing, where in named.items():
        if where is None:
            continue
        if isinstance(where, float) or number(where) is not None:
            found[thing] = float(where)
        elif table.named(where):
            found[thing] = table.column(path, where)
            taken += table.named(where)
        elif Path(where).exists():
            found[thing] = read_values(where)
        else:
            listed = ", ".join(table.headings)
            raise InputError(
                f"{thing}: expected a file or a column of {path}, got {where!r}; there is no such file, and "
                + (f"its columns are {listed}." if listed else "it has no line of headings.")
            )
    require_cells(path, [name for n, name in enumerate(table.headings) if n not in taken])
    return np.delete(np.array(table.numbers, dtype=float), taken, axis=1), found


def read_values(path: str | Path) -> np.ndarray:
    """``(N,)``: a file of one column of numbers, or of one row; every number finite."""
    table = read_table(path)
    numbers = np.array(table.numbers, dtype=float)
    if 1 not in numbers.shape:
        listed = f" ({', '.join(table.headings)})" if table.headings else ""
        raise InputError(f"{path}: expected one column of numbers, got {numbers.shape[1]} columns{listed}.")
    require_finite(path, numbers)
    return numbers.reshape(-1)


def read_column(path: str | Path, name: str) -> np.ndarray:
    """``(N,)``: the column of a table with that heading; `InputError` where there is no such column."""
    return read_table(path).column(path, name)


def headings(path: str | Path) -> list[str]:
    """The names of a table's columns, without that of an index; none where it has none."""
    return list(read_table(path).headings)


def require_same_length(lengths: Iterable[tuple[str, int]]) -> None:
    """``InputError`` where things that belong together are of different lengths."""
    (first, expected), *others = lengths
    for name, got in others:
        if got != expected:
            raise InputError(f"{name}: expected {expected} rows, as in {first}, got {got}.")
