"""`bornnet study`: many settings, each over some seeds, and a table of what they give."""

import logging
import os
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from bornnet.errors import BornnetError, InputError

from .learning import duration
from .options import force_option, resume_option, terminal_options
from .terminal import Terminal, table

if TYPE_CHECKING:
    from bornnet.studies.file import Study
    from bornnet.studies.results import Results

_log = logging.getLogger("bornnet.study")


@click.command()
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--out", type=click.Path(), metavar="DIR", help="Where runs and results are written.")
@click.option("--workers", type=int, metavar="N", help="Runs at a time; as many as processors unless given.")
@click.option(
    "--scheduler", metavar="ADDRESS", help="Run on this Dask cluster; DIR must be on a shared disk."
)
@click.option("--table", "table_only", is_flag=True, help="Show the results that DIR holds so far.")
@click.option("--dry-run", is_flag=True, help="Say what would be run and how long it takes; write nothing.")
@force_option
@resume_option
@terminal_options
def study(
    file: str,
    out: str | None,
    workers: int | None,
    scheduler: str | None,
    table_only: bool,
    dry_run: bool,
    force: bool,
    resume: bool,
    terminal: Terminal,
) -> None:
    """Run the settings of FILE, each with each seed, and compare them with the Born series.

    \b
    FILE is TOML; all parts but one may be left out:
      command = "iterate"          # or "train"
      preset = "quick"             # what all settings start from
      seeds = [1, 2, 3]            # every setting once with each: error bars
      [base]                       # what differs from it, or data = "mine.h5"
      steps = [60, 40, 25]
      [grid]                       # all combinations; [[grid]]: of each table
      hidden = [[16, 16], [32, 32]]
      [vary]                       # the base with one of these at a time
      activation = ["gelu", "sin"]
      [[settings]]                 # the base with these, as they stand
      optimizer = "adam"
      steps = [2000]

    Each run is an ordinary one: `bornnet compare-born DIR/activation=gelu/seed-1` opens it. Settings and
    seeds can be added to FILE later; --resume runs what is missing.

    \b
    Examples:
      bornnet study dependence --dry-run              (ships with bornnet)
      bornnet study widths.toml --out studies/widths
      bornnet study widths.toml --out studies/widths --table
      bornnet study widths.toml --out studies/widths --resume
    """
    from bornnet.studies.file import read_study

    if workers is not None and workers < 1:
        raise InputError(f"--workers: expected a number of at least 1; got {workers}.")
    planned = read_study(file)
    if dry_run:
        _estimate(planned, workers, terminal)
        return
    if out is None:
        raise InputError("expected --out DIR, where runs and results are written.")
    from bornnet.studies.results import read_results
    from bornnet.studies.run import run_study

    if table_only:
        _show(read_results(planned, out), out, terminal)
        return
    total = len(planned.settings) * len(planned.seeds)
    with terminal.progress("Runs", total) as advance:
        shown = 0

        def report(job: Any, done: int) -> None:
            nonlocal shown
            advance(done - shown, f"last: {job.setting.name}, seed {job.seed}" if job else "")
            shown = done

        results = run_study(
            planned, out, workers=workers, scheduler=scheduler, resume=resume, force=force, report=report
        )
    _show(results, out, terminal)
    if results.failed:
        first = results.failed[0]
        raise BornnetError(
            f"{len(results.failed)} of {total} runs failed, first {first['run']}: {first['error']} To try "
            f"again: bornnet study {quote(file)} --out {quote(out)} --resume"
        )
    terminal.note(f"Wrote {out}, with all results in {os.path.join(out, 'results.csv')}.")


