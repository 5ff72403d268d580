"""The rows that a Gaussian process is fitted to: drawn, each once, and none against another."""

import numpy as np
import torch

from ...errors import InputError
from ...training.problem import Batch, Samples


def require_values(samples: Samples, at: np.ndarray | None) -> None:
    """Raises ``InputError`` for gradients, and where the base point is not 0."""
    if samples.slopes is not None:
        raise InputError("a Gaussian process takes values alone; leave out the gradients.")
    if at is not None and np.any(at):
        raise InputError("a Gaussian process is fitted around U = 0; give its problem displacements.")


def drawn(samples: Samples, most: int, draw: np.random.Generator) -> Batch:
    """At most so many rows, in random order, where numpy can reach them."""
    index = torch.from_numpy(draw.permutation(len(samples))[:most])
    if len(index) < 2:
        raise InputError(f"a Gaussian process needs at least 2 rows, got {len(index)}.")
    return samples.to(torch.device("cpu")).rows(index)


def distinct(rows: Batch) -> Batch:
    """Without repetitions, which say nothing new of exact values and make the kernel matrix singular."""
    _, index = np.unique(rows.inputs.numpy(), axis=0, return_index=True)
    return rows if len(index) == len(rows) else rows.rows(torch.from_numpy(np.sort(index)))


def require_consistent(rows: Batch) -> None:
    """``InputError`` where the same input has two values."""
    inputs, targets = rows.inputs.numpy(), rows.targets.numpy()
    unique, which = np.unique(inputs, axis=0, return_inverse=True)
    if len(unique) == len(inputs):
        return
    which = which.reshape(-1)
    low, high = np.full(len(unique), np.inf), np.full(len(unique), -np.inf)
    np.minimum.at(low, which, targets)
    np.maximum.at(high, which, targets)
    spread = high - low
    if (spread > 1e-12 * np.abs(targets).max()).any():
        raise InputError(
            f"{int((spread > 0).sum())} potentials stand more than once in the training rows with different "
            "values, and no noise was given: leave the duplicates out."
        )
