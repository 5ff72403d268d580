"""The errors of values that state none, or whose statement is not believed: found before the first round."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..compute.devices import limited_threads
from ..datasets.labelled import Labelled
from ..errors import InputError

ROWS = 500
"""Training rows that are asked, drawn at random: the level is then right to 3 or 4 %."""

_FEWEST = 30
_EXACT = 1e-7  # of the typical value: below, it is rounding and the process's own misfit


@dataclass(frozen=True)
class LearnedNoise:
    """What was found of the errors of values.

    Attributes:
        kind: relative to each value, or absolute; None where they are exact, as far as can be told.
        level: one standard deviation; 0 where they are exact.
        stated: the root mean square of what the data stated, in the same measure; None where they stated
            nothing.
    """

    kind: Literal["relative", "absolute"] | None
    level: float
    stated: float | None = None

    def __str__(self) -> str:
        if self.kind is None:
            found = "no noise was found: values are taken as exact"
        elif self.kind == "relative":
            found = f"noise of {self.level:.2g} of each value was found"
        else:
            found = f"noise of {self.level:.2g}, the same for all values, was found"
        return found + ("" if self.stated is None else f" (stated: {self.stated:.2g})")


def learned_noise(
    training: Labelled, held_out: Labelled, seed: int, offset: float = 0.0
) -> tuple[Labelled, Labelled, LearnedNoise]:
    """The rows with the errors that the training rows show (`learners.gp.noise`) in place of stated ones.

    `offset` is what the values lack of the numbers that were measured: the value at a reference. The same
    bits come out on any number of threads.

    Raises `InputError` where there are too few rows to tell.
    """
    from ..learners.gp.config import Config
    from ..learners.gp.kernels import build
    from ..learners.gp.noise import Estimate

    if len(training) < _FEWEST:
        raise InputError(
            f"sigma: the noise of {len(training)} values cannot be learned; expected at least {_FEWEST} to "
            "fit. State their errors, or give more of them."
        )
    chosen = training.rows(np.sort(np.random.default_rng([seed, 21]).permutation(len(training))[:ROWS]))
    with limited_threads(1):
        found = Estimate(build(Config(), 1), chosen.potentials[:], chosen.values, 1 / chosen.strength, offset)
        kind, level = found.noise.kind, found.noise.level
        typical = float(np.median(np.abs(training.values + offset)))
        stated = None
        if training.sigma is not None:
            measure = np.abs(training.values + offset) if kind == "relative" else np.ones(len(training))
            stated = float(np.sqrt(np.mean((training.sigma / np.maximum(measure, 1e-300)) ** 2)))
        if level * (1.0 if kind == "relative" else 1 / typical) < _EXACT:
            return (
                replace(training, sigma=None),
                replace(held_out, sigma=None),
                LearnedNoise(None, 0.0, stated),
            )

        def with_sigma(part: Labelled) -> Labelled:
            parts = [found.sigma(part.potentials[block], part.values[block]) for block in part.blocks()]
            return replace(part, sigma=np.concatenate(parts))

        return with_sigma(training), with_sigma(held_out), LearnedNoise(kind, level, stated)
