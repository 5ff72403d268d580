"""The Linear layers among named tensors, and what else stands there, in one word."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...errors import InputError

_REAL = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_RESIDUAL = re.compile(
    r"(?:^|[._])(?:res(?:id(?:ual)?)?(?:_?net|_?block)?|skip|shortcut|downsample)s?\d*(?:[._]|$)"
)
_STRANGERS = {
    r"running_(mean|var)|num_batches_tracked": "a normalization layer",
    r"weight_[gv]|original[01]|weight_(orig|mask|u)": "a normalized or pruned weight; fold that in first",
    r"(weight|bias)_(ih|hh)_l\d+": "a recurrent layer",
    r"in_proj_(weight|bias)": "an attention layer",
}


@dataclass(frozen=True, eq=False)
class Linear:
    """``y = weight x + bias`` in double precision; ``weight (outputs, inputs)``.

    `path` is the name's parts, whole numbers as such: ``net.0`` is ``("net", 0)``.
    """

    name: str
    weight: Tensor
    bias: Tensor

    @property
    def path(self) -> tuple[str | int, ...]:
        return tuple(int(part) if part.isdecimal() else part for part in self.name.split(".") if part)

    @property
    def inputs(self) -> int:
        return self.weight.shape[1]

    @property
    def outputs(self) -> int:
        return self.weight.shape[0]


def linear_layers(path: Path, tensors: Mapping[str, Tensor]) -> list[Linear]:
    """The layers in the order of the tensors; `InputError` names a tensor that is of no Linear layer."""
    weights: dict[str, Tensor] = {}
    biases: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        layer, kind = _layer(path, name, tensor)
        (weights if kind == "weight" else biases)[layer] = tensor.detach().double()
    for layer, bias in biases.items():
        if layer not in weights or len(bias) != len(weights[layer]):
            raise InputError(f"{path}: layer {layer}: its bias of {len(bias)} fits no weight of that layer.")
    if not weights:
        raise InputError(f"{path}: expected the weights of a network, got none.")
    return [
        Linear(layer, weight, biases.get(layer, weight.new_zeros(len(weight))))
        for layer, weight in weights.items()
    ]


def _layer(path: Path, name: str, tensor: Tensor) -> tuple[str, str]:
    """The layer that the tensor belongs to, and whether it is its weight or its bias."""
    shown = str(name)[:60]
    layer, _, kind = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    if isinstance(name, str) and _RESIDUAL.search(name.lower()):
        raise InputError(f"{path}: {shown!r} is of a residual network; read are layers one after another.")
    for pattern, what in _STRANGERS.items():
        if re.search(rf"(?:^|\.)(?:{pattern})$", shown):
            raise InputError(f"{path}: {shown!r} is of {what}. Read are Linear layers and activations.")
    if kind not in ("weight", "bias") or not isinstance(tensor, Tensor):
        raise InputError(
            f"{path}: expected weights of Linear layers, such as 0.weight and 0.bias; got {shown!r}."
        )
    if tensor.is_meta:
        raise InputError(
            f"{path}: {shown} has no numbers (device meta); save the model after its weights are set."
        )
    if tensor.layout != torch.strided or tensor.is_quantized:
        kind_of = "quantized" if tensor.is_quantized else "sparse"
        raise InputError(f"{path}: {shown} is {kind_of}; save it dense, as real numbers.")
    if tensor.dtype not in _REAL:
        raise InputError(
            f"{path}: {shown} is of {tensor.dtype}, expected real numbers of 16, 32 or 64 bits; save it so."
        )
    if kind == "weight" and tensor.ndim == 1:
        raise InputError(
            f"{path}: {shown} of shape {tuple(tensor.shape)} is of a normalization layer or a PReLU; read "
            "are Linear layers and activations without weights."
        )
    dimensions = 2 if kind == "weight" else 1
    # A view can claim more entries than its storage holds.
    whole = tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()
    if not (tensor.ndim == dimensions and tensor.numel() and whole):
        raise InputError(
            f"{path}: {shown}: expected {dimensions} dimension(s) of real numbers, got {tuple(tensor.shape)} "
            f"of {tensor.dtype}."
        )
    if not tensor.isfinite().all():
        raise InputError(f"{path}: {shown} holds NaN or infinity.")
    return layer, kind
