"""A potential and its zero-energy wave function as curves, as far out as a figure goes."""

from dataclasses import dataclass

import numpy as np

from ..physics.radial.solver import RadialPotential, Wave
from ..physics.scattering import scattering_length
from ..physics.wave import wave_function

_POINTS = 800


@dataclass(frozen=True)
class Picture:
    """Curves over r, in one unit of length.

    Attributes:
        edges, U: the potential ``(C,)`` between its edges ``(C + 1,)``.
        r, u: the wave function ``(P,)``, of arbitrary size.
        line: ``(P,)``, what u follows outside, continued inwards.
        a0: where the line meets zero.
    """

    edges: np.ndarray
    U: np.ndarray
    r: np.ndarray
    u: np.ndarray
    line: np.ndarray
    a0: float


def picture_of_cells(potential: np.ndarray, length: float = 1.0) -> Picture:
    """Of a potential ``(cells,)``; one range is ``length``."""
    r = np.linspace(0.0, shown_range(potential), _POINTS)
    outside = wave_function(potential, np.array([1.0, 2.0]))
    return Picture(
        edges=np.linspace(0.0, length, len(potential) + 1),
        U=potential / length**2,
        r=length * r,
        u=wave_function(potential, r),
        line=outside[0] + (outside[1] - outside[0]) * (r - 1.0),
        a0=length * float(scattering_length(potential)),
    )


def picture_of_wave(potential: RadialPotential, wave: Wave) -> Picture:
    """Of a potential in r and its wave; a wall is cut off at twice the depth of the well."""
    r, U = sampled(potential, wave, _POINTS)
    outside = wave.at(np.array([1.0, 2.0]) * wave.end * 1.001)
    return Picture(
        edges=np.append(r - (r[1] - r[0]) / 2, r[-1]),
        U=U,
        r=r,
        u=wave.at(r),
        line=outside[0] + (outside[1] - outside[0]) * (r / (1.001 * wave.end) - 1.0),
        a0=wave.scattering_length,
    )


def sampled(potential: RadialPotential, wave: Wave, points: int) -> tuple[np.ndarray, np.ndarray]:
    """r and U, as far out as a figure goes; a wall no higher than twice the depth of the well."""
    knots = np.concatenate([potential.edges[1:], wave.r.ravel()])
    knots = np.sort(knots[knots >= wave.left[0]])
    felt = np.abs(potential.values(np.minimum(knots, potential.end))) * knots**2
    tall = np.flatnonzero(felt > 1e-2 * min(felt.max(initial=0.0), 1.0))
    reach = float(knots[tall[-1]]) if tall.size else float(knots[-1])
    a0 = wave.scattering_length
    end = min(max(1.5 * reach, 1.15 * a0 if a0 <= 4 * reach else 0.0), 2 * potential.end)
    r = (np.arange(points) + 0.5) / points * end
    inside = (r >= potential.start) & (r <= potential.end)
    U = np.where(inside, potential.values(np.clip(r, max(potential.start, r[0]), potential.end)), 0.0)
    deepest = U.max()
    if deepest > 0:
        U = np.maximum(U, -2 * deepest)
        U[r < potential.start] = -2 * deepest
    return r, U


def shown_range(potential: np.ndarray) -> float:
    """How far out to draw: beyond where U has fallen to a thousandth, and to a0 where that is not far."""
    a0 = float(scattering_length(potential))
    tall = np.flatnonzero(np.abs(potential) > 1e-3 * np.abs(potential).max(initial=0.0))
    reach = (tall[-1] + 1) / len(potential) if tall.size else 1.0
    return max(1.5 * reach, 1.15 * a0 if a0 <= 4 * reach else 0.0)