def _estimate(planned: "Study", workers: int | None, terminal: Terminal) -> None:
    from bornnet.compute.pool import processors
    from bornnet.studies.run import estimate_study

    workers = workers or processors()
    logging.getLogger("bornnet").setLevel(logging.ERROR)  # the table says where potentials are few
    with terminal.progress("Timing steps", len(planned.settings)) as advance:
        rows, seconds = estimate_study(planned, workers, advance)
    terminal.result(
        {
            "dry_run": True,
            "study": str(planned.source),
            "workers": workers,
            "seconds": seconds,
            "settings": rows,
        },
        table(
            f"{planned.source}: what it would take",
            ("setting", "runs", "potentials", "weights", "time of one, about"),
            [
                (
                    row["name"],
                    row["runs"],
                    f"{row['potentials']:,}",
                    "-" if row["weights"] is None else f"{row['weights']:,}",
                    "-" if row["seconds"] is None else duration(row["seconds"]),
                )
                for row in rows
            ],
            f"In all, {workers} at a time: {duration(seconds)} at most. Potentials: of the smallest round.",
        ),
    )


def _show(results: "Results", out: str, terminal: Terminal) -> None:
    document = results.document()
    settings = document["settings"]
    terminal.result({**document, "out": out}, *_tables(results, settings))
    _warn(settings)


def _warn(settings: list[dict[str, Any]]) -> None:
    """The first warning, and how many more there are."""
    texts = [f"{setting['name']}: {text}" for setting in settings for text in setting["warnings"]]
    if texts:
        more = f" (and {len(texts) - 1} more; --json has them all)" if len(texts) > 1 else ""
        _log.warning(texts[0] + more)


def _counts(results: "Results") -> str:
    """How far the study has come, where it is not at its end."""
    total, failed = len(results.runs), len(results.failed)
    if results.finished == total:
        return ""
    return f"{results.finished} of {total} runs are finished" + (f", {failed} failed." if failed else ".")


def _base(study: "Study") -> str:
    """What the varied keys are in the base."""
    keys = dict.fromkeys(key for setting in study.settings for key in setting.changes)
    values = study.base.config.flat("json") | {"data": study.base.data}
    pairs = [
        f"{key} {','.join(map(str, v)) if isinstance(v := values[key], list) else v}"
        for key in keys
        if study.base in study.settings and key in values
    ]
    return f"Base: {', '.join(pairs)}." if pairs else ""


def _tables(results: "Results", settings: list[dict[str, Any]]) -> list[Any]:
    orders = range(1, 1 + max((len(setting["orders"]) for setting in settings), default=0))
    several = len(results.study.seeds) > 1
    kernel = [
        (s["name"], f"{s['finished']}/{s['runs']}", *(_error(s["orders"], n, several) for n in orders))
        for s in settings
    ]
    alone = orders[1:] if results.study.command == "iterate" else ()
    beside = [
        (
            s["name"],
            *(_error(s["orders"], n, kind="term_error") for n in orders),
            *(_error(s["single_network"], n) for n in alone),
            f"{s['seconds']:.1f} s" if s["seconds"] is not None else "-",
        )
        for s in settings
    ]
    heads = [*(f"term {n}" for n in orders), *(f"alone {n}" for n in alone), "time"]
    spread = "Mean ± standard deviation over seeds." if several else "One seed."
    notes = (spread, _counts(results), _base(results.study))
    return [
        table(
            f"Kernel error, relative: {results.study.source}",
            ("setting", "seeds", *(f"order {n}" for n in orders)),
            kernel,
            " ".join(filter(None, notes)),
        ),
        "",
        table(
            "Term error, one network's kernel error (alone), time of a run; means",
            ("setting", *heads),
            beside,
        ),
    ]


def _error(rows: list[dict[str, Any]], order: int, spread: bool = False, kind: str = "kernel_error") -> str:
    if order > len(rows):
        return "-"
    row = rows[order - 1]
    deviation = row[f"{kind}_spread"] if spread else None  # None also where one seed alone is finished
    return f"{row[kind]:.1e}" if deviation is None else f"{row[kind]:.1e} ± {deviation:.0e}"
