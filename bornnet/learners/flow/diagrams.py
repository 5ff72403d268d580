r"""A flow's Taylor orders as a sum of diagrams.

With one component and a linear drive, ``G(s, r) = sum_k g_k(r) s^k`` turns ``ds/dr = x G`` into an integral
equation whose solution, order by order in the potential, is a sum over rooted trees:

1. Every vertex at r is ``x(r) g_k(r)``, k being the number of its branches.
2. A line says r' < r: a branch ends at an r' below that of its vertex, and r' is integrated over.
3. A tree counts once for every order in which equal vertices' branches can stand.

Order 1 is ``.``, the integral of ``x g_0``; order 2 ``[.]`` is the integral of ``x(r) g_1(r)`` times that of
``x g_0`` below r; order 3 has ``[[.]]`` and ``[..]``, with g_2 at its root. For the variable-phase law
``-(r - s)^2`` the vertices are ``g_0 = -r^2, g_1 = 2 r, g_2 = -1`` and no others: diagrams with three
branches at a vertex vanish.

With several components g_k is a tensor and a branch carries a component; the rules are the same. Shares are
those of the discrete steps, so that they sum to the flow's own tensors and terms.
"""

from dataclasses import dataclass
from itertools import product
from math import factorial, prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...networks.expansion import check_order
from ...networks.packed import multiplicity_factorials
from ...physics.edges import checked_edges
from .algebra import Algebra, algebra
from .cell_maps import drive_polynomial
from .model import Flow
from .tensors import as_tensor, assembled, require_room
from .trees import Tree, arrangements, branch_counts, notation, rooted_trees, vertex_count


@dataclass(frozen=True)
class FlowDiagram:
    """One rooted tree."""

    tree: Tree

    @property
    def order(self) -> int:
        return vertex_count(self.tree)

    @property
    def vertices(self) -> tuple[int, ...]:
        """Branches of every vertex, the root first: the k of its g_k."""
        return branch_counts(self.tree)

    @property
    def notation(self) -> str:
        return notation(self.tree)

    def __str__(self) -> str:
        return self.notation


@dataclass(frozen=True)
class Share:
    """A diagram's part of a flow's order.

    Attributes:
        diagram: which.
        norm: Frobenius norm of its part of the coefficient tensor.
        relative: that over the norm of the whole order.
        terms: its value along potentials, ``(N,)``; empty where none were asked for.
    """

    diagram: FlowDiagram
    norm: float
    relative: float
    terms: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "diagram": self.diagram.notation,
            "vertices": list(self.diagram.vertices),
            "norm": self.norm,
            "relative": self.relative,
            "terms": self.terms.tolist(),
        }


def flow_diagrams(order: int) -> list[FlowDiagram]:
    """All diagrams of that order >= 1, those with the fewest branches at a vertex first."""
    return [FlowDiagram(tree) for tree in rooted_trees(check_order(order, lowest=1))]


def diagram_tensors(
    flow: Flow, order: int, cells: int | None = None, edges: Any = None, packed: bool = False
) -> list[np.ndarray]:
    """Every diagram's share of ``derivative_tensor(flow, order)``, in the order of `flow_diagrams`.

    Args:
        cells: how many, where edges do not tell.
        packed: one entry per multiset of indices.

    Raises ``InputError`` for a flow whose diagrams are others (a general drive, a readout that is not
    linear), a bad order, and tensors that would not fit in memory.
    """
    grid, order = _checked(flow, order, cells, edges)
    count = len(grid) - 1
    require_room(count, order, packed, len(flow_diagrams(order)))
    system = _System(flow, order)
    maps = system.maps(grid)
    found = []
    for tree in rooted_trees(order):
        coefficients = assembled(maps, system.space, system.readout(tree), order, still=True)
        coefficients *= flow.unit * flow.factor**order
        found.append(as_tensor(coefficients, count, order, packed))
    return found


def diagram_shares(
    flow: Flow, order: int, potentials: np.ndarray | None = None, cells: int | None = None, edges: Any = None
) -> list[Share]:
    """What every diagram contributes to an order of the flow: to its tensor, and along ``(N, cells)``.

    Raises ``InputError`` as `diagram_tensors` does.
    """
    if potentials is not None:
        cells = np.shape(potentials)[1]
    tensors = diagram_tensors(flow, order, cells, edges, packed=True)
    count = len(_checked(flow, order, cells, edges)[0]) - 1
    weights = _entry_weights(count, order)
    total = float(np.linalg.norm(sum(tensors) * weights))
    terms = [np.empty(0)] * len(tensors)
    if potentials is not None:
        terms = list(diagram_terms(flow, order, potentials, edges))
    return [
        Share(diagram, norm, norm / total if total else 0.0, along)
        for diagram, tensor, along in zip(flow_diagrams(order), tensors, terms, strict=True)
        for norm in [float(np.linalg.norm(tensor * weights))]
    ]


def vertex_share(flow: Flow, order: int, branches: int, cells: int | None = None, edges: Any = None) -> float:
    """The norm of all diagrams together that have a vertex with so many branches, over that of the order.

    For the variable-phase law it vanishes from three branches on.
    """
    tensors = diagram_tensors(flow, order, cells, edges, packed=True)
    weights = _entry_weights(len(_checked(flow, order, cells, edges)[0]) - 1, order)
    chosen = [t for d, t in zip(flow_diagrams(order), tensors, strict=True) if branches in d.vertices]
    if not chosen:
        return 0.0
    return float(np.linalg.norm(sum(chosen) * weights) / np.linalg.norm(sum(tensors) * weights))


