"""The iterative perturbation theory: each round removes the leading order, so that the next can be learned.

Round n fits ``a0(U) - sum_{m<n} L_m(U)``, where L_m is the order-m term learned in round m, by a network
whose Taylor orders below n are removed by construction (`TaylorRemainder`). Residuals weigh ``eta^-n``: they
are relative to the leading order that is left, from the deepest potential to the shallowest. The round's
order-n Taylor term is L_n. (Kaspschak & Meißner, Phys. Rev. Research 3, 023223, remove the leading order and
retrain; the removal inside the model, the weights and the strengths per round are ours.)

Where gradients of a0 are known, derivatives along random directions are fitted beside the values, with
weights ``eta^(1-n)``. Directions are +1 or -1 in every cell: over them the mean square of a derivative's
error is the squared norm of the gradient's error, and at U = 0 that of the kernel's.

L_m carries an error of its own, which the target of round n shows as a term of order m < n that the model
cannot follow: of relative size error/eta. So later rounds leave out the shallowest potentials.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..networks.mlp import MLP
from ..physics.born import born_terms
from ..training.problem import Problem, Samples, Slopes
from ..training.remainder import TaylorRemainder
from .series import LearnedSeries

INPUT_SPREAD = 20.0
"""Inputs are scaled to an RMS of 1/20. The smaller they are, the closer the untrained network is to its own
low-order Taylor polynomial, which is what it is to become; trials on 16 and 64 cells favoured 10 to 30."""


@dataclass(frozen=True)
class Labelled:
    """Potentials ``(N, cells)``, their scattering lengths ``(N,)``, strengths eta ``(N,)`` and, if known, the
    gradients ``(N, cells)`` of the scattering lengths."""

    potentials: np.ndarray
    scattering_length: np.ndarray
    strength: np.ndarray
    gradient: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.potentials)

    def rows(self, index: np.ndarray) -> "Labelled":
        gradient = None if self.gradient is None else self.gradient[index]
        return Labelled(self.potentials[index], self.scattering_length[index], self.strength[index], gradient)


def split(data: Labelled, holdout: float, seed: int) -> tuple[Labelled, Labelled]:
    """Training and held-out rows, drawn without order; the same for every member."""
    held = max(1, round(holdout * len(data)))
    if held >= len(data):
        raise InputError(f"{len(data)} potentials are too few to hold out {holdout:.0%} and train on others.")
    order = np.random.default_rng([seed, 1]).permutation(len(data))
    return data.rows(np.sort(order[held:])), data.rows(np.sort(order[:held]))


@dataclass(frozen=True)
class Scaling:
    """Network units: inputs ``x = inputs * U`` (one factor a cell), outputs ``y = a0 / output``."""

    inputs: np.ndarray
    output: float


def choose_scaling(data: Labelled) -> Scaling:
    """Inputs to an RMS of 1/INPUT_SPREAD in every cell, and a0/eta to an RMS of one."""
    rms = np.sqrt(np.mean(data.potentials**2, axis=0))
    rms[rms == 0] = 1.0
    output = float(np.sqrt(np.mean((data.scattering_length / data.strength) ** 2)))
    return Scaling(1 / (INPUT_SPREAD * rms), output)


@dataclass(frozen=True)
class Rounds:
    """How the rounds differ from one another.

    Attributes:
        floors: of round 1, 2, ..: strengths eta below it are left out; the last one holds from then on.
        lower_orders: ``removed`` from the model by construction, or ``corrected``: learned by every round
            and added to the terms of the earlier ones.
        remove: ``learned`` terms, or the ``exact`` Born terms (for comparison only).
        warm_start: start each round from the weights of the one before.
        directions: along so many directions a potential derivatives are fitted, where gradients are known.
        seed: of those directions.
    """

    floors: Sequence[float]
    lower_orders: str = "removed"
    remove: str = "learned"
    warm_start: bool = True
    directions: int = 1
    seed: int = 0

    def floor(self, number: int) -> float:
        return self.floors[min(number, len(self.floors)) - 1]

    def model(self, network: MLP, number: int) -> TaylorRemainder:
        """What round ``number`` fits: the network without its orders below the one that is due."""
        return TaylorRemainder(network, number if self.lower_orders == "removed" else 1)

    def series(self, networks: Sequence[MLP]) -> LearnedSeries:
        """The Born series learned by the networks of rounds 1, 2, .., in physical units."""
        return LearnedSeries(tuple(networks), corrected=self.lower_orders == "corrected")


def round_problem(
    rounds: Rounds,
    number: int,
    earlier: Sequence[MLP],
    training: Labelled,
    held_out: Labelled,
    scaling: Scaling,
) -> Problem:
    """What the network of round ``number`` (1, 2, ..) is fitted to.

    Args:
        earlier: the networks of the rounds before, in physical units.

    Raises ``InputError`` where no potential is strong enough for this round.
    """
    series = rounds.series(earlier) if earlier else None
    floor = rounds.floor(number)
    parts = [above(data, floor, number) for data in (training, held_out)]
    remainders = [_remainder(rounds, number, series, part) for part in parts]
    slopes = [_slopes(rounds, number, series, part, k) for k, part in enumerate(parts)]
    # one unit for both sets: errors are relative to the RMS of the order that is due
    unit = _rms(remainders[0] / parts[0].strength ** number)
    slope_unit = 1.0 if slopes[0] is None else _rms(slopes[0][1].T / parts[0].strength ** (number - 1))
    samples = []
    for part, remainder, along in zip(parts, remainders, slopes, strict=True):
        weights = scaling.output / (unit * part.strength**number)
        samples.append(
            Samples(
                torch.from_numpy(part.potentials * scaling.inputs),
                torch.from_numpy(remainder / scaling.output),
                torch.from_numpy(weights),
                along
                and Slopes(
                    torch.from_numpy(along[0] * scaling.inputs),
                    torch.from_numpy(along[1] / scaling.output),
                    torch.from_numpy(scaling.output / (slope_unit * part.strength ** (number - 1))),
                ),
            )
        )
    return Problem(*samples)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def initial_network(
    rounds: Rounds, cells: int, hidden: Sequence[int], activation: str, seed: int, member: int, number: int
) -> MLP:
    """A network with weights drawn for this member and round (for the first round only, if started warm)."""
    draw = np.random.SeedSequence([seed, member, 1 if rounds.warm_start else number]).generate_state(1)[0]
    return MLP(cells, hidden, activation, generator=torch.Generator().manual_seed(int(draw)))


def physical(network: MLP, scaling: Scaling) -> MLP:
    """The network in physical units: potential in, scattering length out."""
    inputs: Tensor = torch.from_numpy(scaling.inputs)
    return network.rescaled(inputs, scaling.output)


def above(data: Labelled, floor: float, number: int) -> Labelled:
    """The potentials that are strong enough for a round; ``InputError`` where none is."""
    kept = data.rows(np.flatnonzero(data.strength >= floor))
    if not len(kept):
        raise InputError(
            f"round {number} takes strengths of at least {floor:g}, but the dataset's reach "
            f"{data.strength.max():g}: generate stronger potentials, or lower strength_floors."
        )
    return kept


def _remainder(rounds: Rounds, number: int, series: LearnedSeries | None, data: Labelled) -> np.ndarray:
    """a0 without its lower orders ``(N,)``."""
    if series is None:
        return data.scattering_length
    lower = number - 1
    if rounds.remove == "exact":
        return data.scattering_length - born_terms(data.potentials, lower).sum(axis=0)
    return data.scattering_length - series.terms(data.potentials, lower).sum(axis=0)


def _slopes(
    rounds: Rounds, number: int, series: LearnedSeries | None, data: Labelled, part: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Random directions ``(N, K, cells)``, and the derivatives ``(N, K)`` along them of a0 without its lower
    orders; None where no gradients are known."""
    if data.gradient is None:
        return None
    gradient = data.gradient
    if series is not None:
        lower = exact_gradient if rounds.remove == "exact" else series.gradient
        gradient = gradient - lower(data.potentials, number - 1)
    draw = np.random.default_rng([rounds.seed, number, part, 3])
    shape = (len(data), rounds.directions, gradient.shape[1])
    directions = draw.integers(0, 2, shape, dtype=np.int8) * 2.0 - 1.0
    return directions, (directions @ gradient[:, :, None])[:, :, 0]


def exact_gradient(potentials: np.ndarray, order: int) -> np.ndarray:
    """``(N, cells)``: the gradient of the exact Born sum through that order."""
    tensor = torch.tensor(potentials, requires_grad=True)
    (gradient,) = torch.autograd.grad(born_terms(tensor, order).sum(), tensor)
    return gradient.numpy()
