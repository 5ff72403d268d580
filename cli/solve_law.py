"""`bornnet solve --law`: what a run's learned law makes of the user's own potentials."""

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

from bornnet.errors import InputError

from .terminal import Terminal, facts, table

if TYPE_CHECKING:
    from bornnet.solving.learned_law import LearnedPaths
    from bornnet.solving.posed import Problem

_SHOWN = 20  # potentials of a file that the terminal shows; --json and --csv give all
_PLACES = 8  # along r


def solve_law(
    terminal: Terminal, problem: "Problem", law: str, *, csv_out: str | None, plot: str | None, force: bool
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
    length = problem.length
    records = [{"row": n, **r} for n, r in enumerate(paths.records(length), problem.first_row + 1)]
    if csv_out is not None:
        _write_csv(csv_out, records, force)
    document: dict[str, Any] = {
        "source": problem.source,
        "unit_of_length": problem.unit,
        "cells": U.shape[1],
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
    beyond = [record["row"] for record in records if record["beyond_fitted"]]
    if beyond and not terminal.json:
        terminal.note(
            f"Note: row {beyond[0]}{' and others are' if beyond[1:] else ' is'} stronger than what the run "
            f"was fitted to (eta up to {paths.fitted:.2g}): the law goes on to states it has never seen."
        )
    if csv_out is not None:
        terminal.note(f"Wrote {csv_out}.")


def _one(problem: "Problem", law: str, record: dict[str, Any], paths: "LearnedPaths") -> list[Any]:
    unit = problem.unit
    known = {
        "a0": f"{record['scattering_length']:.12g} {unit}",
        f"a0 by the law of {law}": f"{record['learned']:.12g} {unit}",
        "difference": f"{record['difference']:+.1e} {unit}",
        "of it by steps": f"{record['truncation']:.1e} {unit}",
    }
    if record["learned_spread"] is not None:
        known["spread over members"] = f"{record['learned_spread']:.1e} {unit}"
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
            f"{record['learned']:.10g}",
            f"{record['difference']:+.1e}",
            f"{record['truncation']:.1e}",
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
    )
    with new_file(out, force=force) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for record in records:
            values = [record[column] for column in columns]
            writer.writerow(["" if value is None or value != value else value for value in values])