@torch.no_grad()
def diagram_terms(flow: Flow, order: int, potentials: np.ndarray, edges: Any = None) -> np.ndarray:
    """Every diagram's share of the order-n Taylor term along potentials ``(N, cells)``: ``(diagrams, N)``."""
    U = torch.as_tensor(np.asarray(potentials, dtype=float))
    grid, order = _checked(flow, order, U.shape[1], edges)
    system = _System(flow, order)
    x = flow.factor * U
    space, maps = system.space, system.maps(grid)
    states = x.new_zeros(maps.shape[1], len(x))
    for cell in range(U.shape[1]):
        monomials = []
        for exponent in space.exponents:
            value = x[:, cell] ** exponent[-1]
            for state, n in zip(states, exponent[:-1], strict=True):
                value = value * state**n if n else value
            monomials.append(value)
        states = maps[cell] @ torch.stack(monomials)
    return np.stack([(flow.unit * system.linear_form(tree) @ states).numpy() for tree in rooted_trees(order)])


class _System:
    """The trees of a flow as states of their own: ``da/dr = x g_k(r) (branches' a)``, one row of k a tree.

    Trees of the order that is wanted stand last. A tree of n vertices counts n in the degree, so that the
    cell maps of all trees are polynomials through that order.
    """

    def __init__(self, flow: Flow, order: int) -> None:
        self.flow = flow
        self.order = order
        self.trees = [tree for n in range(1, order + 1) for tree in rooted_trees(n)]
        k = flow.components
        self.space = Algebra((*(vertex_count(t) for t in self.trees for _ in range(k)), 1), order)
        self.place = {tree: n * k for n, tree in enumerate(self.trees)}

    def linear_form(self, tree: Tree) -> Tensor:
        """``(states,)``: the readout of one tree."""
        k = self.flow.components
        form = torch.zeros(len(self.trees) * k, dtype=torch.float64)
        readout = (
            torch.ones(1, dtype=torch.float64) if self.flow.readout is None else self.flow.readout.detach()
        )
        form[self.place[tree] : self.place[tree] + len(readout)] = readout
        return form

    def readout(self, tree: Tree) -> Tensor:
        """The same as a polynomial of the states."""
        form = self.linear_form(tree)
        return sum(
            (w * self.space.variable(v) for v, w in enumerate(form) if w),
            torch.zeros(len(self.space.exponents), dtype=torch.float64),
        )

    @torch.no_grad()
    def maps(self, edges: np.ndarray) -> Tensor:
        """The cell maps of the trees, ``(cells, states, monomials)``, by the flow's own integrator."""
        flow, space, method = self.flow, self.space, self.flow.method
        left = torch.from_numpy(edges[:-1])
        h = torch.from_numpy(np.diff(edges)) / flow.substeps
        count = len(self.trees) * flow.components
        s = torch.stack([space.variable(v) for v in range(count)]).expand(len(left), -1, -1)
        for step in range(flow.substeps):
            stages: list[Tensor] = []
            for row, c in zip(method.a, method.c, strict=True):
                inner = s + sum(a * h[:, None, None] * f for a, f in zip(row, stages, strict=False) if a)
                stages.append(self._drive(inner, left + (step + c) * h))
            s = s + sum(b * h[:, None, None] * f for b, f in zip(method.b, stages, strict=True) if b)
        return s

    def _drive(self, s: Tensor, r: Tensor) -> Tensor:
        """The right sides of all trees, polynomials ``(cells, states, monomials)``."""
        flow, space, k = self.flow, self.space, self.flow.components
        vertices = _vertices(flow, self.order - 1, r)
        drive = space.variable(len(self.trees) * k)
        rows = []
        for tree in self.trees:
            branches = [s[:, self.place[b] : self.place[b] + k] for b in tree]
            total = torch.zeros(len(r), k, s.shape[2], dtype=torch.float64)
            for legs in product(range(k), repeat=len(tree)):
                value = space.constant(torch.ones(len(r), dtype=torch.float64))
                for branch, leg in zip(branches, legs, strict=True):
                    value = space.product(value, branch[:, leg])
                exponent = tuple(legs.count(m) for m in range(k))
                symmetric = prod(map(factorial, exponent)) / factorial(len(tree))
                total = total + symmetric * vertices[exponent][..., None] * value[:, None]
            rows.append(arrangements(tree) * space.product(total, drive))
        return torch.cat(rows, dim=1)


def _vertices(flow: Flow, degree: int, r: Tensor) -> dict[tuple[int, ...], Tensor]:
    """g_k at every r: the coefficient ``(len(r), k)`` of every monomial of the states in G."""
    space = algebra(flow.components, degree)
    s = torch.stack([space.variable(m) for m in range(flow.components)]).expand(len(r), -1, -1)
    one = space.constant(torch.ones_like(r))
    g = drive_polynomial(flow, space, s, space.constant(r), one)
    return {exponent: g[..., place] for place, exponent in enumerate(space.exponents)}


def _entry_weights(cells: int, order: int) -> np.ndarray:
    """What makes the norm of packed derivatives that of the dense coefficient tensor."""
    return np.sqrt(factorial(order) / multiplicity_factorials(cells, order)) / factorial(order)


def _checked(flow: Flow, order: int, cells: int | None, edges: Any) -> tuple[np.ndarray, int]:
    if flow.drive != "linear":
        raise InputError("drive: diagrams with one potential a vertex need a linear drive, got a general one")
    if flow.state != "value":
        raise InputError(f"state: diagrams need the state 'value', got {flow.state!r}")
    if edges is None and cells is None:
        raise InputError("cells: expected the number of cells, since a flow takes any; got None")
    count = len(edges) - 1 if cells is None else cells
    return checked_edges(edges, count), check_order(order, lowest=1)
