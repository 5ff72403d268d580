"""For which potentials a learned series has no value, and why."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ..learners.base import Learner
from ..learners.chain import Chain
from ..learners.reach import HasReach
from ..physics.weinberg import bound_states
from ..targets import Target

_THROUGH_INFINITY = (
    "a bound state appears inside: along r the scattering length passes through infinity, which "
    "a flow with the state 'value' cannot follow; fit one with the state 'angle'"
)


def without_value(
    members: Iterable[Sequence[Learner]], target: Target, potentials: np.ndarray
) -> list[str | None]:
    """Of each potential ``(N, cells)``, why there is no value; None where there is one.

    ``members`` are the learners of each; those that do not step along r have a value everywhere.
    """
    stepping = [learner for own in members for learner in _stepping(own)]
    notes: list[str | None] = [None] * len(potentials)
    if not stepping:
        return notes
    U = target.displacements(potentials)
    for learner in stepping:
        notes = [note or new for note, new in zip(notes, learner.outside(U), strict=True)]
    if target.name == "scattering_length" and not all(one.carries_through for one in stepping):
        bound = 0 if target.reference is None else int(bound_states(target.reference))
        for row in np.flatnonzero(np.atleast_1d(bound_states(potentials)) > bound):
            notes[row] = _THROUGH_INFINITY
    return notes


def _stepping(learners: Iterable[Learner]) -> Iterator[HasReach]:
    """Those that know their reach, in chains too."""
    for learner in learners:
        if isinstance(learner, Chain):
            yield from _stepping(learner.parts)
        elif isinstance(learner, HasReach):
            yield learner
