"""The diagrams of a run's network: in which of them, and in which layers, it makes its order n."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np

from ..diagrams.shares import DiagramShare, diagram_shares
from ..errors import InputError
from ..files.potentials import read_potentials
from ..networks.derivatives import derivative_tensor
from ..networks.mlp import MLP
from ..networks.packed import multiplicity_factorials
from ..physics.born import born_terms
from ..runs.directory import load_run


@dataclass(frozen=True)
class NetworkShares:
    """The order-n Taylor coefficient of one network of a run at U = 0, diagram by diagram.

    Attributes:
        order, round, member: which coefficient of which network; rounds and members count from 1.
        depth: hidden layers of the network.
        direction: the potential ``(cells,)`` along which signed shares are taken.
        shares: one per diagram; their signed shares sum to ``along``.
        norm: Frobenius norm of the whole coefficient.
        along: its value ``T_n(U)`` along the direction, in ranges.
        born_term: the exact Born term ``a^(n)(U)`` there.
    """

    order: int
    round: int
    member: int
    depth: int
    direction: np.ndarray
    shares: Sequence[DiagramShare]
    norm: float
    along: float
    born_term: float

    def as_dict(self) -> dict[str, Any]:
        """What `bornnet diagrams --json` holds."""
        return {
            "order": self.order,
            "round": self.round,
            "member": self.member,
            "norm": self.norm,
            "along": self.along,
            "born_term": self.born_term,
            "direction": self.direction.tolist(),
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
        along: CSV or NPY file of one potential; by default the square well U = 1.

    Raises ``InputError`` where there is no such run, round or member, or the order's tensor would not fit.
    """
    loaded = load_run(run)
    _require_between("--member", member, len(loaded.models), f"the members of {run}")
    networks = loaded.models[member - 1]
    if not networks:
        raise InputError(f"{run}: member {member} has not finished a round yet.")
    if number is None:
        number = min(order, len(networks))
    _require_between("--round", number, len(networks), f"the finished rounds of member {member}")
    network = networks[number - 1]
    if not isinstance(network, MLP):
        raise InputError(f"{run}: its learner, {','.join(loaded.config.learner)}, has no diagrams of layers.")
    direction = np.ones(loaded.cells) if along is None else _direction(along, loaded.cells)
    shares = diagram_shares(network, order, direction=direction)
    coefficient = derivative_tensor(network, order, packed=True).detach().cpu().numpy() / factorial(order)
    copies = factorial(order) / multiplicity_factorials(loaded.cells, order)
    return NetworkShares(
        order=order,
        round=number,
        member=member,
        depth=len(network.hidden),
        direction=direction,
        shares=shares,
        norm=float(np.sqrt(copies @ coefficient**2)),
        along=sum(share.along for share in shares),
        born_term=float(born_terms(direction, order)[order - 1]),
    )


def _direction(file: str | Path, cells: int) -> np.ndarray:
    table = read_potentials(file)
    if table.shape != (1, cells):
        raise InputError(
            f"{file}: expected one potential of {cells} cells, as the run's, got {table.shape[0]} of "
            f"{table.shape[1]}."
        )
    return table[0]


def _require_between(flag: str, value: int, highest: int, what: str) -> None:
    if not 1 <= value <= highest:
        raise InputError(f"{flag}: expected a number from 1 to {highest}, {what}; got {value}.")
