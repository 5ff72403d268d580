"""How a potential ends: the power or exponential it falls like, and what continues it.

A tail of r^-3 or slower has no scattering length, one of r^-5 or slower no effective range (B. R. Levy and
J. B. Keller, J. Math. Phys. 4, 54 (1963); T. F. O'Malley, L. Spruch and L. Rosenberg, ibid. 2, 491 (1961)).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...errors import InputError
from .solver import RadialPotential

Kind = Literal["none", "power", "exponential", "flat", "unclear"]

_DOUBLINGS = 60


@dataclass(frozen=True)
class Tail:
    """What |U| does over the last fifth of a potential.

    `none`: it is zero there; `power`: r^-exponent, as over the fifth before; `exponential`: faster than any
    power, with the logarithmic slope -exponent there; `flat`: it does not fall off; `unclear`: it changes its
    sign.
    `end` is where it was cut, `value` is U there, and the largest |U| where that is unclear.
    """

    kind: Kind
    exponent: float
    value: float
    end: float

    @property
    def words(self) -> str:
        if self.kind == "none":
            return "nothing"
        size = f"|U| r^2 = {abs(self.value) * self.end**2:.2g}"
        if self.kind == "power":
            return f"{size}, falling like r^-{self.exponent:.3g}"
        if self.kind == "exponential":
            return f"{size}, falling like exp(-r/{self.end / self.exponent:.3g})"
        if self.kind == "flat":
            return f"{size}, not falling off"
        return f"{size}, changing its sign"


def tail_of(potential: RadialPotential, given: np.ndarray | None = None) -> Tail:
    """How the potential ends. `given`: the r of a table, between which nothing is known."""
    end = potential.end
    r = np.linspace(0.6 * end, end, 33) if given is None else given[given >= 0.6 * end]
    if len(r) < 5 and given is not None:
        r = given[given > 0][-5:]
    U = potential.values(r)
    late = r >= 0.8 * end * (1 - 1e-12)
    if late.sum() < 3:
        late[-3:] = True
    if not U[late].any():
        return Tail("none", np.inf, 0.0, end)
    largest = float(U[late][np.argmax(np.abs(U[late]))])
    if not ((U[late] > 0).all() or (U[late] < 0).all()):
        last = len(U) - 1 - int(np.argmax(U[::-1] != 0))
        if last < len(U) - 1 and np.abs(U[last]) > 0:  # has ended before the last point
            return Tail("none", np.inf, 0.0, end)
        return Tail("unclear", np.nan, largest, end)
    slope = -_slope(r[late], U[late])
    if slope < 0.5:
        return Tail("flat", slope, largest, end)
    early = r <= 0.8 * end * (1 + 1e-12)
    if early.sum() < 2 or not ((U[early] > 0).all() or (U[early] < 0).all()) or U[early][-1] * U[late][0] < 0:
        return Tail("exponential", max(slope, 1.0), float(U[-1]), end)
    before = -_slope(r[early], U[early])
    # exp(-k r) has the slope k r: 0.7 to 0.9 of the end, where powers have 1
    if abs(slope - before) <= 0.12 * max(abs(slope), 1.0):
        return Tail("power", slope, float(U[-1]), end)
    return Tail("exponential", slope, float(U[-1]), end)


def _slope(r: np.ndarray, U: np.ndarray) -> float:
    if len(r) < 2:
        return 0.0
    return float(np.polyfit(np.log(r), np.log(np.abs(U)), 1)[0])


_NEGLIGIBLE = 1e-6
"""|U| r^2 of a flat end that is no more than what rounding leaves of V."""


def refuse_tail(tail: Tail) -> None:
    """Raise the InputError for a potential without a scattering length."""
    if tail.kind == "flat" and abs(tail.value) * tail.end**2 > _NEGLIGIBLE:
        raise InputError(
            f"potential: does not fall off towards its end, r = {tail.end:.6g} "
            f"(|U| r^2 = {abs(tail.value) * tail.end**2:.2g}). V counts from its "
            "value at infinity: subtract that, give V farther out, or say tail none, if it is zero there."
        )
    if tail.kind == "power" and tail.exponent < 3.2:
        raise InputError(
            f"potential: falls like r^-{tail.exponent:.2f} at its end, r = {tail.end:.6g}; tails of r^-3 and "
            f"slower have no scattering length. Say tail none, if V is zero behind the end."
        )


def with_tail(potential: RadialPotential, tail: Tail) -> RadialPotential:
    """The potential continued to where its tail does not count any more."""
    end, attraction = potential.end, potential.attraction
    if tail.kind == "none":
        return potential
    if tail.kind == "power":
        exponent = tail.exponent
        doublings = min(_DOUBLINGS, int(np.ceil(34 / (exponent - 3))) if exponent > 3 else _DOUBLINGS)
        edges = end * 2.0 ** (np.arange(1, 2 * doublings + 1) / 2)

        def continued(r: np.ndarray) -> np.ndarray:
            return tail.value * (np.maximum(r, end) / end) ** -exponent

    else:
        rate = (tail.exponent if tail.kind == "exponential" else 10.0) / end
        edges = end + np.linspace(0.0, 40 / rate, 21)[1:]

        def continued(r: np.ndarray) -> np.ndarray:
            return tail.value * np.exp(-rate * np.maximum(r - end, 0.0))

    def both(r: np.ndarray) -> np.ndarray:
        return np.where(r <= end, attraction(np.minimum(r, end)), continued(r))

    return RadialPotential(both, np.concatenate([potential.edges, edges]))


def power_tail(potential: RadialPotential, exponent: float, coefficient: float | None = None) -> Tail:
    """The tail that is asked for: U = coefficient / r^exponent, or as U is at the end of the potential."""
    if not np.isfinite(exponent) or exponent <= 3:
        raise InputError(
            f"tail: expected a power above 3, of V = -C / r^tail; got {exponent:g}. Slower tails have no "
            f"scattering length."
        )
    end = potential.end
    value = (
        float(potential.values(np.array([end]))[0]) if coefficient is None else coefficient / end**exponent
    )
    return Tail("power", exponent, value, end)


def effective_range_exists(tail: Tail) -> bool:
    return tail.kind != "power" or tail.exponent > 5.2
