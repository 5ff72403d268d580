"""Errors put on exact labels, for studies of noise: Gaussian, seeded, of known size a row."""

from dataclasses import replace

import numpy as np

from ..config.schema import StudyConfig
from ..errors import InputError
from .labelled import Labelled

_ROWS = 4096  # of a stream: row k's number does not depend on how the rows are cut


def noisy(rows: Labelled, config: StudyConfig, first: int) -> Labelled:
    """The rows, which begin at number ``first`` of the dataset, with the configured errors.

    A label y has the standard deviation ``sqrt((noise y)^2 + noise_absolute^2)``, recorded as sigma.
    Gradients stay exact.
    """
    if not config.noisy:
        return rows
    sigma = np.hypot(config.noise * rows.values, config.noise_absolute)
    if not sigma.all():
        row = first + int(np.argmin(sigma))
        raise InputError(
            f"row {row + 1}: its label is zero, and so would be its relative error: leave the row out, "
            "or give noise_absolute as well."
        )
    draws = standard_normal(config.seed, first, len(rows))
    return replace(rows, values=rows.values + sigma * draws, sigma=sigma)


def standard_normal(seed: int, first: int, count: int) -> np.ndarray:
    """Numbers ``first .. first + count`` of the seed's stream of normal deviates."""
    blocks = range(first // _ROWS, -(-(first + count) // _ROWS))
    streams = [np.random.default_rng([seed, 17, block]).standard_normal(_ROWS) for block in blocks]
    start = first - _ROWS * (first // _ROWS)
    return np.concatenate([*streams, np.empty(0)])[start : start + count]
