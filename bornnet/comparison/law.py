"""The law that a learner found along r, against the variable-phase equation: numbers and curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..learners.law import HasLaw, Law
from ..learners.spread import spread
from ..learners.steps import HasSteps
from ..physics import variable_phase
from ..physics.distorted.phase import DistortedPhase
from ..series.terms import MemberSeries
from ..targets import Target

POWERS = 3
"""The highest power of y that is shown: the first that the exact law does not have."""

_COUNTED = {
    "deviation": "RMS over the states visited, each counted once, over the RMS of the exact law at them",
    "weighed": "the same with every state counted by |U| dr, as the law acts there",
    "median": "median of the absolute difference over the states visited, over the same RMS",
}
"""What the numbers count, for the JSON: they can differ tenfold."""

_POINTS = 50  # on (0, 1], where coefficients are compared
_VISITED = 1000  # potentials whose states are visited
_ADJOINT = 100  # potentials whose adjoint is integrated back
_DRAWN = 64  # places along r where exact curves are drawn, at least


@dataclass(frozen=True)
class Coefficient:
    """g_k(r), the k-th power of y in the learned rate at U = 0, beside the exact one; mean over members.

    Attributes:
        power: k.
        deviation: RMS over r of the difference, mean over the members.
        r, learned, exact: curves ``(points,)``.
    """

    power: int
    deviation: float
    r: np.ndarray
    learned: np.ndarray
    exact: np.ndarray

    def as_dict(self) -> dict[str, Any]:
        curves = {name: getattr(self, name).tolist() for name in ("r", "learned", "exact")}
        return {"power": self.power, "deviation": self.deviation, **curves}


@dataclass(frozen=True)
class Curves:
    """Along r for the example potentials: ``r (M,)``, all others ``(examples, M)``; means over the members.

    Learned ones are known behind every cell, and NaN within.
    """

    r: np.ndarray
    momentum: np.ndarray
    exact_momentum: np.ndarray
    response: np.ndarray
    exact_response: np.ndarray


@dataclass(frozen=True)
class LawComparison:
    """What drives the first round's learners, against the variable-phase equation ``dy/dr = -U (r - y)^2``,
    or that around the reference (`physics.distorted.phase`).

    Attributes:
        deviation: RMS of ``g(y, r)`` less the exact rate over the states that held-out potentials visit, over
            the RMS of the exact one there; mean over the members.
        median: of the absolute difference over that RMS, mean over the members: what is typical, where a few
            states that no fitted potential came near make the RMS.
        weighed: the same RMS with every state counted by ``|U| dr``, which is how much the law acts there:
            where a spike drives a state beyond those of the fit, it is the larger of the two.
        worst_share: of the squared deviation, what comes from the one potential that has most of it.
        deviation_spread: sample standard deviation of ``deviation``; None for one member.
        r, outputs, off: the states ``(N, M)`` of the first member, and the difference there, over that RMS.
        coefficients: powers 0 to `POWERS`.
        momentum_deviation, response_deviation: relative RMS of the differences of p, and of p g, to
            ``(u'/u'(1))^2`` and ``-(u/u'(1))^2``, or what they are around the reference, behind every cell.
        curves: of the examples.
    """

    deviation: float
    median: float
    weighed: float
    worst_share: float
    deviation_spread: float | None
    r: np.ndarray
    outputs: np.ndarray
    off: np.ndarray
    coefficients: tuple[Coefficient, ...]
    momentum_deviation: float
    response_deviation: float
    curves: Curves

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "counted": _COUNTED,
            "deviation": self.deviation,
            "median": self.median,
            "weighed": self.weighed,
            "worst_share": self.worst_share,
            "deviation_spread": self.deviation_spread,
            "states": self.off.size,
            "momentum_deviation": self.momentum_deviation,
            "response_deviation": self.response_deviation,
            "coefficients": [c.as_dict() for c in self.coefficients],
        }


def compare_law(
    members: Sequence[MemberSeries],
    potentials: np.ndarray,
    examples: Sequence[int],
    target: Target | None = None,
) -> LawComparison | None:
    """The laws of the members' first rounds on potentials ``(N, cells)``, which are displacements around a
    reference of the ``target``; None where a learner has none, or no exact one is known.

    Later rounds fit what is left of the orders before, so that theirs are other laws.
    """
    laws = _laws(members)
    if not laws or (target is not None and target.name == "given"):
        return None
    exact_law = _exact(target)
    rows = _some(potentials, _VISITED)
    deviations, weighed, shares, states = [], [], [], []
    for law in laws:
        path = law.path(rows)
        exact = exact_law.rate(path.outputs, path.r)
        off = path.rates - exact
        states.append((path, off / _rms(exact)))
        deviations.append(_rms(states[-1][1]))
        # steps of a cell share its potential, and are of one length
        acts = np.repeat(np.abs(rows), len(path.r) // rows.shape[1], axis=1)
        weighed.append(np.sqrt(np.sum(acts * off**2) / (np.sum(acts * exact**2) or 1.0)))
        shares.append(np.max(np.sum(off**2, axis=1)) / (np.sum(off**2) or 1.0))
    path, off = states[0]
    return LawComparison(
        deviation=float(np.mean(deviations)),
        median=float(np.mean([np.median(np.abs(off)) for _, off in states])),
        weighed=float(np.mean(weighed)),
        worst_share=float(np.mean(shares)),
        deviation_spread=spread(deviations),
        r=np.broadcast_to(path.r, off.shape),
        outputs=path.outputs,
        off=off,
        coefficients=_coefficients(laws, exact_law),
        **_adjoints(laws, potentials, list(examples), target),
    )


def truncation(members: Sequence[MemberSeries], potentials: np.ndarray, values: np.ndarray) -> float | None:
    """How far steps of finite length put what the members' first rounds give for potentials ``(N, cells)``
    off: the RMS of that over the RMS of the ``values (N,)``, mean over the members; None for learners without
    steps."""
    learners = [member.learners[0] for member in members]
    stepping = [learner for learner in learners if isinstance(learner, HasSteps)]
    if len(stepping) < len(learners):
        return None
    off = [learner.truncation(_some(potentials, _VISITED)) for learner in stepping]
    followed = [part[np.isfinite(part)] for part in off]  # without those that leave all bounds
    return float(np.mean([_rms(part) if len(part) else np.nan for part in followed]) / (_rms(values) or 1.0))


class ExactLaw(Protocol):
    """What a learned law is held against."""

    def rate(self, y: np.ndarray, r: np.ndarray, /) -> np.ndarray:
        """``dy/dr`` over the potential."""

    def rate_coefficient(self, power: int, r: np.ndarray) -> np.ndarray:
        """The coefficient of ``y**power`` in the rate."""

    def momentum_and_response(self, potentials: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]:
        """p and p g behind every cell, each ``(N, cells)``."""


def _exact(target: Target | None, parts: int = 1) -> ExactLaw:
    """The law for potentials whose cells are cut into so many parts."""
    if target is None or target.reference is None:
        return variable_phase
    reference = np.repeat(target.reference, parts)
    return DistortedPhase(reference, "inverse" if target.name == "inverse" else "scattering_length")


def _laws(members: Sequence[MemberSeries]) -> list[Law]:
    """Of all members, or of none."""
    found = []
    for member in members:
        first = member.learners[0]
        law = first.law() if isinstance(first, HasLaw) else None
        if law is None:
            return []
        found.append(law)
    return found


def _coefficients(laws: Sequence[Law], exact_law: ExactLaw) -> tuple[Coefficient, ...]:
    r = np.arange(1, _POINTS + 1) / _POINTS
    learned = np.array([law.coefficients(r, POWERS) for law in laws])
    rows = []
    for k in range(POWERS + 1):
        exact = exact_law.rate_coefficient(k, r)
        deviation = float(np.mean([_rms(own - exact) for own in learned[:, k]]))
        rows.append(Coefficient(k, deviation, r, learned[:, k].mean(axis=0), exact))
    return tuple(rows)


def _adjoints(
    laws: Sequence[Law], potentials: np.ndarray, examples: list[int], target: Target | None
) -> dict[str, Any]:
    cells, shown = potentials.shape[1], len(examples)
    rows = np.concatenate([potentials[examples], _some(potentials, _ADJOINT)])
    momentum, response = _exact(target).momentum_and_response(rows)
    learned: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for law in laws:
        adjoint = law.adjoint(rows)
        every = len(adjoint.r) // cells  # steps a cell
        for found, curve in zip(learned, (adjoint.momentum, adjoint.response), strict=True):
            found.append(curve[:, every - 1 :: every])
    off = [
        float(np.mean([_rms(own[shown:] - exact[shown:]) / _rms(exact[shown:]) for own in found]))
        for found, exact in zip(learned, (momentum, response), strict=True)
    ]
    parts = -(-_DRAWN // cells)  # of few cells the exact curves would be polygons
    fine = np.repeat(rows[:shown], parts, axis=1)
    exact_momentum, exact_response = _exact(target, parts).momentum_and_response(fine)
    mean = np.full((2, *fine.shape), np.nan)
    for curve, found in zip(mean, learned, strict=True):
        curve[:, parts - 1 :: parts] = np.mean(found, axis=0)[:shown]
    r = np.arange(1, fine.shape[1] + 1) / fine.shape[1]
    curves = Curves(r, mean[0], exact_momentum, mean[1], exact_response)
    return {"momentum_deviation": off[0], "response_deviation": off[1], "curves": curves}


def _some(potentials: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, spread over all."""
    chosen = np.unique(np.linspace(0, len(potentials) - 1, min(most, len(potentials))).astype(int))
    return potentials[chosen]


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
