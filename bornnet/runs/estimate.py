"""What a training run will take, before it is begun: rows, weights, memory, and about how long."""

from pathlib import Path
from typing import Any

import torch

from ..compute.devices import limited_threads
from ..config.schema import StudyConfig
from ..series.automatic import for_dataset
from ..series.member import device_of, learner_of
from .data import StudyData, first_problem, fit_bytes, read_study_data, warn_of_few_samples
from .rounds import threads_each


def estimate(dataset: str | Path, study: StudyConfig, *, at_once: int = 1) -> dict[str, Any]:
    """Size and duration of a run on this machine; writes nothing.

    Returns ``members``, ``weights`` of a network, ``seconds`` for all members, ``at_once`` of them side by
    side, and ``rounds``: for each ``round`` its ``training_rows``, ``weights``, ``steps`` at most, ``memory``
    in bytes of all that train at once, and ``seconds`` a member. Times are of one step on a small block of
    rows, timed and scaled up, at the most steps there can be: rounds that stop early take less.

    Raises ``InputError`` as the run itself would.
    """
    study = for_dataset(study, dataset)
    at_once = min(at_once, study.members)
    data = read_study_data(dataset, study, at_once=at_once)
    device = device_of(study)
    warn_of_few_samples(data)
    with limited_threads(threads_each(study, at_once)):
        rounds = [_round(data, number, device) for number in range(1, study.rounds + 1)]
    known = [entry["seconds"] for entry in rounds if entry["seconds"] is not None]
    seconds = sum(known) if known else None
    if seconds is not None and study.time_limit is not None:
        seconds = min(seconds, 60 * study.time_limit)
    return {
        "members": study.members,
        "weights": data.weights,
        "rounds": rounds,
        "seconds": None if seconds is None else -(-study.members // at_once) * seconds,
    }


def _round(data: StudyData, number: int, device: torch.device) -> dict[str, Any]:
    learner, config = learner_of(data.study)
    member = data.member(device=device.type)
    problem = first_problem(data, number)
    return {
        "round": number,
        "training_rows": learner.rows_fitted(len(problem.training), config),
        "weights": data.weights,
        "steps": learner.most_steps(config, number),
        "memory": data.copies * fit_bytes(data, number),
        "seconds": learner.seconds(problem, member.task(number), config),
    }
