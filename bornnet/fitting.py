"""Training runs: rounds and members over a dataset, into a run directory that can be gone on with."""

import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from . import __version__
from .config import StudyConfig
from .errors import InputError, Interrupted
from .files.dataset import Dataset, read_dataset
from .files.run import RunDirectory, load_run, open_run, read_metrics, save_baselines
from .networks.mlp import MLP
from .perturbation.iteration import (
    Labelled,
    Rounds,
    Scaling,
    choose_scaling,
    initial_network,
    physical,
    round_problem,
    split,
)
from .perturbation.least_squares import affordable, fit_polynomial
from .training.fit import Fit, Progress, Settings

_CHECKPOINT_SECONDS = 5.0
_HELD_OUT_ROWS = 4096  # kept with the run for comparisons, whatever the dataset's size

Report = Callable[[int, int, Progress], Any]
"""``report(member, round, progress)`` after every step."""


@dataclass(frozen=True)
class Fitted:
    """What a training run wrote: where, and per member and round the held-out errors."""

    path: Path
    rounds: list[list[dict[str, Any]]]
    seconds: float


def fit_run(
    dataset: str | Path,
    out: str | Path,
    config: StudyConfig,
    *,
    force: bool = False,
    resume: bool = False,
    command: Sequence[str] = (),
    report: Report = lambda member, number, progress: None,
) -> Fitted:
    """Train ``members`` networks a round over ``rounds`` rounds, and leave a run directory.

    One round is an ordinary training; more make the iteration of `bornnet.perturbation.iteration`. A run
    that was stopped goes on with ``resume`` and ends as if it had not been.

    Raises:
        InputError: a bad dataset or setting, or an output that exists.
        Interrupted: Ctrl-C or SIGTERM came; the state is saved.
        BornnetError: training broke down.
    """
    began = time.perf_counter()
    data = read_dataset(dataset)
    _check_cells(data, config)
    device = choose_device(config.device)
    labelled = Labelled(data.potentials, data.scattering_length, data.strength)
    _check_labelled(labelled, dataset, config)
    training, held_out = split(labelled, config.holdout, config.seed)
    scaling = choose_scaling(training)
    rounds = rounds_of(config)
    for number in range(1, config.rounds + 1):
        round_problem(rounds, number, [], training, held_out, scaling)  # refuses before anything is written
    with (
        limited_threads(config.workers),
        open_run(out, config, data.sha256, force=force, resume=resume) as run,
    ):
        if not (run.path / "provenance.json").is_file():
            _write_setting(run, data, dataset, config, device, command, training, held_out)
        try:
            for member in range(config.members):
                _fit_member(run, member, config, rounds, training, held_out, scaling, device, report)
        except KeyboardInterrupt as stop:
            raise Interrupted(
                f"Interrupted: the state is saved in {out}. Go on with the same command and --resume."
            ) from stop
        loaded = load_run(run.path)
        results = [[_reached(facts) for facts in member] for member in loaded.scaling]
        run.write_json("summary.json", {"members": config.members, "rounds": config.rounds, "fits": results})
    return Fitted(Path(out), results, time.perf_counter() - began)


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is the GPU where there is one. `InputError` for a missing GPU."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("--device cuda: there is no usable CUDA GPU here; give --device cpu or auto.")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def rounds_of(config: StudyConfig) -> Rounds:
    """How the configuration has the rounds differ."""
    return Rounds(config.strength_floors, config.lower_orders, config.remove, config.warm_start)


@contextmanager
def limited_threads(workers: int | None) -> Any:
    """At most this many threads in torch and BLAS within the block; all cores for None."""
    former = torch.get_num_threads()
    if workers is not None:
        torch.set_num_threads(workers)
    try:
        with threadpool_limits(workers):
            yield
    finally:
        torch.set_num_threads(former)


def _fit_member(
    run: RunDirectory,
    member: int,
    config: StudyConfig,
    rounds: Rounds,
    training: Labelled,
    held_out: Labelled,
    scaling: Scaling,
    device: torch.device,
    report: Report,
) -> None:
    finished = load_run(run.path).models[member]
    checkpoint = run.load_checkpoint(member)
    lines = [
        line
        for line in read_metrics(run.path)
        if (line["member"], line["round"]) < (member, len(finished) + 1)
    ]
    network = _training_units(finished[-1], scaling) if finished else None
    for number in range(len(finished) + 1, config.rounds + 1):
        problem = round_problem(rounds, number, finished, training, held_out, scaling)
        if network is None or not rounds.warm_start:
            network = initial_network(
                rounds,
                training.potentials.shape[1],
                config.hidden,
                config.activation,
                config.seed,
                member,
                number,
            )
        problem = type(problem)(problem.training.to(device), problem.held_out.to(device))
        fit = Fit(rounds.model(network.to(device), number), problem, _settings(config, member, number))
        if checkpoint is not None and checkpoint["round"] == number:
            fit.load_state(checkpoint["fit"])
        lines = _run_round(run, member, number, fit, lines, report)
        network = network.cpu()
        finished.append(physical(network, scaling))
        facts = {
            "round": number,
            "floor": rounds.floor(number),
            "input_scale": scaling.inputs.tolist(),
            "output_scale": scaling.output,
            "training_rows": len(problem.training),
            "held_out_rows": len(problem.held_out),
            "steps": fit.progress.step,
            "best_step": fit.progress.best_step,
            "training_error": _error_at(fit.progress, fit.progress.best_step),
            "held_out_error": fit.progress.best_error,
        }
        run.save_round(member, number, finished[-1], facts)
        # the next round starts from what was stored, so that a resumed run starts from the same bits
        network = _training_units(finished[-1], scaling)


