"""A potential in r at zero energy, solved adaptively: u'' = -U u, u(start) = 0, on the potential itself.

Panels (see `panels`) are halved until what is left of their errors does not count in a0. The Wronskian says
how much that is: an error (dv, dd) of the slope and of d = r u' - u behind a panel makes

    delta a0 = (v dd - d dv) / v_end^2

so that it is known which panels matter: inside a repulsive core, none. A core, however high, is entered where
50 units of its action are left: u grows there as exp(action), whatever it started with.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...errors import InputError
from .panels import INTEGRALS, NODES, WEIGHTS, cross_each, cross_panels, halved, points_of, refined

ACTION = 50.0
"""Of a repulsive core, what is crossed at most: exp(-2 ACTION) of the rest is seen outside."""

PHASE = 6.0
"""The most that the integral of sqrt|U| may be over one panel."""

TOLERANCE = 1e-13
"""Of the error of a panel, relative to the integral of |U| u^2: how a0 feels a relative change of U."""

MOST_PANELS = 200_000


@dataclass(frozen=True)
class RadialPotential:
    """U(r) > 0 attracts, at `edges[0]` < r < `edges[-1]`; nothing behind it, a hard wall before it.

    `attraction` takes an array of r, of any shape. Jumps and kinks of U are best at `edges`.
    """

    attraction: Callable[[np.ndarray], np.ndarray]
    edges: np.ndarray

    @property
    def start(self) -> float:
        return float(self.edges[0])

    @property
    def end(self) -> float:
        return float(self.edges[-1])

    def values(self, r: np.ndarray) -> np.ndarray:
        """U at the points r; InputError where it is not finite."""
        with np.errstate(all="ignore"):
            U = np.broadcast_to(np.asarray(self.attraction(r), dtype=float), r.shape)
        if not np.isfinite(U).all():
            place = r[~np.isfinite(U)].max()
            raise InputError(f"potential: expected finite values; it is not finite at r = {place:.6g}.")
        return U

    def cut(self, end: float) -> "RadialPotential":
        """The same, with nothing behind `end`."""
        return replace(self, edges=np.append(self.edges[self.edges < end], end))

    def scaled(self, factor: float) -> "RadialPotential":
        return replace(self, attraction=lambda r: factor * np.asarray(self.attraction(r)))


@dataclass(frozen=True)
class Wave:
    """The zero-energy wave of a radial potential, panel by panel.

    `left`, `width` `(panels,)`; `r`, `U`, `u` `(panels, POINTS)`. `state` `(panels + 1, 3)` is u, u' and
    r u' - u before each panel and behind the last, like `u` in units of `exp(logs)`. `zeros` counts the zeros
    of u inside; `defect` is the integration's error of a0, times u'(end)^2.
    """

    left: np.ndarray
    width: np.ndarray
    r: np.ndarray
    U: np.ndarray
    u: np.ndarray
    state: np.ndarray
    logs: np.ndarray
    zeros: int
    defect: float

    @property
    def end(self) -> float:
        return float(self.left[-1] + self.width[-1]) if len(self.left) else 0.0

    @property
    def slope(self) -> float:
        return float(self.state[-1, 1])

    @property
    def numerator(self) -> float:
        return float(self.state[-1, 2])

    @property
    def bound_states(self) -> int:
        """The zeros of u at start < r < infinity."""
        u, v, _ = self.state[-1]
        return self.zeros + int(u * v < 0)

    @property
    def scattering_length(self) -> float:
        """In the unit of r; inf exactly at the unitary limit."""
        return self.numerator / self.slope if self.slope else np.inf

    @property
    def inverse_scattering_length(self) -> float:
        return self.slope / self.numerator if self.numerator else np.inf

    @property
    def integration_error(self) -> float:
        """Of a0, in the unit of r."""
        return self.defect / self.slope**2 if self.slope else np.inf

    @property
    def effective_range(self) -> float:
        """Bethe's, in the unit of r, as `wave.effective_range`; NaN where a0 = 0."""
        d_end = self.numerator
        if d_end == 0.0:
            return np.nan
        scale = np.exp(np.minimum(self.logs[:-1] - self.logs[-1], 300.0))[:, None]
        uU = self.u * self.U * scale
        h = self.width[:, None]
        v = self.state[:-1, 1:2] * scale - h * (uU @ INTEGRALS.T)
        d = self.state[:-1, 2:3] * scale - h * ((self.r * uU) @ INTEGRALS.T)
        excess = (h * WEIGHTS * uU * self.r**2 * (d - v * self.r / 3)).sum()
        r, (_, v0, d0) = float(self.left[0]), self.state[0] * scale[0, 0]
        excess -= r * (v0 * v0 * r * r / 3 - v0 * d0 * r + d0 * d0)
        return float(-2 * excess / d_end / d_end)

    def at(self, points: np.ndarray) -> np.ndarray:
        """u at points r >= 0, with slope s outside such that s^2 (1 + (a0/end)^2) = 1/end^2."""
        norm = np.hypot(self.slope * self.end, self.numerator)
        scale = np.exp(np.minimum(self.logs - self.logs[-1], 300.0)) / norm
        knots = np.concatenate([np.append(self.left, self.end)[:, None][:-1], self.r], axis=1).ravel()
        values = (np.concatenate([self.state[:-1, :1], self.u], axis=1) * scale[:-1, None]).ravel()
        last = self.state[-1, 0] / norm
        inside = np.interp(points, np.append(knots, self.end), np.append(values, last), left=0.0)
        return np.where(points > self.end, (self.slope * points - self.numerator) / norm, inside)


