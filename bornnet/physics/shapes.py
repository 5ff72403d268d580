"""Potentials that have a name, on cells.

Each is `depth` times a profile of x = r / range; what "range" means is in its profile. Those without an end
are cut off where less than 2e-16 of the depth is left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.special import expit

from .discretize import discretize, finite_values
from .singular import discretize_singular

Profile = Callable[..., np.ndarray]


def exact_steps(primitive: Profile, cells: int) -> np.ndarray:
    """Cell averages from the primitive of U: nothing is lost where steps are at edges of cells."""
    return np.diff(finite_values(primitive, np.arange(cells + 1) / cells)) * cells


@dataclass(frozen=True)
class Shape:
    """A profile and how to bring it onto cells.

    `profile(x, depth, *parameters)` is the attraction, in the unit of `depth` (for `exact_steps`, its
    integral from 0 to x); lengths among the `parameters` are in units of the range. `end(*parameters)` is the
    x from where on there is nothing, `cells(*parameters)` how many cells make it accurate.
    """

    profile: Profile
    end: Callable[..., float]
    onto_cells: Callable[[Callable[[np.ndarray], np.ndarray], int], np.ndarray] = discretize
    lengths: tuple[str, ...] = ()
    energies: tuple[str, ...] = ()
    cells: Callable[..., int] = lambda *parameters: 1000


def _core_and_well(x: np.ndarray, depth: float, radius: float, height: float) -> np.ndarray:
    return depth * np.maximum(x - radius, 0.0) - height * np.minimum(x, radius)


def _cells_with_an_edge_at(x: float) -> int:
    """The number of cells, at most 10,000, with an edge at x or next to it; with half as many, too."""
    nearest = Fraction(x).limit_denominator(5000).denominator
    return 2 * nearest if nearest > 1 else 10_000


SHAPES: dict[str, Shape] = {
    "square": Shape(lambda x, depth: depth * x, lambda: 1.0, exact_steps),
    "square-core": Shape(
        _core_and_well,
        lambda radius, height: 1.0,
        exact_steps,
        lengths=("core_radius",),
        energies=("core_height",),
        cells=lambda radius, height: _cells_with_an_edge_at(radius),
    ),
    "gaussian": Shape(lambda x, depth: depth * np.exp(-(x**2)), lambda: 6.1),
    "exponential": Shape(lambda x, depth: depth * np.exp(-x), lambda: 37.0),
    "poschl-teller": Shape(lambda x, depth: depth * np.cosh(x) ** -2.0, lambda: 19.0),
    "woods-saxon": Shape(
        lambda x, depth, a: depth * expit((1 - x) / a),
        lambda a: 1 + 37.0 * a,
        lengths=("diffuseness",),
        cells=lambda a: int(np.clip(10 * (37 + 1 / a), 1000, 10_000)),
    ),
    "yukawa": Shape(
        lambda x, depth: depth * np.exp(-x) / x,
        lambda: 33.0,
        discretize_singular,
        cells=lambda: 10_000,
    ),
    "hulthen": Shape(
        lambda x, depth: depth / np.expm1(x),
        lambda: 37.0,
        discretize_singular,
        cells=lambda: 10_000,
    ),
}
