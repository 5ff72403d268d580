"""A feed-forward network in normal form: hidden layers ``y = s(W x + b)`` and a linear readout."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import InputError
from .activations import is_activation, supported
from .mlp import MLP


@dataclass
class HiddenLayer:
    """``y = activation(weight x + bias)`` with ``weight (width, fan_in)`` and ``bias (width,)``."""

    weight: Tensor
    bias: Tensor
    activation: nn.Module


@dataclass
class Layers:
    """Hidden layers from the input to the output, then the readout.

    The readout has ``weight (outputs, width)`` and ``bias (outputs,)``. ``scalar`` says that the network
    has one output and that results carry no output axis.
    """

    hidden: list[HiddenLayer]
    weight: Tensor
    bias: Tensor
    scalar: bool

    @property
    def inputs(self) -> int:
        return (self.hidden[0].weight if self.hidden else self.weight).shape[1]

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return len(self.hidden)


def read_layers(model: nn.Module) -> Layers:
    """Bring an ``MLP`` or a ``torch.nn.Sequential`` (also nested) of Linear and activations into normal form.

    Weights come out in double precision and stay connected to the model's parameters. Linear layers in a
    row are multiplied together; Identity and Flatten are passed over; an activation without a Linear
    before it gets the unit matrix. Raises ``InputError`` that names an unsupported module and what is
    supported.
    """
    hidden: list[HiddenLayer] = []
    affine: tuple[Tensor, Tensor] | None = None
    leading: list[nn.Module] = []  # activations that stand before the first Linear, whose size they share
    width: int | None = None
    for module in _flattened(model):
        if isinstance(module, nn.Linear):
            weight, bias = _double(module)
            if width is not None and weight.shape[1] != width:
                raise InputError(
                    f"a Linear layer takes {weight.shape[1]} inputs where the layer before gives {width}"
                )
            hidden += [HiddenLayer(*_unit(weight, weight.shape[1]), activation) for activation in leading]
            leading = []
            affine = (weight, bias) if affine is None else (weight @ affine[0], weight @ affine[1] + bias)
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
    return Layers(hidden, weight, bias, scalar=width == 1)


def _flattened(model: nn.Module) -> list[nn.Module]:
    """Linear and activation modules in the order of evaluation."""
    if isinstance(model, MLP):
        return _flattened(model.layers)
    if isinstance(model, nn.Sequential):
        return [leaf for child in model for leaf in _flattened(child)]
    if isinstance(model, nn.Identity | nn.Flatten):
        return []
    if type(model) is nn.Linear or is_activation(model):
        return [model]
    raise InputError(
        f"cannot expand a {type(model).__name__}; supported are torch.nn.Sequential of Linear, Flatten "
        f"and the activations {', '.join(supported())}"
    )


def _double(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    weight = linear.weight.double()
    return weight, weight.new_zeros(weight.shape[0]) if linear.bias is None else linear.bias.double()


def _unit(like: Tensor, size: int) -> tuple[Tensor, Tensor]:
    return torch.eye(size, dtype=like.dtype, device=like.device), like.new_zeros(size)
