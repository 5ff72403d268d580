"""Flows that are easy to solve: a penalty on the curvature of the states along r, in the same least squares.

R_K is the mean over potentials of the integral of ``|d^K s / dr^K|^2`` over r (Kelly, Bettencourt, Johnson &
Duvenaud, *Learning differential equations that are easy to solve*, arXiv:2007.04504). The derivative at a
state comes by Taylor mode: with s through order j in t known, the drive's order j gives order j + 1. Its
values at both ends of each cell, with the trapezoidal rule's weights, are residuals beside those of the fit.
"""

from math import factorial
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from ...training.levenberg_marquardt import LevenbergMarquardt, interpolation
from ...training.problem import Samples
from .algebra import algebra
from .cell_maps import drive_polynomial
from .mesh import checked_edges
from .model import Flow
from .remainder import FlowRemainder

POTENTIALS = 16
"""Potentials on which the penalty is taken, spread over the training samples: all share one G."""


class Penalty(torch.nn.Module):
    """The penalty's residuals on some potentials: the sum of their squares is ``weight * R_K``."""

    def __init__(self, flow: Flow, potentials: Tensor, order: int, weight: float, edges: Any = None) -> None:
        super().__init__()
        self.flow = flow
        self.order = order
        self.weight = weight
        self.grid = checked_edges(edges, potentials.shape[1])
        self.potentials = potentials

    def forward(self, potentials: Tensor | None = None) -> Tensor:
        """``(potentials, cells * 2 * k)``."""
        U = self.potentials if potentials is None else potentials
        states = torch.stack(self.flow.trajectory(U, self.grid)[:: self.flow.substeps], dim=1)
        ends = torch.stack([states[:, :-1], states[:, 1:]], dim=2)
        edges = torch.from_numpy(self.grid)
        r = torch.stack([edges[:-1], edges[1:]], dim=1)
        x = (self.flow.factor * U)[:, :, None].expand(ends.shape[:-1])
        derivative = path_derivative(self.flow, ends, r.expand(ends.shape[:-1]), x, self.order)
        share = (self.weight / len(self.potentials) * 0.5 * edges.diff()).sqrt()
        return (derivative * share[None, :, None, None]).flatten(1)

    def residuals(self) -> Tensor:
        return self.forward().flatten()

    def linearized(self) -> tuple[Tensor, Tensor]:
        """The residuals ``(R,)`` and their Jacobian ``(R, weights)``."""
        weights = {name: p.detach() for name, p in self.named_parameters()}

        def one(weights: dict[str, Tensor], row: Tensor) -> Tensor:
            return functional_call(self, weights, (row[None],))[0]

        blocks = vmap(jacrev(one), (None, 0))(weights, self.potentials)
        jacobian = torch.cat([blocks[name].flatten(2) for name in weights], dim=2)
        return self.residuals().detach(), jacobian.flatten(0, 1)


def path_derivative(flow: Flow, s: Tensor, r: Tensor, x: Tensor, order: int) -> Tensor:
    """``d^K s / dr^K (.., k)`` of the path through states ``(.., k)`` at r ``(..)``, x being constant."""
    space = algebra(1, order)
    t = space.variable(0)
    place = space.constant(r) + t
    path = space.constant(s)
    powers = torch.eye(order + 1, dtype=torch.float64)
    coefficient = s
    for n in range(order):
        drive = drive_polynomial(flow, space, path, place, space.constant(x))
        coefficient = drive[..., n] / (n + 1)
        path = path + coefficient[..., None] * powers[n + 1]
    return factorial(order) * coefficient


class EasedLevenbergMarquardt(LevenbergMarquardt):
    """Levenberg-Marquardt with the penalty's residuals beside the fit's."""

    def __init__(self, model: FlowRemainder, samples: Samples, order: int, weight: float) -> None:
        super().__init__(model, samples, robust=True)
        every = max(1, len(samples) // POTENTIALS)
        chosen = samples.rows(slice(0, every * POTENTIALS, every)).inputs
        self.penalty = Penalty(model.flow, model.potentials(chosen), order, weight, model.edges)

    def _loss(self) -> float:
        return super()._loss() + float(self.penalty.residuals().square().sum())

    def _normal_equations(self) -> tuple[float, Tensor, Tensor]:
        loss, gradient, normal = super()._normal_equations()
        r, jacobian = self.penalty.linearized()
        return loss + float(r.square().sum()), gradient + jacobian.T @ r, normal + jacobian.T @ jacobian

    def _curvature(self, here: Tensor, path: Any, order: int) -> Tensor:
        lengths, shares = interpolation(order)
        parts = []
        for length, share in zip(lengths, shares, strict=True):
            self._place(here, path, length)
            parts.append(share * self.penalty.residuals())
        self._place(here, [], 0.0)
        with torch.enable_grad():
            weights = list(self.model.parameters())
            by_weights = torch.autograd.grad(
                self.penalty.residuals(),
                weights,
                torch.stack(parts).sum(0),
                allow_unused=True,  # a linear readout moves no state
                materialize_grads=True,
            )
        pulled = torch.cat([part.flatten() for part in by_weights])
        return super()._curvature(here, path, order) + pulled
