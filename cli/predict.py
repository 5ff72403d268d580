"""`bornnet predict`: what a run says of other potentials."""

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bornnet.errors import InputError

from .options import TableFile, force_option, terminal_options
from .terminal import Terminal, table

if TYPE_CHECKING:
    from rich.table import Table

    from bornnet.runs.predict import Prediction

_SHOWN = 40  # rows of the table; files and --json have all


@click.command()
@click.argument("run", type=click.Path(), metavar="RUN")
@click.argument("potentials", type=TableFile(), metavar="POTENTIALS")
@click.option("--order", type=int, metavar="N", help="Highest term.  [default: that of the run]")
@click.option("--out", type=click.Path(), metavar="FILE", help="Write all rows: .csv, or .json.")
@force_option
@terminal_options
def predict(
    run: str, potentials: str, order: int | None, out: str | None, force: bool, terminal: Terminal
) -> None:
    """Predict values and terms of POTENTIALS (CSV or NPY, one a row; - reads standard input) with what RUN
    has learned.

    Potentials unlike those that were learned from, by their strength or their distance from all of these, are
    warned of: with * in the table, as "unlike" in files and --json.

    Errors are one standard deviation: the learner's own where it states one, else that over the members of an
    ensemble; a single network that states none has none.

    \b
    Examples:
      bornnet predict runs/first potentials.csv
      bornnet predict runs/first potentials.npy --order 4 --out predicted.csv
    """
    import numpy as np

    from bornnet.files.atomic import check_new_file
    from bornnet.files.potentials import read_potentials, require_finite
    from bornnet.runs.predict import predict as predicted

    if order is not None and order < 1:
        raise InputError(f"--order: expected a whole number of at least 1; got {order}.")
    if out is not None:
        if Path(out).suffix not in (".csv", ".json"):
            raise InputError(f"--out: expected a name that ends in .csv or .json, got {out!r}.")
        check_new_file(out, force=force)
    U = np.array(read_potentials(potentials), dtype=float)
    require_finite(potentials, U)
    with terminal.progress("Predicting", None):
        found = predicted(run, U, order)
    document = found.to_dict()
    if out is not None:
        _write(out, document, found, force)
    for warning in found.warnings:
        print(f"WARNING: {potentials}: {warning}", file=sys.stderr)
    terminal.result(document, _table(run, potentials, found))
    if out is not None:
        terminal.note(f"Wrote {out}.")


def _write(out: str, document: dict, found: "Prediction", force: bool) -> None:
    import json

    from bornnet.files.atomic import new_file

    with new_file(out, force=force) as place, place.open("w", newline="") as file:
        if out.endswith(".json"):
            json.dump({"schema_version": 1, **document}, file, indent=1)
        else:
            orders = range(1, len(found.terms) + 1)
            lines = csv.writer(file)
            names = [name for n in orders for name in (f"term_{n}", f"term_{n}_std")]
            lines.writerow(["row", "value", "value_std", *names, "sum", "unlike"])
            for row in document["potentials"]:
                stds = row["terms_std"] or [None] * len(found.terms)
                terms = [x for pair in zip(row["terms"], stds, strict=True) for x in pair]
                lines.writerow(
                    [row["row"], row["value"], row["value_std"], *terms, row["sum"], " ".join(row["unlike"])]
                )


def _table(run: str, potentials: str, found: "Prediction") -> "Table":
    orders = range(1, len(found.terms) + 1)
    rows = []
    for row in range(min(len(found.values), _SHOWN)):
        value = _shown(found.values[row], None if found.values_std is None else found.values_std[row])
        stds = [None if found.terms_std is None else found.terms_std[n - 1, row] for n in orders]
        terms = [_shown(found.terms[n - 1, row], std) for n, std in zip(orders, stds, strict=True)]
        number = f"{row + 1}{'*' if row in found.unlike else ''}"
        rows.append((number, value, *terms, f"{found.start + found.terms[:, row].sum():.8g}"))
    left = len(found.values) - len(rows)
    notes = [f"{left} more rows: --out FILE.csv has all."] if left else []
    notes += ["* unlike what was learned from: stronger, or far from all of it."] if found.unlike else []
    known = {"scattering_length": "a0", "inverse_scattering_length": "1/a0"}
    name = known.get(found.observable, found.observable)
    return table(
        f"{run} on {potentials}",
        ("row", name, *(f"term {n}" for n in orders), "sum of terms"),
        rows,
        " ".join(notes),
    )


def _shown(value: float, std: float | None) -> str:
    if value != value:  # there is none
        return "-"
    return f"{value:.8g}" if std is None else f"{value:.8g} ± {std:.1e}"
