"""What a network is fitted to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

_READ = 8192  # rows read at a time where all are


class Rows(Protocol):
    """An array ``(N, .., inputs)``: a tensor, or something that makes or reads the rows asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: Tensor | slice, /) -> Tensor: ...


def _loaded(rows: Rows) -> Tensor:
    """All rows in memory, read block by block: no more memory is taken than they need."""
    if isinstance(rows, Tensor):
        return rows
    tensor = rows[:0].new_empty((len(rows), *rows[:0].shape[1:]))
    for start in range(0, len(rows), _READ):
        tensor[start : start + _READ] = rows[start : start + _READ]
    return tensor


def _moved(rows: Rows, device: torch.device, dtype: torch.dtype) -> Rows:
    """Tensors are moved now, other rows when they are read."""
    return rows.to(device, dtype) if isinstance(rows, Tensor) else rows


@dataclass(frozen=True)
class _Share:
    """Every so many-th row, read when asked for."""

    rows: Rows
    which: range

    def __len__(self) -> int:
        return len(self.which)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        if isinstance(index, Tensor):
            return self.rows[index * self.which.step + self.which.start]
        chosen = self.which[index]
        return self.rows[torch.arange(chosen.start, chosen.stop, chosen.step)]


def _share(rows: Rows, every: slice) -> Rows:
    if isinstance(rows, Tensor):
        return rows[every].clone()  # not a view, which would keep all of them in memory
    return _Share(rows, range(len(rows))[every])


@dataclass(frozen=True)
class Slopes:
    """Derivatives along K directions at every sample.

    Attributes:
        directions: ``(N, K, inputs)``.
        targets: the derivatives along them ``(N, K)``.
        weights: of their residuals ``(N,)``, one for all directions of a sample.
    """

    directions: Rows
    targets: Tensor
    weights: Tensor

    def __len__(self) -> int:
        """Directions a sample."""
        return self.targets.shape[1]

    def to(self, device: torch.device, dtype: torch.dtype) -> "Slopes":
        directions = _moved(self.directions, device, dtype)
        return Slopes(directions, self.targets.to(device, dtype), self.weights.to(device, dtype))

    def rows(self, index: Tensor | slice) -> "SlopeBatch":
        directions = self.directions[index].to(self.targets)
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

    inputs: Rows
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
        return 8 * len(self) * self.residuals_each * self.inputs[:0].shape[1]

    def loaded(self) -> "Samples":
        """With all inputs and directions in memory."""
        slopes = self.slopes and replace(self.slopes, directions=_loaded(self.slopes.directions))
        return replace(self, inputs=_loaded(self.inputs), slopes=slopes)

    def rows(self, index: Tensor | slice) -> "Batch":
        """Some of the samples, read where they have not been."""
        inputs = self.inputs[index].to(self.targets)
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
