"""What a network is fitted to."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Samples:
    """Inputs ``(N, inputs)``, targets ``(N,)`` and weights of their residuals ``(N,)``."""

    inputs: Tensor
    targets: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device) -> "Samples":
        return Samples(self.inputs.to(device), self.targets.to(device), self.weights.to(device))

    def rows(self, index: Tensor | slice) -> "Samples":
        return Samples(self.inputs[index], self.targets[index], self.weights[index])


@dataclass(frozen=True)
class Problem:
    """Minimise the mean of ``(weights * (model(inputs) - targets))^2`` over ``training``.

    ``held_out`` is never fitted; the weights that do best on it are kept.
    """

    training: Samples
    held_out: Samples
