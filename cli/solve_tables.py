"""What `bornnet solve` shows of the potentials that it solved: tables, curves in the terminal, CSV, JSON."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import inf, nan
from typing import TYPE_CHECKING, Any

from .plots import curve
from .terminal import facts, table

if TYPE_CHECKING:
    from bornnet.physics.radial.budget import Ending
    from bornnet.physics.radial.solver import Wave
    from bornnet.solving.posed import Problem

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
    "error",
)
CONVERGES = {True: "converges", False: "diverges", None: "not known"}

PARTS = {
    "integration": "integration",
    "interpolation": "between the points",
    "cut_off": "cut-off",
    "inside": "below the first point",
    "discretization": "cells",
}
"""Of the error of a0, and what they are called."""


def end_of(ending: "Ending | None") -> dict[str, Any] | None:
    """How a potential in r ends, for the JSON."""
    if ending is None:
        return None
    return {
        "falls": ending.words,
        "power": ending.exponent,
        "cut_at": ending.cut_at,
        "scattering_length_cut_there": ending.scattering_length_there,
    }


@contextmanager
def csv_writer(out: str, order: int, force: bool) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that writes one potential's results as a line; the file stands there when all are."""
    from bornnet.files.atomic import new_file

    with new_file(out, force=force) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *(f"born_term_{n}" for n in range(1, order + 1))])

        def write(record: Mapping[str, Any]) -> None:
            record = {**record, "error": record["error"]["total"]}
            values = [*(record[column] for column in COLUMNS), *record["born_terms"]]
            writer.writerow([_csv_field(value) for value in values])

        yield write


def _csv_field(value: Any) -> Any:
    """Nothing for what is not known or defined."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or value != value else value


def one(problem: "Problem", record: Mapping[str, Any], ending: "Ending | None") -> list[Any]:
    from bornnet.physics.solution import significant

    unit, error = problem.unit, record["error"]

    def with_error(name: str, unit: str, otherwise: str) -> str:
        value, uncertain = record[name], record.get(f"{name}_error", float("nan"))
        return otherwise if value != value else f"{significant(value, uncertain)} {unit}"

    a0 = significant(record["scattering_length"], error["total"])
    known = {
        "a0": f"{a0} {unit}",
        "error of a0": error_of_a0(error, unit),
        "1/a0": with_error("inverse_scattering_length", f"/ {unit}", "-"),
        "effective range": with_error("effective_range", unit, "not defined"),
        "strength eta": "infinite" if record["strength"] == inf else _number(record["strength"], ".10g"),
        "Born series": CONVERGES[record["born_series_converges"]],
        "bound states": record["bound_states"],
    }
    if ending is not None:
        cut = f"{ending.scattering_length_there:.6g} {unit}, cut off at r = {ending.cut_at:.4g}"
        known["at the end"] = f"{ending.words}; a0 = {cut}"
    if problem.cells is not None:
        known["cells"] = problem.cells.shape[1]
        if "discretization" in error:
            known["cells"] = f"{known['cells']}; {change_by_cells(error, unit)}"
    terms = zip(record["born_terms"], record["born_sums"], record["born_errors"], strict=True)
    rows = [
        (n, _number(term, ".10g"), _number(total, ".10g"), _number(error, ".2e"))
        for n, (term, total, error) in enumerate(terms, 1)
    ]
    if record["born_terms"] and all(term != term for term in record["born_terms"]):
        return [facts(problem.source, known)]
    headings = ("order", f"Born term ({unit})", f"sum ({unit})", "error of the sum, relative")
    return [facts(problem.source, known), table("Born series", headings, rows)]


def error_of_a0(error: Mapping[str, float], unit: str) -> str:
    """The error, and its parts where there are several."""
    parts = [
        f"{name} {error[part]:.1e}" for part, name in PARTS.items() if error.get(part, nan) == error.get(part)
    ]
    return f"{error['total']:.1e} {unit}" + (f": {', '.join(parts)}" if len(parts) > 1 else "")


def change_by_cells(error: Mapping[str, float], unit: str) -> str:
    """What bringing a potential in r onto cells did."""
    return f"they change a0 by {error['discretization']:.1e} {unit}"


def drawn(problem: "Problem", wave: "Wave | None") -> list[str]:
    """U(r) over u(r), as far out as the figure of `--plot` goes."""
    import numpy as np

    from bornnet.physics.wave import wave_function
    from bornnet.solving.picture import sampled, shown_range

    unit = problem.unit
    if problem.cells is None and problem.given is not None and wave is not None:
        r, potential = sampled(problem.given.potential, wave, 120)
        end, u = float(r[-1]), wave.at(r)
    elif problem.cells is not None:
        U = problem.cells[0]
        r = (np.arange(120) + 0.5) / 120 * shown_range(U)
        inside = U[np.minimum((r * len(U)).astype(int), len(U) - 1)]
        potential = np.where(r < 1, inside, 0.0) / problem.length**2
        end, u = float(shown_range(U)) * problem.length, wave_function(U, r)
    ends = ("0", f"r = {end:.3g} {unit}")
    return [
        f"U(r) in 1/({unit})^2, above zero attractive",
        *curve(potential.tolist(), ends),
        "",
        "u(r), the wave function at zero energy",
        *curve(u.tolist(), ends),
        "",
    ]


def many(problem: "Problem", shown: list[dict[str, Any]], count: int, order: int) -> Any:
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


def _number(value: float, form: str, otherwise: str = "-") -> str:
    return otherwise if value != value else format(value, form)
