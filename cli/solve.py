"""`bornnet solve`: the user's own potential, and all that zero-energy scattering says of it."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bornnet.errors import InputError

from .options import force_option, terminal_options
from .plots import curve
from .terminal import Terminal, facts, table

if TYPE_CHECKING:
    from bornnet.solving import Problem

SHOWN = 20
"""Potentials of a file that the terminal shows; `--json` and `--csv` give all."""

COLUMNS = (
    "row",
    "scattering_length",
    "inverse_scattering_length",
    "effective_range",
    "strength",
    "born_series_converges",
    "bound_states",
)
CONVERGES = {True: "converges", False: "diverges", None: "not known"}
PARAMETERS = ("diffuseness", "core_radius", "core_height")
"""Of shapes, besides their depth and range."""

FIGURES = (".png", ".svg", ".pdf")


@click.command()
@click.argument("potentials", type=click.Path(), metavar="[POTENTIALS]", required=False)
@click.option("--row", type=int, metavar="N", help="Only this row of the file, counted from 1.")
@click.option("--radial", is_flag=True, help="The file has two columns, r and V(r).")
@click.option("--shape", metavar="NAME", help="A named shape in place of a file.")
@click.option("--depth", type=float, metavar="V0", help="Of the shape; positive is attractive.")
@click.option("--range", "range_", type=float, metavar="R", help="Of the shape, in the unit of length.")
@click.option("--diffuseness", type=float, metavar="A", help="Of the surface of woods-saxon.")
@click.option("--core-radius", type=float, metavar="C", help="Of the repulsive core of square-core.")
@click.option("--core-height", type=float, metavar="V", help="Of that core; positive is repulsive.")
@click.option(
    "--units", metavar="L,E", help="Of r and V, such as fm,MeV; V < 0 attracts. Without: u'' = -U u."
)
@click.option("--reduced-mass", type=float, metavar="MEV", help="mu c^2 in MeV; needed with --units.")
@click.option("--cells", type=int, metavar="D", help="Cells that a grid or shape is brought onto.")
@click.option("--order", type=int, default=4, show_default=True, metavar="K", help="Highest Born order.")
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
    order: int,
    workers: int | None,
    force: bool,
    terminal: Terminal,
    **given: Any,
) -> None:
    """Solve POTENTIALS exactly: a0, bound states, and the Born series.

    POTENTIALS is a CSV or NPY file with the cells of one potential a row, in units of the range; with
    --radial, two columns r and V(r); or there is a --shape in its place, V0 times

    \b
      square         1 at r < R
      square-core    1 at C < r < R, and a --core-height at r < C, the --core-radius
      gaussian       exp(-(r/R)^2)
      exponential    exp(-r/R)
      poschl-teller  1/cosh(r/R)^2
      woods-saxon    1/(1 + exp((r-R)/A)), A the --diffuseness
      yukawa         exp(-r/R) R/r
      hulthen        1/(exp(r/R) - 1)

    \b
    Examples:
      bornnet solve potentials.csv
      bornnet solve many.npy --csv solved.csv
      bornnet solve --shape gaussian --depth 35 --range 1.6 --units fm,MeV --reduced-mass 469.5
      bornnet solve --shape yukawa --depth 40 --range 1.43 --units fm,MeV --reduced-mass 469.5
      bornnet solve triplet.csv --radial --units fm,MeV --reduced-mass 469.5 --plot triplet.svg
    """
    from bornnet.files.atomic import check_new_file
    from bornnet.solving import blocks

    if not 1 <= order <= 50:
        raise InputError(f"--order: expected a number from 1 to 50; got {order}.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers: expected a number of at least 1; got {workers}.")
    if plot is not None and Path(plot).suffix.lower() not in FIGURES:
        raise InputError(f"--plot: expected a name that ends in {', '.join(FIGURES)}; got {plot}.")
    for out in (csv_out, plot):
        if out is not None:
            check_new_file(out, force=force)
    problem = _problem(potentials, row, given)
    if plot is not None and len(problem.potentials) > 1:
        count = len(problem.potentials)
        raise InputError(f"--plot draws one potential, {potentials} has {count}; choose a --row.")

    shown: list[dict[str, Any]] = []
    with ExitStack() as stack:
        write = stack.enter_context(_csv_writer(csv_out, order, force)) if csv_out else lambda record: None
        advance = stack.enter_context(terminal.progress("Solving", len(problem.potentials)))
        for start, solution in blocks(problem, order, workers=workers):
            for row_number, solved in enumerate(solution.records(), problem.first_row + start + 1):
                record = {"row": row_number, **solved}
                write(record)
                if terminal.json or len(shown) < SHOWN:
                    shown.append(record)
            advance(len(solution))
    if plot is not None:
        from bornnet.report.potential import save_potential_figure

        U = problem.potentials[0]
        save_potential_figure(plot, U, length=problem.length, unit=problem.unit, force=force)

    count = len(problem.potentials)
    written = [out for out in (csv_out, plot) if out is not None]
    terminal.result(
        {
            "source": problem.source,
            "unit_of_length": problem.unit,
            "cells": problem.potentials.shape[1],
            "discretization_error": problem.discretization_error,
            "order": order,
            "written": written,
            "potentials": shown,
        },
        *(_one(problem, shown[0]) if count == 1 else [_many(problem, shown, count, order)]),
        *(_plots(problem) if count == 1 and terminal.plots else []),
    )
    if written:
        terminal.note(f"Wrote {' and '.join(written)}.")


def _problem(potentials: str | None, row: int | None, given: Mapping[str, Any]) -> "Problem":
    """What the arguments describe; `InputError` where they contradict each other."""
    from bornnet.solving import from_file, from_radial, from_shape

    if (potentials is None) == (given["shape"] is None):
        raise InputError("expected a file POTENTIALS or a --shape, and not both.")
    if potentials is not None and not given["radial"]:
        _leave_out(
            "cells of potentials in a file",
            given,
            "depth",
            "range_",
            *PARAMETERS,
            "units",
            "reduced_mass",
            "cells",
        )
        return from_file(potentials, row)
    if row is not None:
        raise InputError("--row chooses a potential of a file; with --radial or --shape there is only one.")
    scale = {"units": given["units"], "reduced_mass": given["reduced_mass"], "cells": given["cells"]}
    if potentials is not None:
        _leave_out("--radial", given, "depth", "range_", *PARAMETERS)
        return from_radial(potentials, **scale)
    if given["depth"] is None or given["range_"] is None:
        raise InputError(f"--shape {given['shape']}: expected --depth and --range with it.")
    parameters = {name: given[name] for name in PARAMETERS}
    return from_shape(given["shape"], depth=given["depth"], range_=given["range_"], **scale, **parameters)


def _leave_out(what: str, given: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if given[name] is not None:
            raise InputError(f"--{name.strip('_').replace('_', '-')} means nothing for {what}; leave it out.")


@contextmanager
def _csv_writer(out: str, order: int, force: bool) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that writes one potential's results as a line; the file stands there when all are."""
    from bornnet.files.atomic import new_file

    with new_file(out, force=force) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *(f"born_term_{n}" for n in range(1, order + 1))])

        def write(record: Mapping[str, Any]) -> None:
            values = [*(record[column] for column in COLUMNS), *record["born_terms"]]
            writer.writerow([_csv_field(value) for value in values])

        yield write


