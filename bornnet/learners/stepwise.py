"""What learners share that an optimizer trains: how a round's fit is set up from
`training.settings.Stepwise`."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ..training.fit import Settings
from ..training.settings import Stepwise
from .base import Task

_Value = TypeVar("_Value")


def settings(task: Task, config: Stepwise) -> Settings:
    """How an optimizer is to go about a round."""
    shares = [per_round(config.steps, number) for number in range(1, task.rounds + 1)]
    seconds = None
    if task.seconds is not None:
        seconds = task.seconds * shares[task.number - 1] / sum(shares)
    return Settings(
        optimizer=config.optimizer,
        steps=shares[task.number - 1],
        patience=config.patience,
        seconds=seconds,
        learning_rate=config.learning_rate,
        batch=config.batch,
        seed=int(np.random.SeedSequence([task.seed, task.member, task.number, 2]).generate_state(1)[0]),
    )


def per_round(values: Sequence[_Value], number: int) -> _Value:
    """The value of round 1, 2, ..; the last one is used for later rounds."""
    return values[min(number, len(values)) - 1]
