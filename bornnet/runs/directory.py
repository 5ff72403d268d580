"""Run directories: everything that a study leaves behind, and what it takes to go on with it.

    RUN/config.toml               the resolved configuration
    RUN/provenance.json           versions, dataset, seed, device, command line
    RUN/metrics.jsonl             the learning curve: one line a step
    RUN/held_out.safetensors      potentials that no network was fitted to, with a0 and eta
    RUN/baselines.safetensors     least-squares polynomials fitted to the same data
    RUN/member-0/round-1.safetensors   the network of a finished round, in physical units
    RUN/member-0/checkpoint.pt    the state of the round in progress
    RUN/summary.json              what was reached

Every file appears whole or not at all.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

import numpy as np

from ..config.load import load_config, to_toml
from ..config.schema import StudyConfig
from ..errors import InputError
from ..learners.polynomial.least_squares import Polynomial
from ..series.learned import HeldOut, LearnedSeries, MemberSeries
from ..series.member import learner_of
from ..files.arrays import load_arrays, save_arrays
from ..files.atomic import check_new_directory, lock, new_file, when_free
from ..files.checkpoint import load_checkpoint, save_checkpoint
from ..learners.base import Learner
from ..learners.store import load_learner, save_learner

SCHEMA_VERSION = 1
MARKER = "config.toml"
_METRICS = "metrics.jsonl"
_ARRAYS = "bornnet-arrays"
_WAIT_SECONDS = 0.01  # for another member to have written its learning curve


@dataclass(frozen=True)
class Run:
    """A run as it stands on the disk.

    Attributes:
        path: the directory.
        config: its resolved configuration.
        provenance: versions, dataset, seed, device, command line.
        learners: per member what the finished rounds have learned, in physical units (potential in units of
            1/range^2 in, scattering length in ranges out).
        scaling: per member and round what the network was trained in: input factors, output unit, floor.
        learned: per member the learned Born series, which predicts, contracts and compares.
        summary: what was reached; empty while the run is in progress.
    """

    path: Path
    config: StudyConfig
    provenance: dict[str, Any]
    learners: list[list[Learner]]
    scaling: list[list[dict[str, Any]]]
    learned: list[MemberSeries]
    summary: dict[str, Any]

    @property
    def cells(self) -> int:
        return int(self.provenance["cells"])

    @property
    def models(self) -> list[list[Any]]:
        """Per member and round the network, for learners that are one, else the learner itself."""
        return [[getattr(learner, "network", learner) for learner in member] for member in self.learners]

    @property
    def series(self) -> LearnedSeries:
        """What all members have learned together."""
        held_out = load_held_out(self.path)
        rows = HeldOut(held_out["potentials"], held_out["scattering_length"], held_out["strength"])
        return LearnedSeries(tuple(self.learned), self.config, rows)

    @property
    def finished_rounds(self) -> int:
        """The rounds that every member has finished."""
        return min((len(rounds) for rounds in self.learners), default=0)


class RunDirectory:
    """The files of a run, for its one writer."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        with new_file(self.path / name, force=True) as temporary:
            text = json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=1, allow_nan=False)
            temporary.write_text(text + "\n", encoding="utf-8")

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        save_arrays(self.path / name, arrays, form=_ARRAYS, force=True)

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
            with new_file(self.path / _METRICS, force=True) as temporary:
                before = [
                    line
                    for line in read_metrics(self.path)
                    if line["member"] != member or line["round"] < number
                ]
                lines = sorted(before + new, key=lambda line: (line["member"], line["round"], line["step"]))
                temporary.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

        when_free(replace, _WAIT_SECONDS)

    def save_round(self, member: int, number: int, learner: Learner, facts: Mapping[str, Any]) -> None:
        save_learner(_round_file(self.path, member, number), learner, facts=facts, force=True)
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
        number = 0
        while _round_file(self.path, member, number + 1).is_file():
            number += 1
        return number

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

    A new one gets its `config.toml`. An existing one is taken with `resume`, if it has the same
    configuration and dataset, or emptied with `force`; the dataset itself may lie in it. Otherwise
    `InputError`, and nothing is changed.
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
        if not (path / MARKER).is_file():
            with new_file(path / MARKER, force=True) as temporary:
                temporary.write_text(to_toml(config), encoding="utf-8")
        yield RunDirectory(path)


def stored_config(path: str | Path) -> StudyConfig:
    """The configuration of a run; `InputError` where the folder is no run."""
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"{path}: no such run directory.")
    if not (path / MARKER).is_file():
        raise InputError(f"{path} is no run directory: it holds no {MARKER}.")
    try:
        return load_config(file=path / MARKER)
    except InputError as error:
        raise InputError(str(error).removeprefix("--config: ")) from None


