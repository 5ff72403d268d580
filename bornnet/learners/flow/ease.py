"""Flows that are easy to solve: a penalty on what makes steps short, in the same least squares.

R is the mean over potentials of the integral of ``|b|^2`` over r, times ``|w|^2`` of a readout w: else
smaller states that are read out larger would pass for easier ones. b is one of

- ``d^K s / dr^K``, K = 2 to 4 (Kelly, Bettencourt, Johnson & Duvenaud, *Learning differential equations that
  are easy to solve*, arXiv:2007.04504). It comes by Taylor mode: with s through order j in t known, the
  drive's order j gives order j + 1;
- ``error``: what Dormand and Prince's method states as the error of a step of length h, over h^5, by which a
  solver chooses its steps (Pal, Ma, Shah & Rackauckas, *Opening the blackbox*, arXiv:2105.03918). It sees
  what the derivatives along the path do not: a path may be smooth where the field around it is not, and then
  terms that cancel in the derivative do not cancel in the error.

The values of b at both ends of each cell, and at places between, with the trapezoidal rule's weights, are
residuals beside those of the fit.
"""

from collections.abc import Callable, Sequence
from math import factorial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from ...physics.edges import checked_edges
from ...training.levenberg_marquardt import LevenbergMarquardt, interpolation
from ...training.normal import Normal
from ...training.problem import Samples
from ...training.residuals import followed, mean_square
from .algebra import algebra
from .cell_maps import drive_polynomial
from .config import Bend
from .model import Flow
from .remainder import FlowRemainder
from .tableaus import DOPRI5_ERROR

POTENTIALS = 16
"""Potentials on which the penalty is taken, spread over the training samples: all share one G."""

PLACES = 16
"""Parts of [0, R] that the penalty takes at least: few cells are divided, so that it sees what is inside."""

STEP = 1 / 8
"""Length of the steps whose error is penalized, over all of r: about a solver's steps to eight digits."""

_FREE, _RISING, _FALLING, _AFTER = 12, 4, 10, 14  # steps of a trial
_FAINT = 1e-4  # of the weight: from there it rises, and to there it falls
_REMAINS = 1e-7  # of the weight, from then on: as much as keeps paths easy where the fit does not care


