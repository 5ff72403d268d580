"""The states of several learners as one set of arrays: of a chain, of rounds, of members."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..config.registry import MODULE, known_learners, learner_class
from .base import Learner, State


def packed_states(
    learners: Sequence[Learner], prefix: str = ""
) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Several learners as one set of arrays, numbered from 1, and the kind and facts of each."""
    arrays: dict[str, np.ndarray] = {}
    stated = []
    for number, learner in enumerate(learners, start=1):
        state = learner.state()
        arrays |= {f"{prefix}{number}.{name}": array for name, array in state.arrays.items()}
        stated.append({"kind": learner.kind, "facts": dict(state.facts)})
    return arrays, stated


def unpacked_states(
    arrays: Mapping[str, np.ndarray],
    stated: Sequence[Mapping[str, Any]],
    prefix: str = "",
    module: Any = None,
) -> list[Learner]:
    """The learners that `packed_states` put together; ``ValueError`` for an unknown kind.

    ``module`` is the torch module that those hold which are one (`learners.module`).
    """
    learners = []
    for number, entry in enumerate(stated, start=1):
        start = f"{prefix}{number}."
        own = {name.removeprefix(start): a for name, a in arrays.items() if name.startswith(start)}
        if entry["kind"] not in (*known_learners(), "chain"):
            raise ValueError(f"it holds a learner {entry['kind']!r}, which this version does not know")
        given = {"module": module} if entry["kind"] in ("chain", MODULE) else {}
        learners.append(learner_class(entry["kind"]).from_state(State(own, entry["facts"]), **given))
    return learners
