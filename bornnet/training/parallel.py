"""Sums over the processes that fit one network together, each on its own rows (torch.distributed).

With one process every function gives back what it got. Every optimizer needs sums alone (of losses,
gradients, normal equations), so that n processes walk the path of one, within rounding.
"""

import torch.distributed as dist
from torch import Tensor


def active() -> bool:
    """Whether several processes work together."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def rank() -> int:
    """The number of this process, 0 for the one that writes."""
    return dist.get_rank() if active() else 0


def processes() -> int:
    """How many processes work together."""
    return dist.get_world_size() if active() else 1


def total(tensor: Tensor) -> Tensor:
    """The sum of a tensor over all processes, in place."""
    if active():
        dist.all_reduce(tensor)
    return tensor


def agreed(tensor: Tensor) -> Tensor:
    """The tensor of process 0 everywhere, in place: rounding may differ from machine to machine."""
    if active():
        dist.broadcast(tensor, 0)
    return tensor
