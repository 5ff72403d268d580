"""Run directories: everything that a study leaves behind, and what it takes to go on with it.

    RUN/config.toml               the resolved configuration
    RUN/provenance.json           versions, dataset, seed, device, command line
    RUN/metrics.jsonl             the learning curve: one line a step
    RUN/held_out.safetensors      potentials that no network was fitted to, with a0 and eta
    RUN/baselines.safetensors     least-squares polynomials fitted to the same data
    RUN/baseline-gp.safetensors   a Gaussian process on at most 4,000 of the rows
    RUN/member-0/round-1.safetensors   the network of a finished round, in physical units
    RUN/member-0/checkpoint.pt    the state of the round in progress
    RUN/summary.json              what was reached

Every file appears whole or not at all (`writing`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..config.load import load_config
from ..config.schema import StudyConfig
from ..datasets.content import OBSERVABLE
from ..datasets.labelled import Labelled
from ..errors import InputError
from ..files.arrays import load_arrays
from ..learners.base import Learner
from ..learners.store import load_learner
from ..series.learned import LearnedSeries
from ..series.member import learner_of
from ..series.noise import LearnedNoise
from ..series.shown import counted, rounds_table
from ..series.terms import MemberSeries
from ..targets import Target, target

SCHEMA_VERSION = 1
MARKER = "config.toml"
METRICS = "metrics.jsonl"
ARRAYS = "bornnet-arrays"


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
        target: what was learned, around its reference.
    """

    path: Path
    config: StudyConfig
    provenance: dict[str, Any]
    learners: list[list[Learner]]
    scaling: list[list[dict[str, Any]]]
    learned: list[MemberSeries]
    summary: dict[str, Any]
    target: Target

    @property
    def cells(self) -> int:
        """Of the potentials it was fitted to."""
        return int(self.provenance["cells"])

    @property
    def models(self) -> list[list[Any]]:
        """Per member and round the network, for learners that are one, else the learner itself."""
        return [[getattr(learner, "network", learner) for learner in member] for member in self.learners]

    @property
    def series(self) -> LearnedSeries:
        """What all members have learned together."""
        held_out = load_held_out(self.path)
        values, sigma = held_out["scattering_length"], held_out.get("sigma")
        rows = Labelled(held_out["potentials"], values, held_out["strength"], sigma=sigma)
        noise = self.provenance.get("noise")
        found = noise and LearnedNoise(**noise)
        fits = self.summary.get("fits", [])
        return LearnedSeries(tuple(self.learned), self.config, rows, fits, self.target, found)

    @property
    def finished_rounds(self) -> int:
        """The rounds that every member has finished."""
        return min((len(rounds) for rounds in self.learners), default=0)

    def __repr__(self) -> str:
        done, planned = self.finished_rounds, self.config.rounds
        rounds = f"{'' if done == planned else f'{done} of '}{counted(planned, 'round')}"
        what = f"{','.join(self.config.learner)}: {counted(len(self.learners), 'member')}, {rounds}"
        return f"Run({str(self.path)!r}, {what}, {self.cells} cells)"

    def _repr_html_(self) -> str:
        return rounds_table(repr(self), self.summary.get("fits", []))


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


def with_stored_limit(path: str | Path, config: StudyConfig) -> StudyConfig:
    """The configuration of a run to be resumed, with the run's own time limit unless it has another."""
    if config.time_limit is None and (Path(path) / MARKER).is_file():
        return config.changed(time_limit=stored_config(path).time_limit)
    return config


def load_run(path: str | Path) -> Run:
    """A run, finished or in progress: its networks, configuration, scaling and learned terms.

    Raises `InputError` where the folder is no run or a file in it is damaged.
    """
    path = Path(path)
    config = stored_config(path)
    provenance = read_json(path / "provenance.json")
    kind, settings = learner_of(config)
    learners: list[list[Learner]] = []
    scaling = []
    for member in range(config.members):
        files = [round_file(path, member, number + 1) for number in range(finished(path, member))]
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
        path,
        config,
        provenance,
        learners,
        scaling,
        learned,
        read_json(summary) if summary.is_file() else {},
        _target(path, config, provenance),
    )


def _target(path: Path, config: StudyConfig, provenance: Mapping[str, Any]) -> Target:
    """What a run learns, around the reference that its provenance has cell by cell."""
    if config.observable != OBSERVABLE and config.at is None:
        return target("given")
    try:
        found = target(config.target, provenance.get("reference"))
        found.base(int(provenance["cells"]))
        return found
    except InputError as error:
        raise InputError(f"{path / 'provenance.json'}: damaged: {error}") from None


def load_held_out(path: str | Path) -> dict[str, np.ndarray]:
    """`potentials (N, cells)`, `scattering_length (N,)` and `strength (N,)` that no network was fitted to.

    Around a reference, potentials are displacements from it, and values (whatever the target) are less the
    value there.
    """
    return read_arrays(Path(path) / "held_out.safetensors")


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """The learning curves: one entry a step, in the order in which they were made."""
    file = Path(path) / METRICS
    if not file.is_file():
        return []
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        return [line for line in lines if (line["member"], line["round"], line["step"])]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: damaged, expected a JSON object a line ({error}).") from None


def finished(path: Path, member: int) -> int:
    """How many rounds the member has finished."""
    number = 0
    while round_file(path, member, number + 1).is_file():
        number += 1
    return number


def round_file(path: Path, member: int, number: int) -> Path:
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


def read_json(file: Path) -> dict[str, Any]:
    """A file of a run that holds a JSON object; `InputError` where it is missing or damaged."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{file.parent}: the run is incomplete: {file.name} is missing.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: damaged, expected JSON: {error}.") from None
    if not isinstance(document, dict):
        raise InputError(f"{file}: damaged, expected a JSON object.")
    return document


def read_arrays(file: Path) -> dict[str, np.ndarray]:
    if not file.is_file():
        raise InputError(f"{file.parent}: the run is incomplete: {file.name} is missing.")
    return load_arrays(file, form=ARRAYS)[0]
