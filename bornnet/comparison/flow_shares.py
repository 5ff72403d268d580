"""The diagrams of a flow of a run: rooted trees along r, and what each is worth in its order n."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..files.potentials import read_potentials, require_finite
from ..learners.flow.diagrams import FlowDiagram, diagram_tensors, diagram_terms, flow_diagrams
from ..learners.flow.learner import FlowLearner
from ..learners.flow.trees import HIGHEST_VALUED
from ..networks.packed import multiplicity_factorials
from .network_shares import ChosenModel, OrderShares
from .words import words


@dataclass(frozen=True)
class TreeShare:
    """One tree's part: the norm of its coefficients, that over the whole order's, and its value along the
    direction, in ranges."""

    diagram: FlowDiagram
    norm: float
    relative: float
    along: float


@dataclass(frozen=True, kw_only=True)
class FlowShares(OrderShares):
    """The coefficient of a flow, tree by tree.

    Attributes:
        shares: one per tree; their values sum to ``along``.
        vertex_shares: for k = 0 to n - 1 the norm of all trees with a vertex of k branches, over the whole.
    """

    shares: Sequence[TreeShare]
    vertex_shares: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """What `bornnet diagrams --json` holds."""
        return {
            **super().as_dict(),
            "vertex_shares": [
                {"branches": k, "relative": share} for k, share in enumerate(self.vertex_shares)
            ],
            "diagrams": [
                {
                    "diagram": share.diagram.notation,
                    "vertices": list(share.diagram.vertices),
                    "norm": share.norm,
                    "relative": share.relative,
                    "along": share.along,
                }
                for share in self.shares
            ],
        }


def flow_shares(chosen: ChosenModel, order: int, member: int, along: str | Path | None = None) -> FlowShares:
    """The shares of every tree of an order in a flow of a run.

    Args:
        along: CSV or NPY file of one potential, or of a displacement from the run's reference, on any number
            of cells (around a reference on its own); by default the square well U = 1 on those of the run.

    Raises ``InputError`` for a flow without such diagrams, an order above `HIGHEST_VALUED`, a displacement on
    other cells than the reference's, and tensors that would not fit.
    """
    learner, run = chosen.model, chosen.run
    if not isinstance(learner, FlowLearner):
        raise InputError(f"{run.path}: expected a run of a flow, got {','.join(run.config.learner)}.")
    if order > HIGHEST_VALUED:
        raise InputError(
            f"--order: expected a number from 1 to {HIGHEST_VALUED} for the trees of a flow, which "
            f"{run.path} has; got {order}."
        )
    direction = np.ones(run.cells) if along is None else _direction(along)
    cells = len(direction)
    if run.target.reference is not None and cells != run.cells:
        raise InputError(
            f"{along}: expected {run.cells} cells, as many as the run's reference has, got {cells}."
        )
    exact = run.target.terms(direction, order)
    trees = flow_diagrams(order)
    parts = [part / factorial(order) for part in diagram_tensors(learner.flow, order, cells, packed=True)]
    values = diagram_terms(learner.flow, order, direction[None])[:, 0]
    copies = factorial(order) / multiplicity_factorials(cells, order)

    def norm(chosen: Sequence[np.ndarray]) -> float:
        return float(np.sqrt(copies @ sum(chosen, np.zeros(len(copies))) ** 2))

    whole = norm(parts)

    def relative(chosen: Sequence[np.ndarray]) -> float:
        return norm(chosen) / whole if whole else 0.0

    return FlowShares(
        order=order,
        round=chosen.round,
        member=member,
        direction=direction,
        shares=[
            TreeShare(tree, norm([part]), relative([part]), float(value))
            for tree, part, value in zip(trees, parts, values, strict=True)
        ],
        norm=whole,
        along=float(values.sum()),
        born_term=None if exact is None else float(exact[order - 1]),
        vertex_shares=tuple(
            relative([part for tree, part in zip(trees, parts, strict=True) if k in tree.vertices])
            for k in range(order)
        ),
        words=words(run.target, run.config.at),
    )


def _direction(file: str | Path) -> np.ndarray:
    table = read_potentials(file)
    if len(table) != 1:
        raise InputError(f"{file}: expected one potential, got {len(table)}.")
    require_finite(file, table)
    return np.array(table[0], dtype=float)
