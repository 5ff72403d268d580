"""`bornnet solve --at`: terms and partial sums around a reference, for the user's own potentials."""

import csv
from typing import TYPE_CHECKING, Any

from bornnet.errors import InputError

from .options import reference_as_flags
from .terminal import Terminal, facts, table

if TYPE_CHECKING:
    from bornnet.solving.around import Expansion
    from bornnet.solving.posed import Problem

_SHOWN = 20  # potentials of a file that the terminal shows; --json and --csv give all


def solve_around(
    terminal: Terminal,
    problem: "Problem",
    at: str,
    name: str,
    order: int,
    *,
    csv_out: str | None,
    plot: str | None,
    force: bool,
) -> None:
    """Print, and write, the series of a target around ``at`` for the potentials of a problem."""
    from bornnet.solving.around import expand

    if problem.cells is None:
        raise InputError(
            f"--at expands potentials on cells, and {problem.source} is given in r; bring it onto some with "
            "--cells (without --at, solve says how much that changes)."
        )
    with reference_as_flags(at):
        expansion = expand(problem.cells, at, name, order)
    first = problem.first_row + 1
    records = [{"row": row, **record} for row, record in enumerate(expansion.records(problem.length), first)]
    if csv_out is not None:
        _write_csv(csv_out, records, order, force)
    if plot is not None:
        from bornnet.report.series_figure import save_series_figure

        save_series_figure(plot, expansion, length=problem.length, unit=problem.unit, force=force)
    written = [out for out in (csv_out, plot) if out is not None]
    scale = problem.length**expansion.target.unit
    terminal.result(
        {
            "source": problem.source,
            "unit_of_length": problem.unit,
            "cells": problem.cells.shape[1],
            "order": order,
            "at": at,
            "target": name,
            "reference_value": scale * expansion.target.value,
            "written": written,
            "potentials": records,
        },
        *(
            _one(problem, expansion, records[0])
            if len(records) == 1
            else [_many(problem, expansion, records, order)]
        ),
    )
    if written:
        terminal.note(f"Wrote {' and '.join(written)}.")


def _unit(problem: "Problem", expansion: "Expansion") -> str:
    return problem.unit if expansion.target.unit == 1 else f"1/{problem.unit.removesuffix('s')}"


def _one(problem: "Problem", expansion: "Expansion", record: dict[str, Any]) -> list[Any]:
    target, unit = expansion.target, _unit(problem, expansion)
    scale = problem.length**target.unit
    known = {
        target.symbol: f"{record['value']:.12g} {unit}",
        f"{target.symbol} at {expansion.at}": f"{scale * target.value:.12g} {unit}",
        "strength of the displacement": f"{record['strength']:.12g}",
        "series": "converges" if record["converges"] else "diverges",
        "cells": expansion.potentials.shape[1],
    }
    rows = [
        (n, f"{term:.10g}", f"{total:.10g}", _number(error, ".2e"))
        for n, (term, total, error) in enumerate(
            zip(record["terms"], record["sums"], record["errors"], strict=True), 1
        )
    ]
    headings = ("order", f"term ({unit})", f"sum ({unit})", "error of the sum, relative")
    note = "Sums begin with the value at the reference; errors are relative to the difference from it."
    title = f"Distorted-wave series of {target.symbol} around {expansion.at}"
    return [facts(problem.source, known), table(title, headings, rows, note)]


def _many(problem: "Problem", expansion: "Expansion", records: list[dict[str, Any]], order: int) -> Any:
    headings = ("row", expansion.target.symbol, "strength", "series", f"error, order {order}")
    rows = [
        (
            record["row"],
            f"{record['value']:.7g}",
            f"{record['strength']:.6g}",
            "converges" if record["converges"] else "diverges",
            _number(record["errors"][-1], ".2e"),
        )
        for record in records[:_SHOWN]
    ]
    more = len(records) - len(rows)
    rest = f"and {more:,} more: --csv OUT.csv writes all" if more else ""
    title = f"{problem.source}: {len(records):,} potentials around {expansion.at}"
    return table(f"{title}, in {_unit(problem, expansion)}", headings, rows, rest)


def _write_csv(out: str, records: list[dict[str, Any]], order: int, force: bool) -> None:
    from bornnet.files.atomic import new_file

    with new_file(out, force=force) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["row", "value", "strength", "converges", *(f"term_{n}" for n in range(1, order + 1))]
        )
        for record in records:
            converges = str(record["converges"]).lower()
            writer.writerow([record["row"], record["value"], record["strength"], converges, *record["terms"]])


def _number(value: float, form: str) -> str:
    return "-" if value != value else format(value, form)
