"""Studies: every setting of a study file with every seed, side by side, into ordinary run directories.

    OUT/study.toml                     the study with its base in full
    OUT/data/<setting>/seed-1.h5       datasets, one for all settings that share it
    OUT/<setting>/seed-1/              a run, which compare-born and load_run open
    OUT/<setting>/seed-1.json          its comparison with the Born series, or why it failed
    OUT/results.csv                    all results so far: one line a run and order

A run that has its comparison is finished; a study that was stopped goes on with the others.
"""

import csv
import io
import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from .config import Data, StudyConfig
from .errors import BornnetError, Busy, InputError, Interrupted, WorkerLost
from .executors import completed, executor
from .files.atomic import check_new_directory, lock, new_file
from .files.run import MARKER as RUN_MARKER
from .files.run import SCHEMA_VERSION
from .study_file import Setting, Study, read_study, slug

MARKER = "study.toml"
_WAIT_SECONDS = 0.5
_LOSSES = 2  # of its process, after which a run counts as failed


@dataclass(frozen=True)
class Job:
    """One setting with one seed: its configuration, its dataset, and the run directory it is to fill."""

    setting: Setting
    seed: int
    command: str
    config: StudyConfig
    dataset: Path
    run: Path

    @property
    def name(self) -> str:
        return f"{self.setting.slug}/{self.run.name}"

    @property
    def result_file(self) -> Path:
        return self.run.with_name(f"{self.run.name}.json")

    def result(self) -> dict[str, Any] | None:
        """What is known of the run: ``orders`` and more of a finished one, ``error`` of a failed one."""
        try:
            document = json.loads(self.result_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None  # also where it is damaged: it is then made again
        return document if isinstance(document, dict) and {"orders", "error"} & set(document) else None

    @property
    def begun(self) -> bool:
        return (self.run / RUN_MARKER).is_file()


@dataclass(frozen=True)
class Results:
    """The results of a study as far as they are there.

    Attributes:
        study: whose they are.
        runs: each run, and what is known of it; None where it is not finished.
    """

    study: Study
    runs: list[tuple[Job, dict[str, Any] | None]]

    @property
    def finished(self) -> int:
        return sum("orders" in (result or {}) for _, result in self.runs)

    @property
    def failed(self) -> list[dict[str, str]]:
        """``run`` and ``error`` of each that failed."""
        return [
            {"run": job.name, "error": result["error"]}
            for job, result in self.runs
            if result is not None and "error" in result
        ]

    def document(self) -> dict[str, Any]:
        """Everything: per setting means and standard deviations over the finished seeds, and each run."""
        return {
            "study": str(self.study.source),
            "command": self.study.command,
            "runs": len(self.runs),
            "finished": self.finished,
            "failed": self.failed,
            "settings": [self._setting(setting) for setting in self.study.settings],
        }

    def _setting(self, setting: Setting) -> dict[str, Any]:
        runs = [(job, result) for job, result in self.runs if job.setting is setting]
        results = [result for _, result in runs if result is not None and "orders" in result]
        seconds = [result["seconds"] for result in results if result["seconds"] is not None]
        return {
            "name": setting.name,
            "changes": setting.changes,
            "runs": len(runs),
            "finished": len(results),
            "orders": _over_seeds([result["orders"] for result in results]),
            "single_network": _over_seeds([result["single_network"] for result in results]),
            "least_squares": _over_seeds([result["least_squares"] for result in results]),
            "seconds": float(np.mean(seconds)) if seconds else None,
            "warnings": sorted({text for result in results for text in result["warnings"]}),
            "seeds": [
                {
                    "seed": job.seed,
                    "run": job.name,
                    "state": _state(job, result),
                    "kernel_error": [row["kernel_error"] for row in (result or {}).get("orders", [])],
                }
                for job, result in runs
            ],
        }

    def csv(self) -> str:
        """One line a finished run and order, under a line of names."""
        keys = list(dict.fromkeys(key for setting in self.study.settings for key in setting.changes))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["setting", *keys, "seed", "order", *_ERRORS, *_BESIDE, "seconds"])
        for job, result in self.runs:
            if result is None or "orders" not in result:
                continue
            values = job.config.model_dump(mode="json") | {"data": job.setting.data}
            settings = [" ".join(map(str, v)) if isinstance(v := values[k], list) else v for k in keys]
            for index, row in enumerate(result["orders"]):
                beside = [
                    rows[index]["kernel_error"] if (rows := result[name]) else None
                    for name in _BESIDE.values()
                ]
                errors = [*(row[name] for name in _ERRORS), *beside]
                writer.writerow(
                    [job.setting.name, *settings, job.seed, row["order"], *errors, result["seconds"]]
                )
        return text.getvalue()


