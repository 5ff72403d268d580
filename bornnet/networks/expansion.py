"""A network around a base point: what jets, derivative tensors and diagrams start from."""

import operator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from .activations import taylor_coefficients
from .layers import Layers


@dataclass
class Expansion:
    """The network's weights and the Taylor coefficients of its activations at one base point.

    Attributes:
        weights: per hidden layer ``(width, fan_in)``.
        coefficients: per hidden layer ``(order + 1, width)``; row k is ``s^(k)(z) / k!`` at the base point.
        readout: ``(outputs, width)``.
        value: the network at the base point, ``(outputs,)``.
        scalar: the network has one output, and results carry no output axis.
    """

    weights: list[Tensor]
    coefficients: list[Tensor]
    readout: Tensor
    value: Tensor
    scalar: bool

    @property
    def inputs(self) -> int:
        return (self.weights[0] if self.weights else self.readout).shape[1]


def expand(layers: Layers, order: int, at: Any = None) -> Expansion:
    """Expand a network at ``at (inputs,)``, by default at 0, differentiably.

    Raises ``InputError`` for a base point of another shape.
    """
    y = base_point(at, layers.inputs, layers.weight.device)
    points = []
    for layer in layers.hidden:
        points.append(torch.addmv(layer.bias, layer.weight, y))
        y = layer.activation(points[-1])
    coefficients: list[Tensor] = []
    for _, group in groupby(
        zip(layers.hidden, points, strict=True), key=lambda pair: _kind(pair[0].activation)
    ):
        alike = list(group)
        z = torch.cat([point for _, point in alike])
        terms = taylor_coefficients(alike[0][0].activation, z, order)
        coefficients += terms.split([len(point) for _, point in alike], dim=1)
    weights = [layer.weight for layer in layers.hidden]
    value = torch.addmv(layers.bias, layers.weight, y)
    return Expansion(weights, coefficients, layers.weight, value, layers.scalar)


def _kind(activation: nn.Module) -> tuple[type, str]:
    """Equal for activations that are the same function: they are expanded in one go."""
    return type(activation), activation.extra_repr()


def base_point(at: Any, inputs: int, device: torch.device) -> Tensor:
    """``at`` as a double tensor ``(inputs,)``; zeros for None."""
    if at is None:
        return torch.zeros(inputs, dtype=torch.float64, device=device)
    point = as_double(at, "at", device)
    if point.shape != (inputs,):
        raise InputError(f"at must be one point of shape ({inputs},), got {tuple(point.shape)}")
    return point


def displacement_rows(displacements: Any, net: Expansion) -> Tensor:
    """Displacements as a double tensor ``(batch, inputs)`` on the network's device, else ``InputError``."""
    rows = as_double(displacements, "displacements", net.readout.device)
    if rows.ndim != 2 or rows.shape[1] != net.inputs:
        raise InputError(f"displacements must be (batch, {net.inputs}), got {tuple(rows.shape)}")
    return rows


def as_double(values: Any, name: str, device: torch.device) -> Tensor:
    """Numbers as a double tensor that keeps its autograd history; ``InputError`` where they are none."""
    if isinstance(values, Tensor):
        if values.is_complex():
            raise InputError(f"{name} must be real, got {values.dtype}")
        return values.to(dtype=torch.float64, device=device)
    try:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64)).to(device)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be an array of real numbers: {error}") from None


def check_order(order: Any, lowest: int) -> int:
    """The order as an int of at least ``lowest``, else ``InputError``."""
    try:
        number = operator.index(order)
    except TypeError:
        number = None
    if number is None or isinstance(order, bool) or number < lowest:
        raise InputError(f"order must be an integer of at least {lowest}, got {order!r}")
    return number