class Penalty(torch.nn.Module):
    """The penalty's residuals on some potentials: the sum of their squares is ``weight * R``."""

    def __init__(self, flow: Flow, potentials: Tensor, bend: Bend, weight: float, edges: Any = None) -> None:
        super().__init__()
        self.flow = flow
        self.bend = bend
        self.weight = weight
        edges = checked_edges(edges, potentials.shape[1])
        cells = len(edges) - 1
        self.parts = -(-PLACES // cells)
        self.grid = _divided(edges, self.parts)
        self.potentials = potentials.repeat_interleave(self.parts, dim=1)
        # a cell's places are the edges of its parts, both ends of it among them
        self.places = self.parts * torch.arange(cells)[:, None] + torch.arange(self.parts + 1)
        self.r = torch.from_numpy(self.grid)[self.places]
        steps = self.r.diff() / 2
        self.share = torch.cat([steps, steps[:, -1:]], dim=1)
        self.share[:, 1:-1] += steps[:, :-1]
        self.x = potentials[..., None].expand(*potentials.shape, self.parts + 1)

    def forward(self) -> Tensor:
        """``(potentials, cells, places, k)``, with autograd."""
        path = self.flow.trajectory(self.potentials, self.grid, self.steps)[:: self.steps]
        return self._residuals(torch.stack(path, dim=1))

    @property
    def steps(self) -> int:
        """Of every part of a cell: together at least as many as the flow takes."""
        return -(-self.flow.substeps // self.parts)

    @torch.no_grad()
    def residuals(self) -> Tensor:
        """The same, flat, without derivatives and in less time."""
        return self._residuals(self._states()).flatten()

    @torch.no_grad()
    def linearized(self) -> tuple[Tensor, Tensor]:
        """The residuals ``(R,)`` and their Jacobian ``(R, weights)``.

        Every part of a cell is differentiated on its own, all of them at once; the states' derivatives are
        then chained from one to the next.
        """
        flow = self.flow
        states = self._states()
        weights = {name: p.detach() for name, p in _driving(flow).items()}
        r = torch.from_numpy(self.grid)
        x = flow.factor * self.potentials

        def crossed(weights: dict[str, Tensor], s: Tensor, left: Tensor, right: Tensor, x: Tensor) -> Tensor:
            return functional_call(
                _Called(flow, flow.crossed), weights, (s[None], left, right, x[None, None], self.steps)
            )[0]

        def over(function: Any, *inputs: Tensor) -> tuple[Tensor, Tensor]:
            shape = inputs[-1].shape
            flat = [
                part.expand(*shape, *part.shape[len(shape) :]).flatten(0, len(shape) - 1) for part in inputs
            ]
            by = vmap(jacrev(function, argnums=(0, 1)), (None, *(0 for _ in inputs)))(weights, *flat)
            own = torch.cat([by[0][name].flatten(2) for name in weights], dim=2)
            return own.unflatten(0, shape), by[1].unflatten(0, shape)

        own, through = over(crossed, states[:, :-1], *(edge.expand_as(x) for edge in (r[:-1], r[1:])), x)
        moved = [torch.zeros_like(own[:, 0])]
        for part in range(own.shape[1]):
            moved.append(through[:, part] @ moved[-1] + own[:, part])
        change = torch.stack(moved, dim=1)[:, self.places]
        x = flow.factor * self.x
        direct, by_state = over(self._bend, states[:, self.places], self.r.expand_as(x), x)
        jacobian = ((direct + by_state @ change) * self._share()[..., None]).flatten(0, 3)
        residuals = self._residuals(states).flatten()
        if flow.readout is not None:  # the first of the weights, which moves no state
            w = flow.readout.detach()
            jacobian = torch.cat([residuals[:, None] * w / w.square().sum(), jacobian], dim=1)
        return residuals, jacobian

    def _states(self) -> Tensor:
        """At the edges of all parts, ``(potentials, cells * parts + 1, k)``."""
        return self.flow.paths(self.potentials, self.grid, self.steps)[:, :: self.steps]

    def _residuals(self, states: Tensor) -> Tensor:
        """``(potentials, cells, places, k)``."""
        x = self.flow.factor * self.x
        s = states[:, self.places]
        return self._bend(_driving(self.flow), s, self.r.expand_as(x), x) * self._share()

    def _bend(self, weights: dict[str, Tensor], s: Tensor, r: Tensor, x: Tensor) -> Tensor:
        if self.bend == "error":
            return step_error(self.flow, s, r, x, float(self.grid[-1]), weights)
        return path_derivative(self.flow, s, r, x, self.bend, weights)

    def _share(self) -> Tensor:
        """Roots of the trapezoidal rule's weights, times ``|w|``, ``(cells, places, 1)``."""
        return (self.weight / len(self.potentials) * self.share).sqrt()[..., None] * self.flow.gain


def _divided(edges: np.ndarray, parts: int) -> np.ndarray:
    """The edges of so many equal parts of every cell."""
    return np.append(np.linspace(edges[:-1], edges[1:], parts, endpoint=False).T, edges[-1])


class _Called(torch.nn.Module):
    """A function of a flow as a module, so that it can be called with other weights than the flow's."""

    def __init__(self, flow: Flow, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.layers = flow.layers
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


def _driving(flow: Flow) -> dict[str, Tensor]:
    """The weights of G."""
    return {name: p for name, p in flow.named_parameters() if name != "readout"}


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


def step_error(
    flow: Flow, s: Tensor, r: Tensor, x: Tensor, end: float, weights: dict[str, Tensor] | None = None
) -> Tensor:
    """The error ``(.., k)`` of steps from states ``(.., k)`` at r ``(..)`` over h^5, x being constant.

    Steps go forward, and back from where they would leave the potential, which ends at ``end``.
    """
    length = STEP * end
    h = torch.where(r + length <= end, length, -length).to(r)[..., None]

    def error(s: Tensor, r: Tensor, x: Tensor) -> Tensor:
        stages = flow.stages(DOPRI5_ERROR, s, r[..., None], h, x[..., None])
        return (
            sum((e * k for e, k in zip(DOPRI5_ERROR.b, stages, strict=True) if e), torch.zeros_like(s)) / h**4
        )

    return functional_call(_Called(flow, error), _driving(flow) if weights is None else weights, (s, r, x))


def pulse(weight: float) -> list[float]:
    """The penalty's weight in the steps of a trial."""
    return [
        weight * float(share)
        for share in (
            *np.zeros(_FREE),
            *np.geomspace(_FAINT, 1, _RISING, endpoint=False),
            *np.geomspace(1, _FAINT, _FALLING, endpoint=False),
            *np.full(_AFTER, _REMAINS),
        )
    ]


def lasting(weight: float) -> list[float]:
    """The penalty's weight in every step of a fit that starts from a trial."""
    return [weight * _REMAINS]


class EasedLevenbergMarquardt(LevenbergMarquardt):
    """Levenberg-Marquardt with the penalty's residuals beside the fit's.

    Under a penalty from the start a fit ends in a valley far above others, and stays there when the penalty
    is taken away; a penalty that comes late takes back most of a fit. How hard a flow is to solve is decided
    in its first thirty steps and hardly changes then. So the penalty comes and goes in the trials (`pulse`)
    from which a fit takes its start, which moves each along the valley in which it is to where paths are
    easy, and next to nothing of it remains in the fit (`lasting`). A trial is never gone on with, so that
    what is to come of a pulse is not part of the state.

    Args:
        bend: K or ``error``.
        weights: of the penalty, step by step; the last one stays.
    """

    def __init__(self, model: FlowRemainder, samples: Samples, bend: Bend, weights: Sequence[float]) -> None:
        super().__init__(model, samples, robust=True)
        every = max(1, len(samples) // POTENTIALS)
        chosen = samples.rows(slice(0, every * POTENTIALS, every)).inputs
        self.penalty = Penalty(model.flow, model.potentials(chosen), bend, weights[0], model.edges)
        self.to_come = list(weights[1:])
        self.keeps_last = bool(self.to_come)  # all steps are one schedule

    def step(self) -> float | None:
        error = super().step()
        if not self.to_come:
            return error
        self.penalty.weight = self.to_come.pop(0)
        if error is None:
            # settled, but the next weight makes another valley: it starts with a damping of its own
            self.damping, self.growth = None, 2.0
            return mean_square(self.model, followed(self.model, self.given))
        return error

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
