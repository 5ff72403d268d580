"""Learners in safetensors files: arrays, and facts as text; nothing that can run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..config.registry import learner_class, learner_names
from ..errors import InputError
from ..files.arrays import load_arrays, save_arrays
from ..networks.mlp import MLP
from .base import Learner, State
from .mlp.perceptron import Perceptron

_FORM = "bornnet-"  # and the learner's kind
SERIES_FORM = "bornnet-series"


def save_learner(
    path: str | Path, learner: Learner, *, facts: Mapping[str, Any] | None = None, force: bool = False
) -> None:
    """Write a learner: potential in, value out, in physical units.

    `facts` is anything JSON can hold that should stand with it.
    """
    state = learner.state()
    save_arrays(
        path, state.arrays, form=_FORM + learner.kind, facts={**state.facts, **(facts or {})}, force=force
    )


def load_learner(path: str | Path) -> tuple[Learner, dict[str, Any]]:
    """The learner of a file that `save_learner` wrote, and the facts beside it.

    `InputError` where it is none, damaged, or of a kind that this version does not know.
    """
    arrays, facts = load_arrays(path, form=[_FORM + name for name in (*learner_names(), "chain")])
    kind = facts.pop("form").removeprefix(_FORM)
    with damage(path, "model"):
        return learner_class(kind).from_state(State(arrays, facts)), facts


def load_model(path: str | Path) -> tuple[MLP, dict[str, Any]]:
    """The MLP of a perceptron's file, and its facts. `InputError` where it is none, or damaged."""
    arrays, facts = load_arrays(path, form=_FORM + Perceptron.kind)
    with damage(path, "model"):
        network = Perceptron.from_state(State(arrays, facts)).network
    facts.pop("architecture")
    return network, facts


@contextmanager
def damage(path: str | Path, what: str) -> Iterator[None]:
    """`InputError` that names the file where its content does not fit together."""
    try:
        yield
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: the {what} file is damaged: {str(error).splitlines()[0]}.") from None
