"""HDF5 files, laid out in memory and written as the bytes they are.

The HDF5 library does not survive a write that fails while it closes a file: on a full disk it ends the
process. So it never writes to a disk here, and what the disk refuses is an ordinary `OSError`.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import h5py

Fill = Callable[[h5py.File], Any]
"""Makes the datasets and attributes of an HDF5 file."""

_PAGE = 4096


@dataclass(frozen=True)
class Structure:
    """All of an HDF5 file but its arrays.

    Attributes:
        offsets: where in the file the numbers of each array stand, in bytes.
        pieces: the rest: where each piece stands, and its bytes.
        size: of the whole file, in bytes.
    """

    offsets: dict[str, int]
    pieces: list[tuple[int, bytes]]
    size: int


def hdf5_bytes(fill: Fill) -> memoryview:
    """The content of an HDF5 file with what `fill` puts into it."""
    content = BytesIO()
    with h5py.File(content, "w") as file:
        fill(file)
    return content.getbuffer()


def hdf5_structure(fill: Fill, arrays: Sequence[str]) -> Structure:
    """The structure of an HDF5 file in which `fill` makes `arrays` by `create_array`.

    The same datasets and attributes, of the same lengths, give the same structure.
    """
    # HDF5 calls back into Python here. A signal, which Python handles in its main thread, would come between.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(_structure, fill, arrays).result()


def create_array(file: h5py.File, name: str, shape: tuple[int, ...]) -> None:
    """Make a dataset of doubles whose place in the file is settled before anything is written to it."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    h5py.h5d.create(file.id, name.encode(), h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple(shape), properties)


def _structure(fill: Fill, arrays: Sequence[str]) -> Structure:
    memory = _Memory()
    with h5py.File(memory, "w") as file:
        fill(file)
        found = ((name, file[name].id) for name in arrays)
        places = {name: (array.get_offset(), array.get_storage_size()) for name, array in found}
    pieces = []
    start = 0
    for offset, length in [*sorted(places.values()), (memory.size, 0)]:
        pieces.append((start, memory.between(start, offset)))
        start = offset + length
    return Structure({name: offset for name, (offset, _) in places.items()}, pieces, memory.size)


class _Memory:
    """A file of any size that takes no memory where nothing is written; what h5py wants of a file object."""

    def __init__(self) -> None:
        self.size = 0
        self._position = 0
        self._pages: dict[int, bytearray] = defaultdict(lambda: bytearray(_PAGE))

    def between(self, start: int, stop: int) -> bytes:
        pages = b"".join(self._pages[number] for number in range(start // _PAGE, -(-stop // _PAGE)))
        return pages[start % _PAGE :][: stop - start]

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self.size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, found: memoryview) -> int:
        found[:] = self.between(self._position, self._position + len(found))
        return len(found)

    read = readinto

    def write(self, data: memoryview) -> int:
        left, position = bytes(data), self._position
        while left:
            number, start = divmod(position, _PAGE)
            part = left[: _PAGE - start]
            self._pages[number][start : start + len(part)] = part
            left, position = left[len(part) :], position + len(part)
        self.size = max(self.size, position)
        return len(data)

    def truncate(self, size: int) -> int:
        self.size = size
        return size

    def flush(self) -> None:
        """Nothing is held back."""
