"""What a fit tries, and chooses among."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from .config import Config

_RISES = (1e2, 1e4, 1e6)  # of the nugget, behind other learners
_DOUBLED = 2  # times that the longest length is doubled at most
CHOSEN = ("factor", "length", "nugget", "bend", "amplitude", "smooth", "amplitudes")


@dataclass(frozen=True)
class Trial:
    """A choice, and its held-out error; `amplitude` of the process, and whether it is `smooth` along r, are
    chosen where values have errors; `amplitudes` of the orders, where each has its own (`graded`)."""

    factor: float
    length: float
    nugget: float
    bend: float = 0.0
    error: float = np.inf
    amplitude: float = 1.0
    smooth: bool = False
    amplitudes: list[float] = field(default_factory=list)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Trial":
        """From what was stored of one, among other facts."""
        return cls(**{own.name: stored[own.name] for own in fields(cls) if own.name in stored})


def stated(error: float) -> float:
    """The largest number there is in place of infinity, which JSON does not have."""
    return float(np.nan_to_num(error, nan=np.finfo(float).max))


def following(done: Sequence[Trial], config: Config, bends: Sequence[float], behind: bool) -> Trial | None:
    """The trial after those `done`; None after the last one.

    First the factors, then other lengths and bends with the best factor, then the factors beside it; behind
    other learners, whose rounding is noise, larger nuggets too. Where every order has an amplitude of its own
    the evidence finds the factor and the nugget: `following_graded`.
    """
    factors, lengths, first = sorted(config.scales), config.lengths, config.nugget
    plan = [Trial(factor, lengths[0], first, bends[0]) for factor in factors]
    for stage in range(4):
        if len(done) < len(plan):
            break
        best = min(done[: len(plan)], key=lambda trial: trial.error)
        if stage == 0:
            plan += [replace(best, length=length) for length in lengths[1:]]
        elif stage == 1:
            plan += [replace(best, bend=bend) for bend in bends[1:]]
        elif stage == 2 and (best.length, best.bend) != (lengths[0], bends[0]):
            at = factors.index(best.factor)
            beside = factors[max(at - 1, 0) : at] + factors[at + 1 : at + 2]
            plan += [replace(best, factor=factor) for factor in beside]
        elif stage == 3 and behind:
            plan += [replace(best, nugget=rise * first) for rise in _RISES]
    return plan[len(done)] if len(done) < len(plan) else None


def following_graded(done: Sequence[Trial], config: Config, bends: Sequence[float]) -> Trial | None:
    """The trial after those `done`, where every order has an amplitude of its own; None after the last one.

    First the lengths, then twice the longest as long as that is the best, then the bends, and larger nuggets
    with the amplitudes of the best: values that are exact, but for rounding and for what lies above all
    orders, are likely with too small ones.
    """
    plan = [Trial(1.0, length, config.nugget, bends[0]) for length in config.lengths]
    for stage in range(_DOUBLED + 2):
        if len(done) < len(plan):
            break
        best = min(done[: len(plan)], key=lambda trial: trial.error)
        fresh = Trial(1.0, best.length, config.nugget, bends[0])
        if stage < _DOUBLED and best.length == max(trial.length for trial in plan) > 0:
            plan.append(replace(fresh, length=2 * best.length))
        elif stage == _DOUBLED:
            plan += [replace(fresh, bend=bend) for bend in bends[1:]]
        elif stage == _DOUBLED + 1:
            plan += [replace(best, nugget=rise * best.nugget) for rise in _RISES]
    return plan[len(done)] if len(done) < len(plan) else None
