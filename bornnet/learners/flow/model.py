"""A network whose depth is r: the state s obeys ``ds/dr = x(r) G(s, r)`` with a perceptron G.

The state has k components and starts at 0; x = factor * U is constant in a cell. A general drive is
``ds/dr = G(s, r, x)``. The output is ``unit * readout(s_1(1))``, or of a linear form ``w . s(1)`` in place of
s_1. Where x = 0 a linearly driven state stands still, so that with one component s(r) is the output for the
potential cut off at r. With Euler's method and a step a cell this is a residual network whose layers are
near the identity (Ruseckas, arXiv:1909.03767; Chen et al., arXiv:1806.07366).

What the state means is a choice of the readout:

- ``value``: the output is the state itself.
- ``angle``: the output is its tangent, so that it passes through infinity at the state pi/2.
- ``inverse``: the output is the cotangent of pi/2 plus the state: 1/a0 around the unitary limit, where it is
  0 and the angle whose tangent is a0 is pi/2. Output and state are 0 at the base here too, whatever the
  target; this is the angle counted from the other axis, and with the other sign.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError
from ...networks.mlp import MLP
from ...physics.edges import checked_edges
from . import compiled
from .tableaus import Tableau, tableau

STATES = ("value", "angle", "inverse")
READOUT_SIGNS = {"angle": 1.0, "inverse": -1.0}
"""Of the tangent: cot(pi/2 + s) is -tan s."""

DRIVES = ("linear", "general")
READOUTS = ("first", "linear")


class Flow(nn.Module):
    """A flow of ``components`` states; its weights are those of G and, if linear, of the readout.

    Args:
        hidden: widths of G's hidden layers.
        activation: a name of ``bornnet.networks.activations.ACTIVATIONS``.
        components: k, the number of states.
        drive: ``linear`` in the potential, or ``general``.
        readout: ``first`` component, or ``linear`` in all of them.
        state: ``value``, ``angle`` or ``inverse``.
        integrator: a name of ``tableaus.INTEGRATORS``.
        substeps: steps a cell.
        factor: of all potentials, before they enter.
        unit: of the output.
        generator: source of the initial weights.
    """

    def __init__(
        self,
        hidden: int | Sequence[int] = (12, 12),
        activation: str = "tanh",
        *,
        components: int = 1,
        drive: str = "linear",
        readout: str = "first",
        state: str = "value",
        integrator: str = "dop853",
        substeps: int = 1,
        factor: float = 1.0,
        unit: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        for name, value, known in (
            ("drive", drive, DRIVES),
            ("readout", readout, READOUTS),
            ("state", state, STATES),
        ):
            if value not in known:
                raise InputError(f"{name}: expected one of {', '.join(known)}; got {value!r}")
        for name, count in (("components", components), ("substeps", substeps)):
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise InputError(f"{name}: expected an integer of at least 1, got {count!r}")
        perceptron = MLP(
            components + (2 if drive == "general" else 1), hidden, activation, generator=generator
        )
        self.hidden, self.activation, self.components = perceptron.hidden, activation, components
        self.drive, self.state, self.substeps = drive, state, substeps
        self.method: Tableau = tableau(integrator)
        self.factor, self.unit = float(factor), float(unit)
        self.layers = perceptron.layers
        if components > 1:
            self.layers[-1] = _last_layer(self.hidden[-1], components, generator)
        self.readout = (
            nn.Parameter(torch.ones(components, dtype=torch.float64)) if readout == "linear" else None
        )

    @property
    def linears(self) -> list[nn.Linear]:
        """The Linear layers of G from the input to the output."""
        return [module for module in self.layers if isinstance(module, nn.Linear)]

    def architecture(self) -> dict[str, Any]:
        """What makes a flow of the same shape: the arguments, as JSON holds them."""
        return {
            "hidden": list(self.hidden),
            "activation": self.activation,
            "components": self.components,
            "drive": self.drive,
            "readout": "first" if self.readout is None else "linear",
            "state": self.state,
            "integrator": self.method.name,
            "substeps": self.substeps,
            "factor": self.factor,
            "unit": self.unit,
        }

    def changed(self, **settings: Any) -> "Flow":
        """A copy with other settings, such as ``substeps``, and the same weights."""
        architecture = {**self.architecture(), **settings}
        hidden = architecture.pop("hidden")
        copy = Flow(hidden, architecture.pop("activation"), **architecture)
        copy.to(next(self.parameters()).device)
        copy.load_state_dict(self.state_dict())
        return copy

    def rescaled(self, input_scale: Any = 1.0, output_scale: float = 1.0) -> "Flow":
        """The flow ``U -> output_scale f(input_scale U)``; one scale for all cells, or ``InputError``."""
        scales = np.asarray(input_scale, dtype=float)
        if scales.ndim > 1 or scales.size == 0 or not np.all(scales == scales.flat[0]):
            raise InputError(
                "input_scale: expected one factor for all cells, since a flow takes any number of them; got "
                f"{scales.size} different ones"
            )
        return self.changed(factor=self.factor * float(scales.flat[0]), unit=self.unit * output_scale)

    def drive_at(self, s: Tensor, r: Tensor, x: Tensor) -> Tensor:
        """ds/dr ``(.., k)`` for states ``(.., k)``, r ``(.., 1)`` and scaled potentials x ``(.., 1)``."""
        if self.drive == "general":
            return self.layers(torch.cat([s, r, x], dim=-1))
        return x * self.layers(torch.cat([s, r], dim=-1))

    def forward(self, potentials: Tensor, edges: Any = None) -> Tensor:
        """``(batch, cells)`` to ``(batch,)``, with autograd where gradients are enabled.

        ``edges (cells + 1,)``, from 0 to the end of the potentials, are those of equal cells on [0, 1] by
        default.
        """
        grid = checked_edges(edges, potentials.shape[1])
        if not potentials.requires_grad and compiled.can_run(self, potentials):
            s = compiled.final_states(self, potentials, grid)
        else:
            s = self.trajectory(potentials, grid)[-1]
        return self.unit * self.read_out(s)

    def read_out(self, s: Tensor) -> Tensor:
        """Outputs ``(..)`` in the network's unit, of states ``(.., k)``."""
        y = s[..., 0] if self.readout is None else s @ self.readout
        if self.state == "value":
            return y
        return READOUT_SIGNS[self.state] * torch.tan(y)

    @property
    def gain(self) -> Tensor | float:
        """By how much an error of the states grows, at most, in the form that is read out."""
        return 1.0 if self.readout is None else self.readout.norm()

    def trajectory(self, potentials: Tensor, edges: np.ndarray, substeps: int | None = None) -> list[Tensor]:
        """States ``(batch, k)`` at 0, where they are zero, and after every step."""
        substeps = substeps or self.substeps
        x = self.factor * potentials
        s = x.new_zeros(len(x), self.components)
        states = [s]
        for cell, (left, right) in enumerate(pairwise(edges)):
            h = (right - left) / substeps
            for step in range(substeps):
                s = self._step(s, left + step * h, h, x[:, cell : cell + 1])
                states.append(s)
        return states

    def crossed(self, s: Tensor, left: Tensor, right: Tensor, x: Tensor, substeps: int) -> Tensor:
        """States ``(batch, k)`` at the right edge of a cell, from those at its left; x ``(batch, 1)``."""
        h = (right - left) / substeps
        for step in range(substeps):
            s = self._step(s, left + step * h, h, x)
        return s

    @torch.no_grad()
    def paths(self, potentials: Tensor, edges: np.ndarray, substeps: int | None = None) -> Tensor:
        """The same states as one tensor ``(batch, steps + 1, k)``, without derivatives and in less time."""
        if compiled.can_run(self, potentials):
            return compiled.paths(self, potentials, edges, substeps)
        return torch.stack(self.trajectory(potentials, edges, substeps), dim=1)

    def _step(self, s: Tensor, r: float | Tensor, h: float | Tensor, x: Tensor) -> Tensor:
        stages = self.stages(self.method, s, r, h, x)
        return s + sum(h * b * k for b, k in zip(self.method.b, stages, strict=True) if b)

    def stages(
        self, method: Tableau, s: Tensor, r: float | Tensor, h: float | Tensor, x: Tensor
    ) -> list[Tensor]:
        """The drives K_i ``(.., k)`` of a step of length h from states ``(.., k)`` at r."""
        stages: list[Tensor] = []
        for row, c in zip(method.a, method.c, strict=True):
            inner = s + sum(h * a * k for a, k in zip(row, stages, strict=False) if a)
            stages.append(self.drive_at(inner, torch.zeros_like(x) + (r + c * h), x))
        return stages


def _last_layer(width: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    """Drawn as a perceptron's last layer is."""
    linear = nn.Linear(width, outputs, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.normal_(0.0, width**-0.5, generator=generator)
        linear.bias.zero_()
    return linear
