"""Networks that were trained elsewhere: the state of a torch.nn.Sequential, from safetensors or torch.save.

Nothing in the file is run: of a pickle, tensors and plain containers alone are read (`weights_only`).
"""

import re
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import InputError
from ..networks.mlp import MLP
from .store import load_model

SUFFIXES = (".safetensors", ".pt", ".pth")
_KEY = re.compile(r"(?P<prefix>(?:\w+\.)*)(?P<index>\d{1,4})\.(?P<kind>weight|bias)")


def load_network(path: str | Path, activation: str | None = None) -> MLP:
    """A multilayer perceptron with one output, in double precision.

    Args:
        path: a file that bornnet wrote, or the state dict of a ``torch.nn.Sequential`` of Linear layers and
            one kind of activation (``0.weight``, ``0.bias``, ``2.weight``, .., with any common prefix), as
            ``.safetensors`` or by ``torch.save`` as ``.pt``. Linear layers with neighbouring numbers have no
            activation between them.
        activation: its name, tanh where it is not given; files of bornnet state their own.

    Raises:
        InputError: no such file, not a state dict of that kind, shapes that do not fit together, or weights
            that are not finite.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: expected a model that ends in {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    if path.suffix.lower() == ".safetensors":
        state, ours = _read_safetensors(path)
        if ours:
            model, _ = load_model(path)
            if activation not in (None, model.activation):
                raise InputError(
                    f"--activation: {path} states {model.activation}, got {activation}; leave it out."
                )
            return model
    else:
        state = _read_torch(path)
    return _assembled(path, state, activation or "tanh")


def _read_safetensors(path: Path) -> tuple[dict[str, Any], bool]:
    """The tensors, and whether bornnet wrote them."""
    try:
        with safe_open(path, framework="pt") as file:
            if "bornnet" in (file.metadata() or {}):
                return {}, True
            return {name: file.get_tensor(name) for name in file.keys()}, False  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: truncated, damaged or no safetensors file ({error}).") from error


def _read_torch(path: Path) -> dict[str, Any]:
    expected = "expected a state dict, written by torch.save(model.state_dict(), FILE)"
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > path.stat().st_size:  # torch.save never compresses
            raise InputError(f"{path}: {expected}, got a compressed archive.")
        state = torch.load(path, weights_only=True, map_location="cpu")
    except InputError:
        raise
    except UnpicklingError:
        raise InputError(
            f"{path}: {expected}, got other objects, which are not loaded because they could run code."
        ) from None
    except (zipfile.BadZipFile, OSError, RuntimeError, EOFError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: {expected} ({str(error).splitlines()[0]}).") from None
    if not isinstance(state, dict):
        raise InputError(f"{path}: {expected}, got a {type(state).__name__}.")
    return state


def _assembled(path: Path, state: dict[str, Any], activation: str) -> MLP:
    """The network of a state dict, with Linear layers in a row multiplied together."""
    weights, biases = _linear_layers(path, state)
    merged: list[tuple[Tensor, Tensor]] = []
    last: int | None = None
    for index, weight in sorted(weights.items()):
        bias = biases.get(index, weight.new_zeros(len(weight)))
        if last is not None and weight.shape[1] != len(weights[last]):
            raise InputError(
                f"{path}: layer {index} takes {weight.shape[1]} inputs where layer {last} gives "
                f"{len(weights[last])}."
            )
        if last == index - 1:
            below, shift = merged.pop()
            weight, bias = weight @ below, weight @ shift + bias
        merged.append((weight, bias))
        last = index
    if len(merged[-1][0]) != 1:
        raise InputError(
            f"{path}: expected a network with one output, the scattering length; got {len(merged[-1][0])}."
        )
    model = MLP(merged[0][0].shape[1], tuple(len(weight) for weight, _ in merged[:-1]), activation)
    with torch.no_grad():
        for linear, (weight, bias) in zip(model.linears, merged, strict=True):
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
    return model


def _linear_layers(path: Path, state: dict[str, Any]) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
    """Weights and biases in double precision, by the number of their layer."""
    layers: dict[str, dict[int, Tensor]] = {"weight": {}, "bias": {}}
    prefixes = set()
    for name, tensor in state.items():
        match = _KEY.fullmatch(name) if isinstance(name, str) else None
        if match is None or not isinstance(tensor, Tensor):
            raise InputError(
                f"{path}: expected weights of a torch.nn.Sequential of Linear layers and activations, such "
                f"as 0.weight and 0.bias; got {str(name)[:60]!r}."
            )
        prefixes.add(match["prefix"])
        dimensions = 2 if match["kind"] == "weight" else 1
        # A view can claim more entries than its storage holds.
        whole = tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()
        if not (tensor.is_floating_point() and tensor.ndim == dimensions and tensor.numel() and whole):
            raise InputError(
                f"{path}: {name}: expected {dimensions} dimension(s) of real numbers, got "
                f"{tuple(tensor.shape)} of {tensor.dtype}."
            )
        if not tensor.isfinite().all():
            raise InputError(f"{path}: {name} holds NaN or infinity.")
        layers[match["kind"]][int(match["index"])] = tensor.double()
    weights, biases = layers["weight"], layers["bias"]
    if len(prefixes) != 1 or not weights:
        raise InputError(f"{path}: expected the weights of one network, got {len(prefixes)}.")
    for index, bias in biases.items():
        if index not in weights or len(bias) != len(weights[index]):
            raise InputError(f"{path}: layer {index}: its bias of {len(bias)} fits no weight of that layer.")
    return weights, biases