def _run_round(
    run: RunDirectory,
    member: int,
    number: int,
    fit: Fit,
    earlier: list[dict[str, Any]],
    report: Report,
) -> list[dict[str, Any]]:
    saved = time.monotonic()
    state = fit.state()

    def lines() -> list[dict[str, Any]]:
        keys = ("step", "error", "held_out_error")
        curve = [dict(zip(keys, values, strict=True)) for values in fit.progress.curve]
        return earlier + [{"member": member, "round": number, **entry} for entry in curve]

    def save() -> None:
        run.save_checkpoint(member, {"round": number, "fit": state})
        _write_metrics(run, lines())

    def after_step(progress: Progress) -> None:
        nonlocal saved, state
        state = fit.state()
        report(member, number, progress)
        if time.monotonic() - saved > _CHECKPOINT_SECONDS:
            save()
            saved = time.monotonic()

    try:
        fit.run(after_step)
    except KeyboardInterrupt:
        save()  # the state after the last whole step
        raise
    _write_metrics(run, lines())
    return lines()


def _settings(config: StudyConfig, member: int, number: int) -> Settings:
    shares = [per_round(config.steps, n) for n in range(1, config.rounds + 1)]
    seconds = None
    if config.time_limit is not None:
        seconds = 60 * config.time_limit * shares[number - 1] / sum(shares)
    return Settings(
        optimizer=config.optimizer,
        steps=shares[number - 1],
        patience=config.patience,
        seconds=seconds,
        learning_rate=config.learning_rate,
        batch=config.batch,
        seed=int(np.random.SeedSequence([config.seed, member, number, 2]).generate_state(1)[0]),
    )


def per_round(values: Sequence[Any], number: int) -> Any:
    """The value of round 1, 2, ..; the last one holds on."""
    return values[min(number, len(values)) - 1]


def _training_units(network: MLP, scaling: Scaling) -> MLP:
    return network.rescaled(torch.from_numpy(1 / scaling.inputs), 1 / scaling.output)


def _check_cells(data: Dataset, config: StudyConfig) -> None:
    if "cells" in config.model_fields_set and config.cells != data.cells:
        raise InputError(
            f"the dataset has potentials of {data.cells} cells, but {config.cells} are configured; generate "
            "a dataset for this study, or leave cells out."
        )


def _check_labelled(data: Labelled, source: str | Path, config: StudyConfig) -> None:
    if not np.all(data.strength > 0):
        row = int(np.argmin(data.strength))
        raise InputError(
            f"{source}: row {row + 1}: a potential of strength {data.strength[row]:g} has no leading order "
            "to learn; leave out potentials that are zero everywhere."
        )
    if data.strength.max() >= 1:
        raise InputError(
            f"{source}: strengths reach eta = {data.strength.max():.6g}, where the Born series diverges, so there is "
            "no Born term to learn or compare with; generate the dataset with --strength LO HI below 1."
        )


def _write_setting(
    run: RunDirectory,
    data: Dataset,
    source: str | Path,
    config: StudyConfig,
    device: torch.device,
    command: Sequence[str],
    training: Labelled,
    held_out: Labelled,
) -> None:
    """What stands beside the networks: provenance, held-out potentials and baselines."""
    kept = held_out.rows(np.arange(min(len(held_out), _HELD_OUT_ROWS)))
    run.write_arrays("held_out.safetensors", vars(kept))
    save_baselines(
        run,
        {
            degree: fit_polynomial(
                training.potentials, training.scattering_length, 1 / training.strength, degree
            )
            for degree in (1, 2, 3)
            if affordable(data.cells, degree, len(training))
        },
    )
    run.write_json(
        "provenance.json",
        {
            "bornnet": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
            "platform": platform.platform(),
            "device": str(device),
            "threads": torch.get_num_threads(),
            "seed": config.seed,
            "cells": data.cells,
            "dataset": {
                "file": str(source),
                "sha256": data.sha256,
                "samples": len(data),
                "configuration": data.configuration,
            },
            "command": list(command) or sys.argv,
        },
    )


def _write_metrics(run: RunDirectory, lines: list[dict[str, Any]]) -> None:
    from .files.atomic import new_file

    with new_file(run.path / "metrics.jsonl", force=True) as temporary:
        temporary.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def _error_at(progress: Progress, step: int) -> float | None:
    """The training error of the weights after ``step`` steps, where it is known."""
    return next((error for at, error, _ in progress.curve if at == step + 1), None)


def _reached(facts: dict[str, Any]) -> dict[str, Any]:
    keys = ("round", "floor", "training_rows", "held_out_rows", "steps", "best_step", "held_out_error")
    return {key: facts[key] for key in keys}
