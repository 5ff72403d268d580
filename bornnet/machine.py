"""Where a computation runs: the device, and how many threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from .errors import InputError


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is the GPU where there is one. `InputError` for a missing GPU."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("--device cuda: there is no usable CUDA GPU here; give --device cpu or auto.")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


@contextmanager
def limited_threads(workers: int | None) -> Iterator[None]:
    """At most this many threads in torch and BLAS within the block; all cores for None."""
    former = torch.get_num_threads()
    if workers is not None:
        torch.set_num_threads(workers)
    try:
        with threadpool_limits(workers):
            yield
    finally:
        torch.set_num_threads(former)
