"""What a training run learns from: a dataset that fits the study, split, and in network units."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..compute.group import local_processes, processes
from ..compute.memory import fits
from ..config.load import checked
from ..config.schema import Data, StudyConfig
from ..datasets.labelled import BLOCK_VALUES, Labelled, split
from ..datasets.reader import DatasetReader, open_dataset
from ..errors import InputError
from ..learners.polynomial.least_squares import affordable, polynomial_bytes
from ..physics.validation import available_memory
from ..series.automatic import for_dataset
from ..series.displaced import displaced
from ..series.iteration import Scaling, above, choose_scaling
from ..series.member import Member, checked_learner, device_of, learner_of, require_rows, rounds_of
from ..series.noise import LearnedNoise, learned_noise
from ..targets import Target, target
from ..training.problem import Problem

DEGREES = (1, 2, 3)
"""Of the polynomials that a run is compared with."""

PROCESS_ROWS = 4000
"""At most, of the Gaussian process that it is compared with."""
"""Degrees of the least-squares polynomials that stand beside every run."""

_ROW_NUMBERS = 14  # doubles held beside each potential: labels, targets, weights, indices
_BLOCKS = 6  # blocks of potentials, and what is made of them, at once
SHARE = 0.25  # of the free memory: inputs that need more stay on the disk

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyData:
    """A dataset made ready for a study.

    Attributes:
        dataset: on the disk; potentials and gradients are read from there, block by block.
        study: the configuration, with the keys of data as the dataset has them.
        training, held_out: the rows to fit and those to judge by, as displacements from the reference.
        target: what is learned, around its reference.
        scaling: between physical and network units.
        copies: processes on this machine that train at once, each with what it needs in its own memory.
        noise: what was learned of the values' errors, where that was asked for; the rows then have it.
    """

    dataset: DatasetReader
    study: StudyConfig
    training: Labelled
    held_out: Labelled
    scaling: Scaling
    target: Target
    copies: int = 1
    noise: LearnedNoise | None = None

    @property
    def weights(self) -> int | None:
        """How many numbers a member of the study fits; None where that depends on the rows."""
        learner, config = learner_of(self.study)
        return learner.weight_count(self.dataset.cells, config)

    def member(self, number: int = 0, device: str = "cpu") -> Member:
        """A member's way through the rounds of the study."""
        return Member(self.study, number, self.training, self.held_out, self.scaling, device, self.target)


def read_study_data(source: str | Path, study: StudyConfig, *, at_once: int = 1) -> StudyData:
    """Open and check a dataset for a study; potentials and gradients stay on the disk.

    ``at_once`` members are to be trained side by side.

    Raises ``InputError`` where it is no dataset, has another number of cells than the study asks for, holds
    potentials without a Born series (eta >= 1, or zero everywhere), or too few rows for a round, where
    settings exclude one another or its values, or where a round of all that train at once would not fit in
    memory.
    """
    study = for_dataset(study, source)
    dataset = open_dataset(source)
    _check_cells(dataset, study)
    study = _resolved(study, dataset, source)
    learned = target(dataset.target, dataset.reference)
    labelled = displaced(dataset.labelled(gradient=study.labels == "gradient"), learned)
    if learned.name != "given":
        _check_strengths(labelled, source, learned)
    elif study.remove == "exact":
        raise InputError(
            f"{source}: remove = exact needs known terms, but its values are of {dataset.observable!r}; "
            "leave it out."
        )
    training, held_out = split(labelled, study.holdout, study.seed)
    noise = None
    if study.sigma == "learn":
        training, held_out, noise = learned_noise(training, held_out, study.seed, learned.value)
    scaling = choose_scaling(training, *checked_learner(study, noisy=training.sigma is not None))
    copies = at_once * local_processes()
    data = StudyData(dataset, study, training, held_out, scaling, learned, copies, noise)
    for number in range(1, study.rounds + 1):
        require_rows(study, number, _rows(data, number)[0], dataset.cells)
        _require_memory(data, number)
    return data


def warn_of_few_samples(data: StudyData) -> None:
    """A warning where a round fits fewer potentials than its network has weights."""
    learner, config = learner_of(data.study)
    there = [_rows(data, number)[0] for number in range(1, data.study.rounds + 1)]
    rows = [learner.rows_fitted(count, config) for count in there]
    if data.weights is not None and min(rows) < data.weights:
        at = rows.index(min(rows))
        more = "Generate more samples" if rows[at] == there[at] else "Take more --fit-rows"
        _log.warning(
            f"there are {rows[at]:,} potentials for {data.weights:,} weights in round {at + 1}: the network "
            "can follow every one of them exactly and still be wrong in between, so expect a held-out error "
            f"far above the training error. {more}, or take a smaller --hidden."
        )


def first_problem(data: StudyData, number: int) -> Problem:
    """The problem of a round with nothing removed yet: the same rows and weights' order of size."""
    return data.member().problem(number, [])


def near(problem: Problem, data: StudyData) -> Problem:
    """The problem with its inputs in memory, where there is room; else they are read each time they are used.

    The numbers are the same.
    """
    if _room(data, problem.input_bytes):
        return problem.loaded()
    _log.info(f"inputs of {problem.input_bytes / 1e9:,.1f} GB are read from the dataset, block by block")
    return problem


