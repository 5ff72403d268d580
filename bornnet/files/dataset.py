"""Datasets: potentials and their scattering lengths in an HDF5 file that any language reads.

`/potentials (N, cells)`, `/scattering_length (N,)`, `/strength (N,)` and, where gradients were asked for,
`/gradient (N, cells)`, all little-endian doubles in one contiguous piece each. Attributes of the file:
`format`, `format_version`, `configuration` (what generated it, as JSON), `package_version` and `sha256`.

`sha256` is the SHA-256 of one line per piece of content, in the order above and then the configuration:
`name dtype shape digest\\n`, digest being the SHA-256 of the piece's raw bytes. So it can be computed while
streaming, and by anyone. Times are not recorded: the same content gives the same file, byte for byte.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .. import __version__
from ..errors import BornnetError, InputError
from .atomic import new_file

FORMAT = "bornnet-dataset"
FORMAT_VERSION = 1
_Shapes = dict[str, tuple[int, ...]]
_BLOCK = 1 << 22  # doubles hashed at a time, so that checking takes no second copy of the content


@dataclass(frozen=True)
class Dataset:
    """Labelled potentials: arrays `(N, cells)`, `(N,)`, `(N,)`, `(N, cells)`, and how they were made."""

    potentials: np.ndarray
    scattering_length: np.ndarray
    strength: np.ndarray
    gradient: np.ndarray | None
    configuration: dict[str, Any]
    sha256: str

    @property
    def cells(self) -> int:
        """How many cells a potential has."""
        return int(self.potentials.shape[1])

    def __len__(self) -> int:
        return int(self.potentials.shape[0])


class DatasetWriter:
    """Takes a dataset block by block; made by `new_dataset`."""

    def __init__(self, file: h5py.File, samples: int, cells: int, gradient: bool) -> None:
        self.samples = samples
        self.rows = 0
        self.sha256: str | None = None
        self._file = file
        self._shapes = _shapes(samples, cells, gradient)
        self._digests = {name: hashlib.sha256() for name in self._shapes}
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
            _require_finite(name, block, first_row=self.rows)
        for name, block in blocks.items():
            self._file[name][self.rows : stop] = block
            self._digests[name].update(block.data)
        self.rows = stop

    def _finish(self, configuration: str) -> None:
        if self.rows != self.samples:
            raise BornnetError(f"the dataset ended after {self.rows} of {self.samples} rows.")
        digests = {name: digest.hexdigest() for name, digest in self._digests.items()}
        self.sha256 = _content_sha256(self._shapes, digests, configuration)
        self._file.attrs["format"] = FORMAT
        self._file.attrs["format_version"] = FORMAT_VERSION
        self._file.attrs["configuration"] = configuration
        self._file.attrs["package_version"] = __version__
        self._file.attrs["sha256"] = self.sha256


@contextmanager
def new_dataset(
    path: str | Path,
    samples: int,
    cells: int,
    *,
    gradient: bool = False,
    configuration: Mapping[str, Any],
    force: bool = False,
) -> Iterator[DatasetWriter]:
    """A writer for a dataset of `samples` rows, which stands at `path` once the block ends without an error.

    `configuration` is what generated the rows, anything JSON can hold. After the block the writer's `sha256`
    is the hash of the content. `InputError` as for `bornnet.files.atomic.new_file`.
    """
    text = json.dumps(configuration, sort_keys=True, allow_nan=False)
    try:
        with new_file(path, force=force) as temporary, h5py.File(temporary, "w") as file:
            writer = DatasetWriter(file, samples, cells, gradient)
            yield writer
            writer._finish(text)
    except RuntimeError as error:
        # So h5py reports a disk that fills up while the file is closed.
        number = re.search(r"errno = (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


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


def read_dataset(path: str | Path) -> Dataset:
    """The dataset at `path`, every array checked: names, shapes, sizes against the file's, numbers, SHA-256.

    Each thing that can be wrong with the file has its own `InputError`. No memory is taken for more content
    than the file holds.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; `bornnet generate {path}` makes a dataset.")
    if not path.is_file():
        raise InputError(f"{path}: expected a dataset file, got a folder or a device.")
    try:
        with path.open("rb"):
            pass
        if not h5py.is_hdf5(path):
            raise InputError(f"{path}: expected a bornnet dataset (HDF5), got another kind of file.")
        with h5py.File(path, "r") as file:
            return _read(path, file)
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: permission denied.") from error
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        # What h5py raises where the file's own structure is broken depends on the byte that broke.
        raise InputError(f"{path}: the file is truncated or damaged ({error}); generate it again.") from error


