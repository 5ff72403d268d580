"""The user's own potentials, in cells or as radial tables: text or NumPy array files."""

import hashlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from warnings import catch_warnings

import numpy as np

from ..errors import InputError
from .fields import name_and_unit
from .tables import Table, parse_table
from .text import NPY, is_pipe, opened, unpacked

_NO_CELLS = frozenset(
    ("scattering_length", "strength", "eta", "sigma", "std", "error", "value", "values", "label", "target")
)
"""Headings of what stands beside potentials, and is no cell of theirs."""

_RADII = frozenset(("r", "radius", "distance"))


def read_table(path: str | Path, *, radial: bool = False) -> Table:
    """The table in a file: text as `parse_table` takes it, or a NumPy array ``(rows, columns)`` or one row.

    Either may be packed by gzip. A NumPy file that is not is mapped, not loaded. `InputError` names the file,
    and in text the row and column, counted from 1. In a `radial` one V may be infinite or NaN where r is 0.
    """
    path = Path(path)
    with opened(path) as file:
        start = file.read(len(NPY))
        mapped = start == NPY and not is_pipe(path)
        content = b"" if mapped else unpacked(path, start + file.read())
    if mapped or content.startswith(NPY):
        array = _read_npy(path, content)
        return Table(array, (), ("",) * array.shape[1])
    return parse_table(path, content, radial=radial)


def read_potentials(path: str | Path) -> np.ndarray:
    """Potentials `(N, cells)`, one a row: the columns of a table.

    `InputError` as for `read_table`, and where headings say that a column is no cell of a potential.
    """
    table = read_table(path)
    require_cells(path, table.headings)
    return table.numbers


def require_cells(path: str | Path, headings: Sequence[str]) -> None:
    """`InputError` where a heading is none of a cell: a radius, or a value that stands beside potentials."""
    names = [name_and_unit(heading)[0].lower() for heading in headings]
    if len(names) == 2 and is_radius(headings[0]):
        raise InputError(
            f"{path}: expected potentials of cells, one a row; got the columns {', '.join(headings)} of one "
            "potential. Read it as a radial table (solve --radial)."
        )
    beside = _NO_CELLS if "a1" in names else _NO_CELLS | {"a0"}
    for column, name in enumerate(names, 1):
        if name in beside:
            raise InputError(
                f"{path}: column {column} ({headings[column - 1]!r}) is no cell of a potential; leave it "
                "out, or say what it is."
            )


def is_radius(heading: str) -> bool:
    """Whether the heading is that of r, with its unit or without."""
    return name_and_unit(heading)[0].lower() in _RADII


def read_radial(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Two columns, r and V(r), or two long rows: `(points,)` each. V may be infinite where r = 0."""
    table = np.array(read_table(path, radial=True).numbers, dtype=float)
    if len(table) == 2 and table.shape[1] >= 5:
        table = table.T  # as np.save(path, [r, V]) writes it
    if table.shape[1] != 2:
        raise InputError(f"{path}: expected two columns, r and V, got {table.shape[1]}.")
    r, V = table.T
    require_finite(path, np.stack([r, np.where(r == 0, 0.0, V)], axis=1))
    if len(r) < 2:
        raise InputError(f"{path}: expected at least two rows of r and V, got {len(r)}.")
    return r, V


def radial_units(path: str | Path) -> tuple[str, str]:
    """The units of r and V that a radial table states, as written there; ``""`` where it is silent."""
    units = read_table(path, radial=True).units
    return (units[0], units[1]) if len(units) == 2 else ("", "")


def require_finite(path: str | Path, table: np.ndarray, first_row: int = 0) -> None:
    """Raise the `InputError` that names the first entry of `table (rows, columns)` that is not finite."""
    wrong = np.argwhere(~np.isfinite(table))
    if wrong.size:
        row, column = (int(index) for index in wrong[0])
        raise InputError(
            f"{path}: row {first_row + row + 1}, column {column + 1}: expected a finite number, "
            f"got {table[row, column]}."
        )


def file_sha256(path: str | Path) -> str:
    """The SHA-256 of the file's bytes."""
    with opened(Path(path)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_npy(path: Path, content: bytes) -> np.ndarray:
    """The array of the content, or, where that is empty, of the file, mapped."""
    try:
        with catch_warnings(action="ignore"):
            array = (
                np.load(BytesIO(content), allow_pickle=False)
                if content
                else np.load(path, mmap_mode="r", allow_pickle=False)
            )
    except Exception as error:  # a damaged header is parsed as Python, and fails in as many ways
        raise InputError(f"{path}: not a NumPy array of numbers, or truncated ({error}).") from None
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: expected real numbers, got the type {array.dtype}.")
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"{path}: expected the shape (potentials, cells), got {array.shape}.")
    return array
