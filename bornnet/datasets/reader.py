"""Datasets: potentials and their scattering lengths in an HDF5 file that any language reads.

`/potentials (N, cells)`, `/scattering_length (N,)` (`/values` for any other observable), `/strength (N,)`
and, where they are known, `/gradient (N, cells)` and `/sigma (N,)` of the labels: all little-endian doubles
in one contiguous piece each, or virtual datasets over the shards of a large one (`bornnet.datasets.shards`).
Attributes of the file: `format`, `format_version`, `configuration` (what generated it, as JSON),
`package_version` and `sha256`, which is of the content alone (`bornnet.datasets.content`): the same however
it is cut. Times are not recorded: the same content gives the same file, byte for byte. They are written by
`bornnet.datasets.writer` and read here.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .content import OBSERVABLE, ContentHash, shapes
from .header import Header, opened, read_header
from .labelled import Labelled
from .shards import read_layout
from .stored import Part, StoredArray, block_rows, require_content, stamp_of


@dataclass(frozen=True, kw_only=True)
class Dataset(Labelled):
    """A whole dataset in memory, and how it was made."""

    configuration: dict[str, Any]
    sha256: str


class DatasetReader:
    """A dataset on disk, of which any rows can be had; made by `open_dataset`."""

    def __init__(self, path: Path, header: Header, parts: list["Part"]) -> None:
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

    @property
    def observable(self) -> str:
        """What the labels are; of any but the scattering length no exact value is known."""
        return str(self.configuration.get("observable", OBSERVABLE))

    @property
    def reference(self) -> np.ndarray | None:
        """The potential U0 that the series starts from, ``(cells,)``; None for U0 = 0."""
        found = self.configuration.get("reference")
        if found is None:
            return None
        try:
            reference = np.array(found, dtype=float)
        except (TypeError, ValueError):
            reference = np.empty(0)
        if reference.shape != (self.cells,) or not np.isfinite(reference).all():
            raise InputError(
                f"{self.path}: expected a reference of {self.cells} finite numbers; generate it again."
            )
        return reference

    @property
    def target(self) -> str:
        """The name of what is learned (`bornnet.targets`)."""
        own = OBSERVABLE if self.observable == OBSERVABLE else "given"
        return str(self.configuration.get("target", own))

    @property
    def names(self) -> tuple[str, ...]:
        """The arrays that are there, in their order."""
        return tuple(self._header.shapes)

    def labelled(self, *, gradient: bool = True) -> Labelled:
        """All rows: potentials and gradients still on the disk, what is one number a row in memory."""
        found = {name: self.array(name) for name in self.names if gradient or name != "gradient"}
        return _rows({n: a if len(a.shape) > 1 else a[:] for n, a in found.items()})

    def array(self, name: str) -> "StoredArray":
        """The array of that name, still on the disk."""
        return StoredArray(name, self._header.shapes[name], self._parts)

    def rows(self, start: int = 0, stop: int | None = None) -> Labelled:
        """Rows `start .. stop`, read from the disk; the memory they take is all that is taken."""
        return _rows({name: self.array(name)[start:stop] for name in self.names})

    def blocks(self, size: int | None = None) -> Iterator[Labelled]:
        """All rows in their order, `size` at a time (unless given, some megabytes)."""
        size = size or block_rows(self._header)
        for start in range(0, self.samples, size):
            yield self.rows(start, start + size)

    def check(self, rows: Callable[[int, int], Labelled] | None = None) -> dict[str, bytes]:
        """Read everything once and compare with the SHA-256s; `InputError` names the file that is damaged.

        `rows(start, stop)` gives the rows in another way than from the disk. Returns the digests of the
        hash's blocks.
        """
        whole = ContentHash(self._header.shapes)
        for part in self._parts:
            whole.extend(part.content(rows or self.rows).finished())
        require_content(self.path, whole.sha256(self._header.shapes, self._header.configuration), self.sha256)
        return whole.finished()


def open_dataset(path: str | Path, *, check: bool = True) -> DatasetReader:
    """The dataset at `path`, its rows still on the disk; `check` reads them once to see that they are sound.

    Each thing that can be wrong with the file, or with one of its shards, has its own `InputError`, which
    names the file. No memory is taken for more content than the files hold.
    """
    path = Path(path)
    with opened(path) as file:
        stamp = stamp_of(path.stat())
        header = read_header(path, file)
        listed = read_layout(path, file, header.shapes) if header.virtual else []
    parts = [] if header.virtual else [Part(path, 0, header.shapes["potentials"][0], header, stamp)]
    start = 0
    for shard, rows, sha256 in listed:
        parts.append(Part(shard, start, start + rows, *_shard_header(path, shard, rows, sha256, header)))
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
        lambda start, stop: Labelled(**{n: a[start:stop] for n, a in vars(whole).items() if a is not None})
    )
    return Dataset(**vars(whole), configuration=reader.configuration, sha256=reader.sha256)


def read_configuration(path: str | Path) -> dict[str, Any]:
    """What generated the dataset at `path`, whatever the state of its rows."""
    with opened(Path(path)) as file:
        return json.loads(read_header(Path(path), file).configuration)


def _shard_header(
    path: Path, shard: Path, rows: int, sha256: str, whole: Header
) -> tuple[Header, tuple[int, ...]]:
    if not shard.exists():
        raise InputError(
            f"{path}: its shard {shard} is missing; put it back, or generate again with --resume, which "
            "makes what is missing."
        )
    with opened(shard) as file:
        stamp = stamp_of(shard.stat())
        header = read_header(shard, file)
    expected = shapes(rows, whole.shapes["potentials"][1], whole.shapes)
    if header.virtual or header.shapes != expected or header.sha256 != sha256:
        raise InputError(
            f"{shard}: expected the shard of {path} with the SHA-256 {sha256[:12]}.., got another file."
        )
    return header, stamp


def _rows(arrays: dict[str, Any]) -> Labelled:
    """Labelled potentials from the arrays by the names that they are stored under."""
    return Labelled(**{"values" if name == OBSERVABLE else name: array for name, array in arrays.items()})