def _read(path: Path, file: h5py.File) -> Dataset:
    attributes = _attributes(path, file)
    gradient = "gradient" in file
    arrays: dict[str, np.ndarray] = {}
    shapes = _declared_shapes(path, file, gradient)
    declared = sum(8 * int(np.prod(shape, dtype=object)) for shape in shapes.values())
    size = path.stat().st_size
    if declared > size:
        raise InputError(
            f"{path}: arrays of {declared} bytes are declared, but the file has {size}; it was damaged."
        )
    for name, shape in shapes.items():
        arrays[name] = np.empty(shape)
        file[name].read_direct(arrays[name])
    configuration = attributes["configuration"]
    digests = {name: _digest(array) for name, array in arrays.items()}
    sha256 = _content_sha256(shapes, digests, configuration)
    if sha256 != attributes["sha256"]:
        raise InputError(
            f"{path}: its content has the SHA-256 {sha256[:12]}.., but {attributes['sha256'][:12]}.. was "
            "recorded; the file was damaged or changed. Generate it again."
        )
    for name, array in arrays.items():
        _require_finite(f"{path}: {name}", array)
    return Dataset(
        potentials=arrays["potentials"],
        scattering_length=arrays["scattering_length"],
        strength=arrays["strength"],
        gradient=arrays.get("gradient"),
        configuration=json.loads(configuration),
        sha256=sha256,
    )


def _attributes(path: Path, file: h5py.File) -> dict[str, str]:
    form = file.attrs.get("format")
    if not isinstance(form, str) or form != FORMAT:
        raise InputError(f"{path}: expected format = {FORMAT!r}, got {form}; it is another HDF5 file.")
    version = file.attrs.get("format_version")
    if not isinstance(version, np.integer) or version != FORMAT_VERSION:
        raise InputError(
            f"{path}: expected format_version = {FORMAT_VERSION}, got {version}; read it with the version of "
            "bornnet that wrote it, or generate it again."
        )
    attributes = {name: file.attrs.get(name) for name in ("configuration", "sha256")}
    for name, value in attributes.items():
        if not isinstance(value, str):
            raise InputError(f"{path}: expected text in the attribute {name}, got {value}.")
    try:
        configuration = json.loads(attributes["configuration"])
    except ValueError as error:
        raise InputError(f"{path}: the attribute configuration is not JSON ({error}).") from error
    if not isinstance(configuration, dict):
        raise InputError(f"{path}: expected a JSON object in the attribute configuration.")
    return attributes


def _declared_shapes(path: Path, file: h5py.File, gradient: bool) -> _Shapes:
    names = _shapes(0, 0, gradient)
    for name, shape in names.items():
        array = file.get(name)
        if not isinstance(array, h5py.Dataset):
            raise InputError(f"{path}: expected an array /{name}, but there is none; generate it again.")
        if array.dtype != np.dtype("<f8"):
            raise InputError(f"{path}: /{name}: expected double precision (<f8), got {array.dtype}.")
        if array.is_virtual or array.external or array.chunks is not None:
            raise InputError(f"{path}: /{name}: expected one contiguous array inside the file.")
        if array.shape is None or len(array.shape) != len(shape):
            raise InputError(
                f"{path}: /{name}: expected {len(shape)} dimensions, got the shape {array.shape}."
            )
    samples, cells = file["potentials"].shape
    if samples < 1 or cells < 1:
        raise InputError(
            f"{path}: expected at least one potential of at least one cell, got {samples} of {cells}."
        )
    for name, expected in _shapes(samples, cells, gradient).items():
        if file[name].shape != expected:
            raise InputError(
                f"{path}: /{name}: expected the shape {expected}, as of /potentials, got {file[name].shape}."
            )
    return _shapes(samples, cells, gradient)


def _shapes(samples: int, cells: int, gradient: bool) -> _Shapes:
    shapes: _Shapes = {
        "potentials": (samples, cells),
        "scattering_length": (samples,),
        "strength": (samples,),
    }
    if gradient:
        shapes["gradient"] = (samples, cells)
    return shapes


def _content_sha256(shapes: _Shapes, digests: Mapping[str, str], configuration: str) -> str:
    content = hashlib.sha256()
    for name, shape in shapes.items():
        content.update(f"{name} <f8 {'x'.join(map(str, shape))} {digests[name]}\n".encode())
    text = configuration.encode()
    content.update(f"configuration utf-8 {len(text)} {hashlib.sha256(text).hexdigest()}\n".encode())
    return content.hexdigest()


def _digest(array: np.ndarray) -> str:
    digest = hashlib.sha256()
    flat = array.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        digest.update(np.ascontiguousarray(flat[start : start + _BLOCK], dtype="<f8").data)
    return digest.hexdigest()


def _require_finite(name: str, array: np.ndarray, first_row: int = 0) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        index = [int(i) for i in np.argwhere(~finite)[0]]
        value = array[tuple(index)]
        index[0] += first_row
        where = f"row {index[0]}" + (f", cell {index[1]}" if len(index) > 1 else "")
        raise InputError(f"{name}: expected finite numbers, got {value} in {where} (counted from 0).")
