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
from ..physics.weinberg import bound_states, weinberg_eigenvalue
from ..runs.directory import Run, load_held_out, load_run


@dataclass(frozen=True)
class LearnedPaths:
    """Potentials ``(N, cells)`` by the learned law and by the exact one, lengths in ranges.

    Attributes:
        r: ``(cells,)``, behind every cell.
        exact, learned: y there, ``(N, cells)``; learned ones are means over the members.
        spread: sample standard deviation of the last over the members, ``(N,)``; None for one member.
        truncation: estimated error of the last by the steps' finite length, ``(N,)``.
        strength: eta of every potential, ``(N,)``; NaN where it is not attractive everywhere.
        fitted: the largest eta that the run has held out, as it has fitted.
    """

    r: np.ndarray
    exact: np.ndarray
    learned: np.ndarray
    spread: np.ndarray | None
    truncation: np.ndarray
    strength: np.ndarray
    fitted: float

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
                "beyond_fitted": bool(self.strength[row] > self.fitted),
            }


def follow_law(path: str | Path, potentials: np.ndarray) -> LearnedPaths:
    """The first round's law of every member of a run, on potentials ``(N, cells)`` of any number of cells.

    Raises:
        InputError: a run without a law for the scattering length at U = 0, or a potential with a bound state,
            where y passes through infinity and the law is one of y itself.
    """
    run = load_run(path)
    members = _flows(run)
    U = np.array(potentials, dtype=float)
    bound = np.flatnonzero(np.asarray(bound_states(U)) > 0)
    if len(bound) and any(member.flow.state == "value" for member in members):
        row = int(bound[0])
        where = _first_pole(U[row])
        raise InputError(
            f"potential {row + 1}: a bound state appears inside, where y(r) passes through infinity near "
            f"r = {where:.3g} ranges, and the law of {run.path} is one of y itself; take a weaker potential, "
            "or a flow fitted with state angle."
        )
    attractive = (U >= 0).all(axis=1)
    strength = np.full(len(U), np.nan)
    strength[attractive] = weinberg_eigenvalue(U[attractive])
    paths = []
    for member in members:
        law = member.law()
        assert law is not None
        paths.append(law.path(U).outputs[:, member.flow.substeps - 1 :: member.flow.substeps])
    last = np.array([outputs[:, -1] for outputs in paths])
    cells = U.shape[1]
    return LearnedPaths(
        r=np.arange(1, cells + 1) / cells,
        exact=cut_off_lengths(U),
        learned=np.mean(paths, axis=0),
        spread=None if len(paths) == 1 else spreads(last),
        truncation=np.max([truncation(member.flow, U) for member in members], axis=0),
        strength=strength,
        fitted=float(load_held_out(run.path)["strength"].max()),
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
            f"{run.path}: expected a law along r, as a flow with a linear drive and without an inverse state "
            f"has learned it; the run's learner is {','.join(run.config.learner)}."
        )
    return flows


def _first_pole(U: np.ndarray) -> float:
    """r behind the cell in which the first bound state of the potential cut off at r appears."""
    cells = len(U)
    counts = np.asarray(bound_states(U * np.tri(cells)))
    return float((np.argmax(counts > 0) + 1) / cells)
