"""What a run predicts for other potentials: values, terms, their errors, and where it is out of its depth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..physics.weinberg import weinberg_eigenvalue
from .directory import Run, load_held_out, load_run

_NEIGHBOURS = 1000  # held-out potentials that stand for all that a run knows
_FAR = 2.0  # times the largest distance between neighbours among these
_NAMED = 5  # rows named in a warning


@dataclass(frozen=True)
class Prediction:
    """Values and terms of N potentials; None where there is no estimate of an error.

    Attributes:
        values: ``(N,)``, the learner's own; NaN where it has none (`notes`).
        values_std: ``(N,)``.
        terms: ``(order, N)``.
        terms_std: ``(order, N)``.
        observable: what the values are of.
        warnings: about potentials unlike those learned from.
        unlike: by row from 0, in which ways it is unlike them: ``"strength"``, ``"distance"``.
        start: the value at the reference, with which sums of terms begin; 0 at U = 0.
        notes: ``(N,)``, why there is no value; None where there is one.
    """

    values: np.ndarray
    values_std: np.ndarray | None
    terms: np.ndarray
    terms_std: np.ndarray | None
    observable: str
    warnings: tuple[str, ...]
    start: float = 0.0
    notes: tuple[str | None, ...] = ()
    unlike: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As ``bornnet predict --json`` prints it."""
        rows = range(len(self.values))
        return {
            "observable": self.observable,
            "potentials": [
                {
                    "row": row + 1,
                    "value": _number(self.values, row),
                    "value_std": None if self.values_std is None else _number(self.values_std, row),
                    "terms": self.terms[:, row].tolist(),
                    "terms_std": None if self.terms_std is None else self.terms_std[:, row].tolist(),
                    "sum": self.start + float(self.terms[:, row].sum()),
                    "unlike": list(self.unlike.get(row, ())),
                    **({"note": self.notes[row]} if any(self.notes) else {}),
                }
                for row in rows
            ],
            "warnings": list(self.warnings),
        }


def predict(path: str | Path, potentials: np.ndarray, order: int | None = None) -> Prediction:
    """What the run at ``path`` says of ``potentials (N, cells)``, with terms through ``order`` (its own).

    Raises ``InputError`` where it is no run, has no finished round, or its learner is tied to another number
    of cells.
    """
    run = load_run(path)
    if run.finished_rounds == 0:
        raise InputError(f"{path}: no round is finished by all members yet; wait, or go on with --resume.")
    cells = potentials.shape[1]
    if cells != run.cells and not all(learner.any_cells for own in run.learners for learner in own):
        raise InputError(
            f"the potentials have {cells} cells, but {path} has learned from potentials of {run.cells}; "
            f"bring them onto {run.cells} cells, or take a learner of any number of cells (flow)."
        )
    order = order or run.config.order
    series = run.series
    warnings, unlike = unlike_learned(run, potentials)
    notes = series.without_value(potentials)
    return Prediction(
        series.predict(potentials),
        series.predict_std(potentials),
        series.terms(potentials, order),
        series.terms_std(potentials, order),
        run.config.observable,
        (*warnings, *_grouped(notes)),
        run.target.value,
        tuple(notes),
        unlike,
    )


def _grouped(notes: Sequence[str | None]) -> list[str]:
    """Every reason with the rows that it is of."""
    reasons = sorted({note for note in notes if note})
    named = [(np.array([i for i, note in enumerate(notes) if note == reason]), reason) for reason in reasons]
    return [f"{_rows(index)}: no value: {reason}." for index, reason in named]


def _number(values: np.ndarray, row: int) -> float | None:
    return float(values[row]) if np.isfinite(values[row]) else None


def unlike_learned(run: Run, potentials: np.ndarray) -> tuple[list[str], dict[int, tuple[str, ...]]]:
    """Warnings of all potentials ``(N, cells)`` together, and by row from 0 in which ways, ``"strength"`` or
    ``"distance"``, one is unlike those learned from."""
    held_out = load_held_out(run.path)
    found = []
    unlike: dict[int, tuple[str, ...]] = {int(row): () for row in range(len(potentials))}
    around = run.target.reference is not None
    strength = run.target.strength(potentials) if around else weinberg_eigenvalue(np.abs(potentials))
    potentials = run.target.displacements(potentials)
    low, high = float(held_out["strength"].min()), float(held_out["strength"].max())
    strong = np.flatnonzero(strength > high)
    if len(strong):
        unlike |= {int(row): ("strength",) for row in strong}
        found.append(
            f"{_rows(strong)}: stronger than what was learned from ({'strength' if around else 'eta'} "
            f"{strength[strong].max():.3g}, there "
            f"{low:.3g} to {high:.3g}): an extrapolation."
        )
    if potentials.shape[1] == run.cells:
        known = held_out["potentials"]
        unit = np.sqrt(np.mean(known**2, axis=0))
        unit[unit == 0] = 1.0
        known = known[:_NEIGHBOURS] / unit
        among = np.sort(_distances(known, known), axis=1)[:, 1:2]
        apart = _distances(potentials / unit, known).min(axis=1)
        far = np.flatnonzero(apart > _FAR * (among.max() if among.size else np.inf))
        if len(far):
            unlike |= {int(row): (*unlike[int(row)], "distance") for row in far}
            found.append(f"{_rows(far)}: far from every potential that was learned from.")
    return found, {row: ways for row, ways in unlike.items() if ways}


def _distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    squares = np.sum(x**2, axis=1)[:, None] + np.sum(y**2, axis=1) - 2 * x @ y.T
    return np.sqrt(np.maximum(squares, 0))


def _rows(index: np.ndarray) -> str:
    named = ", ".join(str(row + 1) for row in index[:_NAMED])
    more = f" and {len(index) - _NAMED} more" if len(index) > _NAMED else ""
    return f"row{'s' if len(index) > 1 else ''} {named}{more}"
