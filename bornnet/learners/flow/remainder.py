"""A flow minus its own lower Taylor orders, and the Jacobian of that in the weights.

It is to the flow what `learners.remainder.TaylorRemainder` is to the perceptron, and what the optimizers see:
round n fits ``r_n[f](U) = f(U) - sum_(m<n) T_m[f](U)``. The lower orders are polynomials in the coefficients
of the cell maps, which all potentials share: their derivative by the weights is one matrix product.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from ...physics.edges import checked_edges
from . import compiled
from .cell_maps import Base, base_of, cell_map_jacobian, cell_maps
from .jets import series_along
from .model import Flow

_ROWS = 2048  # potentials whose lower orders are differentiated at once


class FlowRemainder(nn.Module):
    """``r_n[f]``: the flow without its Taylor orders below ``degree`` around ``at``.

    Args:
        flow: f; its weights are those of the remainder.
        degree: the leading order n that is left, 1 or more (1 removes f(at) alone).
        at: base potential ``(cells,)``, by default 0; inputs are displacements from it.
        edges: of the cells; equal ones on [0, 1] by default.
    """

    def __init__(self, flow: Flow, degree: int, at: Any = None, edges: Any = None) -> None:
        super().__init__()
        self.flow = flow
        self.degree = degree
        self.at = None if at is None else torch.as_tensor(at, dtype=torch.float64)
        self.edges = edges

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, cells)`` to ``(batch,)``, with autograd where gradients are enabled."""
        base = self._base(x)
        if self._moves(base):
            value = self._value(self.flow, _with_base(x), base.edges)
            return value[:-1] - value[-1]
        value = self._value(self.flow, x, base.edges)
        if self.degree == 1:
            return value - self.flow.unit * self.flow.read_out(base.states[-1])
        maps = cell_maps(self.flow, base, self._map_degree(base))
        return value - series_along(self.flow, base, maps[..., None], x, self.degree - 1).sum(0)

    @torch.no_grad()
    def value_and_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``r_n`` and its derivatives by every weight: ``(batch,)`` and ``(batch, weights)``.

        Weights count in the order of ``torch.nn.utils.parameters_to_vector``.
        """
        flow = self.flow
        potentials = self.potentials(x)
        if not compiled.can_run(flow, potentials):
            return self.traced(x, None)
        base = self._base(x)
        if moves := self._moves(base):
            potentials = self.potentials(_with_base(x))
        s = compiled.many_final_states(flow, potentials, base.edges)
        value, slope = self._read_out(s)
        jacobian = flow.unit * compiled.weight_jacobian(flow, potentials, base.edges, slope)
        if flow.readout is not None:
            # the readout stands first among the parameters; outer is the derivative by the linear form
            outer = slope @ flow.readout / flow.readout.square().sum()
            jacobian = torch.cat([flow.unit * outer[:, None] * s, jacobian], dim=1)
        value = flow.unit * value
        if moves:
            return value[:-1] - value[-1], jacobian[:-1] - jacobian[-1]
        lower, lower_jacobian = self._lower_orders(base, x)
        return value - lower, jacobian.sub_(lower_jacobian)

    @torch.no_grad()
    def truncation(self, x: Tensor) -> Tensor:
        """``(batch,)``: estimated error of f by the steps' finite length: the difference to steps of half the
        length. That of the lower orders is smaller: they are polynomials in the potential."""
        grid = checked_edges(self.edges, x.shape[1])
        finer = self.flow.changed(substeps=2 * self.flow.substeps)
        return (self._value(self.flow, x, grid) - self._value(finer, x, grid)).abs()

    def _value(self, flow: Flow, x: Tensor, grid: np.ndarray) -> Tensor:
        potentials = self.potentials(x)
        if torch.is_grad_enabled() or not compiled.can_run(flow, potentials):
            return flow(potentials, grid)
        return flow.unit * flow.read_out(compiled.many_final_states(flow, potentials, grid))

    @torch.no_grad()
    def slope_and_jacobian(self, x: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        """The derivative of ``r_n`` along a direction a potential, and its derivatives by every weight."""
        return self.traced(x, direction)

    def potentials(self, x: Tensor) -> Tensor:
        return x if self.at is None else x + self.at.to(x)

    def _base(self, x: Tensor) -> Base:
        return base_of(self.flow, self.at, cells=x.shape[1], edges=self.edges)

    def _moves(self, base: Base) -> bool:
        """Whether all that is removed is ``f(at)``, and depends on the weights: then the base is one more
        potential, and no cell maps are needed."""
        return self.degree == 1 and not base.still

    def _map_degree(self, base: Base) -> int:
        """Of the cell maps that the lower orders take.

        Where the base states depend on the weights, their change is the maps' constant, which shifts every
        order down by one.
        """
        return max(1, self.degree - 1) if base.still else self.degree

    def _read_out(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs in the network's unit, and their derivatives by the states ``(batch, k)``."""
        with torch.enable_grad():
            s = s.detach().requires_grad_()
            value = self.flow.read_out(s)
            (slope,) = torch.autograd.grad(value.sum(), s)
        return value.detach(), slope

    def _lower_orders(self, base: Base, x: Tensor) -> tuple[Tensor, Tensor]:
        """``sum_(m<n) T_m`` and its derivatives by every weight."""
        flow = self.flow
        if self.degree == 1:
            weights = sum(p.numel() for p in flow.parameters())
            return (flow.unit * flow.read_out(base.states[-1])).expand(len(x)), x.new_zeros(1, weights)
        maps, by_weights = cell_map_jacobian(flow, base, self._map_degree(base))
        by_weights = by_weights.flatten(0, 2)
        values, jacobians = [], []
        for block in x.split(_ROWS):
            with torch.enable_grad():
                leaves = [maps[..., None].expand(*maps.shape, len(block)).clone().requires_grad_()]
                if flow.readout is not None:
                    leaves.append(flow.readout.detach()[:, None].repeat(1, len(block)).requires_grad_())
                value = series_along(flow, base, leaves[0], block, self.degree - 1, *leaves[1:]).sum(0)
                by_maps, *by_readout = torch.autograd.grad(value.sum(), leaves)
            parts = [part.T for part in by_readout]
            jacobians.append(torch.cat([*parts, by_maps.flatten(0, 2).T @ by_weights], dim=1))
            values.append(value.detach())
        return torch.cat(values), torch.cat(jacobians)

    def traced(self, x: Tensor, direction: Tensor | None) -> tuple[Tensor, Tensor]:
        """Values, or slopes along a direction, and their Jacobian, by ``torch.func``."""
        flow, base = self.flow, self._base(x)
        weights = {name: p.detach() for name, p in flow.named_parameters()}
        module = _Traced(flow, base, self.degree, self._map_degree(base))
        at = None if self.at is None else self.at.to(x)

        def value(weights: dict[str, Tensor], row: Tensor) -> Tensor:
            inner = {f"flow.{name}": weight for name, weight in weights.items()}
            return functional_call(module, inner, (row[None], at))[0]

        def wanted(weights: dict[str, Tensor], row: Tensor, along: Tensor) -> tuple[Tensor, Tensor]:
            if direction is None:
                result = value(weights, row)
            else:
                result = grad(lambda z: value(weights, z))(row) @ along
            return result, result

        along = x if direction is None else direction
        by_weights, values = vmap(grad(wanted, has_aux=True), (None, 0, 0))(weights, x, along)
        return values, torch.cat([by_weights[name].flatten(1) for name in weights], dim=1)


class _Traced(nn.Module):
    """The remainder in torch's own operations alone."""

    def __init__(self, flow: Flow, base: Base, degree: int, map_degree: int) -> None:
        super().__init__()
        self.flow, self.base, self.degree, self.map_degree = flow, base, degree, map_degree

    def forward(self, x: Tensor, at: Tensor | None) -> Tensor:
        flow, base = self.flow, self.base

        def output(potentials: Tensor) -> Tensor:
            return flow.unit * flow.read_out(flow.trajectory(potentials, base.edges)[-1])

        value = output(x if at is None else x + at)
        if self.degree == 1:
            return value - output(torch.zeros_like(base.x)[None] if at is None else at[None])
        maps = cell_maps(flow, base, self.map_degree)
        return value - series_along(flow, base, maps[..., None], x, self.degree - 1).sum(0)


def _with_base(x: Tensor) -> Tensor:
    """Displacements, and behind them that of the base itself."""
    return torch.cat([x, x.new_zeros(1, x.shape[1])])
