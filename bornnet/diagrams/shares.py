"""Where a network makes its n-th order: the share of every diagram, and of every layer of its root vertex."""

from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
from torch import nn

from ..errors import InputError
from ..networks.expansion import CPU, as_double, expand
from ..networks.layers import read_layers
from ..networks.packed import multiplicity_factorials
from .amplitudes import Amplitudes, Directions, Polynomials
from .diagram import Diagram, check_memory, diagrams, symmetric_tensor


@dataclass(frozen=True)
class LayerShare:
    """The part of a diagram whose root vertex stands in one hidden layer (1 is next to the input)."""

    layer: int
    norm: float
    along: float


@dataclass(frozen=True)
class DiagramShare:
    """One diagram's part of the order-n Taylor coefficient tensor ``D^n f / n!``.

    Attributes:
        diagram: the diagram.
        norm: Frobenius norm of the part. Norms do not add up: parts of opposite sign cancel.
        along: the signed value ``D^n f[x, .., x] / n!`` of the part along the chosen direction. These add up.
        layers: the same by layer of the root vertex; empty for the bare propagator, which has no vertex.
    """

    diagram: Diagram
    norm: float
    along: float
    layers: tuple[LayerShare, ...]


def diagram_shares(model: nn.Module, order: int, at: Any = None, direction: Any = None) -> list[DiagramShare]:
    """The share of every diagram of that order in the Taylor coefficient of a network with one output.

    ``direction (inputs,)`` is the displacement for the signed shares, by default 1 in every input. Raises
    ``InputError`` for several outputs, wrong shapes, and where the order's tensor would not fit in memory.
    """
    found = diagrams(order)
    net = expand(read_layers(model, as_arrays=True), order, at)
    if not net.scalar:
        raise InputError(f"diagram shares need one output, the network has {len(net.readout)}")
    check_memory(net, order, packed=True)
    x = np.ones(net.inputs) if direction is None else as_double(direction, "direction", CPU).numpy(force=True)
    if x.shape != (net.inputs,):
        raise InputError(f"direction must be ({net.inputs},), got {x.shape}")
    free = Amplitudes(net, Polynomials(net.inputs))
    fixed = Amplitudes(net, Directions(x[None]))
    return [_share(diagram, free, fixed) for diagram in found]


def _share(diagram: Diagram, free: Amplitudes, fixed: Amplitudes) -> DiagramShare:
    inputs, order = len(free.legs.inputs), diagram.order
    weight = diagram.labelings / factorial(order)

    def norm(polynomial: np.ndarray) -> float:
        entries = symmetric_tensor(weight * polynomial, inputs, order)
        copies = factorial(order) / multiplicity_factorials(inputs, order)
        return float(np.sqrt(copies @ entries**2))

    polynomials = free.by_layer(diagram.tree)
    values = fixed.by_layer(diagram.tree)
    layers = tuple(
        LayerShare(layer, norm(polynomial[:, 0]), float(weight * value[0, 0]))
        for layer, (polynomial, value) in enumerate(zip(polynomials, values, strict=True), start=1)
        if polynomial is not None and value is not None and diagram.vertices
    )
    total = sum((part[:, 0] for part in polynomials if part is not None), np.zeros(free.legs.rows(order)))
    along = sum(value[0, 0] for value in values if value is not None)
    return DiagramShare(diagram, norm(total), float(weight * along), layers)
