"""The names a user can choose from, shared by configuration, commands and libraries; costs no import."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Literal, get_args

Family = Literal["rough", "smooth", "square", "gaussian", "exponential", "yukawa", "mixture"]
Spacing = Literal["log", "uniform"]
Labels = Literal["value", "gradient"]
TargetName = Literal["scattering_length", "inverse"]
Activation = Literal[
    "tanh",
    "sigmoid",
    "softplus",
    "silu",
    "gelu",
    "gelu-tanh",
    "elu",
    "celu",
    "selu",
    "mish",
    "softsign",
    "sin",
    "erf",
    "identity",
    "relu",
    "leaky-relu",
]
Optimizer = Literal["levenberg-marquardt", "levenberg-marquardt-rows", "gauss-newton", "l-bfgs", "adam"]
Precision = Literal["double", "single"]
LowerOrders = Literal["removed", "corrected"]
Remove = Literal["learned", "exact"]
Sigma = Literal["given", "learn"]
Device = Literal["auto", "cpu", "cuda"]

FAMILIES: tuple[str, ...] = get_args(Family)
LABELS: tuple[str, ...] = get_args(Labels)
TARGETS: tuple[str, ...] = get_args(TargetName)
ACTIVATIONS: tuple[str, ...] = get_args(Activation)
OPTIMIZERS: tuple[str, ...] = get_args(Optimizer)


def suggestion(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'nearest'?``, or nothing where no known name is near."""
    nearest = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""
