"""The law that a run has learned, integrated for given potentials beside the exact one.

A flow knows ``dy/dr = U g(y, r)``; the exact law is ``g = -(r - y)^2`` (`physics.variable_phase`), so that
both can be followed from r = 0 outwards: y(r) is the scattering length of the potential cut off at r.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..learners.flow.accuracy import truncation
from ..learners.flow.learner import FlowLearner
from ..learners.spread import spreads
from ..physics.variable_phase import cut_off_lengths
from ..physics.weinberg import weinberg_eigenvalue
from ..runs.directory import Run, load_held_out, load_run
from ..runs.predict import unlike_learned
from ..series.reach import without_value


@dataclass(frozen=True)
class LearnedPaths:
    """Potentials ``(N, cells)`` by the learned law and by the exact one, lengths in ranges.

    Attributes:
        r: ``(cells,)``, behind every cell.
        exact, learned: y there, ``(N, cells)``; learned ones are means over the members, and NaN for a
            potential that the run has no value for.
        spread: sample standard deviation of the last over the members, ``(N,)``; None for one member.
        truncation: estimated error of the last by the steps' finite length, ``(N,)``.
        strength: eta of every potential, ``(N,)``; NaN where it is not attractive everywhere.
        fitted: the largest eta that the run has held out, as it has fitted.
        notes: ``(N,)``, why there is no value; None where there is one.
        unlike: ``(N,)``, in which ways each is unlike what the run was fitted to, as `runs.predict` finds.
    """

    r: np.ndarray
    exact: np.ndarray
    learned: np.ndarray
    spread: np.ndarray | None
    truncation: np.ndarray
    strength: np.ndarray
    fitted: float
    notes: tuple[str | None, ...]
    unlike: tuple[tuple[str, ...], ...]

    def records(self, length: float = 1.0) -> Iterator[dict[str, Any]]:
        """Of each potential, as plain numbers in the unit of which one range is ``length``."""
        for row, (exact, learned) in enumerate(zip(self.exact[:, -1], self.learned[:, -1], strict=True)):
            yield {
                "scattering_length": length * float(exact),
                "learned": length * float(learned),
                "learned_spread": None if self.spread is None else length * float(self.spread[row]),
                "difference": length * float(learned - exact),
                "truncation": length * float(self.truncation[row]),
                "strength": float(self.strength[row]),
                "beyond_fitted": "strength" in self.unlike[row],
                "unlike": list(self.unlike[row]),
                "note": self.notes[row],
            }


def follow_law(path: str | Path, potentials: np.ndarray) -> LearnedPaths:
    """The first round's law of every member of a run, on potentials ``(N, cells)`` of any number of cells.

    It is followed where the run has a value, as `bornnet predict` says: a bound state, with which y passes
    through infinity, or a state that leaves those of the fit has none.

    Raises:
        InputError: a run without a law for the scattering length at U = 0.
    """
    run = load_run(path)
    members = _flows(run)
    U = np.array(potentials, dtype=float)
    notes = without_value([rounds for rounds in run.learners if rounds], run.target, U)
    kept = np.array([note is None for note in notes], dtype=bool)
    unlike = unlike_learned(run, U)[1]
    attractive = (U >= 0).all(axis=1)
    strength = np.full(len(U), np.nan)
    strength[attractive] = weinberg_eigenvalue(U[attractive])
    paths = np.full((len(members), *U.shape), np.nan)
    truncations = np.full((len(members), len(U)), np.nan)
    for number, member in enumerate(members if kept.any() else ()):
        law = member.law()
        assert law is not None
        substeps = member.flow.substeps
        paths[number, kept] = law.path(U[kept]).outputs[:, substeps - 1 :: substeps]
        truncations[number, kept] = truncation(member.flow, U[kept])
    cells = U.shape[1]
    return LearnedPaths(
        r=np.arange(1, cells + 1) / cells,
        exact=cut_off_lengths(U),
        learned=np.mean(paths, axis=0),
        spread=None if len(paths) == 1 else spreads(paths[:, :, -1]),
        truncation=truncations.max(axis=0),
        strength=strength,
        fitted=float(load_held_out(run.path)["strength"].max()),
        notes=tuple(notes),
        unlike=tuple(unlike.get(row, ()) for row in range(len(U))),
    )


def _flows(run: Run) -> list[FlowLearner]:
    if run.config.at is not None or run.target.name != "scattering_length":
        raise InputError(f"{run.path}: expected a run of the scattering length around U = 0.")
    found = [rounds[0] for rounds in run.learners if rounds]
    if not found:
        raise InputError(f"{run.path}: no round is finished yet.")
    flows = [learner for learner in found if isinstance(learner, FlowLearner) and learner.law() is not None]
    if len(flows) < len(found):
        raise InputError(
            f"{run.path}: expected a law along r, as a flow with a linear drive has learned "
            f"it; the run's learner is {','.join(run.config.learner)}."
        )
    return flows
