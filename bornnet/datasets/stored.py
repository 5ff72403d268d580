"""Arrays of a dataset that stay on the disk, in one file or in shards, and their rows when asked for."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np

from ..errors import InputError
from .content import ContentHash, array_of, require_finite, row_bytes
from .header import Header
from .labelled import Labelled

_BLOCK_BYTES = 1 << 23  # read and checked at a time
PAGE = 4096  # bytes; rows of an index that are no farther apart are read in one piece


class StoredArray:
    """An array of a dataset on disk, whose rows are read when asked for: `array[start:stop]`, `array[index]`.

    `InputError` where a file was changed, or went away, since it was opened.
    """

    def __init__(self, name: str, shape: tuple[int, ...], parts: list["Part"]) -> None:
        self.name = name
        self.shape = shape
        self._parts = parts
        self._apart = PAGE // (8 * int(np.prod(shape[1:]))) + 1

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1:
                return self._between(start, max(start, stop))
            rows = np.arange(start, stop, step)
        return self._selected(rows)

    def _between(self, start: int, stop: int) -> np.ndarray:
        found = self._empty(stop - start)
        for part in self._parts:
            first, last = max(start, part.start), min(stop, part.stop)
            if first < last:
                with part.opened() as file:
                    part.read(file, self.name, first, found[first - start : last - start])
        return found

    def _selected(self, rows: np.ndarray) -> np.ndarray:
        found = self._empty(len(rows))
        order = np.argsort(rows, kind="stable")
        ends = np.searchsorted(rows, [part.stop for part in self._parts[:-1]], sorter=order)
        for part, inside in zip(self._parts, np.split(order, ends), strict=True):
            if len(inside):
                with part.opened() as file:
                    for here in np.split(inside, np.flatnonzero(np.diff(rows[inside]) > self._apart) + 1):
                        first = rows[here[0]]
                        piece = self._empty(rows[here[-1]] + 1 - first)
                        part.read(file, self.name, first, piece)
                        found[here] = piece[rows[here] - first]
        return found

    def _empty(self, rows: int) -> np.ndarray:
        return np.empty((rows, *self.shape[1:]), dtype="<f8")


@dataclass(frozen=True)
class Part:
    """Rows `start .. stop` of a dataset: the file they are in, and what that was when it was opened first."""

    path: Path
    start: int
    stop: int
    header: Header
    stamp: tuple[int, ...]

    @contextmanager
    def opened(self) -> Iterator[FileIO]:
        try:
            with self.path.open("rb", buffering=0) as file:
                if stamp_of(os.fstat(file.fileno())) != self.stamp:
                    raise OSError("it was changed")
                yield file
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be read any more ({error}); put back the file that was there."
            ) from error

    def read(self, file: FileIO, name: str, row: int, found: np.ndarray) -> None:
        """Fill `found` with the rows of an array from number `row` of the dataset on."""
        file.seek(self.header.offsets[name] + int(row - self.start) * found[0].nbytes)
        missing = found.view(np.uint8).data.cast("B")
        while missing:
            count = file.readinto(missing)
            if not count:
                raise OSError("it ends too early")
            missing = missing[count:]

    def content(self, rows: Callable[[int, int], Labelled]) -> ContentHash:
        content = ContentHash(self.header.shapes)
        strange: InputError | None = None
        step = block_rows(self.header)
        for start in range(self.start, self.stop, step):
            block = rows(start, min(start + step, self.stop))
            for name in self.header.shapes:
                array = array_of(block, name)
                assert array is not None
                content.update(name, array)
                try:
                    require_finite(f"{self.path}: {name}", array, start - self.start)
                except InputError as error:
                    strange = strange or error
        require_content(
            self.path, content.sha256(self.header.shapes, self.header.configuration), self.header.sha256
        )
        if strange is not None:
            raise strange
        return content


def stamp_of(status: os.stat_result) -> tuple[int, ...]:
    """What tells a file from another one, or from itself before a change."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def block_rows(header: Header) -> int:
    return max(1, _BLOCK_BYTES // row_bytes(header.shapes["potentials"][1], header.shapes))


def require_content(path: Path, sha256: str, recorded: str) -> None:
    if sha256 != recorded:
        raise InputError(
            f"{path}: its content has the SHA-256 {sha256[:12]}.., but {recorded[:12]}.. was recorded; the "
            "file was damaged or changed. Generate it again."
        )
