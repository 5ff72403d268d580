"""Training runs: rounds and members over a dataset, into a run directory that can be gone on with."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..compute.devices import limited_threads
from ..compute.group import active, at_first, everywhere, join, rank
from ..compute.pool import completed, executor, processors
from ..config.schema import StudyConfig
from ..errors import BornnetError, InputError, Interrupted, WorkerLost
from ..learners.base import Fit, Learner
from ..series.automatic import for_dataset
from ..series.member import device_of, reached
from ..series.noise import LearnedNoise
from ..training.fit import Progress
from .data import StudyData, near, read_study_data, warn_of_few_samples
from .directory import MARKER, load_run, read_json, read_metrics, with_stored_limit
from .provenance import versions, write_setting
from .sessions import note_versions, seconds_of, timed
from .writing import RunDirectory, open_run

CHECKPOINT_SECONDS = 5.0

Report = Callable[[int, int, Progress], Any]
"""``report(member, round, progress)`` after every step."""


@dataclass(frozen=True)
class Fitted:
    """What a training run wrote: where, and per member and round the held-out errors.

    `seconds` is the time that all calls together took which made the run; of one that was killed, none.
    `noise` is what was learned of the values' errors, where that was asked for.
    """

    path: Path
    rounds: list[list[dict[str, Any]]]
    seconds: float
    noise: LearnedNoise | None = None


def fit_run(
    dataset: str | Path,
    out: str | Path,
    config: StudyConfig,
    *,
    force: bool = False,
    resume: bool = False,
    at_once: int = 1,
    command: Sequence[str] = (),
    report: Report = lambda member, number, progress: None,
) -> Fitted:
    """Train ``members`` networks a round over ``rounds`` rounds, and leave a run directory.

    One round is an ordinary training; more make the iteration of `bornnet.series.iteration`. A run
    that was stopped goes on with ``resume`` and ends as if it had not been: bit for bit, with as many threads
    on the same kind of machine (sums in BLAS are rounded by their number).

    ``at_once`` members are trained side by side, each in a process of its own on its share of the threads
    (``config.workers``); a script then needs the usual ``if __name__ == "__main__":``. How many there are at
    once does not matter to the result, the threads of each do.

    Processes that ``torchrun`` started, or that have a process group of torch.distributed, fit each network
    together, each on its share of the rows; the first of them alone writes.

    Raises:
        InputError: a bad dataset or setting, or an output that exists.
        Interrupted: Ctrl-C or SIGTERM came; the state is saved.
        WorkerLost: another process that trains is gone; the state is saved.
        BornnetError: training broke down.
    """
    try:
        results = _fit(dataset, out, config, force, resume, at_once, command, report)
    except KeyboardInterrupt as stop:
        raise Interrupted(f"Interrupted: {_kept(out)}") from stop
    except WorkerLost as lost:
        raise WorkerLost(f"{lost}: {_kept(out)}") from lost
    noise = read_json(Path(out) / "provenance.json").get("noise")
    return Fitted(Path(out), results, seconds_of(out), noise and LearnedNoise(**noise))


def _kept(out: str | Path) -> str:
    if not (Path(out) / MARKER).is_file():
        return "nothing was written. Run the same command again."
    return f"the state is saved in {out}. Go on with the same command and --resume."


def _fit(
    dataset: str | Path,
    out: str | Path,
    config: StudyConfig,
    force: bool,
    resume: bool,
    at_once: int,
    command: Sequence[str],
    report: Report,
) -> list[list[dict[str, Any]]]:
    join()
    at_once = min(at_once, config.members)
    if at_once > 1 and active():
        raise InputError(
            "--at-once is for one process; those that torchrun starts train one member together."
        )
    began = time.perf_counter()
    config = everywhere(lambda: for_dataset(config, dataset))
    if resume:
        config = everywhere(lambda: with_stored_limit(out, config))
    data = everywhere(lambda: read_study_data(dataset, config, at_once=at_once))
    device = everywhere(lambda: device_of(config))
    threads = threads_each(config, at_once)
    with limited_threads(threads), ExitStack() as held:

        def begin() -> None:
            held.enter_context(
                open_run(out, data.study, Path(dataset), data.dataset.sha256, force=force, resume=resume)
            )
            warn_of_few_samples(data)
            if not (Path(out) / "provenance.json").is_file():
                write_setting(RunDirectory(Path(out)), data, dataset, device, command)
            else:
                read_metrics(out)  # refused before anything is written, where they are damaged
                note_versions(run, versions())
            held.enter_context(timed(run, began))

        run = RunDirectory(Path(out))
        at_first(begin)
        if at_once > 1:
            apart = data.study.changed(workers=threads)
            _fit_side_by_side(run, Path(dataset), apart, at_once, report)
        else:
            for member in range(config.members):
                _fit_member(run, member, data, device, report)
        return at_first(lambda: _summarize(run, config))


def threads_each(config: StudyConfig, at_once: int) -> int | None:
    """The threads of each of the members that train side by side; None for all there are."""
    return config.workers if at_once == 1 else max(1, (config.workers or processors()) // at_once)


@dataclass(frozen=True)
class _Member:
    """A member to train in a process of its own."""

    dataset: Path
    run: Path
    config: StudyConfig
    member: int
    at_once: int


def _fit_side_by_side(
    run: RunDirectory, dataset: Path, config: StudyConfig, at_once: int, report: Report
) -> None:
    members = [
        _Member(dataset.absolute(), run.path.absolute(), config, member, at_once)
        for member in range(config.members)
    ]

    def show() -> None:
        """Report what is new in the learning curves, which all members write as they go."""
        for line in {line["member"]: line for line in read_metrics(run.path)}.values():
            progress = Progress(line["step"], line["error"], line["held_out_error"], line["held_out_typical"])
            report(line["member"], line["round"], progress)

    with executor(at_once) as pool:
        for _ in completed(pool, _fit_apart, members, meanwhile=show):
            show()


def _fit_apart(task: _Member) -> None:
    run = RunDirectory(task.run)
    data = read_study_data(task.dataset, task.config, at_once=task.at_once)
    with limited_threads(task.config.workers), run.writing(task.member):
        device = device_of(task.config)
        _fit_member(run, task.member, data, device, lambda member, number, progress: None)


def _summarize(run: RunDirectory, config: StudyConfig) -> list[list[dict[str, Any]]]:
    results = [[reached(facts) for facts in member] for member in load_run(run.path).scaling]
    run.write_json("summary.json", {"members": config.members, "rounds": config.rounds, "fits": results})
    return results


def _fit_member(
    run: RunDirectory, number: int, data: StudyData, device: torch.device, report: Report
) -> None:
    member = data.member(number, device.type)
    finished, checkpoint = at_first(lambda: _stored(run, number, data.study))
    for round_ in range(len(finished) + 1, data.study.rounds + 1):
        problem = member.problem(round_, finished)
        fit = member.begin(round_, near(member.share(problem), data), finished)
        if checkpoint is not None:
            _go_on(fit, round_, checkpoint, run, number)
            checkpoint = None
        _run_round(run, number, round_, fit, report)
        finished.append(member.learned(fit))
        facts = member.facts(round_, problem, fit.progress)
        # the next round starts from what was stored, so that a resumed run starts from the same bits
        at_first(partial(run.save_round, number, round_, finished[-1], facts))


def _stored(
    run: RunDirectory, member: int, config: StudyConfig
) -> tuple[list[Learner], dict[str, Any] | None]:
    """What a member's finished rounds have learned, and the state of the one in progress."""
    finished = list(load_run(run.path).learners[member])
    if len(finished) == config.rounds:
        run.drop_checkpoint(member)  # of a process that was killed just before it could do so
    return finished, run.load_checkpoint(member)


def _go_on(fit: Fit, number: int, checkpoint: dict[str, Any], run: RunDirectory, member: int) -> None:
    """Bring a fit to where a checkpoint of the same round left it; one of an earlier round is over."""
    try:
        if checkpoint["round"] == number:
            fit.load_state(checkpoint["fit"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{run.path}: the checkpoint of member {member} belongs to another run ({error}). Delete it and "
            "--resume: the round starts again, finished rounds are kept."
        ) from error


def _run_round(run: RunDirectory, member: int, number: int, fit: Fit, report: Report) -> None:
    saved = time.monotonic()
    state = fit.state()

    def save() -> None:
        run.save_checkpoint(member, {"round": number, "fit": state})
        run.save_curve(member, number, fit.progress.curve)

    def after_step(progress: Progress) -> None:
        nonlocal saved, state
        state = fit.state()
        report(member, number, progress)
        if rank() == 0 and time.monotonic() - saved > CHECKPOINT_SECONDS:
            save()
            saved = time.monotonic()

    try:
        fit.run(after_step)
    except (KeyboardInterrupt, BornnetError):
        if rank() == 0:
            save()  # the state after the last whole step
        raise
    at_first(lambda: run.save_curve(member, number, fit.progress.curve))
