"""A problem as it is posed to the solvers, whatever its potentials were given as."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..physics.radial.budget import Given
from ..physics.units import Scale, energy_unit, length_unit, mass_mev

MOST_CELLS = 10_000


@dataclass(frozen=True)
class Problem:
    """Potentials to solve: one in r, `given`, or many on cells, dimensionless, `cells` `(N, cells)`; or both,
    one in r brought onto cells. One range is `length` times `unit`; `source` is where they are from.
    """

    source: str
    unit: str = "ranges"
    length: float = 1.0
    cells: np.ndarray | None = None
    given: Given | None = None
    first_row: int = 0
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return 1 if self.cells is None else len(self.cells)


def attraction_of(units: str | None, reduced_mass: float | str | None) -> tuple[str, Callable[[Any], Any]]:
    """The unit of length, and what makes U, in its inverse square, of the values that were given."""
    if units is None:
        if reduced_mass is not None:
            raise InputError("reduced mass: expected units with it, such as fm,MeV.")
        return "units of r", lambda values: values
    names = [name.strip() for name in units.split(",")]
    if len(names) != 2:
        raise InputError(f"units: expected one of length and one of energy, such as fm,MeV; got {units!r}.")
    length, energy = length_unit(names[0]), energy_unit(names[1])
    if reduced_mass is None:
        raise InputError(
            f"units {units}: expected a reduced mass with it, in MeV; two nucleons have 469.459."
        )
    scale = Scale(length, mass_mev(reduced_mass))
    return names[0], lambda values: scale.dimensionless(np.asarray(values) * energy)


def onto_cells(
    problem: Problem, cells: int, onto: Callable[[Callable[[np.ndarray], np.ndarray], int], np.ndarray]
) -> Problem:
    """The problem brought onto cells that reach from r = 0 to its length."""
    if not 1 <= cells <= MOST_CELLS:
        raise InputError(f"cells: expected a number from 1 to {MOST_CELLS}; got {cells}.")
    given, length = problem.given, problem.length
    if given is None:
        return problem
    potential = given.potential
    with np.errstate(over="ignore", invalid="ignore"):
        U = onto(lambda x: length**2 * potential.values(length * x), cells)
    return replace(problem, cells=U[None])
