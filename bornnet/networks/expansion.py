"""A network around a base point: what jets, derivative tensors and diagrams start from."""

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .activations import taylor_coefficients
from .layers import Layers

CPU = torch.device("cpu")


@dataclass
class Expansion:
    """The network's weights and the Taylor coefficients of its activations at one base point.

    Tensors, or numpy arrays where the layers hold those.

    Attributes:
        weights: per hidden layer ``(width, fan_in)``.
        coefficients: per hidden layer ``(order + 1, width)``; row k is ``s^(k)(z) / k!`` at the base point.
        readout: ``(outputs, width)``.
        bias: of the readout, ``(outputs,)``.
        at: the base point, ``(inputs,)``.
        scalar: the network has one output, and results carry no output axis.
    """

    weights: list[Any]
    coefficients: list[Any]
    readout: Any
    bias: Any
    at: Any
    scalar: bool

    @property
    def inputs(self) -> int:
        return (self.weights[0] if self.weights else self.readout).shape[1]

    @property
    def value(self) -> Any:
        """The network at the base point, ``(outputs,)``."""
        return self.readout @ (self.coefficients[-1][0] if self.coefficients else self.at) + self.bias


def expand(layers: Layers, order: int, at: Any = None) -> Expansion:
    """Expand a network at ``at (inputs,)``, by default at 0; differentiably where the layers are tensors.

    Raises ``InputError`` for a base point of another shape.
    """
    y = at = base_point(at, layers)
    coefficients = []
    for layer in layers.hidden:
        coefficients.append(taylor_coefficients(layer.activation, layer.weight @ y + layer.bias, order))
        y = coefficients[-1][0]
    weights = [layer.weight for layer in layers.hidden]
    return Expansion(weights, coefficients, layers.weight, layers.bias, at, layers.scalar)


def base_point(at: Any, layers: Layers) -> Any:
    """``at (inputs,)`` in double precision, as tensor or array like the weights; zeros for None."""
    traced = isinstance(layers.weight, Tensor)
    if at is None:
        return layers.weight.new_zeros(layers.inputs) if traced else np.zeros(layers.inputs)
    point = as_double(at, "at", layers.device) if traced else as_double_array(at, "at")
    if point.shape != (layers.inputs,):
        raise InputError(f"at must be one point of shape ({layers.inputs},), got {tuple(point.shape)}")
    return point


def displacement_rows(displacements: Any, layers: Layers) -> Tensor:
    """Displacements as a double tensor ``(batch, inputs)`` on the network's device, else ``InputError``."""
    rows = as_double(displacements, "displacements", layers.device)
    if rows.ndim != 2 or rows.shape[1] != layers.inputs:
        raise InputError(f"displacements must be (batch, {layers.inputs}), got {tuple(rows.shape)}")
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


def as_double_array(values: Any, name: str) -> np.ndarray:
    """Numbers as a double array; ``InputError`` where they are none."""
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        return values
    return as_double(values, name, CPU).numpy(force=True)


def check_order(order: Any, lowest: int) -> int:
    """The order as an int of at least ``lowest``, else ``InputError``."""
    try:
        number = operator.index(order)
    except TypeError:
        number = None
    if number is None or isinstance(order, bool) or number < lowest:
        raise InputError(f"order must be an integer of at least {lowest}, got {order!r}")
    return number
