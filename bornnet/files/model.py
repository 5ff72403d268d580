"""Networks in safetensors files: weights as tensors, the architecture as text, nothing that can run."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from ..networks.mlp import MLP
from .arrays import load_arrays, save_arrays

FORMAT = "bornnet-mlp"


def save_model(
    path: str | Path, model: MLP, *, facts: Mapping[str, Any] | None = None, force: bool = False
) -> None:
    """Write an MLP: potential in, scattering length out, both in units of the range.

    `facts` is anything JSON can hold that should stand with it.
    """
    architecture = {"inputs": model.inputs, "hidden": list(model.hidden), "activation": model.activation}
    weights = {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}
    stated = {"architecture": architecture, **(facts or {})}
    save_arrays(path, weights, form=FORMAT, facts=stated, force=force)


def load_model(path: str | Path) -> tuple[MLP, dict[str, Any]]:
    """The MLP of a file that `save_model` wrote, and its facts. `InputError` where it is none, or damaged."""
    arrays, facts = load_arrays(path, form=FORMAT)
    try:
        architecture = facts.pop("architecture")
        widths = (architecture["inputs"], *architecture["hidden"], 1)
        # The weights that are there bound the network, so that a forged architecture cannot take memory.
        layers = [array.shape for name, array in sorted(arrays.items()) if name.endswith(".weight")]
        if sorted(layers) != sorted((above, below) for below, above in pairwise(widths)):
            raise ValueError(f"widths {widths} do not fit its weights {layers}")
        model = MLP(architecture["inputs"], tuple(architecture["hidden"]), architecture["activation"])
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: the model file is damaged: {str(error).splitlines()[0]}.") from None
    return model, facts
