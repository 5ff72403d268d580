"""Which diagrams make up the learned terms: the share of each, over the members of an ensemble."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial, nan
from typing import Any

import numpy as np

from ..config.registry import MODULE
from ..diagrams.diagram import Diagram, diagrams
from ..diagrams.shares import DiagramShare, diagram_shares
from ..learners.base import Learner
from ..learners.mlp.perceptron import Perceptron
from ..learners.spread import spread
from ..networks.mlp import MLP
from ..networks.packed import packed_size
from ..series.terms import MemberSeries

AFFORDABLE = 2e7  # entries of all diagrams' tensors: seconds of work


@dataclass(frozen=True)
class DiagramRow:
    """One diagram's part of the learned order-n term; means over the members, spreads their deviation.

    Attributes:
        diagram: the diagram.
        norm: Frobenius norm of its part of the order-n Taylor coefficients; nan where that would take too
            long, or where several networks make up the order.
        along: its value on the chosen potential, in ranges; values of all diagrams add up to the term.
        share: that value over the whole term's; nan where the term is zero.
        layers: the value by the hidden layer (1 is next to the input) in which the root vertex stands.
    """

    diagram: Diagram
    norm: float
    along: float
    along_spread: float | None
    share: float
    share_spread: float | None
    layers: dict[int, float]

    @property
    def vanishes(self) -> bool:
        """Whether it is zero in every member, as where it needs more hidden layers than there are."""
        return not self.along and not self.along_spread and not self.norm > 0

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON holds it."""
        numbers = ("norm", "along", "along_spread", "share", "share_spread")
        return {
            "diagram": self.diagram.notation,
            "labelings": self.diagram.labelings,
            **{name: getattr(self, name) for name in numbers},
        }


def compare_diagrams(members: Sequence[MemberSeries], order: int, direction: np.ndarray) -> list[DiagramRow]:
    """The diagrams of that order in every member's networks; values are those on ``direction (cells,)``."""
    found = diagrams(order)
    entries = packed_size(len(direction), order) * len(found)
    affordable = entries * sum(len(member.sources(order)) for member in members) <= AFFORDABLE
    shares = [
        [_shares(_network(learner), found, direction, affordable) for learner in member.sources(order)]
        for member in members
    ]
    along = np.array([[[s.along for s in parts] for parts in member] for member in shares]).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = along / along.sum(axis=1, keepdims=True)
    part[~np.isfinite(part)] = nan
    alone = all(len(member) == 1 for member in shares)  # norms of several networks do not add up
    return [
        DiagramRow(
            diagram,
            norm=float(np.mean([member[0][n].norm for member in shares])) if alone else nan,
            along=float(along[:, n].mean()),
            along_spread=spread(along[:, n]),
            share=float(part[:, n].mean()),
            share_spread=spread(part[:, n]),
            layers=_by_layer([s[n] for member in shares for s in member], len(shares)),
        )
        for n, diagram in enumerate(found)
    ]


def has_diagrams(members: Sequence[MemberSeries]) -> bool:
    """Whether everything that was learned is a network of layers, which has diagrams."""
    return all(isinstance(learner, Perceptron) for member in members for learner in member.learners)


def why_no_diagrams(members: Sequence[MemberSeries]) -> str | None:
    """Why there are none of what was learned, in a sentence; None where there are."""
    if has_diagrams(members):
        return None
    others = [part for m in members for part in m.learners if not isinstance(part, Perceptron)]
    if all(part.kind == "flow" for part in others):
        return (
            "Learner flow has no diagrams of layers; bornnet diagrams --run draws and values the trees of "
            "one with a linear drive and the state 'value'."
        )
    kind = "A torch module" if (found := others[0].kind) == MODULE else f"Learner {found}"
    return f"{kind} has no diagrams, which need layers of one activation."


def _network(learner: Learner) -> MLP:
    assert isinstance(learner, Perceptron)
    return learner.network


def _shares(
    network: MLP, found: Sequence[Diagram], direction: np.ndarray, affordable: bool
) -> list[DiagramShare]:
    order = found[0].order
    if affordable:
        return diagram_shares(network, order, direction=direction)
    along = [float(diagram.contract(network, direction[None])[0]) / factorial(order) for diagram in found]
    return [DiagramShare(diagram, nan, value, ()) for diagram, value in zip(found, along, strict=True)]


def _by_layer(shares: Sequence[DiagramShare], members: int) -> dict[int, float]:
    layers: dict[int, float] = {}
    for share in shares:
        for layer in share.layers:
            layers[layer.layer] = layers.get(layer.layer, 0.0) + layer.along / members
    return layers