def _csv_field(value: Any) -> Any:
    """Nothing for what is not known or defined."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or value != value else value


def _one(problem: "Problem", record: Mapping[str, Any]) -> list[Any]:
    unit = problem.unit
    known = {
        "a0": _length(record["scattering_length"], unit),
        "1/a0": f"{record['inverse_scattering_length']:.12g} / {unit}",
        "effective range": _length(record["effective_range"], unit, "not defined: a0 = 0"),
        "strength eta": _number(record["strength"], ".12g", "not defined: U is not attractive everywhere"),
        "Born series": CONVERGES[record["born_series_converges"]],
        "bound states": record["bound_states"],
        "cells": problem.potentials.shape[1],
    }
    if problem.discretization_error is not None:
        known["cells"] = (
            f"{known['cells']}; half as many change a0 by {problem.discretization_error:.1e} {unit}"
        )
    terms = zip(record["born_terms"], record["born_sums"], record["born_errors"], strict=True)
    rows = [
        (n, f"{term:.10g}", f"{total:.10g}", _number(error, ".2e"))
        for n, (term, total, error) in enumerate(terms, 1)
    ]
    headings = ("order", f"Born term ({unit})", f"sum ({unit})", "error of the sum, relative")
    return [facts(problem.source, known), table("Born series", headings, rows)]


def _plots(problem: "Problem") -> list[str]:
    """U(r) over u(r), as far out as the figure of `--plot` goes."""
    import numpy as np

    from bornnet.physics.wave import wave_function
    from bornnet.report.potential import shown_range

    U, unit = problem.potentials[0], problem.unit
    end = shown_range(U)
    r = (np.arange(120) + 0.5) / 120 * end
    inside = U[np.minimum((r * len(U)).astype(int), len(U) - 1)]
    potential = np.where(r < 1, inside, 0.0) / problem.length**2
    ends = ("0", f"r = {end * problem.length:.3g} {unit}")
    return [
        f"U(r) in 1/({unit})^2, above zero attractive",
        *curve(potential.tolist(), ends),
        "",
        "u(r), the wave function at zero energy",
        *curve(wave_function(U, r).tolist(), ends),
        "",
    ]


def _many(problem: "Problem", shown: list[dict[str, Any]], count: int, order: int) -> Any:
    headings = ("row", "a0", "1/a0", "r_eff", "eta", "bound", "Born", f"error, order {order}")
    rows = [
        (
            record["row"],
            f"{record['scattering_length']:.7g}",
            f"{record['inverse_scattering_length']:.7g}",
            _number(record["effective_range"], ".6g"),
            _number(record["strength"], ".6g"),
            record["bound_states"],
            CONVERGES[record["born_series_converges"]],
            _number(record["born_errors"][-1], ".2e"),
        )
        for record in shown
    ]
    rest = f"and {count - len(shown):,} more: --csv OUT.csv writes all" if count > len(shown) else ""
    return table(f"{problem.source}: {count:,} potentials, lengths in {problem.unit}", headings, rows, rest)


def _length(value: float, unit: str, otherwise: str = "-") -> str:
    return otherwise if value != value else f"{value:.12g} {unit}"


def _number(value: float, form: str, otherwise: str = "-") -> str:
    return otherwise if value != value else format(value, form)
