"""Proof that a network was read as it is: inputs and outputs of the user's own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ...errors import InputError
from ...files.potentials import read_table, require_finite

TOLERANCE = 1e-5
"""Relative to the largest output: single precision keeps to some 1e-6, another activation does not."""


@dataclass(frozen=True)
class Check:
    """A network's outputs against those in a file: the largest deviation, relative to the largest output."""

    file: str
    rows: int
    deviation: float


def read_check(path: str | Path, inputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs ``(N, inputs)`` and outputs ``(N,)``: a table whose last column is the output."""
    numbers = np.array(read_table(path).numbers, dtype=float)
    require_finite(path, numbers)
    if numbers.shape[1] != inputs + 1:
        raise InputError(
            f"{path}: expected {inputs + 1} columns, the {inputs} inputs of the network and its output, got "
            f"{numbers.shape[1]}."
        )
    return numbers[:, :-1], numbers[:, -1]


def deviation(network: nn.Module, inputs: np.ndarray, outputs: np.ndarray) -> float:
    """The largest modulus of the difference, over that of the outputs (over 1 where they are all 0)."""
    with torch.no_grad():
        found = network(torch.from_numpy(np.ascontiguousarray(inputs))).numpy()
    return float(np.abs(found - outputs).max() / (np.abs(outputs).max() or 1.0))
