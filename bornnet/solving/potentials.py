"""Potentials as they are given, with units: cells of a file, a table of r and V, a shape, a function.

Over 300 lines: the ways in share their checks of units, points and ends.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config.names import suggestion
from ..errors import InputError
from ..files.potentials import is_radius, read_potentials, read_radial, read_table
from ..physics.discretize import discretize
from ..physics.radial.budget import Given
from ..physics.radial.interpolation import Interpolant, missed_points, thinned
from ..physics.radial.solver import RadialPotential, octaves
from ..physics.radial.tails import power_tail
from ..physics.shapes import SHAPES, Shape, exact_steps
from ..physics.units import Scale, energy_unit, length_unit, mass_mev
from .points import ordered_points
from .stated_units import agreed_units

MOST_CELLS = 10_000

_PANELS = 150


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
    unit, attraction = _attraction(units, reduced_mass)
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
    return problem if cells is None else _onto_cells(problem, cells, discretize)


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
    unit, attraction = _attraction(units, reduced_mass)
    potential = RadialPotential(
        lambda r: attraction(np.asarray(function(r), dtype=float)), octaves(float(end), float(end) / 64)
    )
    given = Given(potential, unit, **_tails(potential, attraction, tail, tail_coefficient))
    return Problem(getattr(function, "__name__", "function"), unit, float(end), given=given)


def from_shape(
    name: str,
    *,
    depth: float | None = None,
    range_: float | None = None,
    terms: Sequence[tuple[float, float]] = (),
    units: str | None = None,
    reduced_mass: float | str | None = None,
    cells: int | None = None,
    **parameters: float | None,
) -> Problem:
    """A named shape of the range given; `depth` > 0 attracts. Units as for `from_table`.

    `terms` are pairs of depth and range, whose shapes add up. `parameters` are those of `SHAPES[name]`, in
    the units of r and V too: `diffuseness`, `core_radius`, `core_height` (> 0 repels).
    """
    if name not in SHAPES:
        near = suggestion(name, SHAPES)
        raise InputError(f"shape: expected one of {', '.join(SHAPES)}; got {name!r}.{near}")
    shape = SHAPES[name]
    if terms and shape.parameters:
        raise InputError(f"terms: expected a shape with depth and range alone; {name} has other parameters.")
    if (depth is None) != (range_ is None) or (depth is None and not terms):
        raise InputError(f"shape {name}: expected depth and range with it.")
    pairs = [*((float(v), float(length)) for v, length in terms)]
    if depth is not None and range_ is not None:
        pairs.insert(0, (float(depth), float(range_)))
    lengths, energies = _parameters(name, shape, parameters)
    for flag, value in [*(("depth", v) for v, _ in pairs), *energies.items()]:
        if not np.isfinite(value):
            raise InputError(f"{_flag(flag)}: expected a finite number; got {value}.")
    for flag, value in [*(("range", length) for _, length in pairs), *lengths.items()]:
        if not 0 < value < np.inf:
            raise InputError(f"{_flag(flag)}: expected a positive number; got {value}.")
    first, longest = pairs[0][1], max(length for _, length in pairs)
    if lengths.get("core_radius", 0.0) > first:
        radius = lengths["core_radius"]
        raise InputError(f"core radius: expected at most the range, {first:g}; got {radius:g}.")

    unit, attraction = _attraction(units, reduced_mass)
    if units is not None:
        given_attraction = attraction
        attraction = lambda v: -given_attraction(v)  # noqa: E731  depth > 0 attracts
    extra = [value / first for value in lengths.values()] + list(energies.values())
    end = longest * (shape.end(*extra) if cells is None or shape.reach is None else shape.reach)

    def profile(r: np.ndarray) -> np.ndarray:
        return attraction(sum(shape.profile(r / length, v, *extra) for v, length in pairs))

    start = shape.start * longest
    breaks = [start, *(length * x for _, length in pairs for x in shape.breaks(*extra))]
    edges = np.union1d(octaves(end, min(length for _, length in pairs)), [x for x in breaks if x < end])
    whole = cells is None or shape.reach is None
    given = Given(RadialPotential(profile, edges[edges >= start]), unit, tail="none" if whole else None)
    problem = Problem(_described(name, pairs, lengths, energies, unit, units), unit, end, given=given)
    if cells is None:
        return problem
    if shape.primitive is None:
        return _onto_cells(problem, cells, shape.onto_cells)
    primitive = shape.primitive

    def integral(x: np.ndarray) -> np.ndarray:
        inside = (primitive(x * end / length, v, *extra) * length / end for v, length in pairs)
        return end**2 * attraction(sum(inside))

    return _onto_cells(problem, cells, lambda U, count: exact_steps(integral, count))


def _described(
    name: str,
    pairs: Sequence[tuple[float, float]],
    lengths: Mapping[str, float],
    energies: Mapping[str, float],
    unit: str,
    units: str | None,
) -> str:
    of_energy = f" {units.split(',')[1].strip()}" if units else ""
    described = [name]
    for depth, length in pairs:
        described += [f"depth {depth:g}{of_energy}", f"range {length:g} {unit}"]
    described += [f"{key.replace('_', ' ')} {value:g} {unit}" for key, value in lengths.items()]
    described += [f"{key.replace('_', ' ')} {value:g}{of_energy}" for key, value in energies.items()]
    return ", ".join(described)


def _parameters(
    name: str, shape: Shape, given: Mapping[str, float | None]
) -> tuple[dict[str, float], dict[str, float]]:
    """The lengths and energies that the shape has besides range and depth."""
    for key, value in given.items():
        if value is not None and key not in shape.parameters:
            raise InputError(f"{_flag(key)} means nothing for the shape {name}; leave it out.")
    found = {key: float(value) for key, value in given.items() if value is not None}
    for key in shape.parameters:
        if key not in found:
            raise InputError(f"shape {name}: expected {_flag(key)} with it.")
    return {key: found[key] for key in shape.lengths}, {key: found[key] for key in shape.energies}


def _flag(name: str) -> str:
    return name.replace("_", " ")


def _attraction(units: str | None, reduced_mass: float | str | None) -> tuple[str, Callable[[Any], Any]]:
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


def _onto_cells(
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
