"""`bornnet solve`: the user's own potential, and all that zero-energy scattering says of it."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bornnet.config.names import TARGETS
from bornnet.errors import InputError

from .options import Name, TableFile, force_option, terminal_options
from .solve_flags import as_flags, flags_in_errors
from .solve_tables import SHOWN, csv_writer, drawn, end_of, many, one
from .terminal import Terminal

if TYPE_CHECKING:
    from bornnet.physics.radial.solver import Wave
    from bornnet.solving.posed import Problem

PARAMETERS = ("diffuseness", "core_radius", "core_height")
"""Of shapes, besides their depth and range."""

TAIL = ("tail", "tail_coefficient")
FIGURES = (".png", ".svg", ".pdf")


@click.command()
@click.argument("potentials", type=TableFile(), metavar="[POTENTIALS]", required=False)
@click.option("--row", type=int, metavar="N", help="Only this row of the file, counted from 1.")
@click.option(
    "--radial/--no-radial", default=None, help="The file has two columns, r and V(r), or rows of cells."
)
@click.option("--shape", metavar="NAME", help="A named shape in place of a file.")
@click.option("--depth", type=float, metavar="V0", help="Of the shape; positive is attractive.")
@click.option("--range", "range_", type=float, metavar="R", help="Of the shape, in the unit of length.")
@click.option(
    "--term",
    "terms",
    type=(float, float),
    multiple=True,
    metavar="V0 R",
    help="Add one more; may be repeated.",
)
@click.option("--diffuseness", type=float, metavar="A", help="Of woods-saxon's surface, of morse.")
@click.option("--core-radius", type=float, metavar="C", help="Of the core of square-core, malfliet-tjon.")
@click.option("--core-height", type=float, metavar="V", help="Of that core; positive is repulsive.")
@click.option(
    "--units", metavar="L,E", help="Of r and V, such as fm,MeV; V < 0 attracts. Without: u'' = -U u."
)
@click.option("--reduced-mass", metavar="MU", help='In MeV, or "2.0013 u", m_e, kg; needed with --units.')
@click.option(
    "--tail", metavar="N", help="V goes on as r^-N behind the table; none: it is zero there for certain."
)
@click.option(
    "--tail-coefficient", type=float, metavar="C", help="Of V = -C/r^N; without: as the table ends."
)
@click.option("--cells", type=int, metavar="D", help="Bring it onto cells first, and say what that changes.")
@click.option("--order", type=int, metavar="K", help="Highest Born order.  [default: 4]")
@click.option("--at", metavar="REFERENCE", help="Expand around this potential, such as square:eta=0.95.")
@click.option("--target", type=Name(TARGETS), help="Of --at: the scattering length, or the inverse of it.")
@click.option("--law", metavar="RUN", help="Integrate the law that a flow's run has learned, on cells.")
@click.option("--csv", "csv_out", type=click.Path(), metavar="OUT.csv", help="Write all results as CSV.")
@click.option("--plot", type=click.Path(), metavar="OUT", help="Draw U(r) and u(r): .png, .svg or .pdf.")
@click.option("--workers", type=int, metavar="N", help="CPU threads; results do not depend on it.")
@force_option
@terminal_options
def solve(
    potentials: str | None,
    row: int | None,
    csv_out: str | None,
    plot: str | None,
    order: int | None,
    at: str | None,
    target: str | None,
    law: str | None,
    workers: int | None,
    force: bool,
    terminal: Terminal,
    **given: Any,
) -> None:
    """Solve POTENTIALS: a0 with its error, bound states, and the Born series.

    POTENTIALS is a CSV or NPY file (- reads standard input) with the cells of one potential a row, in units
    of the range; or, with --radial, two columns r and V(r); or there is a --shape in its place, V0 times

    \b
      square              1 at r < R
      square-core         1 at C < r < R, --core-height at r < --core-radius C
      gaussian            exp(-(r/R)^2)
      exponential         exp(-r/R)
      poschl-teller       1/cosh(r/R)^2
      woods-saxon         1/(1 + exp((r-R)/A)), A the --diffuseness
      yukawa              exp(-r/R) R/r
      hulthen             1/(exp(r/R) - 1)
      malfliet-tjon       exp(-r/R) R/r, less --core-height exp(-r/C) C/r
      lennard-jones       4 ((R/r)^6 - (R/r)^12)
      lennard-jones-10-6  5.379 ((R/r)^6 - (R/r)^10), V0 deep
      morse               2 exp((R-r)/A) - exp(2(R-r)/A), A the --diffuseness
      hard-core-6         (R/r)^6 outside a hard core at r < R

    What is given in r is solved in r, to the error that is printed; each --term adds the same shape again.

    \b
    Examples:
      bornnet solve potentials.csv
      bornnet solve many.npy --csv solved.csv
      bornnet solve --shape gaussian --depth 35 --range 1.6 \\
          --units fm,MeV --reduced-mass 469.5
      bornnet solve --shape gaussian --term -200 0.82 --term 178 1.251 \\
          --units fm,MeV --reduced-mass 469.5
      bornnet solve helium.csv --tail 6 --units angstrom,K --reduced-mass 2.0013u
      bornnet solve potential.csv --at square:eta=0.95 --order 8 --plot series.svg
      bornnet solve potential.csv --at reference.csv --target inverse
      bornnet solve potentials.csv --law runs/flow
      bornnet solve triplet.csv --radial --units fm,MeV --reduced-mass 469.5 \\
          --plot triplet.svg
    """
    from bornnet.files.atomic import check_new_file
    from bornnet.solving.solve import blocks, solve_problem

    if law is not None and order is not None:
        raise InputError("--order means nothing for --law, which is no series; leave it out.")
    order = 4 if order is None else order
    if not 1 <= order <= 50:
        raise InputError(f"--order: expected a number from 1 to 50; got {order}.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers: expected a number of at least 1; got {workers}.")
    if plot is not None and Path(plot).suffix.lower() not in FIGURES:
        raise InputError(f"--plot: expected a name that ends in {', '.join(FIGURES)}; got {plot}.")
    for out in (csv_out, plot):
        if out is not None:
            check_new_file(out, force=force)
    if target is not None and at is None:
        raise InputError("--target goes with --at, the reference that the series starts from; give that too.")
    if law is not None and at is not None:
        raise InputError("--law and --at are two ways to look at a potential; give one of them.")
    problem = _problem(potentials, row, given)
    count = len(problem)
    if plot is not None and count > 1:
        raise InputError(f"--plot draws one potential, {potentials} has {count}; choose a --row.")

    if at is not None:
        from .solve_around import solve_around

        name = target or "scattering_length"
        solve_around(terminal, problem, at, name, order, csv_out=csv_out, plot=plot, force=force)
        return
    if law is not None:
        from .solve_law import solve_law

        solve_law(terminal, problem, law, workers=workers, csv_out=csv_out, plot=plot, force=force)
        return
    shown: list[dict[str, Any]] = []
    wave, ending = None, None
    with ExitStack() as stack:
        write = stack.enter_context(csv_writer(csv_out, order, force)) if csv_out else lambda record: None
        advance = stack.enter_context(terminal.progress("Solving", count))
        if problem.given is None:
            solutions = blocks(problem, order, workers=workers)
        else:
            with flags_in_errors():
                solution, wave, ending = solve_problem(problem, order, workers=workers)
            solutions = iter([(0, solution)])
        for start, solution in solutions:
            for row_number, solved in enumerate(solution.records(), problem.first_row + start + 1):
                record = {"row": row_number, **solved}
                record["warnings"] = [*problem.notes, *map(as_flags, solved["warnings"])]
                write(record)
                if terminal.json or len(shown) < SHOWN:
                    shown.append(record)
            advance(len(solution))
    if plot is not None:
        _save_plot(plot, problem, wave, force)

    written = [out for out in (csv_out, plot) if out is not None]
    terminal.result(
        {
            "source": problem.source,
            "unit_of_length": problem.unit,
            "cells": None if problem.cells is None else problem.cells.shape[1],
            "discretization_error": shown[0]["error"].get("discretization") if shown else None,
            "end": end_of(ending),
            "order": order,
            "written": written,
            "potentials": shown,
        },
        *(one(problem, shown[0], ending) if count == 1 else [many(problem, shown, count, order)]),
        *(drawn(problem, wave) if count == 1 and terminal.plots else []),
    )
    if count == 1 and not terminal.json:
        for warning in shown[0]["warnings"]:
            terminal.note(f"Note: {warning}")
    if written:
        terminal.note(f"Wrote {' and '.join(written)}.")


def _save_plot(plot: str, problem: "Problem", wave: "Wave | None", force: bool) -> None:
    from bornnet.report.potential import save_potential_figure
    from bornnet.solving.picture import picture_of_cells, picture_of_wave

    if problem.cells is None and problem.given is not None and wave is not None:
        picture = picture_of_wave(problem.given.potential, wave)
    elif problem.cells is not None:
        picture = picture_of_cells(problem.cells[0], problem.length)
    else:
        return
    save_potential_figure(plot, picture, unit=problem.unit, force=force)


def _problem(potentials: str | None, row: int | None, given: Mapping[str, Any]) -> "Problem":
    """What the arguments describe; `InputError` where they contradict each other."""
    from bornnet.solving.named_shapes import from_shape
    from bornnet.solving.potentials import from_file, from_radial, looks_radial

    if (potentials is None) == (given["shape"] is None):
        raise InputError("expected a file POTENTIALS or a --shape, and not both.")
    radial = given["radial"]
    if potentials is not None and radial is None:
        try:
            radial = row is None and looks_radial(potentials)
        except InputError as error:
            raise InputError(str(error).replace("radial false", "--no-radial")) from None
    if potentials is not None and not radial:
        _leave_out(
            "cells of potentials in a file",
            given,
            *("depth", "range_", "terms", *PARAMETERS, "units", "reduced_mass", "cells", *TAIL),
        )
        with flags_in_errors():
            return from_file(potentials, row)
    if row is not None:
        raise InputError("--row chooses a potential of a file; with --radial or --shape there is only one.")
    scale = {"units": given["units"], "reduced_mass": given["reduced_mass"], "cells": given["cells"]}
    with flags_in_errors():
        if potentials is not None:
            _leave_out("--radial", given, "depth", "range_", "terms", *PARAMETERS)
            problem = from_radial(potentials, **scale, **{name: given[name] for name in TAIL})
            if given["radial"]:
                return problem
            note = f"{potentials} has two columns, the first in order: taken as r and V(r) (--radial); "
            return replace(problem, notes=(note + "--no-radial takes its rows as cells.",))
        _leave_out("--shape", given, *TAIL)
        parameters = {name: given[name] for name in ("depth", "range_", "terms", *PARAMETERS)}
        return from_shape(given["shape"], **scale, **parameters)


def _leave_out(what: str, given: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if given[name] not in (None, ()):
            flag = name.strip("_").replace("_", "-")
            radial = ", or say --radial where it holds r and V" if what.startswith("cells") else ""
            raise InputError(f"--{flag} means nothing for {what}; leave it out{radial}.")
