"""Rows that disagree most with what was learned, in units of their errors, as the dataset numbers them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.labelled import Labelled, held_out_rows
from ..datasets.reader import open_dataset
from ..errors import InputError
from ..runs.directory import Run
from ..series.displaced import displaced
from ..series.learned import LearnedSeries
from ..series.noise import LearnedNoise

BEYOND = 4.0
"""Errors: of 15,000 rows with Gaussian ones, one is off by more."""

_LISTED = 10
_MOST = 20_000  # rows predicted for this; of a larger dataset, the held-out rows alone


@dataclass(frozen=True)
class Outlier:
    """A row of the dataset, counted from 1.

    Attributes:
        strength: of the potential.
        value, learned: the label, and the learner's own.
        sigma: the label's stated error; None where none is.
        in_sigma: value less learned, over sigma.
        in_typical: the same over what is typical of rows of its strength: 1.4826 times the median of
            ``|value - learned| / strength``, times its strength.
        held_out: whether nothing was fitted to it.
    """

    row: int
    strength: float
    value: float
    learned: float
    sigma: float | None
    in_sigma: float | None
    in_typical: float
    held_out: bool

    @property
    def off(self) -> float:
        """How far it is off, in its error where that is stated, else in what is typical."""
        return self.in_typical if self.in_sigma is None else self.in_sigma


@dataclass(frozen=True)
class Outliers:
    """The rows that are off most, the worst first.

    Attributes:
        judged: how many rows were looked at.
        whole: whether these are all of the dataset, or its held-out rows alone.
        beyond: how many are off by more than `BEYOND`.
    """

    rows: tuple[Outlier, ...]
    judged: int
    whole: bool
    beyond: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "outliers": [asdict(row) for row in self.rows],
            "outliers_beyond_four": self.beyond,
            "rows_judged": self.judged,
        }


def outliers_of_run(run: Run) -> Outliers:
    """Of all rows, where the dataset is where it was and not too large; else of the held-out ones."""
    series = run.series
    rows = dataset_rows(run)
    return outliers_of_series(series) if rows is None else _outliers(series, rows, np.arange(len(rows)), True)


def outliers_of_series(series: LearnedSeries) -> Outliers:
    """Of the held-out rows that a series has kept."""
    assert series.held_out is not None
    assert series.config is not None
    kept, config = series.held_out, series.config
    index = held_out_rows(config.samples, config.holdout, config.seed)[: len(kept)]
    return _outliers(series, kept, index, False)


def _outliers(series: LearnedSeries, rows: Labelled, index: np.ndarray, whole: bool) -> Outliers:
    """Of rows (displacements from the reference) that stand at ``index`` in the dataset."""
    base = series.target.base(rows.cells)
    learned = np.concatenate(
        [series.predict(base + rows.potentials[block]) - series.target.value for block in rows.blocks()]
    )
    off = rows.values - learned
    sigma = (
        rows.sigma if series.noise is None else _learned_sigma(series.noise, learned + series.target.value)
    )
    typical = 1.4826 * float(np.median(np.abs(off) / rows.strength)) * rows.strength
    with np.errstate(divide="ignore", invalid="ignore"):
        in_typical = np.where(typical > 0, off / typical, 0.0)
    measure = in_typical if sigma is None else off / sigma
    config = series.config
    held = set(held_out_rows(config.samples, config.holdout, config.seed).tolist()) if config else set()
    found = [
        Outlier(
            row=int(index[k]) + 1,
            strength=float(rows.strength[k]),
            value=float(rows.values[k]) + series.target.value,
            learned=float(learned[k]) + series.target.value,
            sigma=None if sigma is None else float(sigma[k]),
            in_sigma=None if sigma is None else float(measure[k]),
            in_typical=float(in_typical[k]),
            held_out=int(index[k]) in held,
        )
        for k in np.argsort(-np.abs(measure), kind="stable")[:_LISTED]
    ]
    return Outliers(tuple(found), len(rows), whole, int(np.sum(np.abs(measure) > BEYOND)))


def _learned_sigma(noise: LearnedNoise, values: np.ndarray) -> np.ndarray | None:
    """The errors that were learned of all values, those of the dataset among them."""
    if noise.kind is None:
        return None
    return noise.level * (np.abs(values) if noise.kind == "relative" else np.ones(len(values)))


def dataset_rows(run: Run) -> Labelled | None:
    """The rows of the dataset that the run learned from, if it is still there and the same."""
    stated = run.provenance.get("dataset", {})
    if not 0 < int(stated.get("samples", 0)) <= _MOST:
        return None
    for place in _places(run, Path(str(stated.get("file", "")))):
        try:
            reader = open_dataset(place, check=False)
            if reader.sha256 == stated.get("sha256"):
                return displaced(reader.labelled(gradient=False), run.target)
        except InputError:
            continue
    return None


def _places(run: Run, file: Path) -> Sequence[Path]:
    """Where the dataset may be: as it was named, or beside the run or in it."""
    return [file, run.path.parent / file.name, run.path / file.name]
