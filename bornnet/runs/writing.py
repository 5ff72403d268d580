"""Writing a run directory (`directory` says what it holds): one writer, each file whole or not at all."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path
from typing import Any

import numpy as np

from ..config.load import to_toml
from ..config.schema import StudyConfig
from ..errors import InputError
from ..files.arrays import save_arrays
from ..files.atomic import check_new_directory, lock, new_file, when_free
from ..files.checkpoint import load_checkpoint, save_checkpoint
from ..learners.base import Learner
from ..learners.store import save_learner
from .directory import (
    ARRAYS,
    MARKER,
    METRICS,
    SCHEMA_VERSION,
    finished,
    read_json,
    read_metrics,
    round_file,
    stored_config,
)

_WAIT_SECONDS = 0.01  # for another member to have written its learning curve


class RunDirectory:
    """The files of a run, for its one writer."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        with new_file(self.path / name, force=True) as temporary:
            text = json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=1, allow_nan=False)
            temporary.write_text(text + "\n", encoding="utf-8")

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        save_arrays(self.path / name, arrays, form=ARRAYS, force=True)

    @contextmanager
    def writing(self, member: int) -> Iterator[None]:
        """Held by the process that trains a member, which may outlive that which holds the run by moments."""
        folder = self.path / f"member-{member}"
        folder.mkdir(exist_ok=True)
        with lock(folder):
            yield

    def save_curve(self, member: int, number: int, curve: Sequence[tuple[int, float, float, float]]) -> None:
        """Set the learning curve (as of `Progress`) of a member's round in `metrics.jsonl`.

        What stands there of later rounds of the member goes. Other members may be at work at the same time.
        """
        keys = ("step", "error", "held_out_error", "held_out_typical")
        new = [{"member": member, "round": number, **dict(zip(keys, entry, strict=True))} for entry in curve]

        def replace() -> None:
            with new_file(self.path / METRICS, force=True) as temporary:
                before = [
                    line
                    for line in read_metrics(self.path)
                    if line["member"] != member or line["round"] < number
                ]
                lines = sorted(before + new, key=lambda line: (line["member"], line["round"], line["step"]))
                temporary.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

        when_free(replace, _WAIT_SECONDS)

    def save_round(self, member: int, number: int, learner: Learner, facts: Mapping[str, Any]) -> None:
        save_learner(round_file(self.path, member, number), learner, facts=facts, force=True)
        self.drop_checkpoint(member)

    def save_checkpoint(self, member: int, state: Mapping[str, Any]) -> None:
        save_checkpoint(self._checkpoint(member), state)

    def load_checkpoint(self, member: int) -> dict[str, Any] | None:
        """The state of the round in progress, None where there is none; `InputError` where it is damaged."""
        return load_checkpoint(self._checkpoint(member))

    def drop_checkpoint(self, member: int) -> None:
        self._checkpoint(member).unlink(missing_ok=True)

    def finished(self, member: int) -> int:
        """How many rounds the member has finished."""
        return finished(self.path, member)

    def _checkpoint(self, member: int) -> Path:
        return self.path / f"member-{member}" / "checkpoint.pt"


@contextmanager
def open_run(
    path: str | Path,
    config: StudyConfig,
    dataset: Path,
    dataset_sha256: str,
    *,
    force: bool,
    resume: bool,
) -> Iterator[RunDirectory]:
    """A run directory to write, held by one writer at a time.

    A new one gets its `config.toml`. An existing one is taken with `resume`, if it has the same dataset and
    configuration (but for a time limit, which is then the new one), or emptied with `force`; the dataset
    itself may lie in it. Otherwise `InputError`, and nothing is changed.
    """
    path = Path(path)
    _check_free(path, config, dataset, dataset_sha256, force=force, resume=resume)
    with lock(path):
        # again, now that no other writer can change it
        _check_free(path, config, dataset, dataset_sha256, force=force, resume=resume)
        path.mkdir(parents=True, exist_ok=True)
        for member in path.glob("member-*"):
            when_free(lambda member=member: _let_go(member), _WAIT_SECONDS)  # type: ignore[misc]
        _sweep(path)
        if force and not resume:
            _empty(path)
        if not (path / MARKER).is_file() or stored_config(path).time_limit != config.time_limit:
            with new_file(path / MARKER, force=True) as temporary:
                temporary.write_text(to_toml(config), encoding="utf-8")
        yield RunDirectory(path)


def _check_free(
    path: Path, config: StudyConfig, dataset: Path, dataset_sha256: str, *, force: bool, resume: bool
) -> None:
    """`InputError` where the folder is neither free, nor the same run to resume, nor a run to replace."""
    if resume and (path / MARKER).is_file():
        _require_same(path, config, dataset_sha256)
    elif not _holds_no_run(path, dataset):
        if not force and (path / MARKER).is_file() and not (path / "summary.json").is_file():
            raise InputError(
                f"{path} holds a run that is not finished: --resume goes on with it, --force replaces it. Or "
                "give another name."
            )
        check_new_directory(path, force=force, marker=MARKER)


def _holds_no_run(path: Path, dataset: Path) -> bool:
    """Whether there is only the dataset, and what a process left that died before its run's first file."""
    if path.is_symlink() or not path.is_dir():
        return False
    others = [file for file in path.iterdir() if not (file.exists() and file.samefile(dataset))]
    return {file.name for file in others} <= {f".{MARKER}.lock", f".{MARKER}.part"}


def _let_go(member: Path) -> None:
    """Find that no process trains the member any more; `Busy` where one does."""
    with lock(member):
        pass


def _sweep(path: Path) -> None:
    """Remove what a killed writer left half-written; the run's lock says that there is no living one."""
    for folder in [path, *path.glob("member-*")]:
        for file in [*folder.glob(".*.part"), *folder.glob(".*.lock")]:
            file.unlink()


def _require_same(path: Path, config: StudyConfig, dataset_sha256: str) -> None:
    # Threads and time do not define a run: a resumed one may have others.
    both = (stored_config(path), config)
    stored, wanted = (to_toml(each.changed(workers=None, time_limit=None)) for each in both)
    if stored != wanted:
        lines = list(unified_diff(stored.splitlines(), wanted.splitlines(), lineterm="", n=0))
        changes = [line for line in lines[2:] if not line.startswith("@@")]
        raise InputError(
            f"{path} was started with another configuration ({'; '.join(changes)}). Leave the change out to "
            "resume, give another --out, or --force to start again."
        )
    provenance = path / "provenance.json"
    if provenance.is_file():
        before = read_json(provenance)["dataset"]["sha256"]
        if before != dataset_sha256:
            raise InputError(
                f"{path} was started with another dataset (SHA-256 {before[:12]}.., this one "
                f"{dataset_sha256[:12]}..). Give that one, another --out, or --force to start again."
            )


def _empty(path: Path) -> None:
    """Remove what a run writes, a report of it that lies there, and nothing else."""
    for file in [*path.glob("member-*/round-*.safetensors"), *path.glob("member-*/checkpoint.pt")]:
        file.unlink()
    for folder in path.glob("member-*"):
        if not any(folder.iterdir()):
            folder.rmdir()
    for name in (
        "summary.json",
        METRICS,
        "held_out.safetensors",
        "baselines.safetensors",
        "baseline-gp.safetensors",
        "provenance.json",
        MARKER,
    ):
        (path / name).unlink(missing_ok=True)
    report = path / "report.html"
    if report.is_file() and b'name="generator" content="bornnet' in report.read_bytes():
        report.unlink()
