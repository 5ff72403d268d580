"""How a flow crosses each cell, as a polynomial: what jets, tensors and the removal of orders are made of.

Around a base potential, whose states are s0(r), a cell takes the state s0 + sigma at its left edge, in a
potential that is larger by u, to s0 + phi_i(sigma, u) at its right edge; the cell map is the Taylor
polynomial of phi_i, found by taking the discrete steps in polynomials. All of them together are the flow to
that degree:

    sigma_(i+1) = sum over p, q of  M_i[p, q] sigma_i^p u_i^q.

At U = 0 the states of a linearly driven flow stand still: no term is without u but sigma itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import jacrev, vmap

from ...errors import InputError
from ...networks.activations import taylor_coefficients
from ...physics.edges import checked_edges
from .algebra import Algebra, algebra
from .model import Flow


@dataclass(frozen=True)
class Base:
    """What a flow is expanded around.

    Attributes:
        edges: of the cells ``(cells + 1,)``.
        x: the base potential, scaled, ``(cells,)``.
        states: at the left edge of every cell, and at the end, ``(cells + 1, k)``.
        still: the states stand still at 0.
    """

    edges: np.ndarray
    x: Tensor
    states: Tensor
    still: bool

    @property
    def cells(self) -> int:
        return len(self.x)


def base_of(flow: Flow, at: Any = None, *, cells: int | None = None, edges: Any = None) -> Base:
    """The base of an expansion at a potential ``at (cells,)``; None for U = 0 on so many cells.

    Raises ``InputError`` where the output is infinite there, or where shapes do not fit.
    """
    if at is None:
        if cells is None and edges is None:
            raise InputError("cells: expected the number of cells, since a flow takes any; got None")
        cells = len(edges) - 1 if cells is None else cells
        potential = torch.zeros(cells, dtype=torch.float64)
    else:
        potential = torch.as_tensor(np.asarray(at, dtype=float))
        if potential.ndim != 1 or (cells is not None and len(potential) != cells):
            raise InputError(
                f"at: expected one potential ({cells or 'cells'},), got {tuple(potential.shape)}"
            )
    grid = checked_edges(edges, len(potential))
    still = flow.drive == "linear" and not potential.any()
    if still:
        states = torch.zeros(len(potential) + 1, flow.components, dtype=torch.float64)
    else:
        states = flow.paths(potential[None], grid)[0, :: flow.substeps]
    with torch.no_grad():
        output = flow.read_out(states[-1])
    if not torch.isfinite(output):
        raise InputError(
            "at: the output is infinite at the base potential, so that there is no Taylor series around it; "
            "take another base"
        )
    return Base(grid, flow.factor * potential, states, still)


def cell_maps(flow: Flow, base: Base, degree: int, weights: dict[str, Tensor] | None = None) -> Tensor:
    """The maps of all cells ``(cells, k, monomials)``, differentiable by the weights.

    Monomials are those of ``algebra(k + 1, degree)``: the components of sigma first, u last.
    """
    weights = dict(flow.named_parameters()) if weights is None else weights
    return _maps(flow, weights, degree, *_per_cell(base))


def cell_map_jacobian(flow: Flow, base: Base, degree: int) -> tuple[Tensor, Tensor]:
    """The maps, and their derivatives by every weight of G ``(cells, k, monomials, weights)``."""
    weights = {name: p.detach() for name, p in flow.named_parameters() if name != "readout"}

    def one(weights: dict[str, Tensor], *cell: Tensor) -> Tensor:
        return _maps(flow, weights, degree, *cell)

    per_cell = _per_cell(base)
    blocks = vmap(jacrev(one), (None, 0, 0, 0, 0, 0))(weights, *per_cell)
    jacobian = torch.cat([blocks[name].flatten(3) for name in weights], dim=3)
    return _maps(flow, weights, degree, *per_cell), jacobian


def _per_cell(base: Base) -> Sequence[Tensor]:
    edges = torch.from_numpy(base.edges)
    return edges[:-1], edges[1:], base.x, base.states[:-1], base.states[1:]


def _maps(
    flow: Flow,
    weights: dict[str, Tensor],
    degree: int,
    left: Tensor,
    right: Tensor,
    x: Tensor,
    start: Tensor,
    end: Tensor,
) -> Tensor:
    """Maps ``(.., k, monomials)`` of cells of any leading shape; the states at their edges are fixed."""
    k = flow.components
    space = algebra(k + 1, degree)
    sigma = torch.stack([space.variable(m) for m in range(k)])
    s = space.constant(start) + sigma
    drive = space.constant(x) + space.variable(k)
    h = (right - left) / flow.substeps
    method = flow.method
    for step in range(flow.substeps):
        stages: list[Tensor] = []
        for row, c in zip(method.a, method.c, strict=True):
            inner = s + sum(a * h[..., None, None] * f for a, f in zip(row, stages, strict=False) if a)
            place = space.constant(left + (step + c) * h)
            stages.append(drive_polynomial(flow, space, inner, place, drive, weights))
        s = s + sum(b * h[..., None, None] * f for b, f in zip(method.b, stages, strict=True) if b)
    return s - space.constant(end)


def drive_polynomial(
    flow: Flow,
    space: Algebra,
    s: Tensor,
    r: Tensor,
    x: Tensor,
    weights: dict[str, Tensor] | None = None,
) -> Tensor:
    """ds/dr in polynomials: of states ``(.., k, monomials)``, and r and x ``(.., monomials)``."""
    weights = dict(flow.named_parameters()) if weights is None else weights
    if flow.drive == "general":
        return _perceptron(flow, weights, space, [s, r[..., None, :], x[..., None, :]])
    return space.product(_perceptron(flow, weights, space, [s, r[..., None, :]]), x[..., None, :])


def _perceptron(flow: Flow, weights: dict[str, Tensor], space: Algebra, inputs: list[Tensor]) -> Tensor:
    y = torch.cat(inputs, dim=-2)
    last = len(flow.layers) - 1
    for n in range(0, len(flow.layers), 2):
        w, bias = weights[f"layers.{n}.weight"], weights[f"layers.{n}.bias"]
        y = torch.einsum("oi,...im->...om", w, y) + space.constant(bias)
        if n < last:
            at = y[..., 0]
            series = taylor_coefficients(flow.layers[n + 1], at, space.degree)
            y = space.composed(series, y - space.constant(at))
    return y
