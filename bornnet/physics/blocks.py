"""Blocks of potentials: transposed, so that one instruction crosses the same cell of many potentials, and
shared out to threads. A lane goes through the same arithmetic whatever its neighbours are, so results do not
depend on the block, the number of workers, or the place of a potential in its batch."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .stumpff import SHALLOW, compiled

LANES = 32
_CHUNK = 1 << 18  # numbers a thread takes at a time


@compiled
def load_block(potentials, row, lanes, first, width, scale, block):
    """Write scale * U of cells `first ..` of potentials `row ..` to `block[cell, lane]`, spare lanes 0.

    Returns how many entries are beyond SHALLOW, NaN among them.
    """
    deep = 0
    for b in range(lanes):
        for j in range(width):
            x = scale * potentials[row + b, first + j]
            deep += not (abs(x) <= SHALLOW)
            block[j, b] = x
    block[:width, lanes:] = 0.0
    return deep


@compiled
def count_nonfinite(block, width):
    count = 0
    for j in range(width):
        for b in range(LANES):
            count += not np.isfinite(block[j, b])
    return count


@compiled
def count_deep(x):
    """How many lanes of one cell are beyond the Taylor polynomials."""
    count = 0
    for b in range(LANES):
        count += abs(x[b]) > SHALLOW
    return count


def worker_count(workers: int | None) -> int:
    """`workers`, or the number of processors this process may use."""
    if workers is not None:
        return max(1, int(workers))
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def over_rows(kernel: Callable[[int, int], int], potentials: np.ndarray, workers: int | None) -> int:
    """Run `kernel(start, stop)` over all potentials, on threads where that pays; sum what it returns."""
    rows, cells = potentials.shape
    chunk = max(1, _CHUNK // (cells * LANES)) * LANES
    starts = range(0, rows, chunk)
    threads = min(worker_count(workers), len(starts))
    if threads <= 1:
        return sum(kernel(start, min(start + chunk, rows)) for start in starts)
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda start: kernel(start, min(start + chunk, rows)), starts))


@compiled
def load_normalized(potentials, row, lanes, weights, x, size):
    """Load potentials divided by sum_i weights_i |x_i|, written to `size`, so that no power of lambda
    underflows or overflows; returns the number of entries that are NaN or infinite."""
    cells = potentials.shape[1]
    load_block(potentials, row, lanes, 0, cells, 1.0 / (float(cells) * float(cells)), x)
    size[:] = 0.0
    for i in range(cells):
        for b in range(LANES):
            size[b] += weights[i] * abs(x[i, b])
    for i in range(cells):
        for b in range(LANES):
            x[i, b] /= size[b] if size[b] > 0.0 else 1.0
    return count_nonfinite(x, cells)
