"""The diagrams of a network, of a run or from elsewhere: in which of them, and in which layers, it makes its
order n."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np

from ..diagrams.shares import DiagramShare, diagram_shares
from ..errors import InputError
from ..files.potentials import read_potentials, require_finite
from ..learners.foreign.network import ForeignNetwork
from ..networks.derivatives import derivative_tensor
from ..networks.mlp import MLP
from ..networks.packed import multiplicity_factorials
from ..runs.directory import Run, load_run
from ..targets import Target, target
from .words import Words, words


@dataclass(frozen=True)
class OrderShares:
    """An order-n Taylor coefficient at U = 0, or at the reference, that is to be taken apart.

    Attributes:
        order, round, member: which coefficient of which learner; rounds and members count from 1, and are
            None for a network from elsewhere.
        direction: the potential ``(cells,)`` along which signed shares are taken; the displacement from the
            reference, if there is one.
        norm: Frobenius norm of the whole coefficient.
        along: its value ``T_n(U)`` along the direction, in ranges.
        born_term: the exact term there, such as ``a^(n)(U)``; None where no truth is known.
        words: what things are called, for the run's target and reference.
    """

    order: int
    round: int | None
    member: int | None
    direction: np.ndarray
    norm: float
    along: float
    born_term: float | None
    words: Words

    def as_dict(self) -> dict[str, Any]:
        """What `bornnet diagrams --json` holds of the whole."""
        names = ("order", "round", "member", "norm", "along", "born_term")
        return {**{name: getattr(self, name) for name in names}, "direction": self.direction.tolist()}


@dataclass(frozen=True, kw_only=True)
class NetworkShares(OrderShares):
    """The coefficient of a network, diagram by diagram.

    Attributes:
        depth: hidden layers of the network.
        shares: one per diagram; their signed shares sum to ``along``.
        model: the network, where it is from elsewhere.
    """

    depth: int
    shares: Sequence[DiagramShare]
    model: ForeignNetwork | None = None

    def as_dict(self) -> dict[str, Any]:
        """What `bornnet diagrams --json` holds."""
        return {
            **super().as_dict(),
            **({"model": self.model.as_dict()} if self.model else {}),
            "diagrams": [
                {
                    "diagram": share.diagram.notation,
                    "labelings": share.diagram.labelings,
                    "vertices": list(share.diagram.vertices),
                    "norm": share.norm,
                    "along": share.along,
                    "layers": [vars(layer) for layer in share.layers],
                }
                for share in self.shares
            ],
        }


def network_shares(
    run: str | Path,
    order: int,
    number: int | None = None,
    member: int = 1,
    along: str | Path | None = None,
) -> NetworkShares:
    """The shares of every diagram of an order in a network of a run.

    Args:
        number: the round, from 1; by default the one whose leading order this is (or the last).
        member: of the ensemble, from 1.
        along: CSV or NPY file of one potential, or displacement; by default the square well U = 1.

    Raises ``InputError`` where there is no such run, round or member, or the order's tensor would not fit.
    """
    return shares_of(chosen_model(run, order, number, member), order, member, along)


@dataclass(frozen=True)
class ChosenModel:
    """What a member learned in a round, from 1, of a run: a network, or the learner itself."""

    model: Any
    round: int
    run: Run


def chosen_model(run: str | Path, order: int, number: int | None, member: int) -> ChosenModel:
    """That of a round and member, or of the round in which the order is due; ``InputError`` for others."""
    loaded = load_run(run)
    _require_between("--member", member, len(loaded.models), f"the members of {run}")
    models = loaded.models[member - 1]
    if not models:
        raise InputError(f"{run}: member {member} has not finished a round yet.")
    if number is None:
        number = min(order, len(models))
    _require_between("--round", number, len(models), f"the finished rounds of member {member}")
    return ChosenModel(models[number - 1], number, loaded)


def shares_of(chosen: ChosenModel, order: int, member: int, along: str | Path | None = None) -> NetworkShares:
    """The same of a model that was chosen; ``InputError`` where that is no network of layers."""
    network, run = chosen.model, chosen.run
    if not isinstance(network, MLP):
        learner = ",".join(run.config.learner)
        raise InputError(f"{run.path}: its learner, {learner}, has no diagrams of layers.")
    return _of_network(network, order, along, run.target, run.config.at, chosen.round, member)


def model_shares(model: ForeignNetwork, order: int, along: str | Path | None = None) -> NetworkShares:
    """The shares of every diagram of an order in a network from elsewhere; ``along`` as for a run's."""
    shares = _of_network(model.network, order, along, target("scattering_length"))
    return replace(shares, model=model)


def _of_network(
    network: MLP,
    order: int,
    along: str | Path | None,
    learned: Target,
    at: str | None = None,
    number: int | None = None,
    member: int | None = None,
) -> NetworkShares:
    cells = network.inputs
    direction = np.ones(cells) if along is None else _direction(along, cells)
    exact = learned.terms(direction, order)
    shares = diagram_shares(network, order, direction=direction)
    coefficient = derivative_tensor(network, order, packed=True).detach().cpu().numpy() / factorial(order)
    copies = factorial(order) / multiplicity_factorials(cells, order)
    return NetworkShares(
        order=order,
        round=number,
        member=member,
        depth=len(network.hidden),
        direction=direction,
        shares=shares,
        norm=float(np.sqrt(copies @ coefficient**2)),
        along=sum(share.along for share in shares),
        born_term=None if exact is None else float(exact[order - 1]),
        words=words(learned, at),
    )


def _direction(file: str | Path, cells: int) -> np.ndarray:
    table = read_potentials(file)
    if table.shape != (1, cells):
        raise InputError(
            f"{file}: expected one potential of {cells} cells, as the network's, got {table.shape[0]} of "
            f"{table.shape[1]}."
        )
    require_finite(file, table)
    return np.array(table[0], dtype=float)


def _require_between(flag: str, value: int, highest: int, what: str) -> None:
    if not 1 <= value <= highest:
        raise InputError(f"{flag}: expected a number from 1 to {highest}, {what}; got {value}.")
