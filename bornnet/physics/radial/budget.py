"""A potential in r solved with its error budget: what integration, table, cut-off and core may have cost.

Each part is found by solving again: the table thinned by two, the potential continued as it ends, or other
assumptions below the first point of a table. Where a0 is large it is 1/a0 that has an error of ordinary size,
and that of a0 follows from it, so that it is honest near the unitary limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..solution import Solution
from .panels import WEIGHTS
from .series import has_series, radial_born_terms, radial_strength
from .solver import RadialPotential, Wave, solve_radial
from .tails import Tail, effective_range_exists, refuse_tail, tail_of, with_tail

_SMOOTH = 1 / 3
"""Of what every second point alone changes, the error: twice the spacing makes it four times as large."""

_RESOLVED, _COARSE = 1e-2, 2.0
"""Where every second point alone changes a number by more than this part, the points do not resolve the
potential, and the two may agree by chance: the error is then so many times the change."""

_TAILS = 1.5
"""Times what a tail changes, for how well it is known."""

_FEWEST = 5
"""Points from which the error of a table can be told."""

_CLOSED = 10.0
"""The action of a wall that closes off what is inside: of a0, exp(-2 action) is left to it."""

_NOTABLE = 0.1
"""Parts of an error above this, relative to a0, are worth a warning."""


@dataclass(frozen=True)
class Given:
    """A potential in r as it was given, and what is not known of it.

    `thinner`: the same from every second point of its table, twice. `inside`: other assumptions below its
    first point. `points`: the r of the table; `noise`, where more of them do not bring it nearer: how far
    each is from where the others put it, `(points,)`. `tail`: what is to continue it, or "none" where it
    is zero behind its end, or None: then it is cut off there, at a cost. `other_tail`: a second opinion
    of `tail`. `remarks`: what else was done to the table.
    """

    potential: RadialPotential
    unit: str = "units of r"
    thinner: Sequence[RadialPotential] = ()
    inside: Sequence[RadialPotential] = ()
    points: np.ndarray | None = None
    tail: Tail | str | None = None
    other_tail: Tail | None = None
    assumed_inside: str = ""
    noise: np.ndarray | None = None
    remarks: Sequence[str] = ()

    def whole(self, potential: RadialPotential) -> RadialPotential:
        """The potential with the tail that was asked for."""
        return with_tail(potential, self.tail) if isinstance(self.tail, Tail) else potential


@dataclass(frozen=True)
class Ending:
    """How the potential ends: the words for it, and a0 where it is cut at 0.8 of its end."""

    words: str
    exponent: float
    cut_at: float
    scattering_length_there: float


def solve_given(given: Given, order: int) -> tuple[Solution, Wave, Ending | None]:
    """The solution, a batch `(1,)`; the wave it is from; and the ending, where there is one.

    Raises:
        InputError: a tail that has no scattering length, or a potential that `solve_radial` refuses.
    """
    potential = given.whole(given.potential)
    tail = None if given.tail == "none" else tail_of(given.potential, given.points)
    if given.tail is None and tail is not None:
        refuse_tail(tail)
    wave = solve_radial(potential)
    parts: dict[str, list[Wave]] = {}
    if given.points is not None:
        parts["interpolation"] = [solve_radial(given.whole(other)) for other in given.thinner]
    if given.tail is None and tail is not None:
        parts["cut_off"] = [solve_radial(with_tail(potential, tail))] if tail.kind != "none" else [wave]
    elif given.other_tail is not None:
        parts["cut_off"] = [solve_radial(with_tail(given.potential, given.other_tail))]
    if given.inside:
        parts["inside"] = [solve_radial(given.whole(other)) for other in given.inside]

    share = {
        "interpolation": _SMOOTH if given.noise is None else 1.0,
        "cut_off": _TAILS * _missed_of(given.tail),
        "inside": 1.0,
    }

    def change(part: str, name: str) -> float:
        farthest = max(
            (abs(getattr(other, name) - getattr(wave, name)) for other in parts[part]), default=0.0
        )
        if part == "interpolation" and farthest > _RESOLVED * abs(getattr(wave, name)):
            return _COARSE * farthest
        return share[part] * farthest

    error = {"integration": wave.integration_error}
    error |= {part: change(part, "scattering_length") for part in parts}
    inverse = wave.defect / wave.numerator**2 if wave.numerator else np.inf
    if given.noise is not None and given.points is not None:
        length, of_inverse = _noise(given.points, given.noise, wave)
        error["interpolation"] = max(error["interpolation"], length)
        inverse += of_inverse
    if given.points is not None and len(given.points) < _FEWEST:
        error["interpolation"] = max(error["interpolation"], abs(wave.scattering_length))
    inverse += sum(change(part, "inverse_scattering_length") for part in parts)
    ranges = 1e-11 * abs(wave.effective_range) + sum(change(part, "effective_range") for part in parts)
    total = sum(error.values())
    warnings = []
    if abs(wave.scattering_length) > _reach(wave):
        x = wave.inverse_scattering_length
        if inverse >= abs(x):
            total = np.inf
            warnings.append(
                f"a0 may be of either sign, or infinite: the error of 1/a0 is {inverse:.1e} / {given.unit}."
            )
        else:
            total = max(total, 1 / (abs(x) - inverse) - 1 / abs(x))
    whole = given.tail if isinstance(given.tail, Tail) else tail
    exists = whole is None or effective_range_exists(whole)
    if whole is not None and not exists:
        warnings.append(f"no effective range: the tail, r^-{whole.exponent:.3g}, is not faster than r^-5.")
    warnings += _remarks(given, wave, error, tail)

    eta = radial_strength(potential)
    error = {"total": total, **dict.fromkeys(("integration", "interpolation", "cut_off"), np.nan), **error}
    solution = Solution(
        scattering_length=np.array([wave.scattering_length]),
        inverse_scattering_length=np.array([wave.inverse_scattering_length]),
        effective_range=np.array([wave.effective_range if exists else np.nan]),
        strength=np.array([eta]),
        converges=[bool(eta < 1)],
        bound_states=np.array([wave.bound_states]),
        born_terms=radial_born_terms(potential, order)[:, None],
        error={part: np.array([value]) for part, value in error.items()},
        errors={
            "inverse_scattering_length": np.array([inverse]),
            "effective_range": np.array([ranges if exists else np.nan]),
        },
        warnings=[warnings],
        unit=given.unit,
    )
    if tail is None:
        return solution, wave, None
    cut_at = 0.8 * given.potential.end
    nearer = solve_radial(given.potential.cut(cut_at)).scattering_length
    return solution, wave, Ending(tail.words, tail.exponent, cut_at, nearer)


def _missed_of(tail: Tail | str | None) -> float:
    """What a tail C (1 - k / r) / r^n misses of a0, over what C changes from 0.8 of the end on."""
    return max(1.0, 4 / (tail.exponent - 2)) if isinstance(tail, Tail) else 1.0


def _noise(points: np.ndarray, noise: np.ndarray, wave: Wave) -> tuple[float, float]:
    """Two standard deviations of a0 and of 1/a0 where each U has an error of its own: -dU (u/u')^2 dr."""
    felt = noise * np.gradient(points) * wave.at(points) ** 2
    norm = np.hypot(wave.slope * wave.end, wave.numerator)
    two = 2 * float(np.sqrt((felt**2).sum())) * norm**2
    with np.errstate(divide="ignore"):
        return float(np.divide(two, wave.slope**2)), float(np.divide(two, wave.numerator**2))


def _reach(wave: Wave) -> float:
    """How far the potential is felt: twice the r that halves the integral of |U| u^2."""
    scale = np.exp(np.clip(wave.logs[:-1] - wave.logs[-1], -300.0, 300.0))[:, None]
    felt = np.cumsum(wave.width * ((np.abs(wave.U) * (wave.u * scale) ** 2) @ WEIGHTS))
    return 2 * float(wave.left[min(int(np.searchsorted(felt, felt[-1] / 2)), len(felt) - 1)])


def _states_behind_a_wall(wave: Wave) -> tuple[float, int] | None:
    """Where a hole at the origin ends that a wall closes off, and how many zeros u has in it."""
    r, U, u = wave.r.ravel(), wave.U.ravel(), wave.u.ravel()
    if not U.size or U[0] <= 0 or not (U < 0).any():
        return None
    wall = int(np.argmax(U < 0))
    behind = wall + int(np.argmax(U[wall:] > 0)) if (U[wall:] > 0).any() else len(U)
    weights = (wave.width[:, None] * WEIGHTS).ravel()
    action = float((weights * np.sqrt(np.maximum(-U, 0.0)))[wall:behind].sum())
    states = int((np.diff(np.sign(u[:behind])) != 0).sum())
    return (float(r[wall]), states) if states and action > _CLOSED else None


def _remarks(given: Given, wave: Wave, error: dict[str, float], tail: Tail | None) -> list[str]:
    a0, unit, remarks = abs(wave.scattering_length), given.unit, list(given.remarks)
    if given.assumed_inside and error.get("inside", 0.0) > 1e-10 * a0:
        change = f"{error.get('inside', 0.0):.1e} {unit}"
        remarks.append(f"{given.assumed_inside}; other assumptions change a0 by up to {change}.")
    if given.points is not None and len(given.points) < _FEWEST:
        remarks.append(f"{len(given.points)} points do not tell V between them, nor how far off a0 is.")
    elif error.get("interpolation", 0.0) > _NOTABLE * a0:
        change = f"{error['interpolation']:.1e} {unit}"
        remarks.append(f"the table is coarse: with every second point alone a0 changes by {change}.")
    cut_off = error.get("cut_off", 0.0)
    if given.tail is None and tail is not None and cut_off > max(1e-3 * a0, 10 * wave.integration_error):
        advice = f"; tail {tail.exponent:.0f} continues it" if tail.kind == "power" else ""
        remarks.append(
            f"the potential is cut off at r = {tail.end:.6g} where it is not zero ({tail.words}){advice}."
        )
    if isinstance(given.tail, Tail):
        last = float(given.potential.values(np.array([given.potential.end]))[0])
        if abs(given.tail.value - last) > 0.2 * abs(last):
            remarks.append(
                f"the tail's coefficient gives U = {given.tail.value:.3g} at r = {given.tail.end:.6g}, where "
                f"the potential has {last:.3g}: are its sign and its unit right?"
            )
        if tail is not None and tail.kind == "power" and abs(tail.exponent - given.tail.exponent) > 1:
            remarks.append(
                f"the potential ends like r^-{tail.exponent:.3g}, not r^-{given.tail.exponent:.3g}."
            )
    if hole := _states_behind_a_wall(wave):
        r, states = hole
        remarks.append(
            f"V turns over within its wall and attracts at r < {r:.3g}, as exp(-b r) - C/r^6 does: "
            f"{states} of the bound states are there, and a0 knows nothing of them."
        )
    if not has_series(given.potential):
        remarks.append("no Born series: the core is too singular for it.")
    return remarks
