"""How a flow's Taylor coefficients move with its weights: what an estimate of their uncertainty is made of.

With a factor F of the weights' covariance, ``C = F F^T``, the variance of a coefficient T is the sum over the
columns f of F of ``(dT/dw . f)^2`` (Laplace's approximation, to first order in the weights). The coefficients
are polynomials in those of the cell maps, so that their derivative along a direction is the imaginary part at
an imaginary step, without any difference of nearly equal numbers (Squire & Trapp, SIAM Review 40, 110, 1998).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .algebra import Algebra, algebra
from .cell_maps import Base, base_of, cell_map_jacobian
from .jets import series_along
from .model import Flow
from .tensors import as_tensor, assembled, output_polynomial, require_room

_STEP = 1e-30
_ROWS = 1024  # potentials whose terms are differentiated at once


@torch.no_grad()
def tensor_derivatives(
    flow: Flow,
    order: int,
    directions: np.ndarray,
    at: Any = None,
    cells: int | None = None,
    edges: Any = None,
) -> Iterator[np.ndarray]:
    """Derivatives of the packed derivative tensor along directions ``(K, weights)`` of the weights, one by
    one.

    Weights count in the order of ``torch.nn.utils.parameters_to_vector(flow.parameters())``.
    """
    base = base_of(flow, at, cells=cells, edges=edges)
    require_room(base.cells, order, True, 2 * flow.components)
    maps, jacobian = cell_map_jacobian(flow, base, _degree(base, order))
    space = algebra(flow.components + 1, order)
    for own, inner in _split(flow, directions):
        moved = torch.complex(maps, _STEP * (jacobian @ inner))
        moved, shift = _recentred(moved, algebra(flow.components + 1, _degree(base, order)), space)
        readout = None
        if own is not None and flow.readout is not None:
            readout = torch.complex(flow.readout.detach(), _STEP * own)
        output = output_polynomial(flow, space, base.states[-1] + shift, readout)
        coefficients = assembled(moved, space, output, order, base.still)
        coefficients = coefficients.imag / _STEP * flow.unit * flow.factor**order
        yield as_tensor(coefficients, base.cells, order, packed=True)


def term_derivatives(
    flow: Flow,
    displacements: np.ndarray,
    order: int,
    directions: np.ndarray,
    at: Any = None,
    edges: Any = None,
) -> np.ndarray:
    """``(order + 1, N, K)``: derivatives of the Taylor terms of ``displacements (N, cells)`` along directions
    ``(K, weights)`` of the weights."""
    rows = torch.as_tensor(np.asarray(displacements, dtype=float))
    base = base_of(flow, at, cells=rows.shape[1], edges=edges)
    maps, jacobian = cell_map_jacobian(flow, base, _degree(base, max(1, order)))
    pairs = list(_split(flow, directions))
    inner = torch.stack([(jacobian @ v).flatten() for _, v in pairs], dim=1)
    parts = []
    for block in rows.split(_ROWS):
        leaves = [maps[..., None].expand(*maps.shape, len(block)).clone().requires_grad_()]
        if flow.readout is not None:
            leaves.append(flow.readout.detach()[:, None].repeat(1, len(block)).requires_grad_())
        terms = series_along(flow, base, leaves[0], block, order, *leaves[1:])
        slopes = []
        for term in terms:
            by_maps, *by_readout = torch.autograd.grad(term.sum(), leaves, retain_graph=True)
            slope = by_maps.flatten(0, 2).T @ inner
            if by_readout:
                slope = slope + by_readout[0].T @ torch.stack(
                    [own for own, _ in pairs if own is not None], dim=1
                )
            slopes.append(slope)
        parts.append(torch.stack(slopes))
    return torch.cat(parts, dim=1).numpy()


def _degree(base: Base, order: int) -> int:
    """Of the maps: where the base states move with the weights, their motion lowers degrees by one."""
    return order if base.still else order + 1


def _split(flow: Flow, directions: np.ndarray) -> Iterator[tuple[Tensor | None, Tensor]]:
    """Every direction's parts for the readout, if that has weights, and for G."""
    own = 0 if flow.readout is None else len(flow.readout)
    for direction in torch.as_tensor(np.asarray(directions, dtype=float)):
        yield (direction[:own] if own else None), direction[own:]


def _recentred(maps: Tensor, wide: Algebra, space: Algebra) -> tuple[Tensor, Tensor]:
    """The maps around base states that move as the maps' constants say, and the motion at the end."""
    chosen = [wide.rank[e] for e in space.exponents]
    states = maps.shape[1]
    shift = maps.new_zeros(states)
    found = []
    for cell_map in maps:
        centred = cell_map[:, chosen].clone()
        for m in range(states if wide is not space else 0):
            raised = [(*e[:m], e[m] + 1, *e[m + 1 :]) for e in space.exponents]
            powers = torch.tensor([float(e[m]) for e in raised], dtype=maps.dtype)
            centred = centred + shift[m] * powers * cell_map[:, [wide.rank[e] for e in raised]]
        shift = 1j * centred[:, 0].imag
        centred[:, 0] = 0.0
        found.append(centred)
    return torch.stack(found), shift
