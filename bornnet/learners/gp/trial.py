"""What a fit tries, and chooses among."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .config import Config

CHOSEN = ("factor", "length", "nugget", "bend", "amplitude", "smooth")


@dataclass(frozen=True)
class Trial:
    """A choice, and its held-out error; `amplitude` of the process, and whether it is `smooth` along r, are
    chosen where values have errors."""

    factor: float
    length: float
    nugget: float
    bend: float = 0.0
    error: float = np.inf
    amplitude: float = 1.0
    smooth: bool = False


def stated(error: float) -> float:
    """The largest number there is in place of infinity, which JSON does not have."""
    return float(np.nan_to_num(error, nan=np.finfo(float).max))


def following(done: Sequence[Trial], config: Config, bends: Sequence[float], behind: bool) -> Trial | None:
    """The trial after those `done`; None after the last one.

    First the factors, then other lengths and bends with the best factor, then the factors beside it; behind
    other learners, whose rounding is noise, larger nuggets too.
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
            plan += [replace(best, nugget=nugget) for nugget in (1e2 * first, 1e4 * first, 1e6 * first)]
    return plan[len(done)] if len(done) < len(plan) else None
