"""Networks in safetensors files: weights as tensors, the architecture as text, nothing that can run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..errors import InputError
from ..networks.mlp import MLP
from .atomic import new_file

FORMAT = "bornnet-mlp"


def save_model(
    path: str | Path, model: MLP, *, facts: Mapping[str, Any] | None = None, force: bool = False
) -> None:
    """Write an MLP: potential in, scattering length out, both in units of the range.

    `facts` is anything JSON can hold that should stand with it.
    """
    architecture = {"inputs": model.inputs, "hidden": model.hidden, "activation": model.activation}
    metadata = {
        "format": FORMAT,
        "architecture": json.dumps(architecture, sort_keys=True),
        "facts": json.dumps(dict(facts or {}), sort_keys=True),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with new_file(path, force=force) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_model(path: str | Path) -> tuple[MLP, dict[str, Any]]:
    """The MLP of a file that `save_model` wrote, and its facts. `InputError` where it is none, or damaged."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such model file.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise InputError(
                    f"{path}: expected a {FORMAT} file, got {metadata.get('format', 'another')!r}."
                )
            architecture = json.loads(metadata["architecture"])
            facts = json.loads(metadata["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: the model file is damaged: {error}.") from None
    # Sizes come from the tensors that are there, so that a forged architecture cannot take memory.
    weights = [tensor for name, tensor in tensors.items() if name.endswith(".weight")]
    promised = architecture["inputs"] * architecture["hidden"][0] if architecture.get("hidden") else 0
    if promised > sum(weight.numel() for weight in weights):
        raise InputError(f"{path}: the model file is damaged: the architecture does not fit its weights.")
    model = MLP(architecture["inputs"], architecture["hidden"], architecture["activation"])
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path}: the model file is damaged: {str(error).splitlines()[0]}") from None
    return model, facts
