"""Datasets: potentials and their scattering lengths in an HDF5 file that any language reads.

`/potentials (N, cells)`, `/scattering_length (N,)`, `/strength (N,)` and, where gradients were asked for,
`/gradient (N, cells)`, all little-endian doubles in one contiguous piece each, or virtual datasets over the
shards of a large one (`bornnet.datasets.shards`). Attributes of the file: `format`, `format_version`,
`configuration` (what generated it, as JSON), `package_version` and `sha256`, which is of the content alone
(`bornnet.datasets.content`): the same however it is cut. Times are not recorded: the same content gives the
same file, byte for byte. They are written by `bornnet.datasets.writer` and read here.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .content import ContentHash, require_finite, row_bytes, shapes
from .header import Header, opened, read_header
from .shards import read_layout

_BLOCK_BYTES = 1 << 23  # read and checked at a time
_PAGE = 4096  # bytes; rows of an index that are no farther apart are read in one piece


@dataclass(frozen=True)
class Rows:
    """Labelled potentials: arrays `(n, cells)`, `(n,)`, `(n,)`, and `(n, cells)` or no gradients."""

    potentials: np.ndarray
    scattering_length: np.ndarray
    strength: np.ndarray
    gradient: np.ndarray | None

    @property
    def cells(self) -> int:
        """How many cells a potential has."""
        return int(self.potentials.shape[1])

    def __len__(self) -> int:
        return int(self.potentials.shape[0])


@dataclass(frozen=True)
class Dataset(Rows):
    """A whole dataset in memory, and how it was made."""

    configuration: dict[str, Any]
    sha256: str


class DatasetReader:
    """A dataset on disk, of which any rows can be had; made by `open_dataset`."""

    def __init__(self, path: Path, header: Header, parts: list["_Part"]) -> None:
        self.path = path
        self.samples, self.cells = header.shapes["potentials"]
        self.configuration: dict[str, Any] = json.loads(header.configuration)
        self.sha256 = header.sha256
        self.shards = [part.path for part in parts if part.path != path]
        self._header = header
        self._parts = parts

    def __len__(self) -> int:
        return self.samples

    @property
    def gradient(self) -> bool:
        """Whether there are gradients."""
        return "gradient" in self._header.shapes

    def array(self, name: str) -> "StoredArray":
        """The array of that name, still on the disk."""
        return StoredArray(name, self._header.shapes[name], self._parts)

    def rows(self, start: int = 0, stop: int | None = None) -> Rows:
        """Rows `start .. stop`, read from the disk; the memory they take is all that is taken."""
        return _as_rows({name: self.array(name)[start:stop] for name in self._header.shapes})

    def blocks(self, size: int | None = None) -> Iterator[Rows]:
        """All rows in their order, `size` at a time (unless given, some megabytes)."""
        size = size or _block_rows(self._header)
        for start in range(0, self.samples, size):
            yield self.rows(start, start + size)

    def check(self, rows: Callable[[int, int], Rows] | None = None) -> dict[str, bytes]:
        """Read everything once and compare with the SHA-256s; `InputError` names the file that is damaged.

        `rows(start, stop)` gives the rows in another way than from the disk. Returns the digests of the
        hash's blocks.
        """
        whole = ContentHash(self._header.shapes)
        for part in self._parts:
            whole.extend(part.content(rows or self.rows).finished())
        _compare(self.path, whole.sha256(self._header.shapes, self._header.configuration), self.sha256)
        return whole.finished()


class StoredArray:
    """An array of a dataset on disk, whose rows are read when asked for: `array[start:stop]`, `array[index]`.

    `InputError` where a file was changed, or went away, since it was opened.
    """

    def __init__(self, name: str, shape: tuple[int, ...], parts: list["_Part"]) -> None:
        self.name = name
        self.shape = shape
        self._parts = parts
        self._apart = _PAGE // (8 * int(np.prod(shape[1:]))) + 1

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
class _Part:
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
                if _stamp(os.fstat(file.fileno())) != self.stamp:
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

    def content(self, rows: Callable[[int, int], Rows]) -> ContentHash:
        content = ContentHash(self.header.shapes)
        strange: InputError | None = None
        step = _block_rows(self.header)
        for start in range(self.start, self.stop, step):
            block = rows(start, min(start + step, self.stop))
            for name in self.header.shapes:
                array = getattr(block, name)
                content.update(name, array)
                try:
                    require_finite(f"{self.path}: {name}", array, start - self.start)
                except InputError as error:
                    strange = strange or error
        _compare(self.path, content.sha256(self.header.shapes, self.header.configuration), self.header.sha256)
        if strange is not None:
            raise strange
        return content


def open_dataset(path: str | Path, *, check: bool = True) -> DatasetReader:
    """The dataset at `path`, its rows still on the disk; `check` reads them once to see that they are sound.

    Each thing that can be wrong with the file, or with one of its shards, has its own `InputError`, which
    names the file. No memory is taken for more content than the files hold.
    """
    path = Path(path)
    with opened(path) as file:
        stamp = _stamp(path.stat())
        header = read_header(path, file)
        listed = read_layout(path, file, header.shapes) if header.virtual else []
    parts = [] if header.virtual else [_Part(path, 0, header.shapes["potentials"][0], header, stamp)]
    start = 0
    for shard, rows, sha256 in listed:
        parts.append(_Part(shard, start, start + rows, *_shard_header(path, shard, rows, sha256, header)))
        start += rows
    reader = DatasetReader(path, header, parts)
    if check:
        reader.check()
    return reader


def read_dataset(path: str | Path) -> Dataset:
    """The dataset at `path` in memory, checked as by `open_dataset`."""
    reader = open_dataset(path, check=False)
    whole = reader.rows()
    reader.check(
        lambda start, stop: _as_rows({n: a[start:stop] for n, a in vars(whole).items() if a is not None})
    )
    return Dataset(**vars(whole), configuration=reader.configuration, sha256=reader.sha256)


def read_configuration(path: str | Path) -> dict[str, Any]:
    """What generated the dataset at `path`, whatever the state of its rows."""
    with opened(Path(path)) as file:
        return json.loads(read_header(Path(path), file).configuration)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    """What tells a file from another one, or from itself before a change."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _shard_header(
    path: Path, shard: Path, rows: int, sha256: str, whole: Header
) -> tuple[Header, tuple[int, ...]]:
    if not shard.exists():
        raise InputError(
            f"{path}: its shard {shard} is missing; put it back, or generate again with --resume, which "
            "makes what is missing."
        )
    with opened(shard) as file:
        stamp = _stamp(shard.stat())
        header = read_header(shard, file)
    expected = shapes(rows, whole.shapes["potentials"][1], "gradient" in whole.shapes)
    if header.virtual or header.shapes != expected or header.sha256 != sha256:
        raise InputError(
            f"{shard}: expected the shard of {path} with the SHA-256 {sha256[:12]}.., got another file."
        )
    return header, stamp


def _block_rows(header: Header) -> int:
    return max(1, _BLOCK_BYTES // row_bytes(header.shapes["potentials"][1], "gradient" in header.shapes))


def _as_rows(arrays: Mapping[str, np.ndarray]) -> Rows:
    return Rows(arrays["potentials"], arrays["scattering_length"], arrays["strength"], arrays.get("gradient"))


def _compare(path: Path, sha256: str, recorded: str) -> None:
    if sha256 != recorded:
        raise InputError(
            f"{path}: its content has the SHA-256 {sha256[:12]}.., but {recorded[:12]}.. was recorded; the "
            "file was damaged or changed. Generate it again."
        )
