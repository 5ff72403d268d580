"""Studies: every setting of a study file with every seed, side by side, into ordinary run directories.

A run that has its comparison is finished; a study that was stopped goes on with the others.
"""

import json
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any

from ..compute.pool import completed, executor
from ..errors import BornnetError, InputError, Interrupted, WorkerLost
from ..files.atomic import check_new_directory, lock, new_file, when_free
from ..runs.directory import SCHEMA_VERSION
from .file import Study
from .results import MARKER, Job, Results, plan, require_same, results_so_far

_WAIT_SECONDS = 0.5
_LOSSES = 2  # of its process, after which a run counts as failed


def run_study(
    study: Study,
    out: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    force: bool = False,
    report: Callable[[Job | None, int], Any] = lambda job, done: None,
) -> Results:
    """Run what is not finished yet on local processes or a Dask cluster, and return the results.

    Runs, datasets and results are files under `out`, which all workers must see under the same path. A run
    that fails does not end the others; it is tried again with `resume`. The numbers do not depend on how
    many run at once, or in which order. `report` is called with each run that is done, and how many are;
    first with None.

    Raises:
        InputError: an output that exists, a study that differs from the one there, or a bad dataset.
        Interrupted: Ctrl-C or SIGTERM came; the runs at work have saved their state.
        BornnetError: workers were lost before anything could begin.
    """
    out = Path(out)
    _check(study, out, resume=resume, force=force)
    if scheduler is not None:
        with executor(workers, scheduler):
            pass  # an address where none answers is bad input, and nothing is written
    begun = False
    try:
        with lock(out):
            _check(study, out, resume=resume, force=force)
            if force and not resume and out.is_dir():
                shutil.rmtree(out)
            _write(out / MARKER, study.to_toml())
            begun = True
            _run_all(study, out, workers, scheduler, report)
    except KeyboardInterrupt as stop:
        if not begun:
            raise Interrupted("Interrupted: nothing was written. Run the same command again.") from stop
        results = results_so_far(study, out)
        command = f"bornnet study {quote(str(study.source))} --out {quote(str(out))} --resume"
        raise Interrupted(
            f"Interrupted: {results.finished} of {len(results.runs)} runs are finished, the state of the "
            f"others is saved. Go on with: {command}"
        ) from stop
    return results_so_far(study, out)


def estimate_study(
    study: Study, workers: int, report: Callable[[], Any] = lambda: None
) -> tuple[list[dict[str, Any]], float]:
    """What a study would take on this machine: the size and ``seconds`` of a run by setting, and of all.

    Each setting is timed as `bornnet.runs.estimate.estimate` does, one after another, with data in a
    temporary folder; `report` is called after each. ``potentials`` are those of the round that has the
    fewest; ``weights`` and ``seconds`` are None where a learner cannot tell, and are not counted. Raises
    `InputError` as the runs themselves would.
    """
    from ..datasets.generate import generate
    from ..runs.estimate import estimate

    rows = []
    with TemporaryDirectory(prefix="bornnet-") as folder:
        for job in plan(study, folder)[: len(study.settings)]:
            if job.setting.data is None and not job.dataset.is_file():
                generate(job.dataset, job.config)
            found = estimate(job.dataset, job.config)
            rows.append(
                {
                    "name": job.setting.name,
                    "changes": job.setting.changes,
                    "runs": len(study.seeds),
                    "potentials": min(entry["training_rows"] for entry in found["rounds"]),
                    "weights": found["weights"],
                    "seconds": found["seconds"],
                }
            )
            report()
    return rows, len(study.seeds) * sum(row["seconds"] or 0.0 for row in rows) / workers


