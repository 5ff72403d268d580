"""What a network is fitted to."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..files.view import RowSource, view

_READ = 8192  # rows read at a time where all are

Inputs = Tensor | RowSource
"""An array ``(N, .., inputs)`` in memory, or one whose rows are read or made when they are asked for."""


def _taken(rows: Inputs, index: Tensor | slice) -> Tensor:
    if isinstance(rows, Tensor):
        return rows[index]
    return torch.from_numpy(rows[index if isinstance(index, slice) else index.cpu().numpy()])


def _loaded(rows: Inputs) -> Tensor:
    """All rows in memory, read block by block: no more memory is taken than they need."""
    if isinstance(rows, Tensor):
        return rows
    tensor = torch.empty(rows.shape, dtype=torch.float64)
    for start in range(0, len(rows), _READ):
        tensor[start : start + _READ] = _taken(rows, slice(start, start + _READ))
    return tensor


def _moved(rows: Inputs, device: torch.device, dtype: torch.dtype) -> Inputs:
    """Tensors are moved now, other rows when they are read."""
    return rows.to(device, dtype) if isinstance(rows, Tensor) else rows


def _share(rows: Inputs, every: slice) -> Inputs:
    if isinstance(rows, Tensor):
        return rows[every].clone()  # not a view of torch, which would keep all of them in memory
    return view(rows).rows(every)


@dataclass(frozen=True)
class Slopes:
    """Derivatives along K directions at every sample.

    Attributes:
        directions: ``(N, K, inputs)``.
        targets: the derivatives along them ``(N, K)``.
        weights: of their residuals ``(N,)``, one for all directions of a sample.
    """

    directions: Inputs
    targets: Tensor
    weights: Tensor

    def __len__(self) -> int:
        """Directions a sample."""
        return self.targets.shape[1]

    def to(self, device: torch.device, dtype: torch.dtype) -> "Slopes":
        directions = _moved(self.directions, device, dtype)
        return Slopes(directions, self.targets.to(device, dtype), self.weights.to(device, dtype))

    def loaded(self) -> "SlopeBatch":
        """With all directions in memory."""
        return SlopeBatch(_loaded(self.directions), self.targets, self.weights)

    def rows(self, index: Tensor | slice) -> "SlopeBatch":
        directions = _taken(self.directions, index).to(self.targets)
        return SlopeBatch(directions, self.targets[index], self.weights[index])


@dataclass(frozen=True)
class SlopeBatch(Slopes):
    """Slopes whose directions are in memory."""

    directions: Tensor


@dataclass(frozen=True)
class Samples:
    """What is fitted.

    Attributes:
        inputs: ``(N, inputs)``.
        targets: ``(N,)``.
        weights: of their residuals ``(N,)``.
        slopes: derivatives along directions, if any.
        sigma: ``(N,)``, one standard deviation of the errors that the targets are known to have, in their
            units; None where they are exact.
    """

    inputs: Inputs
    targets: Tensor
    weights: Tensor
    slopes: Slopes | None = None
    sigma: Tensor | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def residuals_each(self) -> int:
        """Residuals a sample."""
        return 1 if self.slopes is None else 1 + len(self.slopes)

    def to(self, device: torch.device, dtype: torch.dtype = torch.float64) -> "Samples":
        """Moved there; rows of a file are moved as they are read."""
        inputs = _moved(self.inputs, device, dtype)
        slopes = self.slopes and self.slopes.to(device, dtype)
        sigma = None if self.sigma is None else self.sigma.to(device, dtype)
        targets, weights = self.targets.to(device, dtype), self.weights.to(device, dtype)
        return Samples(inputs, targets, weights, slopes, sigma)

    def share(self, rank: int, processes: int) -> "Samples":
        """The samples that one of several processes takes: rank, rank + processes, .. of all."""
        if processes == 1:
            return self
        every = slice(rank, None, processes)
        slopes = self.slopes and Slopes(
            _share(self.slopes.directions, every),
            self.slopes.targets[every].clone(),
            self.slopes.weights[every].clone(),
        )
        sigma = None if self.sigma is None else self.sigma[every].clone()
        targets, weights = self.targets[every].clone(), self.weights[every].clone()
        return Samples(_share(self.inputs, every), targets, weights, slopes, sigma)

    @property
    def input_bytes(self) -> int:
        """Memory that inputs and directions take once they are loaded."""
        return 8 * len(self) * self.residuals_each * self.inputs.shape[1]

    def loaded(self) -> "Batch":
        """With all inputs and directions in memory."""
        slopes = None if self.slopes is None else self.slopes.loaded()
        return Batch(_loaded(self.inputs), self.targets, self.weights, slopes, self.sigma)

    def rows(self, index: Tensor | slice) -> "Batch":
        """Some of the samples, read where they have not been."""
        inputs = _taken(self.inputs, index).to(self.targets)
        slopes = None if self.slopes is None else self.slopes.rows(index)
        sigma = None if self.sigma is None else self.sigma[index]
        return Batch(inputs, self.targets[index], self.weights[index], slopes, sigma)

    def blocks(self, rows: int) -> Iterator["Batch"]:
        """All samples, so many at a time."""
        for start in range(0, len(self), rows):
            yield self.rows(slice(start, start + rows))


@dataclass(frozen=True)
class Batch(Samples):
    """Samples whose inputs are in memory."""

    inputs: Tensor
    slopes: SlopeBatch | None = None


@dataclass(frozen=True)
class Problem:
    """Make the weighted residuals over ``training`` small (`residuals.py`).

    ``held_out`` is never fitted; the weights with the least typical error on it are kept.
    """

    training: Samples
    held_out: Samples

    def to(self, device: torch.device, dtype: torch.dtype = torch.float64) -> "Problem":
        return Problem(self.training.to(device, dtype), self.held_out.to(device, dtype))

    @property
    def input_bytes(self) -> int:
        """Memory that inputs and directions take once they are loaded."""
        return self.training.input_bytes + self.held_out.input_bytes

    def loaded(self) -> "Problem":
        """With all inputs and directions in memory."""
        return Problem(self.training.loaded(), self.held_out.loaded())

    def share(self, rank: int, processes: int) -> "Problem":
        """The part of one of several processes that fit together."""
        return Problem(self.training.share(rank, processes), self.held_out.share(rank, processes))
