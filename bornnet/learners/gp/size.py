"""How much memory and time a fit takes, and which solver that leaves."""

import torch

from ...compute.memory import fits
from ...training.cost import timed
from .config import Config
from .graded import ROWS

_TIMED = 1024  # size of the product of matrices that is timed


def carried(rows: int, config: Config) -> bool:
    """Whether so many rows are fitted on some that carry them (`low_rank`), and not by a factor of all."""
    if config.solver == "auto":
        return not fits(_of_all(rows))
    return config.solver == "low-rank"


def fit_bytes(rows: int, cells: int, config: Config) -> float:
    """Bytes: the kernel matrix, whose factor takes its place; or the factor of the rows that carry it, with
    that of its halves and the normal equations."""
    if not carried(rows, config):
        return _of_all(rows) + 8.0 * rows * cells
    rank = min(rows, config.rank)
    return 8.0 * (1.5 * rows * rank + 4 * rank**2 + rows * cells) + min(2.0**27, 64.0 * rows * rank)


def fit_seconds(rows: int, trials: int, config: Config, graded: bool = False) -> float:
    """About how long it takes, from how long a product of matrices does; fits to halves are a part of it."""
    matrix = torch.ones(_TIMED, _TIMED, dtype=torch.float64)
    each = timed(lambda: matrix @ matrix) / (2 * _TIMED**3)
    halves = config.deviations == "halves"
    of_trials = trials * min(rows, config.trial_rows) ** 3
    if graded:  # the evidence and its gradient, some tens of times a trial
        of_trials += 30 * trials * min(rows, ROWS) ** 3
    if carried(rows, config):
        rank = min(rows, config.rank)
        return each * (
            of_trials + rows * rank**2 * (5.0 if halves else 3.0) + rank**3 * (5.0 if halves else 1.0)
        )
    return each * (of_trials + rows**3 * (1.0 if halves else 0.6))


def _of_all(rows: int) -> float:
    return 8.0 * rows**2 + min(2.0**27, 64.0 * rows**2)
