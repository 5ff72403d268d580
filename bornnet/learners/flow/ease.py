"""Flows that are easy to solve: a penalty on the curvature of the states along r, in the same least squares.

R_K is the mean over potentials of the integral of ``|d^K s / dr^K|^2`` over r (Kelly, Bettencourt, Johnson &
Duvenaud, *Learning differential equations that are easy to solve*, arXiv:2007.04504), times ``|w|^2`` of a
readout w: else smaller states that are read out larger would pass for easier ones. The derivative at a
state comes by Taylor mode: with s through order j in t known, the drive's order j gives order j + 1. Its
values at both ends of each cell, with the trapezoidal rule's weights, are residuals beside those of the fit.
"""

from math import factorial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from ...training.levenberg_marquardt import LevenbergMarquardt, interpolation
from ...training.normal import Normal
from ...training.problem import Samples
from ...training.residuals import followed, mean_square
from .algebra import algebra
from .cell_maps import drive_polynomial
from .mesh import checked_edges
from .model import Flow
from .remainder import FlowRemainder

POTENTIALS = 16
"""Potentials on which the penalty is taken, spread over the training samples: all share one G."""

PLACES = 16
"""Cells that the penalty takes at least: wider ones are divided, so that it sees what happens inside."""

_BEGINS, _PEAKS, _ENDS = 0.25, 0.4, 0.55  # shares of the steps: it begins, is strongest, and has fallen
_FAINTEST = 1e-4  # of the peak: from there the penalty rises, and there it stays when it has fallen


