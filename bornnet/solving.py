"""Everything the zero-energy solver has to say about given potentials, in the user's unit of length.

Potentials come as cells in a file, as a radial grid, or as a named shape; the last two in physical units too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .config.names import suggestion
from .errors import InputError
from .files.potentials import read_potentials, read_radial, require_finite
from .physics.born import born_terms
from .physics.discretize import discretize_samples
from .physics.scattering import inverse_scattering_length, scattering_length
from .physics.shapes import SHAPES, Shape
from .physics.units import Scale, energy_unit, length_unit
from .physics.wave import effective_range
from .physics.weinberg import bound_states, weinberg_eigenvalue

BLOCK = 1 << 20
"""Numbers in a block of potentials: bounds the memory, and does not change the result."""

CELLS = 1000
"""Cells that a grid is brought onto: smooth potentials then lose some 1e-11."""


@dataclass(frozen=True)
class Problem:
    """Potentials `(N, cells)`, dimensionless; one range is `length` times `unit`; where they are from.

    `discretization_error` is how much a0, in `unit`, changes where half as many cells are taken.
    """

    potentials: np.ndarray
    length: float
    unit: str
    source: str
    first_row: int = 0
    discretization_error: float | None = None


@dataclass(frozen=True)
class Solution:
    """What is known of N potentials, lengths in the unit that `solve` was given.

    `scattering_length`, `inverse_scattering_length`, `effective_range`, `strength`, `bound_states` have the
    shape `(N,)`; `born_terms` is `(order, N)`. `strength` is NaN where U has negative entries,
    `effective_range` where a0 = 0. `converges` says of each Born series whether it converges: True, False,
    or None where that is not known.
    """

    scattering_length: np.ndarray
    inverse_scattering_length: np.ndarray
    effective_range: np.ndarray
    strength: np.ndarray
    converges: list[bool | None]
    bound_states: np.ndarray
    born_terms: np.ndarray

    def __len__(self) -> int:
        return len(self.scattering_length)

    @property
    def born_sums(self) -> np.ndarray:
        """`(order, N)`: row n-1 is the Born approximation of order n."""
        with np.errstate(invalid="ignore", over="ignore"):
            return np.cumsum(self.born_terms, axis=0)

    @property
    def born_errors(self) -> np.ndarray:
        """`(order, N)`: the Born approximations' relative errors; NaN where a0 is 0 or infinite."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            errors = self.born_sums / self.scattering_length - 1
        return np.where(np.isfinite(self.scattering_length) & np.isfinite(errors), errors, np.nan)

    def records(self) -> Iterator[dict[str, Any]]:
        """All of each potential, as plain numbers."""
        sums, errors = self.born_sums, self.born_errors
        for row in range(len(self)):
            yield {
                "scattering_length": float(self.scattering_length[row]),
                "inverse_scattering_length": float(self.inverse_scattering_length[row]),
                "effective_range": float(self.effective_range[row]),
                "strength": float(self.strength[row]),
                "born_series_converges": self.converges[row],
                "bound_states": int(self.bound_states[row]),
                "born_terms": self.born_terms[:, row].tolist(),
                "born_sums": sums[:, row].tolist(),
                "born_errors": errors[:, row].tolist(),
            }


def from_file(path: str | Path, row: int | None = None) -> Problem:
    """The cells of one potential a row, in units of the range; with `row`, counted from 1, that one alone."""
    table = read_potentials(path)
    if row is not None:
        if not 1 <= row <= len(table):
            raise InputError(
                f"--row: expected a number from 1 to {len(table)}, the rows of {path}; got {row}."
            )
        table = table[row - 1 : row]
    return Problem(table, 1.0, "ranges", str(path), first_row=row - 1 if row else 0)


def from_radial(
    path: str | Path, units: str | None = None, reduced_mass: float | None = None, cells: int | None = None
) -> Problem:
    """Two columns, r and V(r), smooth between the points and zero behind the last one.

    `units` are those of r and V, such as `"fm,MeV"`, and `reduced_mass` is mu c^2 in MeV; V < 0 attracts.
    Without units the second column is U in `u'' = -U u`, and U > 0 attracts.
    """
    r, values = read_radial(path)
    if r[0] > (r[1] - r[0]) * (1 + 1e-9):
        raise InputError(f"{path}: row 1: expected r to begin at 0 or one spacing from it, got {r[0]:g}.")
    unit, dimensionless = _scale(units, reduced_mass, r[-1])
    if units is not None:
        values = -values
    return _discretized(
        lambda count: discretize_samples(r / r[-1], dimensionless(values), count),
        cells,
        Problem(np.empty(0), float(r[-1]), unit, str(path)),
        attractive=bool((values >= 0).all()),
    )


