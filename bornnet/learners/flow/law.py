"""The law that a flow has learned, on show: G over the states it visits, its expansion, and its adjoint.

Where U = 0 a linearly driven state stands still, so that the output y read out at r is the observable of the
potential cut off at r. For the scattering length that obeys the variable-phase equation at zero energy,

    dy/dr = -U (r - y)^2,   y(0) = 0

(Calogero, Variable Phase Approach to Potential Scattering, 1967), and a linearly driven flow that is right
for all potentials can only be that. What is shown is free of the choice of states: with several
components, or a readout by an angle, not G itself but the rate ``g = dy/dr / U`` that it gives the output.

The adjoint p(r) = d output / ds(r) is the momentum conjugate to the state, and p G the functional derivative
of the output by U(r).
"""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...physics.edges import checked_edges
from ..law import Adjoint, Path
from .algebra import algebra
from .cell_maps import drive_polynomial
from .model import READOUT_SIGNS, Flow


class FlowLaw:
    """The law of a flow (`learners.law.Law`).

    Raises ``InputError`` for a flow that has none: with a general drive the rate depends on U.
    """

    def __init__(self, flow: Flow) -> None:
        if not has_law(flow):
            raise InputError(f"flow: a law in r and y alone needs a linear drive; got a {flow.drive} drive")
        self.flow = flow

    @torch.no_grad()
    def path(self, potentials: np.ndarray, edges: Any = None) -> Path:
        U, grid, r = self._read(potentials, edges)
        states = self.flow.paths(U, grid)[:, 1:]
        slope = self.flow.unit * _slope_of_readout(self.flow, states)
        rates = (slope * self._drive(states, r)).sum(-1)
        return Path(r, (self.flow.unit * self.flow.read_out(states)).numpy(), rates.numpy())

    def adjoint(self, potentials: np.ndarray, edges: Any = None) -> Adjoint:
        U, grid, r = self._read(potentials, edges)
        with torch.enable_grad():
            path = self.flow.trajectory(U.requires_grad_(), grid)[1:]
            output = self.flow.unit * self.flow.read_out(path[-1])
            pulled = torch.stack(torch.autograd.grad(output.sum(), path), dim=1)
        states = torch.stack(path, dim=1).detach()
        with torch.no_grad():
            drive = self._drive(states, r)
            response = (pulled * drive).sum(-1)
            slope = self.flow.unit * _slope_of_readout(self.flow, states)
            # one component has a momentum of its own; of several, what moves y as the potential does
            one = self.flow.components == 1
            momentum = (pulled / slope)[..., 0] if one else response / (slope * drive).sum(-1)
        return Adjoint(r, momentum.numpy(), response.numpy())

    def coefficients(self, r: np.ndarray, powers: int) -> np.ndarray:
        return law_coefficients(self.flow, r, powers)

    def _read(self, potentials: np.ndarray, edges: Any) -> tuple[Tensor, np.ndarray, np.ndarray]:
        """Potentials, the cells' edges, and r at the end of every step."""
        U = torch.as_tensor(np.array(potentials, dtype=float))
        grid = checked_edges(edges, U.shape[1])
        steps = [np.linspace(a, b, self.flow.substeps + 1)[1:] for a, b in pairwise(grid)]
        return U, grid, np.concatenate(steps)

    def _drive(self, states: Tensor, r: np.ndarray) -> Tensor:
        """ds/dr over U at states ``(N, M, k)``."""
        places = torch.from_numpy(r).expand(len(states), -1)[..., None]
        return self.flow.factor * self.flow.drive_at(states, places, torch.ones_like(places))


def has_law(flow: Flow) -> bool:
    return flow.drive == "linear"


def law_coefficients(flow: Flow, r: np.ndarray, powers: int) -> np.ndarray:
    """``(powers + 1, len(r))``: Taylor coefficients in y, at y = 0, of the learned rate ``dy/dr / U``.

    With several components the states that give one y are many; the coefficients are taken along the
    direction G(0, r) in which the state sets out at that r, which is what a potential near r alone shows.
    """
    with torch.no_grad():
        places = torch.as_tensor(np.asarray(r, dtype=float))
        space = algebra(1, powers)
        zero = torch.zeros(len(places), flow.components, dtype=torch.float64)
        start = flow.drive_at(zero, places[:, None], torch.ones_like(places)[:, None])
        direction = start / _form(flow, start)[:, None]  # moves the linear form of the readout by 1
        s = direction[..., None] * space.variable(0)
        one = space.constant(torch.ones_like(places))
        rate = drive_polynomial(flow, space, s, space.constant(places), one)
        form = flow.factor * _form(flow, rate.movedim(-1, 0)).movedim(0, -1)
        # y = +-unit tan(form): the rate of y is +-(1 + tan^2) times the form's, and form = +-arctan(y / unit)
        if flow.state != "value":
            sign = READOUT_SIGNS[flow.state]
            arctan, secant = _angle_series(powers)
            form = sign * space.product(_substituted(space, form, sign * arctan), secant.expand_as(form))
        return np.stack([(flow.unit ** (1 - k) * form[:, k]).numpy() for k in range(powers + 1)])


def _angle_series(degree: int) -> tuple[Tensor, Tensor]:
    """The series of arctan z and of 1 + z^2."""
    arctan = [0.0 if k % 2 == 0 else (-1.0) ** (k // 2) / k for k in range(degree + 1)]
    secant = [1.0 if k in (0, 2) else 0.0 for k in range(degree + 1)]
    return torch.tensor(arctan, dtype=torch.float64), torch.tensor(secant, dtype=torch.float64)


def _substituted(space: Any, series: Tensor, inner: Tensor) -> Tensor:
    """``series(inner(z))`` for the series of every row."""
    return space.composed(series.T, inner.expand_as(series))


def _form(flow: Flow, s: Tensor) -> Tensor:
    """The linear form of the readout, of states ``(.., k)``."""
    return s[..., 0] if flow.readout is None else s @ flow.readout


def _slope_of_readout(flow: Flow, s: Tensor) -> Tensor:
    """d read_out / ds, ``(.., k)``."""
    with torch.enable_grad():
        s = s.detach().requires_grad_()
        return torch.autograd.grad(flow.read_out(s).sum(), s)[0]
