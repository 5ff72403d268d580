"""What a dataset holds, and the SHA-256 that stands for it, however the rows are shared out to files.

Arrays: the potentials, their labels (`scattering_length`, or `values` of another observable), strengths and,
where they are known, `gradient` of the labels and `sigma`, one standard deviation of their errors.

The rows of each array are hashed in blocks of `HASHED_ROWS`; the array's digest is the SHA-256 of its blocks'
SHA-256s, one after another. The SHA-256 of the content is that of one line per array, in the order of
`shapes`, and one for the configuration: `name dtype shape digest\\n`. So it can be computed while streaming,
piece by piece in any order, on any machine, and by anyone.
"""

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from ..errors import InputError
from .labelled import Labelled

HASHED_ROWS = 4096
"""Rows of a block of the hash; a shard holds whole blocks. Part of the format."""

OBSERVABLE = "scattering_length"
"""The observable whose values bornnet knows exactly; its labels have an array of that name."""

ARRAYS = ("potentials", OBSERVABLE, "values", "strength", "gradient", "sigma")
"""All arrays that a dataset can have, in their order."""

Shapes = dict[str, tuple[int, ...]]


def array_names(
    *, gradient: bool = False, sigma: bool = False, observable: str = OBSERVABLE
) -> tuple[str, ...]:
    """The arrays of a dataset, in their order."""
    absent = {"values" if observable == OBSERVABLE else OBSERVABLE}
    absent |= {name for name, there in (("gradient", gradient), ("sigma", sigma)) if not there}
    return tuple(name for name in ARRAYS if name not in absent)


def shapes(samples: int, cells: int, names: Iterable[str]) -> Shapes:
    """The arrays of those names and their shapes."""
    wide = ("potentials", "gradient")
    return {name: (samples, cells) if name in wide else (samples,) for name in names}


def row_bytes(cells: int, names: Iterable[str]) -> int:
    """Bytes of a labelled potential."""
    return sum(8 * int(np.prod(shape)) for shape in shapes(1, cells, names).values())


def array_of(rows: Labelled, name: str) -> np.ndarray | None:
    """The array that is stored under that name."""
    attribute = "values" if name == OBSERVABLE else name
    array: np.ndarray | None = getattr(rows, attribute)
    return array


class ContentHash:
    """Takes rows in their order, in pieces of any length."""

    def __init__(self, names: Mapping[str, object]) -> None:
        self.blocks: dict[str, bytearray] = {name: bytearray() for name in names}
        self._open = {name: hashlib.sha256() for name in names}
        self._filled = dict.fromkeys(names, 0)

    def update(self, name: str, rows: np.ndarray) -> None:
        """Add rows `(n, ...)` of the array of that name."""
        start = 0
        while start < len(rows):
            stop = min(start + HASHED_ROWS - self._filled[name], len(rows))
            self._open[name].update(np.ascontiguousarray(rows[start:stop], dtype="<f8").data)
            self._filled[name] += stop - start
            if self._filled[name] == HASHED_ROWS:
                self._close(name)
            start = stop

    def extend(self, blocks: Mapping[str, bytes]) -> None:
        """Add rows that another `ContentHash` took, by its `finished` blocks."""
        for name, digests in blocks.items():
            self.blocks[name] += digests

    def finished(self) -> dict[str, bytes]:
        """The digests of all blocks, the last one's too, which then takes no more rows."""
        for name, filled in self._filled.items():
            if filled:
                self._close(name)
        return {name: bytes(digests) for name, digests in self.blocks.items()}

    def sha256(self, arrays: Shapes, configuration: str) -> str:
        """The SHA-256 of the content: these arrays of whole shapes, and this configuration."""
        content = hashlib.sha256()
        for name, blocks in self.finished().items():
            shape = "x".join(map(str, arrays[name]))
            content.update(f"{name} <f8 {shape} {hashlib.sha256(blocks).hexdigest()}\n".encode())
        text = configuration.encode(errors="surrogateescape")  # h5py reads damaged UTF-8 that way
        content.update(f"configuration utf-8 {len(text)} {hashlib.sha256(text).hexdigest()}\n".encode())
        return content.hexdigest()

    def _close(self, name: str) -> None:
        self.blocks[name] += self._open[name].digest()
        self._open[name] = hashlib.sha256()
        self._filled[name] = 0


def require_finite(name: str, array: np.ndarray, first_row: int = 0) -> None:
    """`InputError` that names the array and where in it something else than a finite number stands."""
    finite = np.isfinite(array)
    if not finite.all():
        index = [int(i) for i in np.argwhere(~finite)[0]]
        value = array[tuple(index)]
        index[0] += first_row
        where = f"row {index[0]}" + (f", cell {index[1]}" if len(index) > 1 else "")
        raise InputError(f"{name}: expected finite numbers, got {value} in {where} (counted from 0).")
