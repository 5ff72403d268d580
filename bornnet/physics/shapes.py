"""Potentials that have a name.

Each is `depth` times a profile of x = r / range; what "range" means is in its profile. Those without an end
are cut off where less than 1e-17 of the depth, or of what it does to a0, is left.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from .discretize import discretize, finite_values
from .singular import discretize_singular

Profile = Callable[..., np.ndarray]
OntoCells = Callable[[Callable[[np.ndarray], np.ndarray], int], np.ndarray]

HARD = 1e30
"""A hard core on cells, in units of range^-2."""


@dataclass(frozen=True)
class Shape:
    """A profile, and where it is.

    `profile(x, depth, *parameters)` is the attraction, in the unit of `depth`; lengths among the `parameters`
    are in units of the range. `end(*parameters)` is the x from where on there is nothing, `start` where a
    hard core ends; `breaks(*parameters)` are jumps. `primitive`, where there are jumps to bring onto cells,
    is the integral of the profile from 0 to x; `reach` is how far cells reach, where that is not to the end.
    """

    profile: Profile
    end: Callable[..., float]
    text: str
    lengths: tuple[str, ...] = ()
    energies: tuple[str, ...] = ()
    start: float = 0.0
    breaks: Callable[..., tuple[float, ...]] = lambda *parameters: ()
    onto_cells: OntoCells = discretize
    primitive: Profile | None = None
    reach: float | None = None

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*self.lengths, *self.energies)


def exact_steps(primitive: Profile, cells: int) -> np.ndarray:
    """Cell averages from the primitive of U: nothing is lost where steps are at edges of cells."""
    return np.diff(finite_values(primitive, np.arange(cells + 1) / cells)) * cells


def _lennard_jones(x: np.ndarray, depth: float) -> np.ndarray:
    return 4 * depth * (x**-6.0 - x**-12.0)


_TEN_SIX = 2.5 * (5 / 3) ** 1.5
"""Makes `depth` the depth of the well of x^-10 - x^-6."""


def _morse(x: np.ndarray, depth: float, a: float) -> np.ndarray:
    y = np.exp((1 - x) / a)
    return depth * y * (2 - y)


def _two_yukawas(x: np.ndarray, depth: float, radius: float, height: float) -> np.ndarray:
    return (depth * np.exp(-x) - height * radius * np.exp(-x / radius)) / x


SHAPES: dict[str, Shape] = {
    "square": Shape(
        lambda x, depth: np.where(x <= 1, depth, 0.0),
        lambda: 1.0,
        "1 at r < R",
        breaks=lambda: (1.0,),
        primitive=lambda x, depth: depth * x,
    ),
    "square-core": Shape(
        lambda x, depth, radius, height: np.where(x < radius, -height, depth),
        lambda radius, height: 1.0,
        "1 at C < r < R, and a --core-height at r < C, the --core-radius",
        lengths=("core_radius",),
        energies=("core_height",),
        breaks=lambda radius, height: (radius,),
        primitive=lambda x, depth, radius, height: (
            depth * np.maximum(x - radius, 0.0) - height * np.minimum(x, radius)
        ),
    ),
    "gaussian": Shape(lambda x, depth: depth * np.exp(-(x**2)), lambda: 6.6, "exp(-(r/R)^2)"),
    "exponential": Shape(lambda x, depth: depth * np.exp(-x), lambda: 44.0, "exp(-r/R)"),
    "poschl-teller": Shape(lambda x, depth: depth * np.cosh(x) ** -2.0, lambda: 23.0, "1/cosh(r/R)^2"),
    "woods-saxon": Shape(
        lambda x, depth, a: depth * expit((1 - x) / a),
        lambda a: 1 + 44.0 * a,
        "1/(1 + exp((r-R)/A)), A the --diffuseness",
        lengths=("diffuseness",),
        breaks=lambda a: (1.0,),
    ),
    "yukawa": Shape(
        lambda x, depth: depth * np.exp(-x) / x,
        lambda: 44.0,
        "exp(-r/R) R/r",
        onto_cells=discretize_singular,
    ),
    "hulthen": Shape(
        lambda x, depth: depth / np.expm1(x),
        lambda: 44.0,
        "1/(exp(r/R) - 1)",
        onto_cells=discretize_singular,
    ),
    "malfliet-tjon": Shape(
        _two_yukawas,
        lambda radius, height: 44.0,
        "exp(-r/R) R/r, and repels by --core-height exp(-r/C) C/r",
        lengths=("core_radius",),
        energies=("core_height",),
        onto_cells=discretize_singular,
    ),
    "lennard-jones": Shape(_lennard_jones, lambda: 1e9, "4 ((R/r)^6 - (R/r)^12)", reach=20.0),
    "lennard-jones-10-6": Shape(
        lambda x, depth: _TEN_SIX * depth * (x**-6.0 - x**-10.0),
        lambda: 1e9,
        "5.379 ((R/r)^6 - (R/r)^10): V0 deep",
        reach=20.0,
    ),
    "morse": Shape(
        _morse,
        lambda a: 1 + 45.0 * a,
        "2 exp((R-r)/A) - exp(2 (R-r)/A), A the --diffuseness",
        lengths=("diffuseness",),
    ),
    "hard-core-6": Shape(
        lambda x, depth: np.where(x < 1, -HARD, depth * np.maximum(x, 1.0) ** -6.0),
        lambda: 1e9,
        "(R/r)^6 outside a hard core at r < R",
        start=1.0,
        reach=20.0,
    ),
}
