"""The user's own potentials: numbers in a table, as CSV text or a NumPy array file."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from warnings import catch_warnings

import numpy as np

from ..errors import InputError

_NPY = b"\x93NUMPY"


def read_potentials(path: str | Path) -> np.ndarray:
    """Potentials `(N, cells)`, one a row; a NumPy file is mapped, not loaded.

    CSV text is parted by commas, semicolons or blanks; lines that start with `#`, and one line of headings,
    are passed over. `InputError` names the file, and in CSV the row and column, counted from 1.
    """
    path = Path(path)
    with _opened(path) as file:
        start = file.read(len(_NPY))
        content = b"" if start == _NPY else start + file.read()
    return _read_npy(path) if start == _NPY else _read_csv(path, content)


def read_radial(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Two columns, r and V(r): `(points,)` each, r >= 0 and increasing."""
    table = np.array(read_potentials(path), dtype=float)
    if table.shape[1] != 2:
        raise InputError(f"{path}: expected two columns, r and V, got {table.shape[1]}.")
    require_finite(path, table)
    r, V = table.T
    if len(r) < 2:
        raise InputError(f"{path}: expected at least two rows of r and V, got {len(r)}.")
    if r[0] < 0:
        raise InputError(f"{path}: row 1, column 1: expected r >= 0, got {r[0]:g}.")
    falls = np.flatnonzero(np.diff(r) <= 0)
    if falls.size:
        row = int(falls[0]) + 1
        raise InputError(
            f"{path}: row {row + 1}, column 1: expected r to increase, got {r[row]:g} after {r[row - 1]:g}."
        )
    return r, V


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
    with _opened(Path(path)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None


def _read_npy(path: Path) -> np.ndarray:
    try:
        with catch_warnings(action="ignore"):
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header is parsed as Python, and fails in as many ways
        raise InputError(f"{path}: not a NumPy array of numbers, or truncated ({error}).") from None
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: expected real numbers, got the type {array.dtype}.")
    if array.ndim == 1:
        array = array[None]
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"{path}: expected the shape (potentials, cells), got {array.shape}.")
    return array


def _read_csv(path: Path, content: bytes) -> np.ndarray:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = ["\0"]
    if any("\0" in line for line in lines):
        raise InputError(f"{path}: expected CSV text or a NumPy array (.npy), got another kind of file.")
    numbered = [
        (number, line) for number, line in enumerate(lines, 1) if line.strip() and line.strip()[0] != "#"
    ]
    if numbered and not any(_is_number(field) for field in _fields(numbered[0][1])):
        numbered = numbered[1:]
    if not numbered:
        raise InputError(f"{path}: expected rows of numbers, found none.")
    try:
        delimiter = next((mark for mark in ",;" if mark in numbered[0][1]), None)
        return np.loadtxt([line for _, line in numbered], delimiter=delimiter, ndmin=2)
    except ValueError:
        return _read_csv_slowly(path, numbered)


def _read_csv_slowly(path: Path, numbered: list[tuple[int, str]]) -> np.ndarray:
    """Field by field, so that the one that is wrong can be named."""
    columns = len(_fields(numbered[0][1]))
    rows = []
    for row, (number, line) in enumerate(numbered, 1):
        fields = _fields(line)
        for column, field in enumerate(fields, 1):
            if not _is_number(field):
                raise InputError(
                    f"{path}: row {row}, column {column} (line {number}): expected a number, "
                    f"got {field[:30]!r}."
                )
        if len(fields) != columns:
            raise InputError(
                f"{path}: row {row} (line {number}): expected {columns} columns, as row 1, got {len(fields)}."
            )
        rows.append([float(field) for field in fields])
    return np.array(rows)


def _fields(line: str) -> list[str]:
    mark = next((mark for mark in ",;" if mark in line), None)
    return [field.strip() for field in line.split("#")[0].strip().split(mark)]


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field  # Python's own 1_000 is no number in CSV
