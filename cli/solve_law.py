"""`bornnet solve --law`: what a run's learned law makes of the user's own potentials."""

import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from bornnet.errors import InputError

from .solve_flags import as_flags, flags_in_errors
from .solve_tables import change_by_cells, error_of_a0
from .terminal import Terminal, facts, table

if TYPE_CHECKING:
    from bornnet.solving.learned_law import LearnedPaths
    from bornnet.solving.posed import Problem

_SHOWN = 20  # potentials of a file that the terminal shows; --json and --csv give all
_PLACES = 8  # along r
_NAMED = 5  # rows named in a warning


def solve_law(
    terminal: Terminal,
    problem: "Problem",
    law: str,
    *,
    workers: int | None,
    csv_out: str | None,
    plot: str | None,
    force: bool,
) -> None:
    """Print, and write, the scattering lengths by a run's law beside the exact ones."""
    from bornnet.files.potentials import require_finite
    from bornnet.solving.learned_law import follow_law

    if plot is not None:
        raise InputError("--plot draws the potential and its wave function, not a --law; leave one out.")
    if problem.cells is None:
        raise InputError(
            f"--law integrates potentials on cells, and {problem.source} is given in r; bring it onto some "
            "with --cells (without --law, solve says how much that changes)."
        )
    U = np.array(problem.cells, dtype=float)
    require_finite(problem.source, U, problem.first_row)
    paths = follow_law(law, U)
    records = list(_records(problem, paths, workers))
    length = problem.length
    if csv_out is not None:
        _write_csv(csv_out, records, force)
    document: dict[str, Any] = {
        "source": problem.source,
        "unit_of_length": problem.unit,
        "cells": U.shape[1],
        "discretization_error": records[0]["error"].get("discretization"),
        "law": law,
        "strength_fitted": paths.fitted,
        "written": [csv_out] if csv_out else [],
        "potentials": records,
    }
    if len(records) == 1:
        curves = {"r": paths.r, "exact": paths.exact[0], "learned": paths.learned[0]}
        document["along_r"] = {name: (length * curve).tolist() for name, curve in curves.items()}
    shown = _one(problem, law, records[0], paths) if len(records) == 1 else [_many(problem, law, records)]
    terminal.result(document, *shown)
    if not terminal.json:
        _say(terminal, records)
    if csv_out is not None:
        terminal.note(f"Wrote {csv_out}.")


def _records(problem: "Problem", paths: "LearnedPaths", workers: int | None) -> Iterator[dict[str, Any]]:
    """Of each potential the law's numbers, and the exact value with its error as `solve` states it."""
    from bornnet.solving.solve import blocks

    with flags_in_errors():
        solved = [one for _, solution in blocks(problem, 1, workers=workers) for one in solution.records()]
    length = problem.length
    for row, (record, exact) in enumerate(zip(paths.records(length), solved, strict=True)):
        a0 = exact["scattering_length"]
        yield {
            "row": problem.first_row + row + 1,
            **record,
            "scattering_length": a0,
            "difference": record["learned"] - a0,
            "error": exact["error"],
            "warnings": [*problem.notes, *map(as_flags, exact["warnings"]), *_of_the_law(record, paths)],
        }


def _of_the_law(record: dict[str, Any], paths: "LearnedPaths") -> Iterator[str]:
    """What to know of the law's value, or of there being none."""
    note = record["note"]
    if note:
        yield f"no value by the law: {note}."
    if record["beyond_fitted"]:
        beyond = "" if note else ": the law goes on to states it has never seen"
        yield f"stronger than what the run was fitted to (eta up to {paths.fitted:.2g}){beyond}."
    if "distance" in record["unlike"]:
        yield "far from every potential that the run was fitted to."


def _say(terminal: Terminal, records: list[dict[str, Any]]) -> None:
    """Every warning once, with the rows that it is of where there are several potentials."""
    rows: dict[str, list[int]] = {}
    for record in records:
        for warning in record["warnings"]:
            rows.setdefault(warning, []).append(record["row"])
    for warning, of in rows.items():
        more = f" and {len(of) - _NAMED} more" if of[_NAMED:] else ""
        named = f"row{'s' if of[1:] else ''} {', '.join(map(str, of[:_NAMED]))}{more}: "
        terminal.note(f"Note: {named if len(records) > 1 else ''}{warning}")


def _one(problem: "Problem", law: str, record: dict[str, Any], paths: "LearnedPaths") -> list[Any]:
    unit, error, cells = problem.unit, record["error"], len(paths.r)
    cut = "discretization" in error
    known = {
        f"a0 on {cells} cells" if cut else "a0": f"{record['scattering_length']:.12g} {unit}",
        "error of a0": error_of_a0(error, unit),
        "cells": f"{cells}; {change_by_cells(error, unit)}" if cut else cells,
        f"a0 by the law of {law}": _number(record["learned"], ".12g", unit),
    }
    if record["note"]:
        return [facts(problem.source, known)]
    known["difference"] = _number(record["difference"], "+.1e", unit)
    known["of it by steps"] = _number(record["truncation"], ".1e", unit)
    if record["learned_spread"] is not None:
        known["spread over members"] = _number(record["learned_spread"], ".1e", unit)
    places = np.unique(np.linspace(0, len(paths.r) - 1, _PLACES).round().astype(int))
    scale = problem.length
    rows = [
        (
            f"{scale * paths.r[i]:.6g}",
            f"{scale * paths.exact[0, i]:.10g}",
            f"{scale * paths.learned[0, i]:.10g}",
            f"{scale * (paths.learned[0, i] - paths.exact[0, i]):+.1e}",
        )
        for i in places
    ]
    note = "y(r) is the scattering length of the potential cut off at r; the exact law: dy/dr = -U (r - y)^2."
    headings = (f"r ({unit})", "exact y", "learned y", "difference")
    return [facts(problem.source, known), table("Along r", headings, rows, note)]


def _many(problem: "Problem", law: str, records: list[dict[str, Any]]) -> Any:
    headings = ("row", "a0", "by the law", "difference", "by steps")
    rows = [
        (
            record["row"],
            f"{record['scattering_length']:.10g}",
            _number(record["learned"], ".10g"),
            _number(record["difference"], "+.1e"),
            _number(record["truncation"], ".1e"),
        )
        for record in records[:_SHOWN]
    ]
    more = len(records) - len(rows)
    rest = f"and {more:,} more: --csv OUT.csv writes all" if more else ""
    title = f"{problem.source}: {len(records):,} potentials by the law of {law}, lengths in {problem.unit}"
    return table(title, headings, rows, rest)


def _write_csv(out: str, records: list[dict[str, Any]], force: bool) -> None:
    from bornnet.files.atomic import new_file

    columns = (
        "row",
        "scattering_length",
        "learned",
        "learned_spread",
        "difference",
        "truncation",
        "strength",
        "error",
        "note",
    )
    with new_file(out, force=force) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for record in records:
            record = {**record, "error": record["error"]["total"]}
            values = [record[column] for column in columns]
            writer.writerow(["" if value is None or value != value else value for value in values])


def _number(value: float, form: str, unit: str = "") -> str:
    return "-" if value != value else f"{value:{form}} {unit}".rstrip()
