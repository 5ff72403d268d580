"""`bornnet.solve`, and what the command of that name is made of.

Potentials in r are solved on the potential itself (`physics.radial.budget`), in the user's units; cells,
which datasets and networks are made of, exactly (`physics.on_cells`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..config.names import suggestion
from ..errors import InputError
from ..files.potentials import require_finite
from ..physics.on_cells import solve_cells
from ..physics.radial.budget import Ending, solve_given
from ..physics.radial.solver import Wave
from ..physics.solution import Solution
from .named_shapes import from_shape
from .posed import Problem
from .potentials import from_function, from_table

BLOCK = 1 << 20
"""Numbers in a block of potentials: bounds the memory, and does not change the result."""


def solve(
    *,
    cells: Any = None,
    r: Any = None,
    values: Any = None,
    shape: str | None = None,
    function: Callable[[np.ndarray], Any] | None = None,
    order: int = 4,
    **given: Any,
) -> Solution:
    """The scattering length of potentials and its error, bound states, effective range, and the Born series.

    One of four:

        solve(cells=U)                  U `(cells,)` or `(N, cells)`, in units of the range
        solve(r=r, values=V, units="fm,MeV", reduced_mass=469.5)      a table
        solve(shape="gaussian", depth=35, range=1.6, units="fm,MeV", reduced_mass=469.5)
        solve(function=V, end=20, units="fm,MeV", reduced_mass=469.5)      V(r), of arrays of r

    Without `units` values are U in `u'' = -U u`: U > 0 attracts; with units they are V: V < 0 does.
    `reduced_mass` is mu c^2 in MeV, or text with a unit, "2.0013 u". Tables and functions take `tail`: a
    power above 3 that continues V as r^-tail (`tail_coefficient`: C of V = -C / r^tail or U = C / r^tail), or
    "none" where V is zero behind the end. Shapes take their `depth`, `range` and other parameters, or
    `terms`, pairs of depth and range, which add up. `order` is the highest of the Born terms.

    Returns:
        A `Solution`: numbers for one potential, arrays `(N,)` for many. `.error["total"]` is that of
        `.scattering_length`, in the unit of r; `.warnings` says what else to know.

    Raises:
        InputError: bad input, or a potential that has no scattering length.
    """
    ways = {"cells": cells, "r": r, "shape": shape, "function": function}
    chosen = [name for name, value in ways.items() if value is not None]
    if len(chosen) != 1:
        got = ", ".join(chosen) or "none"
        raise InputError(f"solve: expected one of cells, r, shape, function; got {got}.")
    if chosen == ["cells"]:
        _only(given, ())
        array = np.asarray(cells, dtype=float)
        if array.ndim not in (1, 2) or 0 in array.shape:
            raise InputError(f"cells: expected shape (cells,) or (N, cells), got {array.shape}.")
        require_finite("cells", np.atleast_2d(array))
        solution = solve_cells(np.atleast_2d(array), order)
        return solution.single() if array.ndim == 1 else solution
    if chosen == ["shape"]:
        if "range" in given:
            given["range_"] = given.pop("range")
        problem = from_shape(str(shape), **given)
    elif chosen == ["function"]:
        _only(given, ("end", "units", "reduced_mass", "tail", "tail_coefficient"))
        if function is None or "end" not in given:
            raise InputError("solve: expected end with function, the r behind which it is zero.")
        problem = from_function(function, **given)
    else:
        _only(given, ("units", "reduced_mass", "tail", "tail_coefficient"))
        problem = from_table(r, values, **given)
    return solve_problem(problem, order)[0].single()


def _only(given: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            wanted = f"; expected {', '.join(known)}" if known else ""
            raise InputError(f"solve: {name} means nothing here{wanted}.{suggestion(name, known)}")


def blocks(problem: Problem, order: int = 4, *, workers: int | None = None) -> Iterator[tuple[int, Solution]]:
    """Solve block by block: the first row of a block, and its solution."""
    if problem.cells is None or problem.given is not None:
        yield 0, solve_problem(problem, order, workers=workers)[0]
        return
    samples, cells = problem.cells.shape
    step = max(1, BLOCK // cells)
    for start in range(0, samples, step):
        block = np.array(problem.cells[start : start + step], dtype=float)
        require_finite(problem.source, block, problem.first_row + start)
        yield start, solve_cells(block, order, length=problem.length, unit=problem.unit, workers=workers)


def solve_problem(
    problem: Problem, order: int = 4, *, workers: int | None = None
) -> tuple[Solution, Wave, Ending | None]:
    """The solution of a potential in r; of its cells, where there are some, with what they changed."""
    if problem.given is None:
        raise InputError("expected a potential in r.")
    solution, wave, ending = solve_given(problem.given, order)
    if problem.cells is None:
        return solution, wave, ending
    on_cells = solve_cells(problem.cells, order, length=problem.length, unit=problem.unit, workers=workers)
    change = np.abs(on_cells.scattering_length - solution.scattering_length)
    error = {**solution.error, "integration": on_cells.error["integration"], "discretization": change}
    error["total"] = solution.error["total"] + change
    return (
        replace(on_cells, error=error, warnings=solution.warnings),
        wave,
        ending,
    )
