"""A network from elsewhere, as a multilayer perceptron in double precision."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError
from ...networks.activations import ACTIVATIONS
from ...networks.mlp import MLP
from ..store import load_model
from .chain import Layout, told_by_names, told_by_user
from .check import TOLERANCE, Check, deviation, read_check
from .linears import linear_layers
from .weights import is_ours, read_weights


@dataclass(frozen=True)
class ForeignNetwork:
    """A network that a file holds, and what is known of it.

    Attributes:
        network: in double precision.
        file: as the user named it.
        layout: what was assembled, such as ``8 -> 16 tanh -> 16 tanh -> 1``.
        layers: names of the Linear layers in the file, in the order of evaluation.
        part: where in a checkpoint its weights stand; ``""`` where the file holds nothing else.
        check: how far its outputs are from the user's own; None where none were given.
    """

    network: MLP
    file: str
    layout: str
    layers: tuple[str, ...]
    part: str = ""
    check: Check | None = None

    @property
    def value_at_zero(self) -> float:
        """f(0), which is 0 for a network that has learned that no potential does not scatter."""
        with torch.no_grad():
            return float(self.network(torch.zeros(1, self.network.inputs, dtype=torch.float64))[0])

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON holds them."""
        return {
            "file": self.file,
            "weights": self.part or None,
            "layout": self.layout,
            "layers": list(self.layers),
            "activation": self.network.activation if self.network.hidden else None,
            "value_at_zero": self.value_at_zero,
            "check": None if self.check is None else {**vars(self.check), "tolerance": TOLERANCE},
        }


def read_network(
    path: str | Path,
    *,
    activation: str | None = None,
    layers: str | None = None,
    check: str | Path | None = None,
) -> ForeignNetwork:
    """A multilayer perceptron with one output.

    Args:
        path: a file that bornnet wrote, or a state dict of Linear layers, as ``.safetensors`` or by
            ``torch.save``, alone or in a training checkpoint.
        activation: its name, where the file's names tell that one stands between any two layers: those of a
            ``torch.nn.Sequential``, nested or with Dropout, which does nothing in a trained network.
        layers: what follows what, such as ``8 -> 16 tanh -> 16 tanh -> 1``; layers without an activation
            between them are multiplied together.
        check: a table of inputs and, in its last column, outputs that the network must reproduce to 1e-5.

    Raises:
        InputError: no such file; not a state dict of that kind, which is then named; shapes that do not fit
            together; weights that are not finite; something that the file does not tell and nobody has said;
            or a check that fails.
    """
    path = Path(path)
    if path.is_file() and is_ours(path):
        found = _ours(path, activation, layers)
    else:
        weights = read_weights(path)
        linears = linear_layers(path, weights.tensors)
        if layers is None:
            fits = _fits(path, check) if check is not None and activation is None else ""
            layout = told_by_names(path, linears, activation, fits)
        elif activation is not None:
            raise InputError("--layers names the activations: leave out --activation.")
        else:
            layout = told_by_user(path, weights, linears, layers)
        names = tuple(linear.name for linear in layout.linears)
        found = ForeignNetwork(_assembled(path, layout), str(path), str(layout), names, weights.part)
    if check is None:
        return found
    inputs, outputs = read_check(check, found.network.inputs)
    apart = deviation(found.network, inputs, outputs)
    if not apart <= TOLERANCE:
        hint = _fits(path, check) if layers is None and found.layers else ""
        raise InputError(
            f"{check}: {path}, read as {found.layout}, differs from these outputs by {apart:.1e} of the "
            f"largest; expected at most {TOLERANCE:.0e}.{hint}"
        )
    return replace(found, check=Check(str(check), len(inputs), apart))


def _ours(path: Path, activation: str | None, layers: str | None) -> ForeignNetwork:
    model, _ = load_model(path)
    for flag, value in (("--activation", activation), ("--layers", layers)):
        if value is not None and value != model.activation:
            raise InputError(f"{flag}: {path} states {model.activation}, got {value}; leave it out.")
    steps = [str(model.inputs), *(f"{width} {model.activation}" for width in model.hidden), "1"]
    return ForeignNetwork(model, str(path), " -> ".join(steps), ())


def _assembled(path: Path, layout: Layout) -> MLP:
    """The network, with Linear layers that have no activation between them multiplied together."""
    kinds = {activation for activation in layout.activations[:-1] if activation}
    if layout.activations[-1]:
        raise InputError(f"{path}: expected an output without activation, got {layout.activations[-1]}.")
    if len(kinds) > 1:
        raise InputError(f"{path}: expected one kind of activation, got {' and '.join(sorted(kinds))}.")
    if layout.linears[-1].outputs != 1:
        raise InputError(
            f"{path}: expected a network with one output, the scattering length; got "
            f"{layout.linears[-1].outputs}."
        )
    merged: list[tuple[Tensor, Tensor]] = []
    separate = True
    for linear, activation in zip(layout.linears, layout.activations, strict=True):
        weight, bias = linear.weight, linear.bias
        if not separate:
            below, shift = merged.pop()
            weight, bias = weight @ below, weight @ shift + bias
        merged.append((weight, bias))
        separate = bool(activation)
    return _network(merged, next(iter(kinds), "tanh"))


def _network(layers: Sequence[tuple[Tensor, Tensor]], activation: str) -> MLP:
    model = MLP(layers[0][0].shape[1], tuple(len(weight) for weight, _ in layers[:-1]), activation)
    with torch.no_grad():
        for linear, (weight, bias) in zip(model.linears, layers, strict=True):
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
    return model


def _fits(path: Path, check: str | Path) -> str:
    """Which activations would reproduce the outputs, as a sentence; empty where none does."""
    found = []
    for row in ACTIVATIONS:
        try:
            network = read_network(path, activation=row.name).network
        except InputError:
            return ""
        apart = deviation(network, *read_check(check, network.inputs))
        if apart <= TOLERANCE:
            found.append(f"{row.name} ({apart:.0e})")
    return f" With {' or '.join(found)} it fits {check}." if found else ""
