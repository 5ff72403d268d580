"""Where a computation runs: the device, and how many threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from ..errors import InputError
from .group import local_processes, local_rank


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is the GPU where there is one. `InputError` for a missing GPU.

    Processes that train together take a GPU each; ``auto`` is the CPU where there are too few.
    """
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cuda" and not available:
        raise InputError("--device cuda: there is no usable CUDA GPU here; give --device cpu or auto.")
    if name == "cuda" and available < local_processes():
        raise InputError(
            f"--device cuda: expected a GPU for each of the {local_processes()} processes on this machine, "
            f"got {available}; start fewer processes, or give --device cpu."
        )
    if name == "cpu" or available < local_processes():
        return torch.device("cpu")
    torch.cuda.set_device(local_rank())
    return torch.device("cuda")


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
