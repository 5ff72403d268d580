"""Potentials as they are given, with units: cells of a file, a table of r and V, a function."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..files.potentials import is_radius, read_potentials, read_radial, read_table
from ..physics.discretize import discretize
from ..physics.radial.budget import Given
from ..physics.radial.interpolation import Interpolant, missed_points, thinned
from ..physics.radial.solver import RadialPotential, octaves
from ..physics.radial.tails import power_tail
from .points import ordered_points
from .posed import Problem, attraction_of, onto_cells
from .stated_units import agreed_units

_PANELS = 150


def from_file(path: str | Path, row: int | None = None) -> Problem:
    """The cells of one potential a row, in units of the range; with `row`, counted from 1, that one alone."""
    table = read_potentials(path)
    if row is not None:
        if not 1 <= row <= len(table):
            raise InputError(f"row: expected a number from 1 to {len(table)}, the rows of {path}; got {row}.")
        table = table[row - 1 : row]
    return Problem(str(path), cells=table, first_row=row - 1 if row else 0)


def looks_radial(path: str | Path) -> bool:
    """Whether the file is a table of r and V: two columns, many rows or a heading r, and r >= 0 in order.

    Raises:
        InputError: many rows of three to five columns, the first of which is in order: r, and more than V.
    """
    table = read_table(path, radial=True)
    rows, columns = table.numbers.shape
    if columns == 2 and table.headings and is_radius(table.headings[0]):
        return True
    if not 2 <= columns <= 5 or rows < (8 if columns == 2 else 20):
        return False
    r = np.asarray(table.numbers[:, 0], dtype=float)
    in_order = r.min() >= 0 and np.ptp(r) > 0 and ((np.diff(r) >= 0).all() or (np.diff(r) <= 0).all())
    if in_order and columns > 2:
        raise InputError(
            f"{path}: {rows} rows of {columns} columns, the first in order as r is: expected two columns, r "
            "and V, alone; or radial false, where each row is a potential of cells."
        )
    return bool(in_order)


def from_radial(path: str | Path, **settings: Any) -> Problem:
    """Two columns, r and V(r), of a file; `settings` are those of `from_table`.

    Units that the table's headings state hold where none are given, and must agree with those that are.
    """
    r, values = read_radial(path)
    settings["units"] = agreed_units(path, settings.get("units"), settings.get("reduced_mass"))
    return from_table(r, values, source=str(path), **settings)


def from_table(
    r: Any,
    values: Any,
    *,
    units: str | None = None,
    reduced_mass: float | str | None = None,
    tail: float | str | None = None,
    tail_coefficient: float | None = None,
    cells: int | None = None,
    source: str = "table",
) -> Problem:
    """r and V(r), `(points,)` each: smooth between the points, below the first one as it is there.

    `units` are those of r and V, such as `"fm,MeV"`; V < 0 attracts. Without units the values are U in
    `u'' = -U u`, and U > 0 attracts.
    """
    r, values, notes = ordered_points(source, r, values)
    unit, attraction = attraction_of(units, reduced_mass)
    repulsion = -attraction(values)
    if not np.isfinite(repulsion).all():
        raise InputError(f"{source}: values too large in these units.")
    table = Interpolant(r, repulsion)
    gap = r[0] - 1.5 * (r[1] - r[0])
    if table.begins_late:
        raise InputError(
            f"{source}: row 1: expected r to begin at 0, one spacing from it, or within a repulsive wall; "
            f"got {r[0]:g}, where V attracts."
        )
    thinner = [_between(thinned(table, odd)) for odd in (False, True)]
    inside, assumed = [], ""
    if r[0] > 0 and (table.wall or gap > 0):
        inside = [_between(Interpolant(r, repulsion, table.scheme, steepness)) for steepness in (0.0, 2.0)]
        assumed = f"below the first point, r = {r[0]:g}, V is taken to go on as it is there"
    potential = _between(table)
    given = Given(
        potential,
        unit,
        thinner=thinner,
        inside=inside,
        points=r,
        assumed_inside=assumed,
        noise=missed_points(table) if table.rough else None,
        remarks=notes,
        **_tails(potential, attraction, tail, tail_coefficient),
    )
    problem = Problem(source, unit, float(r[-1]), given=given)
    return problem if cells is None else onto_cells(problem, cells, discretize)


def _between(table: Interpolant) -> RadialPotential:
    """The table as a potential; panels begin with one for every few of many points."""
    every = 1 << max(0, int(np.log2(len(table.r) / _PANELS)))
    return RadialPotential(lambda r: -table(r), np.union1d(table.r[::every], [0.0, table.r[0], table.r[-1]]))


def _tails(
    potential: RadialPotential,
    attraction: Callable[[Any], Any],
    tail: float | str | None,
    coefficient: float | None,
) -> dict[str, Any]:
    """`tail` and `other_tail` of a `Given`."""
    if tail is None or tail == "none":
        if coefficient is not None:
            raise InputError("tail coefficient: expected a tail with it, the power of r that V falls like.")
        return {"tail": tail}
    if coefficient is not None and not np.isfinite(coefficient):
        raise InputError(f"tail coefficient: expected a finite number; got {coefficient}.")
    try:
        power = float(tail)
    except ValueError:
        raise InputError(f"tail: expected the power of r that V falls like, or none; got {tail!r}.") from None
    scaled = None if coefficient is None else -float(attraction(np.array(coefficient)))
    if attraction(np.array(1.0)) > 0 and scaled is not None:  # without units U > 0 attracts
        scaled = -scaled
    nearer = power_tail(potential.cut(0.8 * potential.end), power)
    value = nearer.value * 0.8**power
    chosen = power_tail(potential, power, scaled)
    return {"tail": chosen, "other_tail": replace(chosen, value=value)}


def from_function(
    function: Callable[[np.ndarray], Any],
    *,
    end: float,
    units: str | None = None,
    reduced_mass: float | str | None = None,
    tail: float | str | None = None,
    tail_coefficient: float | None = None,
) -> Problem:
    """V(r), 0 < r < end, of an array of r; units and tails as for `from_table`."""
    if not 0 < end < np.inf:
        raise InputError(f"end: expected a positive number; got {end}.")
    unit, attraction = attraction_of(units, reduced_mass)
    potential = RadialPotential(
        lambda r: attraction(np.asarray(function(r), dtype=float)), octaves(float(end), float(end) / 64)
    )
    given = Given(potential, unit, **_tails(potential, attraction, tail, tail_coefficient))
    return Problem(getattr(function, "__name__", "function"), unit, float(end), given=given)
