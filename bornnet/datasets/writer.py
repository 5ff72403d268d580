"""Writing datasets, whose form `bornnet.datasets.reader` describes: block by block, whole, or as shards."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import BornnetError, InputError
from ..files.atomic import appearing, new_file
from .content import ContentHash, require_finite, shapes
from .header import write_header
from .shards import write_layout


class DatasetWriter:
    """Takes a dataset block by block; made by `new_dataset`."""

    def __init__(self, file: h5py.File, samples: int, cells: int, gradient: bool) -> None:
        self.samples = samples
        self.rows = 0
        self.sha256: str | None = None
        self._file = file
        self._shapes = shapes(samples, cells, gradient)
        self.content = ContentHash(self._shapes)
        for name, shape in self._shapes.items():
            file.create_dataset(name, shape, dtype="<f8", track_times=False)

    def append(
        self,
        potentials: np.ndarray,
        scattering_length: np.ndarray,
        strength: np.ndarray,
        gradient: np.ndarray | None = None,
    ) -> None:
        """Add rows: `(n, cells)`, `(n,)`, `(n,)` and `(n, cells)` of finite numbers."""
        given = {"potentials": potentials, "scattering_length": scattering_length, "strength": strength}
        if gradient is not None:
            given["gradient"] = gradient
        if given.keys() != self._shapes.keys():
            raise InputError(f"expected the arrays {', '.join(self._shapes)}, got {', '.join(given)}.")
        rows = len(potentials)
        stop = self.rows + rows
        if stop > self.samples:
            raise InputError(f"expected {self.samples} rows in all, got at least {stop}.")
        blocks = {name: np.ascontiguousarray(array, dtype="<f8") for name, array in given.items()}
        for name, block in blocks.items():
            expected = (rows, *self._shapes[name][1:])
            if block.shape != expected:
                raise InputError(f"{name}: expected the shape {expected}, got {block.shape}.")
            require_finite(name, block, first_row=self.rows)
        for name, block in blocks.items():
            self._file[name][self.rows : stop] = block
            self.content.update(name, block)
        self.rows = stop

    def _finish(self, configuration: str) -> None:
        if self.rows != self.samples:
            raise BornnetError(f"the dataset ended after {self.rows} of {self.samples} rows.")
        self.sha256 = self.content.sha256(self._shapes, configuration)
        write_header(self._file, configuration, self.sha256)


@contextmanager
def new_dataset(
    path: str | Path,
    samples: int,
    cells: int,
    *,
    gradient: bool = False,
    configuration: Mapping[str, Any],
    force: bool = False,
    shared: bool = False,
) -> Iterator[DatasetWriter]:
    """A writer for a dataset of `samples` rows, which stands at `path` once the block ends without an error.

    `configuration` is what generated the rows, anything JSON can hold. After the block the writer's `sha256`
    is the hash of the content. `InputError` as for `bornnet.files.atomic.new_file`; with `shared`, other
    processes may be writing the same content to `path`, and whatever stands there is replaced.
    """
    text = json.dumps(configuration, sort_keys=True, allow_nan=False)
    place = appearing(Path(path), unique=True) if shared else new_file(path, force=force)
    with _system_errors(path), place as temporary, h5py.File(temporary, "w") as file:
        writer = DatasetWriter(file, samples, cells, gradient)
        yield writer
        writer._finish(text)


def write_dataset(
    path: str | Path,
    potentials: np.ndarray,
    scattering_length: np.ndarray,
    strength: np.ndarray,
    *,
    gradient: np.ndarray | None = None,
    configuration: Mapping[str, Any],
    force: bool = False,
) -> str:
    """Write a dataset that is in memory, and return the SHA-256 of its content."""
    samples, cells = np.shape(potentials)
    with new_dataset(
        path, samples, cells, gradient=gradient is not None, configuration=configuration, force=force
    ) as writer:
        writer.append(potentials, scattering_length, strength, gradient)
    assert writer.sha256 is not None
    return writer.sha256


def write_index(
    path: Path,
    samples: int,
    cells: int,
    *,
    gradient: bool,
    configuration: Mapping[str, Any],
    shards: Sequence[tuple[Path, int, str]],
    content: ContentHash,
) -> str:
    """Write the file that makes one dataset of shards, in place of what stands at `path`.

    `shards` are each one's path, rows and SHA-256, and `content` has taken their rows, all in order. Returns
    the SHA-256 of the whole content.
    """
    text = json.dumps(configuration, sort_keys=True, allow_nan=False)
    arrays = shapes(samples, cells, gradient)
    sha256 = content.sha256(arrays, text)
    with _system_errors(path), appearing(path) as temporary, h5py.File(temporary, "w") as file:
        write_layout(file, arrays, shards)
        write_header(file, text, sha256)
    return sha256


@contextmanager
def _system_errors(path: str | Path) -> Iterator[None]:
    """A disk that fills up while a file is closed comes as a RuntimeError from h5py; as OSError from here."""
    try:
        yield
    except RuntimeError as error:
        number = re.search(r"errno = (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
