"""A feed-forward network in normal form: hidden layers ``y = s(W x + b)`` and a linear readout."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from .activations import is_activation, supported
from .mlp import MLP

_PASSED_OVER = (nn.Identity, nn.Flatten)


@dataclass
class HiddenLayer:
    """``y = activation(weight x + bias)`` with ``weight (width, fan_in)`` and ``bias (width,)``."""

    weight: Any
    bias: Any
    activation: nn.Module


@dataclass
class Layers:
    """Hidden layers from the input to the output, then the readout.

    The readout has ``weight (outputs, width)`` and ``bias (outputs,)``. ``scalar`` says that the network
    has one output and that results carry no output axis. ``device`` is where the model lives.
    """

    hidden: list[HiddenLayer]
    weight: Any
    bias: Any
    scalar: bool
    device: torch.device

    @property
    def inputs(self) -> int:
        return (self.hidden[0].weight if self.hidden else self.weight).shape[1]

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return len(self.hidden)


def read_layers(model: nn.Module, as_arrays: bool = False) -> Layers:
    """Bring an ``MLP`` or a ``torch.nn.Sequential`` (also nested) of Linear and activations into normal form.

    Weights come out in double precision: as tensors that stay connected to the model's parameters, or as
    numpy arrays. Linear layers in a row are multiplied together; Identity and Flatten are passed over; an
    activation without a Linear before it gets the unit matrix. Raises ``InputError`` that names an
    unsupported module and what is supported.
    """
    hidden: list[HiddenLayer] = []
    affine: tuple[Any, Any] | None = None
    leading: list[nn.Module] = []  # activations that stand before the first Linear, whose size they share
    width: int | None = None
    device = torch.device("cpu")
    for module in _flattened(model):
        if isinstance(module, nn.Linear):
            if width is None:
                device = _parameter(module, "weight").device
            weight, bias = _affine(module, as_arrays)
            if width is not None and weight.shape[1] != width:
                raise InputError(
                    f"a Linear layer takes {weight.shape[1]} inputs where the layer before gives {width}"
                )
            hidden += [HiddenLayer(*_unit(weight, weight.shape[1]), activation) for activation in leading]
            leading = []
            affine = (weight, bias) if affine is None else _merged(weight, bias, *affine)
            width = weight.shape[0]
        elif width is None:
            leading.append(module)
        else:
            if affine is None:
                affine = _unit(hidden[-1].weight, width)
            hidden.append(HiddenLayer(*affine, module))
            affine = None
    if width is None:
        raise InputError("the network has no Linear layer")
    weight, bias = affine if affine is not None else _unit(hidden[-1].weight, width)
    return Layers(hidden, weight, bias, scalar=width == 1, device=device)


def _flattened(model: nn.Module) -> list[nn.Module]:
    """Linear and activation modules in the order of evaluation."""
    if isinstance(model, _PASSED_OVER):
        return []
    if type(model) is nn.Linear or is_activation(model):
        return [model]
    if isinstance(model, MLP):
        return _flattened(model.layers)
    if isinstance(model, nn.Sequential):
        return [leaf for child in model for leaf in _flattened(child)]
    raise InputError(
        f"cannot expand a {type(model).__name__}; supported are torch.nn.Sequential of Linear, Flatten "
        f"and the activations {', '.join(supported())}"
    )


def _affine(linear: nn.Linear, as_arrays: bool) -> tuple[Any, Any]:
    convert = _array if as_arrays else Tensor.double
    weight, bias = _parameter(linear, "weight"), _parameter(linear, "bias")
    return convert(weight), convert(weight.new_zeros(len(weight)) if bias is None else bias)


def _parameter(linear: nn.Linear, name: str) -> Any:
    """The attribute; looking it up as a Module does takes ten times as long."""
    own = linear._parameters
    return own[name] if name in own else getattr(linear, name)


def _merged(weight: Any, bias: Any, first_weight: Any, first_bias: Any) -> tuple[Any, Any]:
    """Two Linear layers in a row as one."""
    with np.errstate(over="ignore", invalid="ignore"):  # torch does not warn either
        return weight @ first_weight, weight @ first_bias + bias


def _array(parameter: Tensor) -> np.ndarray:
    """Shares the parameter's memory where it can."""
    array = parameter.numpy(force=True)
    if array.dtype == np.float64 and array.flags.c_contiguous:
        return array
    return np.ascontiguousarray(array, dtype=np.float64)


def _unit(like: Any, size: int) -> tuple[Any, Any]:
    if isinstance(like, np.ndarray):
        return np.eye(size), np.zeros(size)
    return torch.eye(size, dtype=like.dtype, device=like.device), like.new_zeros(size)
