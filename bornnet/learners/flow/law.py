"""The law that a flow has learned, on show: G over the states it visits, its expansion, and its adjoint.

Where U = 0 a linearly driven state stands still, so that the output y read out at r is the observable of the
potential cut off at r. For the scattering length that obeys the variable-phase equation at zero energy,

    dy/dr = -U (r - y)^2,   y(0) = 0

(Calogero, Variable Phase Approach to Potential Scattering, 1967), and a linearly driven flow that is right
for all potentials can only be that. What is compared is free of the choice of states: with several
components, or a readout by an angle, not G itself but the rate ``dy/dr / U`` that it gives the output.

The adjoint p(r) = d output / ds(r) is the momentum conjugate to the state, and p G the functional derivative
of the output by U(r).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from .algebra import algebra
from .cell_maps import drive_polynomial
from .mesh import checked_edges
from .model import Flow

Law = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""``law(y, r)``: dy/dr over U."""


def variable_phase(y: np.ndarray, r: np.ndarray) -> np.ndarray:
    """The exact law of the scattering length, ``-(r - y)^2``, in units of the range."""
    return -((r - y) ** 2)


def variable_phase_coefficients(power: int, r: np.ndarray) -> np.ndarray:
    """Its expansion in y: ``-r^2, 2 r, -1`` and nothing beyond."""
    exact = {0: -(r**2), 1: 2 * r, 2: -np.ones_like(r)}
    return exact.get(power, np.zeros_like(r))


@dataclass(frozen=True)
class Visited:
    """Along every potential, at the end of every step.

    Attributes:
        r: ``(M,)``.
        outputs: read out there, ``(N, M)``; what the output would be for the potential cut off at r.
        rates: dy/dr over U there, ``(N, M)``, as learned.
        momentum: d output / dy(r), ``(N, M)``: with one component and the state as the output, p itself.
        response: p G, ``(N, M)``: the functional derivative d output / d U(r), as learned.
    """

    r: np.ndarray
    outputs: np.ndarray
    rates: np.ndarray
    momentum: np.ndarray
    response: np.ndarray


@dataclass(frozen=True)
class Coefficients:
    """One power of y in the learned rate at U = 0 beside the exact one, along r; ``deviation`` is the RMS of
    the difference."""

    power: int
    r: np.ndarray
    learned: np.ndarray
    exact: np.ndarray

    @property
    def deviation(self) -> float:
        return _rms(self.learned - self.exact)

    def to_dict(self) -> dict[str, Any]:
        arrays = {name: getattr(self, name).tolist() for name in ("r", "learned", "exact")}
        return {"power": self.power, "deviation": self.deviation, **arrays}


@dataclass(frozen=True)
class LearnedLaw:
    """The learned law against an exact one.

    Attributes:
        deviation: RMS of the difference of the rates over all states visited, over the RMS of the exact
            rates.
        coefficients: the powers of y, from 0.
    """

    deviation: float
    coefficients: tuple[Coefficients, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"deviation": self.deviation, "coefficients": [c.to_dict() for c in self.coefficients]}


def compare_law(
    flow: Flow,
    potentials: np.ndarray,
    edges: Any = None,
    *,
    law: Law = variable_phase,
    exact_coefficients: Callable[[int, np.ndarray], np.ndarray] = variable_phase_coefficients,
    powers: int = 3,
    points: int = 50,
) -> LearnedLaw:
    """The learned law of a linearly driven flow in physical units against an exact one.

    Args:
        potentials: ``(N, cells)``, whose states are visited.
        powers: the highest power of y.
        points: on (0, 1], where the coefficients are compared.

    Raises ``InputError`` for a flow with a general drive, which has no law of this form.
    """
    seen = visited(flow, potentials, edges)
    exact = law(seen.outputs, np.broadcast_to(seen.r, seen.outputs.shape))
    end = float(seen.r[-1])
    r = end * np.arange(1, points + 1) / points
    learned = law_coefficients(flow, r, powers)
    return LearnedLaw(
        _rms(seen.rates - exact) / _rms(exact),
        tuple(Coefficients(k, r, learned[k], exact_coefficients(k, r)) for k in range(powers + 1)),
    )


def visited(flow: Flow, potentials: np.ndarray, edges: Any = None) -> Visited:
    """The states that the potentials ``(N, cells)`` take a flow to, and what drives them there."""
    _require_linear(flow)
    U = torch.as_tensor(np.asarray(potentials, dtype=float))
    grid = checked_edges(edges, U.shape[1])
    steps = [np.linspace(a, b, flow.substeps + 1)[1:] for a, b in pairwise(grid)]
    r = np.concatenate(steps)
    with torch.enable_grad():
        states = flow.trajectory(U.requires_grad_(), grid)
        output = flow.unit * flow.read_out(states[-1])
        adjoints = torch.stack(torch.autograd.grad(output.sum(), states[1:]), dim=1)
    path = torch.stack(states[1:], dim=1).detach()
    with torch.no_grad():
        places = torch.from_numpy(r).expand(len(path), -1)[..., None]
        drive = flow.factor * flow.drive_at(path, places, torch.ones_like(places))
        slope = flow.unit * _slope_of_readout(flow, path)
    rates = (slope * drive).sum(-1)
    response = (adjoints * drive).sum(-1)
    outputs = flow.unit * flow.read_out(path).detach()
    with np.errstate(divide="ignore", invalid="ignore"):
        momentum = (response / rates).numpy()
    return Visited(r, outputs.numpy(), rates.numpy(), momentum, response.numpy())


def law_coefficients(flow: Flow, r: np.ndarray, powers: int) -> np.ndarray:
    """``(powers + 1, len(r))``: Taylor coefficients in y, at y = 0, of the learned rate ``dy/dr / U``.

    With several components the states that give one y are many; the coefficients are taken along the
    direction G(0, r) in which the state sets out at that r, which is what a potential near r alone shows.
    """
    _require_linear(flow)
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
        # y = unit tan(form): the rate of y is (1 + tan^2) times that of the form, and form = arctan(y / unit)
        if flow.state == "angle":
            tangent, secant = _angle_series(powers)
            form = space.product(_substituted(space, form, tangent), secant.expand_as(form))
        elif flow.state == "inverse":
            raise InputError("state: an inverse is infinite at U = 0, where its law has no expansion")
        return np.stack([(flow.unit ** (1 - k) * form[:, k]).numpy() for k in range(powers + 1)])


def _angle_series(degree: int) -> tuple[Tensor, Tensor]:
    """The series of arctan z and of 1 + z^2."""
    arctan = torch.tensor([0.0 if k % 2 == 0 else (-1.0) ** (k // 2) / k for k in range(degree + 1)])
    secant = torch.tensor([1.0 if k in (0, 2) else 0.0 for k in range(degree + 1)])
    return arctan.double(), secant.double()


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


def _require_linear(flow: Flow) -> None:
    if flow.drive != "linear":
        raise InputError("drive: a law in r and the state alone needs a linear drive, got a general one")


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
