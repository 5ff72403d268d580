"""The learner, rounds and settings that are best for a dataset: a rule made from measured facts.

Kernel errors of orders 1 / 2 / 3, a mixture of families, eta from 3e-3 to 0.5, values alone, one thread:

| cells | potentials | noise | gp | flow | mlp | flow,gp |
| --- | --- | --- | --- | --- | --- | --- |
| 16 | 60 | none | | 8.2e-8 / 7.5e-6 / 2.2e-4 | | 3.5e-8 / 4.6e-6 / 1.8e-4 |
| 16 | 100 | none | 9.2e-5 / 1.0e-2 / 3.3e-2 | 2.0e-8 / 1.1e-6 / 1.8e-5 | | 1.2e-9 / 1.5e-7 / 3.0e-6 |
| 16 | 100 | none | | 4.0e-8 / 1.3e-6 / 1.6e-5 | | 2.4e-9 / 4.6e-7 / 2.0e-5 |
| 16 | 200 | none | | 3.1e-8 / 9.4e-7 / 2.4e-5 | | 2.4e-10 / 1.3e-7 / 3.8e-6 |
| 16 | 300 | none | 1.5e-6 / 9.2e-4 / 5.2e-3 | 2.0e-9 / 1.1e-7 / 8.7e-7 | | 1.7e-11 / 5.9e-9 / 2.0e-7 |
| 16 | 3,000 | none | 1.2e-10 / 1.1e-7 / 2.6e-5 | 2.1e-9 / 7.4e-8 / 8.0e-7 | | 5.1e-14 / 2.2e-11 / 3.7e-9 |
| 16 | 20,000 | none | 7.1e-13 / 4.9e-10 / 1.1e-7 | | 1.1e-7 / 9.1e-6 / 1.8e-4 | |
| 64 | 20,000 | none | 1.4e-10 / 8.6e-7 / 6.5e-5 | 1.7e-8 / 3.8e-7 / 2.9e-6 | | 5.1e-12 / 4.5e-9 / 3.5e-7 |
| 16 | 4,000 | 1 % | 2.1e-3 / 3.1e-2 / 0.12 | 1.2e-3 / 9.2e-3 / | 2.6e-3 / 0.12 / | |
| 16 | 500 | 1 % | 4.5e-3 / 6.6e-2 / 0.14 | | | |

So: a flow, whose weights do not grow with the cells, for noisy values; for exact ones a Gaussian process
behind a flow, once there are a hundred potentials for it (of fewer it gains little). Up to 3,000 by
`python tests/benchmarks/learning_curves.py`, seed 12, and 71 where there are no others beside. A Gaussian
process alone is several times as fast. A flow is a law along r: of an observable that bornnet does not know
nobody says that it has one, so a Gaussian process is taken there. Of more rows than a Gaussian process takes
(16,000) the rest stays unused, and it is still better than a perceptron on all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config.load import AUTO, settled
from ..config.schema import StudyConfig
from ..datasets.content import OBSERVABLE
from ..datasets.labelled import Labelled
from ..datasets.reader import open_dataset

_ENOUGH = 1000  # rows of exact values for a flow
_FOR_TWO = 100  # rows from which on a process behind a flow finds what that left


@dataclass(frozen=True)
class Choice:
    """A learner, its settings, and why."""

    learner: str
    settings: Mapping[str, Any]
    reason: str


def choose(rows: int, cells: int, *, noisy: bool, gradients: bool = False, known: bool = True) -> Choice:
    """The choice for so many potentials.

    Args:
        noisy: whether the values have errors, stated or to be learned.
        gradients: whether derivatives are fitted too, which not every learner can.
        known: whether the values are scattering lengths, or their inverse.
    """
    what = f"{rows:,} potentials of {cells} cells, {'noisy' if noisy else 'exact'} values"
    if gradients and not known:
        return Choice("mlp", {}, f"{what} with gradients of an unknown observable: a perceptron")
    if not known:
        return Choice("gp", {"rounds": 1}, f"{what} of an unknown observable: a Gaussian process")
    if gradients:
        return Choice("flow", {"rounds": 1}, f"{what} with gradients: a flow")
    if noisy:
        small = {"rounds": 1, "flow.hidden": (6, 6), "flow.steps": (30,)}
        return Choice("flow", small, f"{what}: a small flow, which noise misleads least")
    if rows >= _FOR_TWO:
        some = {"rounds": 1, "flow.fit_rows": _ENOUGH}
        return Choice("flow,gp", some, f"{what}: a flow, and a Gaussian process on what it leaves")
    return Choice("flow", {"rounds": 1}, f"{what}: a flow, which needs the fewest potentials")


def for_dataset(study: StudyConfig, source: str | Path) -> StudyConfig:
    """The study with a learner that suits the dataset, where it leaves that open. `InputError` for a file
    that is no dataset."""
    if study.learner != (AUTO,):
        return study
    dataset = open_dataset(source)
    values_alone = "labels" in study.typed and study.labels == "value"
    rows = dataset.labelled(gradient=dataset.gradient and not values_alone)
    return for_rows(study, rows, known=dataset.observable == OBSERVABLE)


def for_generated(study: StudyConfig) -> StudyConfig:
    """The study with a learner that suits the dataset that it describes, where it leaves that open."""
    if study.learner != (AUTO,):
        return study
    noisy = study.noisy or study.sigma == "learn"
    return _with(study, choose(study.samples, study.cells, noisy=noisy, gradients=study.labels == "gradient"))


def for_rows(study: StudyConfig, rows: Labelled, *, known: bool) -> StudyConfig:
    """The study with a learner that suits those rows, where it leaves that open."""
    if study.learner != (AUTO,):
        return study
    noisy = rows.sigma is not None or study.sigma == "learn"
    gradients = rows.gradient is not None
    return _with(study, choose(len(rows), rows.cells, noisy=noisy, gradients=gradients, known=known))


def _with(study: StudyConfig, choice: Choice) -> StudyConfig:
    chosen = {"learner": choice.learner, **choice.settings}
    return settled(study, chosen, f"learner {choice.learner} was chosen for {choice.reason}")
