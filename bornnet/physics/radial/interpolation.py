"""A table of r and V between its points, and below the first.

What is interpolated, by local polynomials, is smooth where V is not: r V where V goes like 1/r at the origin;
log V in walls, or everywhere, where V has one sign; V r^n, V exp(k r) or asinh V where a wall stands beside a
well. Which, the table itself decides: every second point is left out, and found again best by that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from .piecewise import evaluate, pieces, stencils

_HIGH = 30.0
"""Times the depth of the well: from there on a wall is interpolated in the logarithm."""

Transform = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Scheme:
    """What of a table is interpolated, over r or over log r.

    `there(r, V)` is, and `back(r, f)` leads back to V; in intervals with only V > `high` around, and where
    that is zero everywhere, it is log |r^power V|.
    """

    words: str
    there: Transform
    back: Transform
    power: int
    over_log_r: bool
    high: float = np.inf


def scheme_for(r: np.ndarray, V: np.ndarray) -> Scheme:
    """The scheme that finds the points of a table `(points,)` again best."""
    schemes = list(_candidates(r, V))
    if len(r) < 6 or len(schemes) == 1:
        return schemes[0]
    return min(schemes, key=lambda scheme: _missed(r, V, scheme))


def _missed(r: np.ndarray, V: np.ndarray, scheme: Scheme) -> float:
    """By how much every second point is missed where it is found from the others.

    V is in units of 1 / r^2: an error counts as it does in a0, with r^2, less in walls that are not seen.
    """
    even, odd = np.arange(0, len(r), 2), np.arange(1, len(r) - 1, 2)
    with np.errstate(divide="ignore", over="ignore"):
        seen = np.minimum(
            1.0, (np.maximum(-V.min(), 10 / r[odd] ** 2) / np.maximum(np.abs(V[odd]), 1e-300)) ** 2
        )
    weight = r[odd] ** 2 * (r[odd + 1] - r[odd - 1]) * seen
    found = Interpolant(r[even], V[even], scheme)(r[odd])
    error = float((weight * np.abs(found - V[odd])).sum())
    return error if np.isfinite(error) else np.inf


def _candidates(r: np.ndarray, V: np.ndarray) -> Iterator[Scheme]:
    power = int(goes_like_one_over_r(r, V))
    some = r[r > 0]
    over_log_r = len(some) > 2 and _uneven(np.log(some)) < _uneven(some)
    name = "r V" if power else "V"

    def times(words: str, weight: Callable[[np.ndarray], np.ndarray], high: float) -> Scheme:
        return Scheme(words, lambda r, V: V * weight(r), lambda r, f: f / weight(r), power, over_log_r, high)

    def asinh(unit: float, words: str) -> Scheme:
        return Scheme(
            words,
            lambda r, V: np.arcsinh(r**power * V / unit),
            lambda r, f: unit * np.sinh(np.clip(f, -600.0, 600.0)) / r**power,
            power,
            over_log_r,
            high,
        )

    one_sign = (V > 0).all() or (V < 0).all()
    depth = -float(V.min())
    high = _HIGH * depth if depth > 0 else np.inf
    yield times(name, partial(_power, power), high)
    if one_sign:
        yield times(f"log |{name}|", partial(_power, power), 0.0)
    if (V >= 0).all() and (V > 0).any() and not one_sign:  # a wall that ends in zeros
        yield times(f"log {name}", partial(_power, power), float(V[V > 0].min()) / 2)
    if depth <= 1e-200 * V.max() or V.max() < 3 * depth:
        return
    if r[0] > 0 or over_log_r:  # at r = 0 it would be 0, whatever V is
        for n in (6, 12):
            yield times(f"r^{n} V", partial(_power, n), high)
    for factor in (1, 10, 100):
        yield asinh(factor * depth, f"asinh({name} / {factor} depths)")
    for rate in _rates(r, r**power * V, depth):
        yield times(f"exp({rate:.3g} r) {name}", partial(_exponential, power, rate), high)


def _power(n: int, r: np.ndarray) -> np.ndarray:
    return r**n


def _exponential(n: int, rate: float, r: np.ndarray) -> np.ndarray:
    return r**n * np.exp(np.minimum(rate * r, 600.0))


def _rates(r: np.ndarray, f: np.ndarray, depth: float) -> Iterator[float]:
    """Of exponentials that the wall and the tail fall like."""
    first = int(np.argmax(f <= 0))
    wall = np.flatnonzero((f[:first] > depth) & (f[:first] < 1e4 * depth))
    tail = np.flatnonzero((f < 0) & (f > 0.3 * f.min()) & (f < 1e-6 * f.min()) & (r > r[np.argmin(f)]))
    for part in (wall, tail):
        if len(part) > 1:
            rate = -float(np.polyfit(r[part], np.log(np.abs(f[part])), 1)[0])
            if rate > 0:
                yield rate


def _uneven(t: np.ndarray) -> float:
    return float(np.ptp(np.log(np.diff(t))))


def goes_like_one_over_r(r: np.ndarray, V: np.ndarray) -> bool:
    """Whether V goes like 1/r at the origin: its logarithmic slope, carried on to r = 0, is near -1."""
    if r[0] == 0:
        return False
    second = int(np.searchsorted(r, 1.999 * r[0]))
    third = int(np.searchsorted(r, 1.999 * r[min(second, len(r) - 1)]))
    if third >= len(r):
        return False
    first = [0, second, third]
    if not (V[first] * V[0] > 0).all():
        return False
    slopes = -np.diff(np.log(np.abs(V[first]))) / np.diff(np.log(r[first]))
    near, far = np.sqrt(r[first][1:] * r[first][:-1])
    return bool(0.6 < slopes[0] - (slopes[1] - slopes[0]) * near / (far - near) < 1.4)


class Interpolant:
    """V at any r up to the last point of the table; vectorized.

    Args:
        r: `(points,)`, increasing, r >= 0, at least 2.
        V: `(points,)`, finite.
        scheme: of a finer table of the same potential; by default `scheme_for` this one.
        steepness: below the first point a wall goes on rising as it does there, in the logarithm, this many
            times as steeply; anything else follows a parabola. With 0 V (or r V) is there what it is first.
    """

    def __init__(
        self, r: np.ndarray, V: np.ndarray, scheme: Scheme | None = None, steepness: float = 1.0
    ) -> None:
        self.r, self.V, self.steepness = r, V, steepness
        self.scheme = scheme = scheme or scheme_for(r, V)
        self._from = 1 if scheme.over_log_r and r[0] == 0 else 0
        r, V = r[self._from :], V[self._from :]
        self._t = np.log(r) if scheme.over_log_r else r
        around = V[stencils(len(V), min(6, len(V)))]
        self._in_logarithm = (around > scheme.high).all(axis=1)
        if scheme.high == 0.0:
            self._in_logarithm[:] = True
        self._sign = np.sign(V[0]) if scheme.high == 0.0 else 1.0
        with np.errstate(over="ignore", invalid="ignore"):
            self._nodes, self._coefficients = pieces(self._t, scheme.there(r, V))
        if self._in_logarithm.any():
            heights = np.abs(V * r**scheme.power)
            logarithms = np.log(np.maximum(heights, heights[heights > 0].min()))
            nodes, coefficients = pieces(self._t, logarithms)
            chosen = self._in_logarithm[:, None]
            self._nodes = np.where(chosen, nodes, self._nodes)
            self._coefficients = np.where(chosen, coefficients, self._coefficients)
        self._below = self._continued()

    @property
    def wall(self) -> bool:
        """Whether the table starts within a repulsive wall, which rises towards r = 0."""
        return bool(self.r[0] > 0 and self.V[0] > 1.2 * self.V[1] > 0)

    @property
    def begins_late(self) -> bool:
        """Whether what is below the first point matters, and nothing says what it is."""
        first, spacing = self.r[0], self.r[1] - self.r[0]
        if first <= 1.5 * spacing or self.V[0] > 0 or self._closed_off():
            return False
        f = np.abs(self(first * np.array([1e-3, 1.0])) * np.array([1e-3, 1.0]) ** self.scheme.power)
        return bool(
            first**2 * -self.V[0] > 1 or (first**2 * -self.V[0] > 0.01 and abs(f[0] / f[1] - 1) > 0.3)
        )

    def _closed_off(self) -> bool:
        """Whether a wall stands between the first points, which attract, and the rest: exp(-b r) - C/r^6."""
        start = int(np.argmax(self.V > 0))
        behind = start + int(np.argmax(self.V[start:] <= 0)) if (self.V[start:] <= 0).any() else len(self.V)
        wall = slice(start, behind)
        action = np.trapezoid(np.sqrt(np.maximum(self.V[wall], 0.0)), self.r[wall])
        return bool(start > 0 and action > 10)

    @property
    def rough(self) -> bool:
        """Whether twice the points do not bring it much nearer to V, as where the points have noise."""
        if len(self.r) < 16:
            return False
        coarser = _missed(self.r[::2], self.V[::2], self.scheme)
        return coarser < 4 * _missed(self.r, self.V, self.scheme)

    def __call__(self, r: np.ndarray) -> np.ndarray:
        r = np.asarray(r, dtype=float)
        scheme, first = self.scheme, self.r[self._from]
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            t = np.log(r) if scheme.over_log_r else r
            piece = np.clip(np.searchsorted(self._t, t, side="right") - 1, 0, len(self._nodes) - 1)
            f = evaluate(self._nodes, self._coefficients, piece, t)
            logarithmic = self._in_logarithm[piece]
            heights = np.exp(np.minimum(np.where(logarithmic, f, 0.0), 650.0)) / r**scheme.power
            V = np.where(logarithmic, self._sign * heights, scheme.back(r, f))
            return np.where(r < first, self._below(r), V) if first > 0 else V

    def _continued(self) -> Callable[[np.ndarray], np.ndarray]:
        """V at r below the first point."""
        r, V, power = self.r[self._from :], self.V[self._from :], self.scheme.power
        first, f = r[0], V * r**power
        if self.steepness == 0 or first == 0:
            return lambda r: f[0] / r**power
        if self.wall and not power:
            rates = np.diff(np.log(np.maximum(V[:3], 1e-3 * V[0]))) / np.diff(r[:3])
            middles = (r[1:3] + r[: len(rates)]) / 2
            power_law = rates * middles
            if power_law[0] > -4 or abs(np.ptp(rates)) <= abs(np.ptp(power_law)):
                return lambda r: V[0] * np.exp(np.minimum(self.steepness * rates[0] * (r - first), 600.0))
            steep = self.steepness * power_law[0]
            return lambda r: V[0] * np.exp(np.minimum(steep * np.log(r / first), 600.0))
        near = [int(np.argmin(np.abs(r - factor * first))) for factor in (1.5, 2.0)]
        chosen = sorted({0, max(1, near[0]), max(2, near[1])} & set(range(len(r))))
        if self._in_logarithm[0] and (f[chosen] * f[0] > 0).all():
            logs = np.polyfit(r[chosen] / first - 1, np.log(f[chosen] / f[0]), len(chosen) - 1)
            return lambda r: f[0] * np.exp(np.clip(np.polyval(logs, r / first - 1), -30.0, 30.0)) / r**power
        parabola = np.polyfit(r[chosen] / first - 1, f[chosen], len(chosen) - 1)
        return lambda r: np.polyval(parabola, r / first - 1) / r**power


def missed_points(table: Interpolant) -> np.ndarray:
    """How far each point is from where the points beside it, and every second one from there on, put it."""
    even, odd = thinned(table, False), thinned(table, True)
    found = np.where(np.arange(len(table.r)) % 2 == 0, odd(table.r), even(table.r))
    return np.abs(found - table.V)


def thinned(table: Interpolant, odd: bool) -> Interpolant:
    """The table with every second point alone, and its last, and its first at r = 0 or within a wall."""
    keep = np.arange(len(table.r)) % 2 == int(odd)
    keep[-1] = True
    keep[0] |= table.r[0] == 0 or table.wall or keep.sum() < 3
    return Interpolant(table.r[keep], table.V[keep], table.scheme)