class Penalty(torch.nn.Module):
    """The penalty's residuals on some potentials: the sum of their squares is ``weight * R_K``."""

    def __init__(self, flow: Flow, potentials: Tensor, order: int, weight: float, edges: Any = None) -> None:
        super().__init__()
        self.flow = flow
        self.order = order
        self.weight = weight
        cells = potentials.shape[1]
        parts = -(-PLACES // cells)
        self.grid = _divided(checked_edges(edges, cells), parts)
        self.potentials = potentials.repeat_interleave(parts, dim=1)

    def forward(self) -> Tensor:
        """``(potentials, cells, 2, k)``, cells being those of `grid`, with autograd."""
        path = self.flow.trajectory(self.potentials, self.grid)[:: self.flow.substeps]
        return self._residuals(torch.stack(path, dim=1))

    @torch.no_grad()
    def residuals(self) -> Tensor:
        """The same, flat, without derivatives and in less time."""
        return self._residuals(self._states()).flatten()

    @torch.no_grad()
    def linearized(self) -> tuple[Tensor, Tensor]:
        """The residuals ``(R,)`` and their Jacobian ``(R, weights)``.

        Every cell is differentiated on its own, all of them at once; the states' derivatives are then chained
        from cell to cell.
        """
        flow = self.flow
        states = self._states()
        weights = {name: p.detach() for name, p in flow.named_parameters() if name != "readout"}
        cells = states.shape[1] - 1
        r = torch.from_numpy(self.grid)
        x = flow.factor * self.potentials

        def crossed(weights: dict[str, Tensor], s: Tensor, left: Tensor, right: Tensor, x: Tensor) -> Tensor:
            return functional_call(_Cell(flow), weights, (s, left, right, x))

        def derivative(weights: dict[str, Tensor], s: Tensor, r: Tensor, x: Tensor) -> Tensor:
            return path_derivative(flow, s, r, x, self.order, weights)

        def over(function: Any, *inputs: Tensor) -> tuple[Tensor, Tensor]:
            by = vmap(jacrev(function, argnums=(0, 1)), (None, *(0 for _ in inputs)))(weights, *inputs)
            return torch.cat([by[0][name].flatten(2) for name in weights], dim=2), by[1]

        shape = x.shape
        own, through = over(
            crossed,
            states[:, :-1].flatten(0, 1),
            *(part.expand(shape).flatten() for part in (r[:-1], r[1:], x)),
        )
        own, through = own.unflatten(0, shape), through.unflatten(0, shape)
        moved = [torch.zeros_like(own[:, 0])]
        for cell in range(cells):
            moved.append(through[:, cell] @ moved[-1] + own[:, cell])
        edges = torch.stack(moved, dim=1)
        ends = [(states[:, :-1], r[:-1], edges[:, :-1]), (states[:, 1:], r[1:], edges[:, 1:])]
        parts = []
        for s, place, change in ends:
            direct, by_state = over(derivative, s.flatten(0, 1), place.expand(shape).flatten(), x.flatten())
            parts.append((direct + by_state @ change.flatten(0, 1)).unflatten(0, shape))
        jacobian = torch.stack(parts, dim=2) * self._share()[..., None]
        residuals, jacobian = self._residuals(states).flatten(), jacobian.flatten(0, 3)
        if flow.readout is not None:  # the first of the weights, which moves no state
            w = flow.readout.detach()
            jacobian = torch.cat([residuals[:, None] * w / w.square().sum(), jacobian], dim=1)
        return residuals, jacobian

    def _states(self) -> Tensor:
        """At the edges of the cells, ``(potentials, cells + 1, k)``."""
        return self.flow.paths(self.potentials, self.grid)[:, :: self.flow.substeps]

    def _residuals(self, states: Tensor) -> Tensor:
        """``(potentials, cells, 2, k)``."""
        ends = torch.stack([states[:, :-1], states[:, 1:]], dim=2)
        edges = torch.from_numpy(self.grid)
        r = torch.stack([edges[:-1], edges[1:]], dim=1)
        x = (self.flow.factor * self.potentials)[:, :, None].expand(ends.shape[:-1])
        return path_derivative(self.flow, ends, r.expand(ends.shape[:-1]), x, self.order) * self._share()

    def _share(self) -> Tensor:
        """Roots of the trapezoidal rule's weights, times ``|w|``, ``(cells, 1, 1)``."""
        steps = torch.from_numpy(self.grid).diff()
        return (self.weight / len(self.potentials) * 0.5 * steps).sqrt()[:, None, None] * self.flow.gain


def _share_of_peak(done: float) -> float:
    """The weight over its peak, where a part ``done`` of the steps is taken."""
    if done < _BEGINS:
        return 0.0
    if done >= _ENDS:
        return _FAINTEST
    side = _BEGINS if done < _PEAKS else _ENDS
    return float(_FAINTEST ** ((done - _PEAKS) / (side - _PEAKS)))


def _divided(edges: np.ndarray, parts: int) -> np.ndarray:
    """The edges of so many equal parts of every cell."""
    return np.append(np.linspace(edges[:-1], edges[1:], parts, endpoint=False).T, edges[-1])


class _Cell(torch.nn.Module):
    """How a flow crosses a cell."""

    flow: Flow

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.layers = flow.layers
        self.crossed = flow.crossed  # no module: its weights are those of the layers

    def forward(self, s: Tensor, left: Tensor, right: Tensor, x: Tensor) -> Tensor:
        return self.crossed(s[None], left, right, x[None, None])[0]


def path_derivative(
    flow: Flow, s: Tensor, r: Tensor, x: Tensor, order: int, weights: dict[str, Tensor] | None = None
) -> Tensor:
    """``d^K s / dr^K (.., k)`` of the path through states ``(.., k)`` at r ``(..)``, x being constant."""
    space = algebra(1, order)
    t = space.variable(0)
    place = space.constant(r) + t
    path = space.constant(s)
    powers = torch.eye(order + 1, dtype=torch.float64)
    coefficient = s
    for n in range(order):
        drive = drive_polynomial(flow, space, path, place, space.constant(x), weights)
        coefficient = drive[..., n] / (n + 1)
        path = path + coefficient[..., None] * powers[n + 1]
    return factorial(order) * coefficient


class EasedLevenbergMarquardt(LevenbergMarquardt):
    """Levenberg-Marquardt with the penalty's residuals beside the fit's, of a weight that comes and goes.

    Under a penalty from the start a fit ends in a valley far above others, and stays there when the penalty
    is taken away. So the flow is first fitted without one; then the weight rises to its peak, which moves the
    flow along the valley in which it is to where paths are smooth, and falls to next to nothing, so that the
    fit takes back what that cost. Both are geometric in the steps.

    Args:
        order, weight: K, and the weight at its peak.
        steps: of the whole fit.
    """

    keeps_last: ClassVar[bool] = True  # all steps are one schedule

    def __init__(self, model: FlowRemainder, samples: Samples, order: int, weight: float, steps: int) -> None:
        super().__init__(model, samples, robust=True)
        every = max(1, len(samples) // POTENTIALS)
        chosen = samples.rows(slice(0, every * POTENTIALS, every)).inputs
        self.penalty = Penalty(model.flow, model.potentials(chosen), order, weight, model.edges)
        self.peak, self.steps, self.taken = weight, steps, 0

    def step(self) -> float | None:
        self.penalty.weight = self.peak * _share_of_peak(self.taken / self.steps)
        self.taken += 1
        error = super().step()
        if error is None and self.taken < _ENDS * self.steps:
            # settled, but the next weight makes another valley: it starts with a damping of its own
            self.damping, self.growth = None, 2.0
            return mean_square(self.model, followed(self.model, self.given))
        return error

    def state(self) -> dict[str, Any]:
        return {**super().state(), "taken": self.taken}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.taken = state["taken"]

    def _loss(self) -> float:
        loss = super()._loss()
        return loss + float(self.penalty.residuals().square().sum()) if self.penalty.weight else loss

    def normal_equations(self) -> tuple[float, Tensor, Normal]:
        loss, gradient, normal = super().normal_equations()
        if not self.penalty.weight:
            return loss, gradient, normal
        r, jacobian = self.penalty.linearized()
        self.bent = jacobian
        normal.add(jacobian)
        return loss + float(r.square().sum()), gradient + jacobian.T @ r, normal

    def _curvature(self, here: Tensor, path: Any, order: int) -> Tensor:
        if not self.penalty.weight:
            return super()._curvature(here, path, order)
        lengths, shares = interpolation(order)
        parts = []
        for length, share in zip(lengths, shares, strict=True):
            self._place(here, path, length)
            parts.append(share * self.penalty.residuals())
        self._place(here, [], 0.0)
        return super()._curvature(here, path, order) + self.bent.T @ torch.stack(parts).sum(0)