def _run_all(
    study: Study,
    out: Path,
    workers: int | None,
    scheduler: str | None,
    report: Callable[[Job | None, int], Any],
) -> None:
    results = results_so_far(study, out)
    at = {job.name: index for index, (job, _) in enumerate(results.runs)}
    waiting = {job.name: job for job, result in results.runs if "orders" not in (result or {})}
    losses = dict.fromkeys(waiting, 0)

    def done(job: Job) -> None:
        result = job.result()
        if result is None:
            raise BornnetError(
                f"{job.result_file} is not there, though its run is done. Workers elsewhere must see {out} "
                "under the same path; give an --out on a disk that all of them share."
            )
        del waiting[job.name]
        results.runs[at[job.name]] = job, result
        _write(out / "results.csv", results.csv())
        report(job, len(at) - len(waiting))

    for job in waiting.values():
        job.result_file.unlink(missing_ok=True)  # of one that failed, or was at work, before
    report(None, len(at) - len(waiting))
    while waiting:
        try:
            with executor(workers, scheduler) as pool:
                for job, _ in completed(pool, run_job, list(waiting.values())):
                    done(job)
        except WorkerLost as error:
            suspects = [job for job in waiting.values() if job.result_file.is_file()]
            if not suspects:
                raise
            for job in suspects:
                losses[job.name] += 1
                if job.result() is None and losses[job.name] == _LOSSES:
                    _write_json(job.result_file, {"error": str(error)})
                if job.result() is not None:
                    done(job)


def run_job(job: Job) -> None:
    """Bring one run to its end, from where it stands, and leave its comparison, or its error, beside it."""
    resumed = job.begun
    _write_json(job.result_file, {"begun": True})
    with _collected_warnings() as warnings:
        try:
            document = {"warnings": warnings, **_fit_and_compare(job, resumed)}
        except (Interrupted, KeyboardInterrupt):
            raise
        except Exception as error:
            text = str(error) if isinstance(error, BornnetError) else f"{type(error).__name__}: {error}"
            document = {"error": text}
    _write_json(job.result_file, document)


def _fit_and_compare(job: Job, resumed: bool) -> dict[str, Any]:
    from ..comparison.compare import compare_run
    from ..compute.devices import limited_threads
    from ..runs.rounds import fit_run

    if job.setting.data is None:
        when_free(lambda: _make(job), _WAIT_SECONDS)
    command = ["bornnet", job.command, str(job.dataset), "--out", str(job.run), "--resume"]
    # what a lost study had sent to a cluster may still be at work on the same run
    fitted = when_free(
        lambda: fit_run(job.dataset, job.run, job.config, resume=True, command=command), _WAIT_SECONDS
    )
    with limited_threads(job.config.workers):
        compared = compare_run(job.run).document()
    baselines = [baseline["orders"] for baseline in compared["baselines"]]
    best = [min(rows, key=lambda row: row["kernel_error"]) for rows in zip(*baselines, strict=True)]
    return {
        "seed": job.seed,
        "members": compared["members"],
        "rounds": compared["rounds"],
        "seconds": None if resumed else fitted.seconds,  # what went before is not known
        "orders": compared["orders"],
        "single_network": compared["single_network"],
        "least_squares": best,
    }


def _make(job: Job) -> None:
    """The dataset of a run, which another run of the study may be making, or may just have made."""
    from ..datasets.generate import generate

    if job.dataset.is_file():
        return
    try:
        generate(job.dataset, job.config)
    except InputError:
        if not job.dataset.is_file():
            raise


@contextmanager
def _collected_warnings() -> Iterator[list[str]]:
    """The warnings that this thread logs in the block, to be kept with the result."""
    collected: list[str] = []
    thread = threading.get_ident()
    handler = logging.Handler(logging.WARNING)
    handler.addFilter(lambda record: record.thread == thread)
    handler.emit = lambda record: collected.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("bornnet")
    logger.addHandler(handler)
    try:
        yield collected
    finally:
        logger.removeHandler(handler)


def _check(study: Study, out: Path, *, resume: bool, force: bool) -> None:
    """`InputError` where the output is not to be written, or a dataset that was given is bad."""
    there = (out / MARKER).is_file()
    if resume and there:
        require_same(study, out)
    else:
        check_new_directory(out, force=force, marker=MARKER)
    for setting in {setting.data: setting for setting in study.settings if setting.data is not None}.values():
        from ..runs.data import read_study_data

        assert setting.data is not None
        if force and setting.data.resolve().is_relative_to(out.resolve()):
            raise InputError(
                f"{setting.data} lies in {out}, which --force replaces; move it elsewhere first."
            )
        read_study_data(setting.data, setting.config)


def _write_json(file: Path, document: dict[str, Any]) -> None:
    _write(file, json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=1) + "\n")


def _write(file: Path, text: str) -> None:
    with new_file(file, force=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
