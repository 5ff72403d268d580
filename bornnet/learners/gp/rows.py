"""The rows that a Gaussian process is fitted to."""

from dataclasses import dataclass

import numpy as np
import torch

from ...errors import InputError
from ...training.problem import Samples


@dataclass(frozen=True)
class Rows:
    """Inputs ``(N, D)``, targets, weights and, where there are errors, sigma ``(N,)``."""

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    sigma: np.ndarray | None

    def distinct(self) -> "Rows":
        """Without repetitions, which say nothing new of exact values and make the kernel matrix singular."""
        _, index = np.unique(self.inputs, axis=0, return_index=True)
        if len(index) == len(self.inputs):
            return self
        kept = np.sort(index)
        return self.taken(kept)

    def first(self, count: int) -> "Rows":
        return self.taken(slice(0, count))

    def taken(self, which: np.ndarray | slice) -> "Rows":
        sigma = None if self.sigma is None else self.sigma[which]
        return Rows(self.inputs[which], self.targets[which], self.weights[which], sigma)


def drawn(samples: Samples, most: int, draw: np.random.Generator) -> Rows:
    """At most so many rows, in random order."""
    index = torch.from_numpy(draw.permutation(len(samples))[:most])
    if len(index) < 2:
        raise InputError(f"a Gaussian process needs at least 2 rows, got {len(index)}.")
    rows = samples.rows(index)
    parts = (rows.inputs, rows.targets, rows.weights)
    inputs, targets, weights = (part.cpu().double().numpy() for part in parts)
    return Rows(inputs, targets, weights, None if rows.sigma is None else rows.sigma.cpu().double().numpy())


def require_consistent(rows: Rows) -> None:
    """``InputError`` where the same input has two values."""
    inputs, targets = rows.inputs, rows.targets
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
