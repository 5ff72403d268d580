"""All partial derivatives of a flow, by crossing the cells one after the other.

Every entry of the order-n tensor belongs to its largest index i. With all later cells at their base values
the output is a polynomial N_i of the states that enter cell i and of the displacement u in it; so the entries
with i in q places are

    sum over p of  N_i[p, q] (sigma^p)_(n-q),

sigma being the states that enter cell i as polynomials in the cells before. N_i comes from N_(i+1) through
cell i's own map, from the edge backwards; sigma is carried forwards, and never beyond order n - 1. At n = 4
and 64 cells that is 45,760 numbers a state where the tensor has 766,480.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...compute.memory import require_memory
from ...networks.expansion import check_order
from ...networks.packed import multiplicity_factorials, unpack
from . import colex
from .algebra import Algebra, algebra
from .cell_maps import base_of, cell_maps
from .jets import readout_series
from .model import Flow

Graded = dict[int, np.ndarray]
"""A polynomial in the cells: its homogeneous parts by degree; those that vanish are left out."""


@torch.no_grad()
def derivative_tensor(
    flow: Flow,
    order: int,
    at: Any = None,
    packed: bool = False,
    cells: int | None = None,
    edges: Any = None,
) -> np.ndarray:
    """All partial derivatives of that order.

    Args:
        order: 1 or more.
        at: base potential ``(cells,)``, by default 0.
        packed: one entry per multiset of indices instead of the dense symmetric tensor.
        cells: how many, where neither ``at`` nor ``edges`` tells.
        edges: of the cells; equal ones on [0, 1] by default.

    Returns:
        ``(cells,) * order``, or ``(C(cells+order-1, order),)`` in the order of
        ``itertools.combinations_with_replacement`` if packed.

    Raises ``InputError`` for a bad order or shape, and for a tensor that would not fit in memory.
    """
    order = check_order(order, lowest=1)
    base = base_of(flow, at, cells=cells, edges=edges)
    require_room(base.cells, order, packed, flow.components)
    space = algebra(flow.components + 1, order)
    maps = cell_maps(flow, base, order)
    maps[:, :, 0] = 0.0  # rounding: the base state goes to the base state
    output = output_polynomial(flow, space, base.states[-1])
    coefficients = assembled(maps, space, output, order, base.still)
    coefficients *= flow.unit * flow.factor**order
    return as_tensor(coefficients, base.cells, order, packed)


def require_room(cells: int, order: int, packed: bool, components: int = 1) -> None:
    """``InputError`` where the tensor, and the states one order below, would not fit."""
    entries = 4 * colex.size(cells, order) + (0 if packed else cells**order)
    states = (order + 2) * components * colex.size(cells, max(1, order - 1))
    require_memory(
        8.0 * (entries + states),
        f"the order-{order} derivative tensor of {cells} cells",
        "taylor_terms gives its value along any number of displacements in little memory",
    )


def as_tensor(coefficients: np.ndarray, cells: int, order: int, packed: bool) -> np.ndarray:
    """The tensor of partial derivatives of a homogeneous polynomial in the order of `colex`."""
    entries = colex.to_lexicographic(coefficients, cells, order) * multiplicity_factorials(cells, order)
    return entries if packed else unpack(entries, cells, order)


def assembled(maps: Tensor, space: Algebra, output: Tensor, order: int, still: bool) -> np.ndarray:
    """The order-n part of the output as a polynomial in all cells, in the order of `colex`.

    Args:
        maps: ``(cells, states, monomials)``; monomials of the states first, of u last.
        space: whose weights are the least orders of the states in the cells.
        output: polynomial of the states at the edge, ``(monomials,)``.
        still: no term is without u but the states themselves.
    """
    cells, count, _ = maps.shape
    outputs = []  # N_i, from the last cell to the first
    for cell_map in reversed(maps.unbind(0)):
        outputs.append(space.substituted(output, cell_map))
        output = outputs[-1] * _without_last(space)
    outputs.reverse()
    crossing = maps.numpy()

    states: list[Graded] = [{} for _ in range(count)]
    top = np.zeros(colex.size(cells, order), crossing.dtype)
    for i in range(cells):
        powers = _powers(space, states, i, cells, order - 1)
        _write_block(top, space, outputs[i].numpy(), powers, i, order)
        if i < cells - 1:
            states = [
                _crossed(state, space, row, powers, i, cells, order - 1, still)
                for state, row in zip(states, crossing[i], strict=True)
            ]
    return top


def output_polynomial(flow: Flow, space: Algebra, end: Tensor, readout: Tensor | None = None) -> Tensor:
    """The readout as a polynomial ``(monomials,)`` of the states' deviations from ``end (k,)``."""
    if readout is None:
        readout = torch.ones(1, dtype=torch.float64) if flow.readout is None else flow.readout
    form = sum((w * space.variable(m) for m, w in enumerate(readout)), torch.zeros_like(space.variable(0)))
    start = (readout * end[: len(readout)]).sum()
    return space.composed(torch.stack(readout_series(flow.state, start, space.degree)), form)


