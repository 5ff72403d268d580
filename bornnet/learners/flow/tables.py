"""G as a table along s at every place where the steps ask for it: how many potentials share one network.

With one component, G is a function of s alone at each place ``r + c_i h`` of a stage, and the places are the
same for all potentials. There s is cut into pieces, with a polynomial in each (Chebyshev nodes in s, and
Chebyshev interpolation in r: Trefethen, *Approximation Theory and Approximation Practice*, 2013, chapters 4
and 8), so that a stage costs a polynomial in place of a perceptron. A table follows from the weights and the
potentials alone: it is made anew for every pass, and checked; where it is not as exact as rounding, or a
state leaves it, the network itself is asked.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.polynomial import chebyshev
from torch import Tensor

if TYPE_CHECKING:
    from .model import Flow

DEGREE = 9  # of the polynomial in a piece
PIECES = 32
PLACES = 32  # nodes in r
TOLERANCE = 1e-13  # of a table, relative to the largest G
_LEAST_GAIN = 8  # evaluations of G in place of which one of the table's must stand
_SMOOTH = ("tanh", "sigmoid", "silu", "sin", "softplus", "gelu", "gelu-tanh", "mish", "erf", "identity")


@dataclass(frozen=True)
class Table:
    """``coefficients (steps, stages, PIECES, DEGREE + 1)`` of the powers of z, which goes from -1 to 1 in
    each of the pieces of length ``1 / inverse`` that begin at ``low``."""

    coefficients: np.ndarray
    low: float
    inverse: float


def is_worthwhile(flow: "Flow", potentials: Tensor) -> bool:
    """Whether a table can be made and saves more than it costs."""
    asked = potentials.numel() * flow.substeps * flow.method.stages
    can = flow.components == 1 and flow.drive == "linear" and flow.activation in _SMOOTH
    return can and asked >= _LEAST_GAIN * PIECES * (DEGREE + 1) * PLACES


@torch.no_grad()
def table_of(flow: "Flow", edges: np.ndarray, low: float, high: float) -> Table | None:
    """The table for states from ``low`` to ``high``; None where it is not exact."""
    width = (high - low) / PIECES
    if not 0 < width < np.inf:
        return None
    z, to_series, to_powers = _piece()
    s = low + width * (np.arange(PIECES)[:, None] + 0.5 + z / 2)
    angles = np.pi * (np.arange(PLACES) + 0.5) / PLACES
    r = edges[-1] * (1 + np.cos(angles)) / 2
    inputs = torch.empty(PLACES, s.size, 2, dtype=torch.float64)
    inputs[..., 0] = torch.from_numpy(s.reshape(-1))
    inputs[..., 1] = torch.from_numpy(r)[:, None]
    values = flow.layers(inputs).numpy().reshape(PLACES, -1)
    series = (2 / PLACES * np.cos(np.outer(np.arange(PLACES), angles))) @ values
    series[0] /= 2
    both = series.reshape(PLACES, PIECES, DEGREE + 1) @ to_series
    last = max(np.abs(both[-2:]).max(), np.abs(both[..., -2:]).max())
    if not last <= TOLERANCE * np.abs(values).max():
        return None
    places = 2 * _stage_places(flow, edges) / edges[-1] - 1
    found = chebyshev.chebvander(places, PLACES - 1) @ (both @ to_powers).reshape(PLACES, -1)
    shape = (-1, flow.method.stages, PIECES, DEGREE + 1)
    return Table(found.reshape(shape), low, 1 / width)


def _stage_places(flow: "Flow", edges: np.ndarray) -> np.ndarray:
    """r of every stage of every step, one after the other."""
    steps = []
    for left, right in pairwise(edges):
        h = (right - left) / flow.substeps
        steps += [left + step * h + h * flow.method.c for step in range(flow.substeps)]
    return np.concatenate(steps)


@cache
def _piece() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes in [-1, 1], what makes a Chebyshev series of values there, and what makes powers of the series:
    in two steps, since only a series that falls off makes powers without loss."""
    angles = np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1)
    to_series = 2 / (DEGREE + 1) * np.cos(np.outer(angles, np.arange(DEGREE + 1)))
    to_series[:, 0] /= 2
    powers = [np.pad(chebyshev.cheb2poly(row), (0, DEGREE - k)) for k, row in enumerate(_units())]
    return np.cos(angles), to_series, np.array(powers)


def _units() -> list[np.ndarray]:
    return [np.eye(DEGREE + 1)[k, : k + 1] for k in range(DEGREE + 1)]
