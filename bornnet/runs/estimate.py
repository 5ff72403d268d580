"""What a training run will take, before it is begun: rows, weights, memory, and about how long."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ..config.schema import StudyConfig
from .rounds import per_round, threads_each
from ..compute.devices import choose_device, limited_threads
from ..series.iteration import initial_network
from .data import StudyData, first_problem, fit_bytes, read_study_data, rounds_of, warn_of_few_samples
from ..training.levenberg_marquardt import PASSES, GaussNewton, gram
from ..training.problem import Samples
from ..learners.remainder import TaylorRemainder
from ..training.residuals import linearized, pulled_back

_ROWS = 512  # timed; the time of all rows is in proportion
_COLUMNS = 1024  # of matrices timed; products go with the square of the weights, factors with the cube
_GAUSS_NEWTON_STEPS = 5  # taken on a block before one is timed
_LBFGS_EVALUATIONS = 25  # of loss and gradient in a step: 20 iterations, and what the line searches add


def estimate(dataset: str | Path, study: StudyConfig, *, at_once: int = 1) -> dict[str, Any]:
    """Size and duration of a run on this machine; writes nothing.

    Returns ``members``, ``weights`` of a network, ``seconds`` for all members, ``at_once`` of them side by
    side, and ``rounds``: for each ``round`` its ``training_rows``, ``weights``, ``steps`` at most, ``memory``
    in bytes of all that train at once, and ``seconds`` a member. Times are of one step on a small block of
    rows, timed and scaled up, at the most steps there can be: rounds that stop early take less.

    Raises ``InputError`` as the run itself would.
    """
    at_once = min(at_once, study.members)
    data = read_study_data(dataset, study, at_once=at_once)
    device = choose_device(study.device)
    warn_of_few_samples(data)
    with limited_threads(threads_each(study, at_once)):
        rounds = [_round(data, number, device) for number in range(1, study.rounds + 1)]
    seconds = sum(entry["seconds"] for entry in rounds)
    if study.time_limit is not None:
        seconds = min(seconds, 60 * study.time_limit)
    return {
        "members": study.members,
        "weights": data.weights,
        "rounds": rounds,
        "seconds": -(-study.members // at_once) * seconds,
    }


def _round(data: StudyData, number: int, device: torch.device) -> dict[str, Any]:
    study = data.study
    samples = first_problem(data, number).training
    network = initial_network(
        rounds_of(study), data.dataset.cells, study.hidden, study.activation, study.seed, 0, number
    )
    model = rounds_of(study).model(network.to(device), number)
    steps = per_round(study.steps, number)
    step_seconds = _STEP_SECONDS[study.optimizer](model, samples.to(device), study)
    return {
        "round": number,
        "training_rows": len(samples),
        "weights": data.weights,
        "steps": steps,
        "memory": data.copies * fit_bytes(data, number),
        "seconds": steps * step_seconds,
    }


def _levenberg_marquardt_seconds(model: TaylorRemainder, samples: Samples, study: StudyConfig) -> float:
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


def _gauss_newton_seconds(model: TaylorRemainder, samples: Samples, study: StudyConfig) -> float:
    block = samples.rows(slice(0, _ROWS))
    optimizer = GaussNewton(model, block)
    for _ in range(_GAUSS_NEWTON_STEPS):
        optimizer.step()  # the damping settles, and with it how many iterations a step takes
    return _timed(lambda: torch.tensor(optimizer.step() or 0.0)) * len(samples) / len(block)


def _lbfgs_seconds(model: TaylorRemainder, samples: Samples, study: StudyConfig) -> float:
    return _LBFGS_EVALUATIONS * _pass_seconds(model, samples, _ROWS)


def _adam_seconds(model: TaylorRemainder, samples: Samples, study: StudyConfig) -> float:
    return _pass_seconds(model, samples, study.batch)


def _pass_seconds(model: TaylorRemainder, samples: Samples, rows: int) -> float:
    """Loss and gradient over all samples, by blocks of that many rows."""
    block = samples.rows(slice(0, rows))

    return _timed(lambda: pulled_back(model, block)[0]) * len(samples) / len(block)


_STEP_SECONDS: dict[str, Callable[[TaylorRemainder, Samples, StudyConfig], float]] = {
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
