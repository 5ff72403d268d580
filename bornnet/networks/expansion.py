"""A network around a base point: what jets, derivative tensors and diagrams start from."""

import operator
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .activations import activation_value, taylor_coefficients
from .elementary import functions_of
from .layers import HiddenLayer, Layers

CPU = torch.device("cpu")


@dataclass
class Expansion:
    """The network's weights and the Taylor coefficients of its activations at one base point.

    Tensors, or numpy arrays where the layers hold those.

    Attributes:
        weights: per hidden layer ``(width, fan_in)``.
        coefficients: per hidden layer ``(order + 1, width)``; row k is ``s^(k)(z) / k!`` at the base point.
        readout: ``(outputs, width)``.
        value: the network at the base point, ``(outputs,)``.
        scalar: the network has one output, and results carry no output axis.
    """

    weights: list[Any]
    coefficients: list[Any]
    readout: Any
    value: Any
    scalar: bool

    @property
    def inputs(self) -> int:
        return (self.weights[0] if self.weights else self.readout).shape[1]


def expand(layers: Layers, order: int, at: Any = None) -> Expansion:
    """Expand a network at ``at (inputs,)``, by default at 0; differentiably where the layers are tensors.

    Raises ``InputError`` for a base point of another shape.
    """
    y = base_point(at, layers)
    points = []
    for layer in layers.hidden:
        points.append(layer.weight @ y + layer.bias)
        y = activation_value(layer.activation, points[-1])
    coefficients: list[Any] = []
    for _, group in groupby(zip(layers.hidden, points, strict=True), key=_kind):
        activation, z = zip(*((layer.activation, point) for layer, point in group), strict=True)
        terms = taylor_coefficients(activation[0], functions_of(z[0]).concatenate(z), order)
        ends = accumulate(map(len, z))
        coefficients += [terms[:, end - len(point) : end] for point, end in zip(z, ends, strict=True)]
    weights = [layer.weight for layer in layers.hidden]
    return Expansion(weights, coefficients, layers.weight, layers.weight @ y + layers.bias, layers.scalar)


def _kind(hidden: tuple[HiddenLayer, Any]) -> tuple[type, str]:
    """Equal for activations that are the same function: they are expanded in one go."""
    activation = hidden[0].activation
    return type(activation), activation.extra_repr()


def base_point(at: Any, layers: Layers) -> Any:
    """``at (inputs,)`` in double precision, as tensor or array like the weights; zeros for None."""
    traced = isinstance(layers.weight, Tensor)
    if at is None:
        return layers.weight.new_zeros(layers.inputs) if traced else np.zeros(layers.inputs)
    point = as_double(at, "at", layers.device if traced else CPU)
    if point.shape != (layers.inputs,):
        raise InputError(f"at must be one point of shape ({layers.inputs},), got {tuple(point.shape)}")
    return point if traced else point.numpy(force=True)


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


def check_order(order: Any, lowest: int) -> int:
    """The order as an int of at least ``lowest``, else ``InputError``."""
    try:
        number = operator.index(order)
    except TypeError:
        number = None
    if number is None or isinstance(order, bool) or number < lowest:
        raise InputError(f"order must be an integer of at least {lowest}, got {order!r}")
    return number
