"""What counts as a potential: checks and conversions at the door, so that kernels can trust their input."""

import sys
from typing import Any

import numpy as np

from ..errors import InputError


def is_tensor(value: Any) -> bool:
    """Whether `value` is a torch tensor, without ever importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def as_potentials(potentials: Any) -> tuple[np.ndarray, tuple[int, ...]]:
    """The potentials as a C-contiguous, read-only float64 array `(rows, cells)`, and the batch shape `(...)`.

    Takes whatever numpy can turn into real numbers of shape `(..., cells)`: arrays, lists, integers, float32.
    That every entry is finite is checked by the kernels on the fly; see `refuse_nonfinite`.

    Raises:
        InputError: not numbers, complex, ragged, a scalar, or no cells.
    """
    try:
        array = np.asarray(potentials)
    except ValueError as error:
        raise InputError(
            f"potentials: expected an array (..., cells), got a ragged sequence ({error})"
        ) from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"potentials: expected real numbers, got dtype {array.dtype}")
    if array.ndim == 0 or array.shape[-1] == 0:
        raise InputError(f"potentials: expected shape (..., cells) with at least one cell, got {array.shape}")
    batch = array.shape[:-1]
    rows = np.ascontiguousarray(array, dtype=np.float64).reshape(int(np.prod(batch)), array.shape[-1]).view()
    rows.flags.writeable = False  # one array type, so that each kernel is compiled once
    return rows, batch


def refuse_nonfinite(rows: np.ndarray, batch: tuple[int, ...]) -> None:
    """Raise the InputError that names the first NaN or infinity."""
    for row in range(len(rows)):
        wrong = ~np.isfinite(rows[row])
        if wrong.any():
            _refuse(rows, batch, row, int(np.argmax(wrong)), "a finite number")


def refuse_negative(rows: np.ndarray, batch: tuple[int, ...]) -> None:
    """Raise the InputError that names the first entry below zero."""
    for row in range(len(rows)):
        wrong = rows[row] < 0
        if wrong.any():
            _refuse(rows, batch, row, int(np.argmax(wrong)), "U >= 0 (an attractive potential)")


def _refuse(rows: np.ndarray, batch: tuple[int, ...], row: int, cell: int, expected: str) -> None:
    index = (*(int(k) for k in np.unravel_index(row, batch)), cell) if batch else (cell,)
    place = ", ".join(map(str, index))
    raise InputError(f"potentials[{place}]: expected {expected}, got {rows[row, cell]}")


def as_count(name: str, value: Any, least: int = 1) -> int:
    """`value` as an int of at least `least`, or an InputError that names it."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name}: expected an integer of at least {least}, got {value!r}")
    return int(value)


def refuse_oversize(what: str, count: int, advice: str) -> None:
    """Raise an InputError where `count` float64 numbers exceed the memory that is free now."""
    size, free = 8 * count, available_memory()
    if size > free:
        gigabytes = f"{size / 1e9:.3g}" if size < 1e300 else "far too many"
        raise InputError(
            f"{what} would take {gigabytes} GB, more than the {free / 1e9:.3g} GB free; {advice}"
        )


def available_memory() -> int:
    """Bytes of memory that can be taken now without swapping; all there is, where the system is silent."""
    try:
        with open("/proc/meminfo") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import os

        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return sys.maxsize
