"""Networks in safetensors files: weights as tensors, the architecture as text, nothing that can run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import InputError
from ..files.arrays import load_arrays, save_arrays
from ..networks.mlp import MLP
from ..series.learned import LearnedSeries

FORMAT = "bornnet-mlp"
SERIES_FORMAT = "bornnet-series"


def save_model(
    path: str | Path, model: MLP, *, facts: Mapping[str, Any] | None = None, force: bool = False
) -> None:
    """Write an MLP: potential in, scattering length out, both in units of the range.

    `facts` is anything JSON can hold that should stand with it.
    """
    stated = {"architecture": _architecture(model), **(facts or {})}
    save_arrays(path, _weights(model), form=FORMAT, facts=stated, force=force)


def load_model(path: str | Path) -> tuple[MLP, dict[str, Any]]:
    """The MLP of a file that `save_model` wrote, and its facts. `InputError` where it is none, or damaged."""
    arrays, facts = load_arrays(path, form=FORMAT)
    with _damage(path, "model"):
        model = _network(facts.pop("architecture"), arrays)
    return model, facts


def save_series(path: str | Path, series: LearnedSeries, *, force: bool = False) -> None:
    """Write a learned Born series, all its networks, into one file. `InputError` where one exists."""
    weights = {
        f"{number}.{name}": array
        for number, network in enumerate(series.networks, start=1)
        for name, array in _weights(network).items()
    }
    architectures = [_architecture(network) for network in series.networks]
    facts = {"architectures": architectures, "corrected": series.corrected}
    save_arrays(path, weights, form=SERIES_FORMAT, facts=facts, force=force)


def load_series(path: str | Path) -> LearnedSeries:
    """The learned Born series of a file that `save_series` wrote: it predicts as it did.

    `InputError` where it is none, or damaged.
    """
    arrays, facts = load_arrays(path, form=SERIES_FORMAT)
    with _damage(path, "series"):
        networks = []
        for number, architecture in enumerate(facts["architectures"], start=1):
            prefix = f"{number}."
            own = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
            networks.append(_network(architecture, own))
        if not networks:
            raise ValueError("it holds no network")
        return LearnedSeries(tuple(networks), corrected=bool(facts["corrected"]))


def _architecture(model: MLP) -> dict[str, Any]:
    return {"inputs": model.inputs, "hidden": list(model.hidden), "activation": model.activation}


def _weights(model: MLP) -> dict[str, np.ndarray]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}


def _network(architecture: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> MLP:
    widths = (architecture["inputs"], *architecture["hidden"], 1)
    # The weights that are there bound the network, so that a forged architecture cannot take memory.
    layers = [array.shape for name, array in sorted(arrays.items()) if name.endswith(".weight")]
    if sorted(layers) != sorted((above, below) for below, above in pairwise(widths)):
        raise ValueError(f"widths {widths} do not fit its weights {layers}")
    model = MLP(architecture["inputs"], tuple(architecture["hidden"]), architecture["activation"])
    model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return model


@contextmanager
def _damage(path: str | Path, what: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: the {what} file is damaged: {str(error).splitlines()[0]}.") from None
