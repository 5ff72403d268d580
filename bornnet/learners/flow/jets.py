"""Taylor terms of a flow along displacements: power series in t, carried from cell to cell by the maps."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...networks.expansion import check_order
from .algebra import algebra
from .cell_maps import Base, base_of, cell_maps
from .model import READOUT_SIGNS, Flow

_ROWS = 4096  # displacements carried at once


@torch.no_grad()
def taylor_terms(flow: Flow, displacements: Any, order: int, at: Any = None, edges: Any = None) -> np.ndarray:
    """Taylor terms of a flow along many displacements from one base potential.

    Args:
        displacements: ``(batch, cells)``.
        order: highest order, 0 or more.
        at: base potential ``(cells,)``, by default 0.
        edges: of the cells ``(cells + 1,)``; equal ones on [0, 1] by default.

    Returns:
        ``(order + 1, batch)``: row n is ``D^n f(at)[U, .., U] / n!``.

    Raises ``InputError`` for a bad order, shape or edges, and where f is infinite at the base.
    """
    order = check_order(order, lowest=0)
    rows = torch.as_tensor(np.asarray(displacements, dtype=float))
    if rows.ndim != 2:
        raise InputError(f"displacements must be (batch, cells), got {tuple(rows.shape)}")
    base = base_of(flow, at, cells=rows.shape[1], edges=edges)
    maps = cell_maps(flow, base, max(1, order))
    parts = [series_along(flow, base, maps[..., None], block, order) for block in rows.split(_ROWS)]
    return torch.cat(parts, dim=1).numpy() if parts else np.empty((order + 1, 0))


def series_along(
    flow: Flow, base: Base, maps: Tensor, displacements: Tensor, order: int, readout: Tensor | None = None
) -> Tensor:
    """``(order + 1, batch)``: the output's power series in t at the potential ``at + t U``, in its unit.

    Differentiable by the maps ``(cells, k, monomials, 1 or batch)`` and by the readout ``(k,)`` or
    ``(k, batch)``, by default the flow's own.
    """
    k = flow.components
    degree = _degree(k + 1, maps.shape[2])
    x = flow.factor * displacements
    sigma = [x.new_zeros(order + 1, len(x)) for _ in range(k)]
    for cell in range(base.cells):
        sigma = _crossed(maps[cell], sigma, x[:, cell], degree, base.still)
    if readout is None:
        readout = x.new_ones(1) if flow.readout is None else flow.readout
    total = sum(w * s for w, s in zip(readout, sigma, strict=False))
    end = base.states[-1]
    start = end[0] if flow.readout is None else sum((w * s for w, s in zip(readout, end, strict=True)))
    return flow.unit * _read_out(flow.state, start, total)


def _crossed(cell_map: Tensor, sigma: list[Tensor], x: Tensor, degree: int, still: bool) -> list[Tensor]:
    """The series of sigma behind a cell."""
    k = len(sigma)
    space = algebra(k + 1, degree)
    one = torch.zeros_like(sigma[0])
    one[0] = 1.0
    powers: dict[tuple[int, ...], Tensor] = {(0,) * k: one}
    by_power: list[list[Tensor]] = [[torch.zeros_like(one) for _ in range(k)] for _ in range(degree + 1)]
    for place, exponent in enumerate(space.exponents):
        p, q = exponent[:-1], exponent[-1]
        if still and q == 0:
            continue
        if p not in powers:
            first = next(v for v in range(k) if p[v])
            lower = tuple(n - (v == first) for v, n in enumerate(p))
            powers[p] = multiplied(powers[lower], sigma[first])
        for m in range(k):
            by_power[q][m] = by_power[q][m] + cell_map[m, place] * powers[p]
    behind = []
    for m in range(k):
        total = by_power[degree][m]
        for q in range(degree - 1, -1, -1):
            raised = torch.cat([torch.zeros_like(total[:1]), total[:-1]]) * x
            total = raised + (sigma[m] if still and q == 0 else by_power[q][m])
        behind.append(total)
    return behind


def multiplied(a: Tensor, b: Tensor) -> Tensor:
    """The product of two series ``(order + 1, batch)``, through their order."""
    total = a[0] * b
    for n in range(1, len(a)):
        shifted = torch.cat([torch.zeros_like(b[:n]), b[:-n]])
        total = total + a[n] * shifted
    return total


def _read_out(state: str, start: Tensor, sigma: Tensor) -> Tensor:
    """The readout's series at ``start`` plus a series that vanishes at t = 0."""
    if state == "value":
        return torch.cat([(start + sigma[0])[None], sigma[1:]])
    coefficients = readout_series(state, start, len(sigma))
    total = torch.zeros_like(sigma)
    for c in reversed(coefficients):
        total = multiplied(total, sigma)
        total = torch.cat([(total[0] + c)[None], total[1:]])
    return total


def readout_series(state: str, start: Tensor, order: int) -> list[Tensor]:
    """Taylor coefficients 0..order of the readout in the state: ``y' = 1 + y^2`` or ``-(1 + y^2)``."""
    if state == "value":
        return [start, torch.ones_like(start)] + [torch.zeros_like(start)] * (order - 1)
    sign = READOUT_SIGNS[state]
    y = [sign * torch.tan(start)]
    for n in range(order):
        square = sum((y[i] * y[n - i] for i in range(n + 1)), torch.zeros_like(start))
        y.append(sign * (square + (1.0 if n == 0 else 0.0)) / (n + 1))
    return y


def _degree(variables: int, monomials: int) -> int:
    """The degree of an algebra with so many monomials."""
    degree = 1
    while len(algebra(variables, degree).exponents) < monomials:
        degree += 1
    return degree
