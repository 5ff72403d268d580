"""Held-out values less what was learned of them, beside the errors that are claimed of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..series.learned import LearnedSeries
from ..series.terms import MemberSeries

_MOST = 1000  # rows: their errors are steady, and a Gaussian process takes its time for each


@dataclass(frozen=True)
class Measured:
    """The labels of held-out rows as they stand in the dataset; around a reference, less the value there.

    Attributes:
        values: ``(N,)``.
        sigma: ``(N,)``, one standard deviation of their errors; None where they are taken as exact.
    """

    values: np.ndarray
    sigma: np.ndarray | None = None


@dataclass(frozen=True)
class Residuals:
    """How a learner fares on N held-out values.

    Attributes:
        rows: ``(N,)``, which of the held-out rows, from weak to strong.
        off: ``(N,)``, the values less the learner's own.
        measured: the values, with their errors.
        std: ``(N,)``, one standard deviation of the learner's own value; None where there is no estimate.
        sums: ``(order, N)``, the values less the sums of terms through each order.
        baselines: by name ``(N,)``, the values less those of another learner.
    """

    rows: np.ndarray
    off: np.ndarray
    measured: Measured
    std: np.ndarray | None
    sums: np.ndarray
    baselines: Mapping[str, np.ndarray]

    @property
    def claimed(self) -> np.ndarray | None:
        """``(N,)``: how large they should be, by the errors of the values and of the learner together; None
        where neither is stated."""
        stated = [error for error in (self.measured.sigma, self.std) if error is not None]
        return np.sqrt(np.sum(np.square(stated), axis=0)) if stated else None

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        claimed = self.claimed
        return {
            "rows": len(self.off),
            "value": {
                **self._sizes(self.off),
                "in_claimed": None if claimed is None else _rms(self.off / claimed),
                "within_two": None if claimed is None else float(np.mean(np.abs(self.off) <= 2 * claimed)),
            },
            "sums": [{"order": n, **self._sizes(off)} for n, off in enumerate(self.sums, start=1)],
            "baselines": [{"name": name, **self._sizes(off)} for name, off in self.baselines.items()],
        }

    def _sizes(self, off: np.ndarray) -> dict[str, float | None]:
        """RMS, median of the moduli over those of the values, and RMS in errors of the values."""
        values, sigma = self.measured.values, self.measured.sigma
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(off == 0, 0.0, np.abs(off / values))
        return {
            "rms": _rms(off),
            "median_relative": float(np.median(relative)),
            "in_sigma": None if sigma is None else _rms(off / sigma),
        }


def residuals(
    series: LearnedSeries,
    potentials: np.ndarray,
    measured: Measured,
    strength: np.ndarray,
    order: int,
    baselines: Mapping[str, MemberSeries],
) -> Residuals:
    """Of held-out ``potentials (N, cells)``, displacements from the reference, or of `_MOST` of them."""
    target = series.target
    rows = np.argsort(strength, kind="stable")
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(_MOST, len(rows))).astype(int))]
    potentials = potentials[rows]
    sigma = None if measured.sigma is None else measured.sigma[rows]
    measured = Measured(measured.values[rows], sigma)
    full = target.base(potentials.shape[1]) + potentials
    sums = np.cumsum(series.terms(full, order), axis=0)
    return Residuals(
        rows=rows,
        off=measured.values - (series.predict(full) - target.value),
        measured=measured,
        std=series.predict_std(full),
        sums=measured.values - sums,
        baselines={name: measured.values - fit.predict(potentials) for name, fit in baselines.items()},
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
