"""A large dataset in several files: shards in a folder beside the file that holds them together.

`data.h5` then has virtual datasets, which show the rows of `data.h5.shards/*.h5`, named relative to it, as
one array to any HDF5 reader; where a shard is missing, HDF5 shows NaN. `/shard_sha256` lists what the
`sha256` of each shard must be. A shard is an ordinary dataset file, whose configuration also says which shard
it is. Its name begins with a fingerprint of all that it was made by, so that shards of different making never
mix and what `data.h5` refers to stays until it has been replaced.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .. import __version__
from ..errors import InputError
from ..files.atomic import followed
from .content import HASHED_ROWS, Shapes, row_bytes

SHARD_BYTES = 1 << 29
"""About how large a shard is, unless asked for: what a process makes in seconds."""

_SHARD = re.compile(r"[0-9a-f]{8}-\d{4,}\.h5")
_TEMPORARY = re.compile(rf"\.{_SHARD.pattern}\.[0-9a-f]+\.part")
_SOURCE = re.compile(rf"[^/\0]+\.shards/{_SHARD.pattern}")


def shard_rows(cells: int, names: Iterable[str], asked: int | None = None) -> int:
    """Rows of a shard: the number asked for, or about SHARD_BYTES, in whole blocks of the content's hash."""
    if asked is not None:
        return -(-asked // HASHED_ROWS) * HASHED_ROWS
    return max(1, SHARD_BYTES // row_bytes(cells, names) // HASHED_ROWS) * HASHED_ROWS


class ShardFolder:
    """The shards of the dataset at `path`, made by `configuration`, with `rows` rows in all but the last."""

    def __init__(self, path: Path, configuration: Mapping[str, Any], rows: int) -> None:
        self.path = path.with_name(f"{path.name}.shards")
        self._making = {**configuration, "shard_rows": rows, "package_version": __version__}
        text = json.dumps(self._making, sort_keys=True, allow_nan=False)
        self._fingerprint = hashlib.sha256(text.encode()).hexdigest()[:8]

    def shard(self, index: int) -> Path:
        """Where the shard of that index stands."""
        return self.path / f"{self._fingerprint}-{index:04d}.h5"

    def configuration(self, index: int) -> dict[str, Any]:
        """What the shard of that index records of its making."""
        return {**self._making, "shard": index}

    def own(self) -> list[Path]:
        """The files that are there of this making."""
        return [path for path in self._shards() if path.name.startswith(self._fingerprint)]

    def others(self) -> list[Path]:
        """The shards of another making that are there."""
        return [path for path in self._shards() if not path.name.startswith(self._fingerprint)]

    def differences(self, recorded: Mapping[str, Any]) -> str:
        """What a shard of another making says differently, in words."""
        return differences(recorded, self._making)

    def clear(self, keep: Sequence[Path] = ()) -> None:
        """Remove all shards but those to keep, and what killed writers left; other files are not touched."""
        if self.path.is_dir():
            for path in self.path.iterdir():
                ours = _SHARD.fullmatch(path.name) or _TEMPORARY.fullmatch(path.name)
                if ours and path not in keep and not path.is_dir():
                    path.unlink(missing_ok=True)
            with suppress(OSError):  # not empty
                self.path.rmdir()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The folder is there in the block, without what killed writers left; if it stays empty, it goes."""
        self.clear(keep=self._shards())
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}.") from error
        try:
            yield
        finally:
            with suppress(OSError):  # not empty
                self.path.rmdir()

    def _shards(self) -> list[Path]:
        files = self.path.iterdir() if self.path.is_dir() else ()
        return sorted(path for path in files if _SHARD.fullmatch(path.name))


def differences(recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """In words, in which keys two configurations differ."""
    keys = [key for key in {**wanted, **recorded} if key != "shard"]
    changed = [key for key in keys if recorded.get(key) != wanted.get(key)]
    return "; ".join(f"{key} was {recorded.get(key)!r}, now {wanted.get(key)!r}" for key in changed)


def write_layout(file: h5py.File, arrays: Shapes, shards: Sequence[tuple[Path, int, str]]) -> None:
    """Write the arrays as virtual ones, over shards in their order: each its path, rows and SHA-256."""
    for name, shape in arrays.items():
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_obj_track_times(False)  # which h5py.VirtualLayout cannot do without
        properties.set_fill_value(np.array(np.nan))
        whole = h5py.h5s.create_simple(shape)
        start = 0
        for path, rows, _ in shards:
            source = f"{path.parent.name}/{path.name}".replace("%", "%%")  # % begins a pattern in HDF5
            part = (rows, *shape[1:])
            whole.select_hyperslab((start, *(0 for _ in shape[1:])), part)
            properties.set_virtual(whole, os.fsencode(source), name.encode(), h5py.h5s.create_simple(part))
            start += rows
        whole.select_all()
        h5py.h5d.create(file.id, name.encode(), h5py.h5t.IEEE_F64LE, whole, properties)
    hashes = np.array([sha256.encode() for *_, sha256 in shards], dtype="S64")
    file.create_dataset("shard_sha256", data=hashes, track_times=False)


def read_layout(path: Path, file: h5py.File, arrays: Shapes) -> list[tuple[Path, int, str]]:
    """The shards of the file at `path` as they were given to `write_layout`, the file's structure checked."""
    parts: dict[str, list[tuple[str, int]]] = {}
    for name, shape in arrays.items():
        parts[name] = []
        start = 0
        for space, source, array, _ in file[name].virtual_sources():
            first, stride, count, block = space.get_regular_hyperslab()
            whole = (start, *(0 for _ in shape[1:]))
            rows = int(block[0])
            ones = (1,) * len(shape)
            sound = (first, stride, count, block[1:]) == (whole, ones, ones, shape[1:])
            if not sound or array != name or not _SOURCE.fullmatch(source):
                raise InputError(f"{path}: /{name}: the shard {source!r} is not placed as bornnet places it.")
            parts[name].append((source, rows))
            start += rows
        if start != shape[0] or parts[name] != parts["potentials"]:
            raise InputError(f"{path}: /{name}: its shards do not make up the {shape[0]} rows.")
    sources = parts["potentials"]
    if len({source for source, _ in sources}) != len(sources):
        raise InputError(f"{path}: a shard stands in it twice.")
    hashes = file.get("shard_sha256")
    if not isinstance(hashes, h5py.Dataset) or hashes.dtype != "S64" or hashes.shape != (len(sources),):
        raise InputError(f"{path}: expected /shard_sha256 with {len(sources)} texts of 64 characters.")
    return [
        (_found(path, source.replace("%%", "%")), rows, sha256.decode("ascii", "replace"))
        for (source, rows), sha256 in zip(sources, hashes[:], strict=True)
    ]


def _found(path: Path, source: str) -> Path:
    """Where a shard stands that is recorded as `source`: the dataset and its folder may have been renamed."""
    place = followed(path)
    recorded = place.parent / source
    renamed = place.with_name(f"{place.name}.shards") / recorded.name
    return renamed if renamed.is_file() and not recorded.is_file() else recorded
