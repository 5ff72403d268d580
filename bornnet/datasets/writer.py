"""Writing datasets, whose form `bornnet.datasets.reader` describes: block by block, whole, or as shards."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from ..errors import BornnetError, InputError
from ..files.atomic import appearing, new_file
from ..files.hdf5 import Structure, create_array, hdf5_bytes, hdf5_structure
from .content import OBSERVABLE, ContentHash, array_names, array_of, require_finite, shapes
from .header import write_header
from .labelled import Labelled
from .shards import write_layout


class DatasetWriter:
    """Takes a dataset block by block; made by `new_dataset`."""

    def __init__(
        self, file: BinaryIO, samples: int, cells: int, names: Sequence[str], configuration: str
    ) -> None:
        self.samples = samples
        self.rows = 0
        self.sha256: str | None = None
        self._file = file
        self._shapes = shapes(samples, cells, names)
        self._configuration = configuration
        self.content = ContentHash(self._shapes)
        self._offsets = self._structure("0" * 64).offsets

    def append(self, block: Labelled) -> None:
        """Add rows, of finite numbers, with the arrays that the dataset has."""
        given = {name: array_of(block, name) for name in self._shapes}
        known = {name for name in ("gradient", "sigma") if getattr(block, name) is not None}
        if known != self._shapes.keys() & {"gradient", "sigma"}:
            got = ", ".join(sorted(known)) or "neither gradient nor sigma"
            raise InputError(f"expected the arrays {', '.join(self._shapes)}, got {got}.")
        rows = len(block.potentials)
        stop = self.rows + rows
        if stop > self.samples:
            raise InputError(f"expected {self.samples} rows in all, got at least {stop}.")
        blocks = {n: np.ascontiguousarray(array, dtype="<f8") for n, array in given.items()}
        for name, array in blocks.items():
            expected = (rows, *self._shapes[name][1:])
            if array.shape != expected:
                raise InputError(f"{name}: expected the shape {expected}, got {array.shape}.")
            require_finite(name, array, first_row=self.rows)
        for name, array in blocks.items():
            self._file.seek(self._offsets[name] + 8 * self.rows * math.prod(array.shape[1:]))
            self._file.write(array.data)
            self.content.update(name, array)
        self.rows = stop

    def finish(self) -> None:
        """Write what stands around the rows, now that their hash is known."""
        if self.rows != self.samples:
            raise BornnetError(f"the dataset ended after {self.rows} of {self.samples} rows.")
        self.sha256 = self.content.sha256(self._shapes, self._configuration)
        structure = self._structure(self.sha256)
        for offset, piece in structure.pieces:
            self._file.seek(offset)
            self._file.write(piece)
        self._file.truncate(structure.size)

    def _structure(self, sha256: str) -> Structure:
        def fill(file: h5py.File) -> None:
            for name, shape in self._shapes.items():
                create_array(file, name, shape)
            write_header(file, self._configuration, sha256)

        return hdf5_structure(fill, list(self._shapes))


@contextmanager
def new_dataset(
    path: str | Path,
    samples: int,
    cells: int,
    *,
    names: Sequence[str] = array_names(),
    configuration: Mapping[str, Any],
    force: bool = False,
    shared: bool = False,
) -> Iterator[DatasetWriter]:
    """A writer for a dataset of `samples` rows, which stands at `path` once the block ends without an error.

    `names` are the arrays that it has (`content.array_names`), `configuration` is what generated the rows,
    anything JSON can hold. After the block the writer's `sha256` is the hash of the content. `InputError` as
    for `bornnet.files.atomic.new_file`; with `shared`, other processes may be writing the same content to
    `path`, and whatever stands there is replaced.
    """
    text = json.dumps(configuration, sort_keys=True, allow_nan=False)
    place = appearing(Path(path), unique=True) if shared else new_file(path, force=force)
    with place as temporary, _naming(path), temporary.open("wb") as file:
        writer = DatasetWriter(file, samples, cells, names, text)
        yield writer
        writer.finish()


def write_rows(
    path: str | Path, rows: Labelled, *, configuration: Mapping[str, Any], force: bool = False
) -> str:
    """Write rows that are in memory as a dataset, and return the SHA-256 of its content."""
    names = array_names(
        gradient=rows.gradient is not None,
        sigma=rows.sigma is not None,
        observable=configuration.get("observable", OBSERVABLE),
    )
    samples, cells = rows.potentials.shape
    with new_dataset(path, samples, cells, names=names, configuration=configuration, force=force) as writer:
        writer.append(rows)
    assert writer.sha256 is not None
    return writer.sha256


def write_index(
    path: Path,
    samples: int,
    cells: int,
    *,
    names: Sequence[str],
    configuration: Mapping[str, Any],
    shards: Sequence[tuple[Path, int, str]],
    content: ContentHash,
) -> str:
    """Write the file that makes one dataset of shards, in place of what stands at `path`.

    `shards` are each one's path, rows and SHA-256, and `content` has taken their rows, all in order. Returns
    the SHA-256 of the whole content.
    """
    text = json.dumps(configuration, sort_keys=True, allow_nan=False)
    arrays = shapes(samples, cells, names)
    sha256 = content.sha256(arrays, text)

    def fill(file: h5py.File) -> None:
        write_layout(file, arrays, shards)
        write_header(file, text, sha256)

    with appearing(path) as temporary, _naming(path):
        temporary.write_bytes(hdf5_bytes(fill))
    return sha256


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """What the disk refuses comes without a name, or a temporary's: from here with the output's."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename).endswith(".part"):
            error.filename = str(path)
        raise