def _without_last(space: Algebra) -> Tensor:
    """1 for the monomials that do not hold the last variable, 0 for the others."""
    return torch.tensor([float(e[-1] == 0) for e in space.exponents], dtype=torch.float64)


def _powers(
    space: Algebra, states: list[Graded], i: int, cells: int, degree: int
) -> dict[tuple[int, ...], Graded]:
    """All products of the states as polynomials in the cells before i, through the degree."""
    one = (0,) * len(states)
    powers: dict[tuple[int, ...], Graded] = {one: {0: np.ones(1)}}
    for exponent in space.exponents:
        p = exponent[:-1]
        if exponent[-1] or p == one or space.degree_of(p) > degree:
            continue
        first = next(v for v, n in enumerate(p) if n)
        lower = powers[tuple(n - (v == first) for v, n in enumerate(p))]
        powers[p] = _product(lower, states[first], i, cells, degree)
    return powers


def _product(a: Graded, b: Graded, i: int, cells: int, degree: int) -> Graded:
    product: Graded = {}
    for m, left in a.items():
        for n, right in b.items():
            if m + n > degree:
                continue
            if m == 0:
                product[n] = left[0] * right + product.get(n, 0.0)
                continue
            out = product.setdefault(m + n, np.zeros(colex.size(i, m + n), np.result_type(left, right)))
            colex.multiply(left, right, cells, (m, n), out)
    return product


def _crossed(
    state: Graded,
    space: Algebra,
    row: np.ndarray,
    powers: dict[tuple[int, ...], Graded],
    i: int,
    cells: int,
    degree: int,
    still: bool,
) -> Graded:
    """A state behind cell i."""
    behind: Graded = {}
    for m in range(1, degree + 1):
        part = np.zeros(colex.size(i + 1, m), row.dtype)
        before = part[: colex.size(i, m)]
        if still:
            before += state.get(m, 0.0)
        else:
            for place, exponent in enumerate(space.exponents):
                if exponent[-1] == 0 and exponent[:-1] in powers:
                    before += row[place] * powers[exponent[:-1]].get(m, 0.0)
        _write_block(part, space, row, powers, i, m)
        if part.any():
            behind[m] = part
    return behind


def _write_block(
    out: np.ndarray,
    space: Algebra,
    row: np.ndarray,
    powers: dict[tuple[int, ...], Graded],
    i: int,
    degree: int,
) -> None:
    """The entries whose largest index is i: cell i once, twice, .., with what is left in earlier cells."""
    start = colex.size(i, degree) if i else 0
    for q in range(1, degree + 1):
        stop = start + (colex.size(i, degree - q) if i or q == degree else 0)
        for place, exponent in enumerate(space.exponents):
            if exponent[-1] == q and exponent[:-1] in powers and row[place]:
                out[start:stop] += row[place] * powers[exponent[:-1]].get(degree - q, 0.0)
        start = stop