@np.errstate(over="ignore", invalid="ignore")
def solve_radial(potential: RadialPotential, tolerance: float = TOLERANCE) -> Wave:
    """The zero-energy wave of the potential, to `tolerance`.

    Raises:
        InputError: a potential that is not finite somewhere, attracts like 1/r^2 or more at r = 0, or cannot
            be resolved by 200,000 panels.
    """
    start, edges = _entrance(potential)
    left, width = edges[:-1], np.diff(edges)
    whole = potential.values(points_of(left, width))
    inner = _halves(potential, left, width)
    while True:
        halves = halved(left, width)
        r = points_of(*halves)
        U = inner.reshape(r.shape)
        state, logs, u = np.empty((len(r) + 1, 3)), np.empty(len(r) + 1), np.empty(r.shape)
        zeros = cross_panels(U, *halves, start, state, logs, u)
        behind = np.empty((len(left), 3))
        cross_each(whole, left, width, state[:-1:2], behind)

        scale = np.exp(np.clip(logs - logs[-1], -700.0, 300.0))  # to the units of the end
        gained = np.exp(np.clip(logs[:-1:2] - logs[2::2], -700.0, 300.0))[:, None]
        _, v, d = (state[2::2] * scale[2::2, None]).T
        _, dv, dd = ((behind * gained - state[2::2]) * scale[2::2, None]).T
        defects = np.nan_to_num(np.abs(v * dd - d * dv), nan=np.inf)
        felt = np.abs(U) * (u * scale[:-1, None]) ** 2
        sensitivity = float((halves[1][:, None] * WEIGHTS * felt).sum())
        rounding = np.finfo(float).eps * np.abs(v * d)
        phase = width * (np.sqrt(np.abs(whole)) @ WEIGHTS)
        bad = (defects > np.maximum(tolerance / 4 * sensitivity, 4 * rounding)) | (phase > PHASE)
        bad &= width > 1e-13 * (left + width)
        if not bad.any():
            break
        if len(left) + bad.sum() > MOST_PANELS:
            place = left[np.argmax(np.where(bad, phase, 0))]
            raise InputError(f"potential: {MOST_PANELS} panels do not resolve it near r = {place:.6g}.")
        twice = np.repeat(bad, 2)
        fresh = _halves(potential, *(part[twice] for part in halves))
        apart = np.empty((len(U), *inner.shape[1:]))
        apart[twice] = fresh
        left, width, whole, inner = refined((left, width, whole, inner), (*halves, U, apart), bad)
    noise = np.finfo(float).eps * sensitivity + float(rounding.max(initial=0.0))
    return Wave(*halves, r, U, u, state, logs, int(zeros), float(defects.sum()) + 4 * noise)


def _halves(potential: RadialPotential, left: np.ndarray, width: np.ndarray) -> np.ndarray:
    """U at the Gauss points of the two halves of each panel, `(panels, 2, POINTS)`."""
    return potential.values(points_of(*halved(left, width))).reshape(len(left), 2, -1)


def _entrance(potential: RadialPotential) -> tuple[np.ndarray, np.ndarray]:
    """u, u' and r u' - u where the calculation starts, and the edges of panels from there on."""
    edges = potential.edges
    r = points_of(edges[:-1], np.diff(edges)).ravel()
    if edges[0] == 0.0:
        r = np.concatenate([edges[1] * np.geomspace(1e-9, NODES[0], 300)[:-1], r])
    U = potential.values(r)
    if edges[0] == 0.0 and U[0] * r[0] ** 2 > max(0.25, 0.9 * U[150] * r[150] ** 2):
        raise InputError(
            "potential: attracts like 1/r^2 or more strongly at r = 0, where particles fall to the centre; "
            "expected a weaker attraction, or a core."
        )
    turn = int(np.argmax(U >= 0)) if (U >= 0).any() else len(U)
    k = np.sqrt(np.maximum(-U[:turn], 0.0))
    # Of k like a power of r the trapezoids in r are too large over long steps, and those in log r as well.
    inside = r[:turn]
    steps = (k[1:] + k[:-1]) / 2 * np.diff(inside)
    kr = k * inside
    steps = np.minimum(steps, (kr[1:] + kr[:-1]) / 2 * np.log(inside[1:] / inside[:-1]))
    deep = np.flatnonzero(np.cumsum(steps[::-1])[::-1] > ACTION) if turn > 1 else np.empty(0, dtype=int)
    if edges[0] == 0.0 and not deep.size and -U[0] * r[0] ** 2 > max(1e-6, -0.9 * U[150] * r[150] ** 2):
        deep = np.array([0])  # repels like 1/r^2 or a little more: u falls like a power towards r = 0
    if not deep.size:
        return np.array([0.0, 1.0, edges[0]]), edges
    first = deep[-1]
    inside = edges[edges > r[first] * (1 + 1e-12)]
    return np.array([1.0, k[first], r[first] * k[first] - 1.0]), np.concatenate([[r[first]], inside])


def octaves(end: float, scale: float, per_octave: int = 4) -> np.ndarray:
    """Edges from 0 to `end`: equal panels up to about `scale`, from there on in equal ratios."""
    count = max(0, int(np.ceil(np.log2(end / scale)))) if end > scale else 0
    base = end / 2.0**count
    powers = base * 2.0 ** (np.arange(per_octave * count + 1) / per_octave)
    powers[-1] = end
    return np.concatenate([np.linspace(0.0, base, per_octave + 1)[:-1], powers])
