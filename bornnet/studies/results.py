"""A study as it lies on the disk: the runs that it is to have, and what is known of each.

OUT/study.toml                     the study with its base in full
OUT/data/<setting>/seed-1.h5       datasets, one for all settings that share it
OUT/<setting>/seed-1/              a run, which compare-born and load_run open
OUT/<setting>/seed-1.json          its comparison with the Born series, or why it failed
OUT/results.csv                    all results so far: one line a run and order
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..config.schema import Data, StudyConfig
from ..errors import InputError
from ..learners.spread import spread
from ..runs.directory import MARKER as RUN_MARKER
from .file import Study, read_study
from .grid import Setting, slug

MARKER = "study.toml"


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
            values = job.config.flat("json") | {"data": job.setting.data}
            # a key of another learner than the run's has no value
            settings = [" ".join(map(str, v)) if isinstance(v := values.get(k), list) else v for k in keys]
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
            config = setting.config.changed(seed=seed)
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
    require_same(study, Path(out))
    return results_so_far(study, out)


def results_so_far(study: Study, out: str | Path) -> Results:
    """As `read_results`, of a study that is known to be there."""
    return Results(study, [(job, job.result()) for job in plan(study, out)])


def _state(job: Job, result: dict[str, Any] | None) -> str:
    if result is not None:
        return "failed" if "error" in result else "finished"
    return "begun" if job.begun else "waiting"


def _over_seeds(runs: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """By order, mean and standard deviation of the errors over runs."""
    rows = []
    for same_order in zip(*filter(None, runs), strict=True):
        row = {"order": same_order[0]["order"]}
        for name in _ERRORS:
            values = [run[name] for run in same_order]
            row |= {name: float(np.mean(values)), f"{name}_spread": spread(values)}
        rows.append(row)
    return rows


def require_same(study: Study, out: Path) -> None:
    """`InputError` where the study there has a setting of the same name with other values."""
    difference = study.differs_from(read_study(out / MARKER))
    if difference:
        raise InputError(
            f"{study.source}: {out} was begun with other settings under the same name ({difference}). "
            "Settings and seeds can be added or taken away, not changed: give another --out, or --force to "
            "start again."
        )
