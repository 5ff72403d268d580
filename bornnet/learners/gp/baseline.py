"""A Gaussian process in a few seconds, as a rival for others."""

import numpy as np
import torch

from ...training.problem import Problem, Samples
from ..base import Task
from .config import Config
from .fit import HELD_OUT, begin
from .learner import GaussianProcess


def baseline(
    potentials: np.ndarray,
    values: np.ndarray,
    strength: np.ndarray,
    sigma: np.ndarray | None = None,
    *,
    rows: int = 4000,
    seed: int = 0,
) -> GaussianProcess:
    """A Gaussian process on at most `rows` of ``potentials (N, D)`` and ``values (N,)``, in a few seconds.

    Residuals weigh 1/``strength (N,)``; ``sigma (N,)`` are errors of the values, if they have some. A tenth
    of the rows is held out to choose the scale.
    """
    order = np.random.default_rng([seed, 16]).permutation(len(values))
    held = max(2, min(len(order) // 10, HELD_OUT))
    arrays = [torch.from_numpy(np.asarray(a, dtype=float)) for a in (potentials, values)]
    weights = torch.from_numpy(1 / np.asarray(strength))
    errors_of = None if sigma is None else torch.from_numpy(np.asarray(sigma, dtype=float))
    training, held_out = (
        Samples(arrays[0][i], arrays[1][i], weights[i], None, None if errors_of is None else errors_of[i])
        for i in (order[held:], order[:held])
    )
    task = Task(cells=np.shape(potentials)[1], degree=1, seed=seed)
    config = Config(rows=rows, trial_rows=1000, scales=(1.5, 2.5, 4.0), deviations="none")
    fit = begin(Problem(training, held_out), task, config)
    fit.warns = False  # a baseline is compared by its terms alone
    fit.run()
    return fit.learned()
