"""What a step of each optimizer takes for a perceptron: memory, and time by a trial on a small block of
rows."""

import time
from collections.abc import Callable

import torch

from ...training.levenberg_marquardt import PASSES, GaussNewton, gram, step_bytes
from ...training.problem import Samples
from ...training.residuals import BLOCK, linearized, pulled_back
from ..base import Task
from .config import Config
from .remainder import TaylorRemainder

_ROWS = 512  # timed; the time of all rows is in proportion
_COLUMNS = 1024  # of matrices timed; products go with the square of the weights, factors with the cube
_GAUSS_NEWTON_STEPS = 5  # taken on a block before one is timed
_LBFGS_EVALUATIONS = 25  # of loss and gradient in a step: 20 iterations, and what the line searches add


def step_memory(rows: int, weights: int, task: Task, config: Config, *, slopes: int) -> float:
    """Bytes that a step of the optimizer takes at its peak."""
    if config.optimizer == "levenberg-marquardt":
        return step_bytes(rows, weights, slopes=slopes > 0)
    # autograd keeps each layer's values, at the sample and for each lower order of the jets
    batch = min(rows, config.batch if config.optimizer == "adam" else BLOCK)
    history = 100 if config.optimizer == "l-bfgs" else 10
    kept = 4 * batch * (sum(config.hidden) + task.cells) * task.degree
    return 8 * (kept + history * weights)


def step_seconds(model: TaylorRemainder, samples: Samples, config: Config) -> float:
    """Seconds a step: of one on a small block of rows, timed and scaled up."""
    return _STEP_SECONDS[config.optimizer](model, samples, config)


def _levenberg_marquardt_seconds(model: TaylorRemainder, samples: Samples, config: Config) -> float:
    weights = sum(parameter.numel() for parameter in model.parameters())
    block = samples.rows(slice(0, max(1, min(_ROWS, (1 << 23) // weights))))
    share = len(block) / len(samples)
    residual, jacobian = next(linearized(model, block))
    part = jacobian[:, :_COLUMNS].contiguous()
    scale = weights / part.shape[1]
    normal = gram(part) + torch.eye(part.shape[1], dtype=part.dtype, device=part.device)
    parts = block.residuals_each
    return (
        _timed(lambda: sum((r.sum() for r, _ in linearized(model, block)), residual.sum())) / share
        + parts * _timed(lambda: gram(part)) / share * scale**2
        + _timed(lambda: torch.linalg.cholesky(normal)) * scale**3
        + PASSES * _timed(lambda: pulled_back(model, block)[0]) / share
    )


def _gauss_newton_seconds(model: TaylorRemainder, samples: Samples, config: Config) -> float:
    block = samples.rows(slice(0, _ROWS))
    optimizer = GaussNewton(model, block)
    for _ in range(_GAUSS_NEWTON_STEPS):
        optimizer.step()  # the damping settles, and with it how many iterations a step takes
    return _timed(lambda: torch.tensor(optimizer.step() or 0.0)) * len(samples) / len(block)


def _lbfgs_seconds(model: TaylorRemainder, samples: Samples, config: Config) -> float:
    return _LBFGS_EVALUATIONS * _pass_seconds(model, samples, _ROWS)


def _adam_seconds(model: TaylorRemainder, samples: Samples, config: Config) -> float:
    return _pass_seconds(model, samples, config.batch)


def _pass_seconds(model: TaylorRemainder, samples: Samples, rows: int) -> float:
    """Loss and gradient over all samples, by blocks of that many rows."""
    block = samples.rows(slice(0, rows))

    return _timed(lambda: pulled_back(model, block)[0]) * len(samples) / len(block)


_STEP_SECONDS: dict[str, Callable[[TaylorRemainder, Samples, Config], float]] = {
    "levenberg-marquardt": _levenberg_marquardt_seconds,
    "gauss-newton": _gauss_newton_seconds,
    "l-bfgs": _lbfgs_seconds,
    "adam": _adam_seconds,
}


def _timed(action: Callable[[], torch.Tensor]) -> float:
    """Seconds, the shortest of a few: the first ones also warm caches and compile."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        action().sum().item()  # a GPU works on in the background until a number is asked for
        times.append(time.perf_counter() - began)
    return min(times)