def load_run(path: str | Path) -> Run:
    """A run, finished or in progress: its networks, configuration, scaling and learned terms.

    Raises `InputError` where the folder is no run or a file in it is damaged.
    """
    path = Path(path)
    config = stored_config(path)
    provenance = _read_json(path / "provenance.json")
    kind, settings = learner_of(config)
    learners: list[list[Learner]] = []
    scaling = []
    for member in range(config.members):
        files = [
            _round_file(path, member, number + 1) for number in range(RunDirectory(path).finished(member))
        ]
        loaded = [load_learner(file) for file in files]
        for file, (learner, _) in zip(files, loaded, strict=True):
            _require_same_learner(file, learner, kind, int(provenance["cells"]), settings)
        learners.append([learner for learner, _ in loaded])
        scaling.append([facts for _, facts in loaded])
    corrected = config.lower_orders == "corrected"
    cells = int(provenance["cells"])
    learned = [MemberSeries(tuple(rounds), corrected, cells) for rounds in learners if rounds]
    summary = path / "summary.json"
    return Run(
        path, config, provenance, learners, scaling, learned, _read_json(summary) if summary.is_file() else {}
    )


def load_held_out(path: str | Path) -> dict[str, np.ndarray]:
    """`potentials (N, cells)`, `scattering_length (N,)` and `strength (N,)` that no network was fitted to."""
    return _read_arrays(Path(path) / "held_out.safetensors")


def save_baselines(directory: RunDirectory, baselines: Mapping[int, Polynomial]) -> None:
    """Least-squares polynomials by degree."""
    directory.write_arrays(
        "baselines.safetensors",
        {
            f"degree-{degree}/order-{order}": monomials
            for degree, polynomial in baselines.items()
            for order, monomials in enumerate(polynomial.monomials, start=1)
        },
    )


def load_baselines(path: str | Path, cells: int) -> dict[int, Polynomial]:
    """The least-squares polynomials of a run, by degree."""
    arrays = _read_arrays(Path(path) / "baselines.safetensors")
    degrees = sorted({int(re.findall(r"\d+", name)[0]) for name in arrays})
    return {
        degree: Polynomial(cells, tuple(arrays[f"degree-{degree}/order-{n}"] for n in range(1, degree + 1)))
        for degree in degrees
    }


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """The learning curves: one entry a step, in the order in which they were made."""
    file = Path(path) / _METRICS
    if not file.is_file():
        return []
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        return [line for line in lines if (line["member"], line["round"], line["step"])]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: damaged, expected a JSON object a line ({error}).") from None


def _round_file(path: Path, member: int, number: int) -> Path:
    return path / f"member-{member}" / f"round-{number}.safetensors"


def _require_same_learner(
    file: Path, learner: Learner, kind: type[Learner], cells: int, settings: Any
) -> None:
    try:
        if learner.kind != kind.kind:
            raise ValueError(f"expected a learner {kind.kind!r}, got {learner.kind!r}")
        learner.require(cells, settings)
    except ValueError as error:
        raise InputError(f"{file}: {error}, as {MARKER} says; the file belongs to another run.") from None


def _check_free(
    path: Path, config: StudyConfig, dataset: Path, dataset_sha256: str, *, force: bool, resume: bool
) -> None:
    """`InputError` where the folder is neither free, nor the same run to resume, nor a run to replace."""
    if resume and (path / MARKER).is_file():
        _require_same(path, config, dataset_sha256)
    elif not _holds_no_run(path, dataset):
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
    # How many threads there are does not define a run: a resumed one may have others.
    stored, wanted = (to_toml(c.changed(workers=None)) for c in (stored_config(path), config))
    if stored != wanted:
        lines = list(unified_diff(stored.splitlines(), wanted.splitlines(), lineterm="", n=0))
        changes = [line for line in lines[2:] if not line.startswith("@@")]
        raise InputError(
            f"{path} was started with another configuration ({'; '.join(changes)}). Leave the change out to "
            "resume, give another --out, or --force to start again."
        )
    provenance = path / "provenance.json"
    if provenance.is_file():
        before = _read_json(provenance)["dataset"]["sha256"]
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
        _METRICS,
        "held_out.safetensors",
        "baselines.safetensors",
        "provenance.json",
        MARKER,
    ):
        (path / name).unlink(missing_ok=True)
    report = path / "report.html"
    if report.is_file() and b'name="generator" content="bornnet' in report.read_bytes():
        report.unlink()


def _read_json(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{file.parent}: the run is incomplete: {file.name} is missing.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: damaged, expected JSON: {error}.") from None
    if not isinstance(document, dict):
        raise InputError(f"{file}: damaged, expected a JSON object.")
    return document


def _read_arrays(file: Path) -> dict[str, np.ndarray]:
    if not file.is_file():
        raise InputError(f"{file.parent}: the run is incomplete: {file.name} is missing.")
    return load_arrays(file, form=_ARRAYS)[0]
