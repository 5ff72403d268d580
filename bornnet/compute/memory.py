"""Refusing what would not fit in memory before any work is done."""

import os
from functools import cache

from ..errors import InputError

_SHARE = 0.8  # of the machine's memory; the rest belongs to the process itself and to others


def fits(need_bytes: float) -> bool:
    """Whether that much fits into this machine's memory."""
    return need_bytes <= _SHARE * _memory_bytes()


def require_memory(need_bytes: float, what: str, advice: str) -> None:
    """``InputError`` that says how large ``what`` is and what to do instead."""
    if not fits(need_bytes):
        raise InputError(
            f"{what} needs {need_bytes / 1e9:.3g} GB of memory and this machine has "
            f"{_memory_bytes() / 1e9:.3g} GB; {advice}"
        )


@cache
def _memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