_ERRORS = ("kernel_error", "kernel_cosine", "term_error")
_BESIDE = {
    "one_network_kernel_error": "single_network",
    "least_squares_kernel_error": "least_squares",
}


def plan(study: Study, out: str | Path) -> list[Job]:
    """All runs of a study, seed by seed, so that there is something of every setting soon."""
    out = Path(out).absolute()
    datasets: dict[str, Path] = {}
    jobs = []
    for seed in study.seeds:
        for setting in study.settings:
            config = setting.config.model_copy(update={"seed": seed})
            if setting.data is None:
                own = {key: value for key, value in setting.changes.items() if key in Data.model_fields}
                place = out / "data" / slug(own) / f"seed-{seed}.h5"
                dataset = datasets.setdefault(json.dumps(config.generator()), place)
            else:
                dataset = setting.data
            run = out / setting.slug / f"seed-{seed}"
            jobs.append(Job(setting, seed, study.command, config, dataset, run))
    return jobs


def read_results(study: Study, out: str | Path) -> Results:
    """The results that are there so far, also while the study runs; `InputError` where there is no study."""
    if not (Path(out) / MARKER).is_file():
        raise InputError(f"{out}: no study has been run here: it holds no {MARKER}. Run it without --table.")
    _require_same(study, Path(out))
    return _results(study, out)


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
        results = _results(study, out)
        command = f"bornnet study {quote(str(study.source))} --out {quote(str(out))} --resume"
        raise Interrupted(
            f"Interrupted: {results.finished} of {len(results.runs)} runs are finished, the state of the "
            f"others is saved. Go on with: {command}"
        ) from stop
    return _results(study, out)


def estimate_study(
    study: Study, workers: int, report: Callable[[], Any] = lambda: None
) -> tuple[list[dict[str, Any]], float]:
    """What a study would take on this machine: the size and ``seconds`` of a run by setting, and of all.

    Each setting is timed as `bornnet.estimate.estimate` does, one after another, with data in a temporary
    folder; `report` is called after each. ``potentials`` are those of the round that has the fewest. Raises
    `InputError` as the runs themselves would.
    """
    from .estimate import estimate
    from .generation import generate

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
    return rows, len(study.seeds) * sum(row["seconds"] for row in rows) / workers


def _run_all(
    study: Study,
    out: Path,
    workers: int | None,
    scheduler: str | None,
    report: Callable[[Job | None, int], Any],
) -> None:
    results = _results(study, out)
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
    from .comparing import compare_run
    from .fitting import fit_run
    from .generation import generate
    from .machine import limited_threads

    if job.setting.data is None:
        _when_free(lambda: job.dataset.is_file() or generate(job.dataset, job.config))
    command = ["bornnet", job.command, str(job.dataset), "--out", str(job.run), "--resume"]
    fitted = _when_free(lambda: fit_run(job.dataset, job.run, job.config, resume=True, command=command))
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


def _when_free(action: Callable[[], Any]) -> Any:
    """The action's result, once no other process writes its output.

    Another run of the study may be making the same dataset; what a lost study had sent to a cluster may still
    be at work on the same run.
    """
    while True:
        try:
            return action()
        except Busy:
            time.sleep(_WAIT_SECONDS)


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
        _require_same(study, out)
    else:
        check_new_directory(out, force=force, marker=MARKER)
    for setting in {setting.data: setting for setting in study.settings if setting.data is not None}.values():
        from .study_data import read_study_data

        assert setting.data is not None
        if force and setting.data.resolve().is_relative_to(out.resolve()):
            raise InputError(
                f"{setting.data} lies in {out}, which --force replaces; move it elsewhere first."
            )
        read_study_data(setting.data, setting.config)


def _require_same(study: Study, out: Path) -> None:
    difference = study.differs_from(read_study(out / MARKER))
    if difference:
        raise InputError(
            f"{study.source}: {out} was begun with other settings under the same name ({difference}). "
            "Settings and seeds can be added or taken away, not changed: give another --out, or --force to "
            "start again."
        )


def _results(study: Study, out: str | Path) -> Results:
    return Results(study, [(job, job.result()) for job in plan(study, out)])


def _state(job: Job, result: dict[str, Any] | None) -> str:
    if result is not None:
        return "failed" if "error" in result else "finished"
    return "begun" if job.begun else "waiting"


def _over_seeds(runs: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """By order, mean and standard deviation of the errors over runs."""
    rows = []
    for same_order in zip(*runs, strict=True):
        row = {"order": same_order[0]["order"]}
        for name in _ERRORS:
            values = [run[name] for run in same_order]
            row |= {name: float(np.mean(values)), f"{name}_spread": float(np.std(values))}
        rows.append(row)
    return rows


def _write_json(file: Path, document: dict[str, Any]) -> None:
    _write(file, json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=1) + "\n")


def _write(file: Path, text: str) -> None:
    with new_file(file, force=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
