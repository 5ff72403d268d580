"""Potentials of a named shape, with their depths, ranges and further parameters, in units."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..config.names import suggestion
from ..errors import InputError
from ..physics.radial.budget import Given
from ..physics.radial.solver import RadialPotential, octaves
from ..physics.shapes import SHAPES, Shape, exact_steps
from .posed import Problem, attraction_of, onto_cells


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

    unit, attraction = attraction_of(units, reduced_mass)
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
        return onto_cells(problem, cells, shape.onto_cells)
    primitive = shape.primitive

    def integral(x: np.ndarray) -> np.ndarray:
        inside = (primitive(x * end / length, v, *extra) * length / end for v, length in pairs)
        return end**2 * attraction(sum(inside))

    return onto_cells(problem, cells, lambda U, count: exact_steps(integral, count))


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
