"""A network around a base point: what jets, derivative tensors and diagrams start from."""

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from .activations import taylor_coefficients
from .layers import read_layers


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


def expand(model: nn.Module, order: int, at: Any = None) -> Expansion:
    """Expand a network (``MLP`` or Sequential) at ``at (inputs,)``, by default at 0, differentiably.

    Raises ``InputError`` for an unsupported module or a base point of another shape.
    """
    layers = read_layers(model)
    y = base_point(at, layers.inputs, layers.weight.device)
    coefficients = []
    for layer in layers.hidden:
        terms = taylor_coefficients(layer.activation, layer.weight @ y + layer.bias, order)
        coefficients.append(terms)
        y = terms[0]
    weights = [layer.weight for layer in layers.hidden]
    return Expansion(weights, coefficients, layers.weight, layers.weight @ y + layers.bias, layers.scalar)


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
