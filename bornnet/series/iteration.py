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
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from ..datasets.labelled import Labelled
from ..errors import InputError
from ..files.view import view
from ..learners.base import Learner, Scaling
from ..targets import Target, target
from ..training.problem import Problem, Samples, Slopes
from .terms import MemberSeries

DISCREPANCY = 1e-3
"""Where values have errors, what a model is expected to miss, relative to the order that is due: small
against errors that matter, and large enough that a potential of nearly no error does not rule the fit."""


def choose_scaling(data: Labelled, learner: type[Learner], config: Any = None) -> Scaling:
    """The units in which a learner is fitted (`Learner.scaling`)."""
    squares = sum(np.sum(data.potentials[block] ** 2, axis=0) for block in data.blocks())
    means = np.concatenate([np.abs(data.potentials[block]).mean(axis=1) for block in data.blocks()])
    integral = float(np.median(means / data.strength))
    return learner.scaling(np.sqrt(squares / len(data)), _rms(data.values / data.strength), integral, config)


@dataclass(frozen=True)
class Directions:
    """Random directions ``(N, K, cells)``, +1 or -1 in every cell, kept as bits."""

    bits: np.ndarray
    shape: tuple[int, int, int]

    @classmethod
    def drawn(cls, samples: int, count: int, cells: int, seed: Sequence[int]) -> "Directions":
        bits = np.random.default_rng(seed).integers(0, 256, (samples, count, -(-cells // 8)), dtype=np.uint8)
        return cls(bits, (samples, count, cells))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        return 2.0 * np.unpackbits(self.bits[rows], axis=2, count=self.shape[2]) - 1.0


@dataclass(frozen=True)
class Rounds:
    """How the rounds differ from one another.

    Attributes:
        floors: of round 1, 2, ..: strengths eta below it are left out; the last one holds from then on.
        lower_orders: ``removed`` from the model by construction, or ``corrected``: learned by every round
            and added to the terms of the earlier ones.
        remove: ``learned`` terms, or the ``exact`` Born terms (for comparison only).
        directions: along so many directions a potential derivatives are fitted, where gradients are known.
        seed: of those directions.
        target: what is learned, around its reference; the scattering length around U = 0 unless given.
    """

    floors: Sequence[float]
    lower_orders: str = "removed"
    remove: str = "learned"
    directions: int = 1
    seed: int = 0
    target: Target = field(default_factory=lambda: target("scattering_length"))

    def floor(self, number: int) -> float:
        return self.floors[min(number, len(self.floors)) - 1]

    def degree(self, number: int) -> int:
        """The Taylor order below which round ``number`` fits nothing."""
        return number if self.lower_orders == "removed" else 1

    def series(self, learners: Sequence[Learner], cells: int | None = None) -> MemberSeries:
        """The Born series learned in rounds 1, 2, .., in physical units."""
        return MemberSeries(tuple(learners), self.lower_orders == "corrected", cells)


def round_problem(
    rounds: Rounds,
    number: int,
    earlier: Sequence[Learner],
    training: Labelled,
    held_out: Labelled,
    scaling: Scaling,
) -> Problem:
    """What round ``number`` (1, 2, ..) is fitted to.

    Args:
        earlier: what the rounds before have learned, in physical units.

    Raises ``InputError`` where no potential is strong enough for this round.
    """
    series = rounds.series(earlier) if earlier else None
    parts = [above(data, rounds.floor(number), number) for data in (training, held_out)]
    values = [_remainder(rounds, number, series, part) for part in parts]
    slopes = [None, None] if training.gradient is None else _slopes(rounds, number, series, parts, scaling)
    # one unit for both sets: errors are relative to the RMS of the order that is due
    unit = _rms(values[0] / parts[0].strength ** number)
    return Problem(
        *(
            Samples(
                view(part.potentials).scaled(scaling.inputs),
                torch.from_numpy(value / scaling.output),
                torch.from_numpy(scaling.output / _sizes(part, unit, number)),
                along,
                None if part.sigma is None else torch.from_numpy(part.sigma / scaling.output),
            )
            for part, value, along in zip(parts, values, slopes, strict=True)
        )
    )


def _sizes(data: Labelled, unit: float, number: int) -> np.ndarray:
    """``(N,)``: how large a residual may be expected in each row, against which it is weighed.

    Without errors that is the size of the order that is due. With errors sigma it is these, beside what the
    model itself may miss (`DISCREPANCY` of the order that is due): weights of independent Gaussian errors.
    """
    leading = unit * data.strength**number
    return leading if data.sigma is None else np.hypot(data.sigma, DISCREPANCY * leading)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def above(data: Labelled, floor: float, number: int) -> Labelled:
    """The potentials that are strong enough for a round; ``InputError`` where none is."""
    kept = data.rows(np.flatnonzero(data.strength >= floor))
    if not len(kept):
        raise InputError(
            f"round {number} takes strengths of at least {floor:g}, but the dataset's reach "
            f"{data.strength.max():g}: generate stronger potentials, or lower strength_floors."
        )
    return kept


def _remainder(rounds: Rounds, number: int, series: MemberSeries | None, data: Labelled) -> np.ndarray:
    """The values without their lower orders ``(N,)``."""
    remainder = data.values.copy()
    if series is not None:
        terms = rounds.target.terms if rounds.remove == "exact" else series.terms
        for block in data.blocks():
            remainder[block] -= terms(data.potentials[block], number - 1).sum(axis=0)
    return remainder


def _slopes(
    rounds: Rounds, number: int, series: MemberSeries | None, parts: Sequence[Labelled], scaling: Scaling
) -> list[Slopes | None]:
    """The derivatives of a0 without its lower orders along random directions."""
    directions = [
        Directions.drawn(len(part), rounds.directions, part.cells, [rounds.seed, number, k, 3])
        for k, part in enumerate(parts)
    ]
    values = [_along(d, rounds, number, series, part) for d, part in zip(directions, parts, strict=True)]
    unit = _rms(values[0].T / parts[0].strength ** (number - 1))
    return [
        Slopes(
            view(along).scaled(scaling.inputs),
            torch.from_numpy(value / scaling.output),
            torch.from_numpy(scaling.output / (unit * part.strength ** (number - 1))),
        )
        for part, along, value in zip(parts, directions, values, strict=True)
    ]


def _along(
    directions: Directions, rounds: Rounds, number: int, series: MemberSeries | None, data: Labelled
) -> np.ndarray:
    """``(N, K)``: the gradient of a0 without its lower orders, along each direction."""
    assert data.gradient is not None
    values = np.empty(directions.shape[:2])
    for block in data.blocks():
        gradient = data.gradient[block]
        if series is not None:
            lower = partial(exact_gradient, rounds.target) if rounds.remove == "exact" else series.gradient
            gradient = gradient - lower(data.potentials[block], number - 1)
        values[block] = (directions[block] @ gradient[:, :, None])[:, :, 0]
    return values


def exact_gradient(of: Target, displacements: np.ndarray, order: int) -> np.ndarray:
    """``(N, cells)``: the gradient of the target's exact sum through that order."""
    tensor = torch.tensor(displacements, requires_grad=True)
    (gradient,) = torch.autograd.grad(of.terms(tensor, order).sum(), tensor)
    return np.asarray(gradient.numpy())