def from_shape(
    name: str,
    *,
    depth: float,
    range_: float,
    units: str | None = None,
    reduced_mass: float | None = None,
    cells: int | None = None,
    **parameters: float | None,
) -> Problem:
    """A named shape of the range given; `depth` > 0 attracts. Units as for `from_radial`.

    `parameters` are those of `SHAPES[name]`, in the units of r and V too: `diffuseness`, `core_radius`,
    `core_height` (> 0 repels).
    """
    if name not in SHAPES:
        raise InputError(
            f"--shape: expected one of {', '.join(SHAPES)}; got {name!r}.{suggestion(name, SHAPES)}"
        )
    shape = SHAPES[name]
    lengths, energies = _parameters(name, shape, parameters)
    for flag, value in {"depth": depth, **energies}.items():
        if not np.isfinite(value):
            raise InputError(f"--{_flag(flag)}: expected a finite number; got {value}.")
    for flag, value in {"range": range_, **lengths}.items():
        if not 0 < value < np.inf:
            raise InputError(f"--{_flag(flag)}: expected a positive number; got {value}.")
    if lengths.get("core_radius", 0.0) > range_:
        raise InputError(
            f"--core-radius: expected at most --range {range_:g}; got {lengths['core_radius']:g}."
        )

    extra = [value / range_ for value in lengths.values()] + list(energies.values())
    end = shape.end(*extra)
    unit, dimensionless = _scale(units, reduced_mass, range_ * end)
    of_energy = f" {units.split(',')[1].strip()}" if units else ""
    described = [f"{name}, depth {depth:g}{of_energy}, range {range_:g} {unit}"]
    described += [f"{key.replace('_', ' ')} {value:g} {unit}" for key, value in lengths.items()]
    described += [f"{key.replace('_', ' ')} {value:g}{of_energy}" for key, value in energies.items()]
    attractive = depth >= 0 and all(height <= 0 for height in energies.values())
    return _discretized(
        lambda count: shape.onto_cells(lambda r: dimensionless(shape.profile(end * r, depth, *extra)), count),
        shape.cells(*extra) if cells is None else cells,
        Problem(np.empty(0), range_ * end, unit, ", ".join(described)),
        attractive=attractive,
    )


def _parameters(
    name: str, shape: Shape, given: Mapping[str, float | None]
) -> tuple[dict[str, float], dict[str, float]]:
    """The lengths and energies that the shape has besides range and depth."""
    wanted = (*shape.lengths, *shape.energies)
    for key, value in given.items():
        if value is not None and key not in wanted:
            raise InputError(f"--{_flag(key)} means nothing for --shape {name}; leave it out.")
    found = {key: value for key, value in given.items() if value is not None}
    for key in wanted:
        if key not in found:
            raise InputError(f"--shape {name}: expected --{_flag(key)} with it.")
    return {key: found[key] for key in shape.lengths}, {key: found[key] for key in shape.energies}


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _scale(
    units: str | None, reduced_mass: float | None, length: float
) -> tuple[str, Callable[[np.ndarray], np.ndarray]]:
    """The unit of length, and what makes an attraction dimensionless where one range is `length`."""
    if units is None:
        if reduced_mass is not None:
            raise InputError("--reduced-mass: expected --units with it, such as fm,MeV.")
        return "units of r", lambda attraction: attraction * length**2
    names = [name.strip() for name in units.split(",")]
    if len(names) != 2:
        raise InputError(
            f"--units: expected a unit of length and one of energy, such as fm,MeV; got {units!r}."
        )
    if reduced_mass is None:
        raise InputError(f"--units {units}: expected --reduced-mass MEV with it; two nucleons have 469.459.")
    if not 0 < reduced_mass < np.inf:
        raise InputError(f"--reduced-mass: expected a positive number of MeV; got {reduced_mass}.")
    scale = Scale(length * length_unit(names[0]), reduced_mass)
    factor = energy_unit(names[1])
    return names[0], lambda attraction: scale.dimensionless(-attraction * factor)


def _discretized(
    on_cells: Callable[[int], np.ndarray], cells: int | None, problem: Problem, *, attractive: bool
) -> Problem:
    if cells is None:
        cells = CELLS
    if not 1 <= cells <= 10_000:
        raise InputError(f"--cells: expected a number from 1 to 10000; got {cells}.")

    def potential(count: int) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            U = on_cells(count)
        # High orders dip below zero where U is next to zero; eta wants an attractive potential to stay one.
        return np.maximum(U, 0.0) if attractive else U

    fine, coarse = potential(cells), potential(max(1, cells // 2))
    lengths = scattering_length(fine), scattering_length(coarse)
    error = problem.length * abs(lengths[0] - lengths[1]) if np.isfinite(lengths).all() else None
    return replace(problem, potentials=fine[None], discretization_error=error)


def blocks(problem: Problem, order: int = 4, *, workers: int | None = None) -> Iterator[tuple[int, Solution]]:
    """Solve block by block: the first row of a block, and its solution."""
    samples, cells = problem.potentials.shape
    step = max(1, BLOCK // cells)
    for start in range(0, samples, step):
        block = np.array(problem.potentials[start : start + step], dtype=float)
        require_finite(problem.source, block, problem.first_row + start)
        yield start, solve(block, order, length=problem.length, workers=workers)


def solve(
    potentials: np.ndarray, order: int = 4, *, length: float = 1.0, workers: int | None = None
) -> Solution:
    """Solve potentials `(N, cells)`, with Born terms to `order`; one range is `length` of the user's units.

    The Born series of U converges for certain where eta(|U|) < 1, since |U| has the larger operator norm; and
    where U does not change its sign, only there.
    """
    potentials = np.asarray(potentials, dtype=float)
    eta = weinberg_eigenvalue(np.abs(potentials), workers=workers)
    attractive = np.all(potentials >= 0, axis=1)
    decided = (eta < 1) | attractive | np.all(potentials <= 0, axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        return Solution(
            scattering_length=length * scattering_length(potentials, workers=workers),
            inverse_scattering_length=inverse_scattering_length(potentials, workers=workers) / length,
            effective_range=length * effective_range(potentials, workers=workers),
            strength=np.where(attractive, eta, np.nan),
            converges=[bool(eta[row] < 1) if decided[row] else None for row in range(len(eta))],
            bound_states=bound_states(potentials, workers=workers),
            born_terms=length * born_terms(potentials, order, workers=workers),
        )
