"""What a dataset file says of itself: its attributes, and the arrays it declares, each checked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import h5py
import numpy as np

from .. import __version__
from ..errors import InputError
from .content import ARRAYS, OBSERVABLE, Shapes, shapes

FORMAT = "bornnet-dataset"
FORMAT_VERSION = 3
"""Of files with known errors, another observable or a reference, which an earlier bornnet does not read.
Others have 2."""

_PLAIN = 2


@dataclass(frozen=True)
class Header:
    """What a dataset file says of itself.

    Attributes:
        configuration: as JSON text.
        sha256: of the content.
        shapes: of the arrays.
        offsets: of the arrays in the file, in bytes; none where they are virtual: stored in other files.
    """

    configuration: str
    sha256: str
    shapes: Shapes
    offsets: dict[str, int]

    @property
    def virtual(self) -> bool:
        """Whether the arrays are stored in other files."""
        return not self.offsets


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The HDF5 file at `path`; whatever is wrong with it, then and in the block, is an `InputError`."""
    if not path.exists():
        raise InputError(f"{path}: no such file; `bornnet generate {quote(str(path))}` makes a dataset.")
    if not path.is_file():
        raise InputError(f"{path}: expected a dataset file, got a folder or a device.")
    try:
        with path.open("rb"):
            pass
        if not h5py.is_hdf5(path):
            raise InputError(f"{path}: expected a bornnet dataset (HDF5), got another kind of file.")
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: permission denied.") from error
    except BlockingIOError as error:
        raise InputError(
            f"{path} is in use: another program has it open for writing; close it there first."
        ) from error
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        # What h5py raises where the file's own structure is broken depends on the byte that broke.
        raise InputError(f"{path}: the file is truncated or damaged ({error}); generate it again.") from error


def write_header(file: h5py.File, configuration: str, sha256: str) -> None:
    """Set the attributes of a dataset whose arrays are written."""
    file.attrs["format"] = FORMAT
    new = "sigma" in file or OBSERVABLE not in file or "reference" in json.loads(configuration)
    file.attrs["format_version"] = FORMAT_VERSION if new else _PLAIN
    file.attrs["configuration"] = configuration
    file.attrs["package_version"] = __version__
    file.attrs["sha256"] = sha256


def read_header(path: Path, file: h5py.File) -> Header:
    """The header, every part of it checked, and that the file is large enough for the arrays it stores."""
    configuration, sha256 = _attributes(path, file)
    labels = "values" if "values" in file else OBSERVABLE
    names = [n for n in ARRAYS if n in ("potentials", labels, "strength") or n in file]
    for name, shape in shapes(0, 0, names).items():
        _require_array(path, file, name, len(shape))
    virtual = file["potentials"].is_virtual
    for name in names:
        if file[name].is_virtual != virtual:
            raise InputError(f"{path}: /{name}: expected all arrays in this file, or all in other files.")
    samples, cells = file["potentials"].shape
    if samples < 1 or cells < 1:
        raise InputError(
            f"{path}: expected at least one potential of at least one cell, got {samples} of {cells}."
        )
    declared = shapes(samples, cells, names)
    for name, expected in declared.items():
        if file[name].shape != expected:
            raise InputError(
                f"{path}: /{name}: expected the shape {expected}, as of /potentials, got {file[name].shape}."
            )
    needed = sum(8 * int(np.prod(shape, dtype=object)) for shape in declared.values())
    size = path.stat().st_size
    if needed > size and not virtual:
        raise InputError(
            f"{path}: arrays of {needed} bytes are declared, but the file has {size}; it was damaged."
        )
    return Header(configuration, sha256, declared, {} if virtual else _offsets(path, file, declared, size))


def _offsets(path: Path, file: h5py.File, arrays: Shapes, size: int) -> dict[str, int]:
    offsets = {name: file[name].id.get_offset() for name in arrays}
    for name, offset in offsets.items():
        if offset is None or offset + 8 * int(np.prod(arrays[name], dtype=object)) > size:
            raise InputError(f"{path}: /{name} is not whole in the file; it was damaged, generate it again.")
    return offsets


def _attributes(path: Path, file: h5py.File) -> tuple[str, str]:
    form = file.attrs.get("format")
    if not isinstance(form, str) or form != FORMAT:
        raise InputError(f"{path}: expected format = {FORMAT!r}, got {form}; it is another HDF5 file.")
    version = file.attrs.get("format_version")
    if not isinstance(version, np.integer) or version not in (_PLAIN, FORMAT_VERSION):
        raise InputError(
            f"{path}: expected format_version = {_PLAIN} or {FORMAT_VERSION}, got {version}; read it "
            "with the version of bornnet that wrote it, or generate it again."
        )
    configuration, sha256 = (file.attrs.get(name) for name in ("configuration", "sha256"))
    for name, value in (("configuration", configuration), ("sha256", sha256)):
        if not isinstance(value, str):
            raise InputError(f"{path}: expected text in the attribute {name}, got {value}.")
    try:
        content = json.loads(configuration)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: the attribute configuration is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object in the attribute configuration.")
    return configuration, sha256


def _require_array(path: Path, file: h5py.File, name: str, dimensions: int) -> None:
    array = file.get(name)
    if not isinstance(array, h5py.Dataset):
        raise InputError(f"{path}: expected an array /{name}, but there is none; generate it again.")
    if array.dtype != np.dtype("<f8"):
        raise InputError(f"{path}: /{name}: expected double precision (<f8), got {array.dtype}.")
    if array.external or array.chunks is not None:
        raise InputError(f"{path}: /{name}: expected one contiguous array inside the file.")
    if array.shape is None or len(array.shape) != dimensions:
        raise InputError(f"{path}: /{name}: expected {dimensions} dimensions, got the shape {array.shape}.")
