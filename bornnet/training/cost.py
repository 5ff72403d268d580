"""What a step of an optimizer takes, measured on a small block of rows: the pieces that optimizers add up."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from .model import Residual
from .problem import Samples
from .residuals import pulled_back

ROWS = 512
"""Rows that are timed; the time of all is in proportion."""


def weights_of(model: Residual) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def pass_seconds(model: Residual, samples: Samples, rows: int) -> float:
    """Loss and gradient over all samples, by blocks of that many rows."""
    block = samples.rows(slice(0, rows))
    return timed(lambda: pulled_back(model, block)[0]) * len(samples) / len(block)


def autograd_bytes(rows: int, weights: int, kept: int, history: int) -> int:
    """Memory of loss and gradient of so many rows by autograd, which keeps ``kept`` numbers of each, and of
    ``history`` vectors of weights."""
    return 8 * (rows * kept + history * weights)


def timed(action: Callable[[], Tensor]) -> float:
    """Seconds, the shortest of a few: the first ones also warm caches and compile."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        torch.as_tensor(action()).sum().item()  # a GPU works on until a number is asked for
        times.append(time.perf_counter() - began)
    return min(times)
