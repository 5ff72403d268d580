"""What a network is fitted to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Rows(Protocol):
    """Inputs ``(N, inputs)``: a tensor, or something that reads the rows asked for from a file."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: Tensor | slice) -> Tensor: ...


@dataclass(frozen=True)
class Slopes:
    """Derivatives along K directions at every sample.

    Attributes:
        directions: ``(N, K, inputs)``.
        targets: the derivatives along them ``(N, K)``.
        weights: of their residuals ``(N,)``, one for all directions of a sample.
    """

    directions: Tensor
    targets: Tensor
    weights: Tensor

    def __len__(self) -> int:
        """Directions a sample."""
        return self.targets.shape[1]

    def to(self, device: torch.device, dtype: torch.dtype) -> "Slopes":
        return Slopes(*(tensor.to(device, dtype) for tensor in vars(self).values()))

    def rows(self, index: Tensor | slice) -> "Slopes":
        return Slopes(self.directions[index], self.targets[index], self.weights[index])


@dataclass(frozen=True)
class Samples:
    """Inputs ``(N, inputs)``, targets ``(N,)``, weights of their residuals ``(N,)`` and, if any, slopes."""

    inputs: Rows
    targets: Tensor
    weights: Tensor
    slopes: Slopes | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def residuals_each(self) -> int:
        """Residuals a sample."""
        return 1 if self.slopes is None else 1 + len(self.slopes)

    def to(self, device: torch.device, dtype: torch.dtype = torch.float64) -> "Samples":
        """Moved there; rows of a file are moved as they are read."""
        inputs = self.inputs.to(device, dtype) if isinstance(self.inputs, Tensor) else self.inputs
        slopes = self.slopes and self.slopes.to(device, dtype)
        return Samples(inputs, self.targets.to(device, dtype), self.weights.to(device, dtype), slopes)

    def rows(self, index: Tensor | slice) -> "Batch":
        """Some of the samples, read where they have not been."""
        inputs = self.inputs[index].to(self.targets)
        slopes = self.slopes and self.slopes.rows(index)
        return Batch(inputs, self.targets[index], self.weights[index], slopes)

    def blocks(self, rows: int) -> Iterator["Batch"]:
        """All samples, so many at a time."""
        for start in range(0, len(self), rows):
            yield self.rows(slice(start, start + rows))


@dataclass(frozen=True)
class Batch(Samples):
    """Samples whose inputs are in memory."""

    inputs: Tensor


@dataclass(frozen=True)
class Problem:
    """Minimise the mean over ``training`` of the squared weighted residuals (`residuals.py`).

    ``held_out`` is never fitted; the weights that do best on it are kept.
    """

    training: Samples
    held_out: Samples

    def to(self, device: torch.device, dtype: torch.dtype = torch.float64) -> "Problem":
        return Problem(self.training.to(device, dtype), self.held_out.to(device, dtype))