def fit_bytes(data: StudyData, number: int) -> float:
    """Memory of a round at its peak in one process: what is kept of every row, and the more of training and
    baselines.
    """
    cells, samples = data.dataset.cells, len(data.training)
    training, held_out = (rows // processes() for rows in _rows(data, number))
    directions = data.study.directions if data.study.labels == "gradient" else 0
    inputs = 8 * (training + held_out) * (1 + directions) * cells
    kept = 8 * len(data.dataset) * (_ROW_NUMBERS + directions * (4 + cells // 64))
    kept += inputs if _room(data, inputs) else 0
    baselines = [polynomial_bytes(cells, d, samples) for d in DEGREES if affordable(cells, d, samples)]
    baselines.append(16 * min(samples, PROCESS_ROWS) ** 2)
    blocks = _BLOCKS * 8 * min(samples * cells, BLOCK_VALUES)
    peak = max(blocks, _step_bytes(data, number, training), *(baselines if number == 1 else []))
    return kept + peak


def _room(data: StudyData, inputs: int) -> bool:
    """Whether inputs of so many bytes are to be kept in memory, and in that of the GPU."""
    device = device_of(data.study)
    if device.type == "cuda" and inputs > SHARE * torch.cuda.mem_get_info(device)[0]:
        return False
    return inputs * data.copies <= SHARE * available_memory()


def _step_bytes(data: StudyData, number: int, rows: int) -> float:
    """Memory of a fit at its peak."""
    learner, config = learner_of(data.study)
    slopes = data.study.directions if data.study.labels == "gradient" else 0
    return learner.memory(rows, data.member().task(number), config, slopes=slopes)


def _rows(data: StudyData, number: int) -> tuple[int, int]:
    """Training and held-out rows of a round."""
    floor = rounds_of(data.study).floor(number)
    return len(above(data.training, floor, number)), len(above(data.held_out, floor, number))


def _require_memory(data: StudyData, number: int) -> None:
    need = data.copies * fit_bytes(data, number)
    if not fits(need):
        at_once = f" in {data.copies} processes at once" if data.copies > 1 else ""
        fewer = "train fewer at once, " if data.copies > 1 else ""
        of_what = "" if data.weights is None else f" with {data.weights:,} weights"
        raise InputError(
            f"round {number}{of_what} needs {need / 1e9:,.1f} GB of memory for "
            f"{','.join(data.study.learner)}{at_once}, more than this machine has; {fewer}"
            "take fewer samples, a smaller --hidden, or another --optimizer (gauss-newton keeps "
            "no normal matrix, adam needs the least)."
        )


def _check_cells(dataset: DatasetReader, study: StudyConfig) -> None:
    if "cells" in study.typed and study.cells != dataset.cells:
        raise InputError(
            f"the dataset has potentials of {dataset.cells} cells, but {study.cells} are configured; "
            "generate a dataset for this study, or leave cells out."
        )


def _check_strengths(data: Labelled, source: str | Path, learned: Target) -> None:
    if not np.all(data.strength > 0):
        row = int(np.argmin(data.strength))
        raise InputError(
            f"{source}: row {row + 1}: a potential of strength {data.strength[row]:g} has no leading order "
            f"to learn; leave out potentials that are {_nothing(learned)}."
        )
    if data.strength.max() >= 1:
        raise InputError(
            f"{source}: strengths reach eta = {data.strength.max():.6g}, where the {learned.series} "
            "diverges, so there is no Born term to learn or compare with; generate the dataset with "
            "--strength LO HI below 1."
            if learned.reference is None
            else f"{source}: strengths reach {data.strength.max():.6g}, where the {learned.series} diverges; "
            "generate the dataset with --strength LO HI below 1."
        )


def _nothing(learned: Target) -> str:
    return "zero everywhere" if learned.reference is None else "the reference itself"


def _resolved(study: StudyConfig, dataset: DatasetReader, source: str | Path) -> StudyConfig:
    """The study with what the dataset says of itself, so that a run's configuration states what was used.

    Gradients are used where the dataset has them, unless values alone are asked for.
    """
    given = "gradient" if dataset.gradient else "value"
    labels = study.labels if "labels" in study.typed else given
    if labels == "gradient" and given == "value":
        raise InputError(
            f"{source}: labels = gradient is asked for, but the dataset has no gradients: generate it with "
            "--labels gradient, or train with --labels value."
        )
    if "observable" in study.typed and study.observable != dataset.observable:
        raise InputError(
            f"{source}: observable = {study.observable!r} is asked for, but its values are of "
            f"{dataset.observable!r}; give that name, or another dataset."
        )
    around = {
        "at": dataset.configuration.get("at"),
        "target": "scattering_length" if dataset.target == "given" else dataset.target,
    }
    for key, value in around.items():
        if key in study.typed and getattr(study, key) != value:
            raise InputError(
                f"{source}: {key} = {getattr(study, key)!r} is asked for, but it was generated with "
                f"{value or 'no reference'!r}; leave {key} out, or generate it so."
            )
    recorded = {key: value for key, value in dataset.configuration.items() if key in Data.model_fields}
    facts = {
        "samples": len(dataset),
        "cells": dataset.cells,
        "labels": labels,
        **around,
    }
    own = study.model_dump(include=set(Data.model_fields))
    data = checked(Data, {**own, **recorded, **facts}, f"{source}: its configuration")
    return study.changed(**{key: getattr(data, key) for key in Data.model_fields})
