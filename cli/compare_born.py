"""`bornnet compare-born`: learned terms against Born terms."""

from itertools import chain
from shlex import join
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from bornnet.config.names import ACTIVATIONS
from bornnet.errors import InputError

from .options import Name, force_option, order_option, terminal_options
from .plots import log_dots, sparkline
from .terminal import Terminal, table

if TYPE_CHECKING:
    from bornnet.comparison.compare import Comparison


@click.command("compare-born")
@click.argument("runs", nargs=-1, type=click.Path(), metavar="RUN...")
@order_option
@click.option(
    "--model", type=click.Path(), metavar="FILE", help="A network from elsewhere in place of a RUN."
)
@click.option("--cells", type=int, metavar="D", help="Cells of the potentials that --model takes.")
@click.option("--activation", type=Name(ACTIVATIONS), help="Of --model; tanh unless it is given.")
@click.option("--samples", type=int, metavar="N", help="Potentials drawn for --model.  [default: 2000]")
@click.option("--strength", type=float, nargs=2, metavar="LO HI", help="Their eta.  [default: 0.001 0.5]")
@click.option("--seed", type=int, metavar="N", help="Of these potentials.  [default: 0]")
@click.option("--report", type=click.Path(), metavar="FILE.html", help="Write a self-contained page.")
@click.option("--figures", type=click.Path(), metavar="DIR", help="Write figures (SVG, PDF, PNG) and CSV.")
@force_option
@terminal_options
def compare_born(
    runs: tuple[str, ...],
    order: int | None,
    model: str | None,
    report: str | None,
    figures: str | None,
    force: bool,
    terminal: Terminal,
    **drawn: Any,
) -> None:
    """Compare the terms that RUN has learned with the exact Born series.

    Several runs are put side by side. A run in progress counts as far as all its members have come.

    --model takes the state dict of a torch.nn.Sequential of Linear layers and one kind of activation, as
    .safetensors or .pt: U of the cells in, a0 out. Nothing in the file is run.

    \b
    Examples:
      bornnet compare-born runs/first
      bornnet compare-born runs/first --order 4 --json
      bornnet compare-born runs/first --report report.html --figures figures
      bornnet compare-born runs/tanh runs/gelu
      bornnet compare-born --model net.pt --cells 16 --activation gelu
    """
    from bornnet.comparison.compare import compare_model, compare_runs
    from bornnet.files.atomic import check_new_directory, check_new_file
    from bornnet.report.charts import CAPTIONS, charts, save_figures
    from bornnet.report.page import save_report

    if order is not None and order < 1:
        raise InputError(f"--order: expected a whole number of at least 1; got {order}.")
    settings = {name: value for name, value in drawn.items() if value is not None}
    _require_one_kind(runs, model, settings)
    if report is not None:
        check_new_file(report, force=force)
    if figures is not None:
        check_new_directory(figures, force=force, marker=CAPTIONS)
    with terminal.progress("Comparing with the Born series", None):
        if model is None:
            comparisons = compare_runs(runs, order)
        else:
            comparisons = [compare_model(model, order=order or 3, **settings)]
    if report is not None or figures is not None:
        with terminal.progress("Drawing figures", None):
            made = [charts(comparison) for comparison in comparisons]
            if figures is not None:
                save_figures(figures, made, force=force)
            if report is not None:
                save_report(report, comparisons, made, force=force)
    written = [name for name in (report, figures) if name is not None]
    documents = [comparison.document() for comparison in comparisons]
    if len(comparisons) == 1:
        plots = _plots(comparisons[0]) if terminal.plots else []
        terminal.result(documents[0], *_tables(comparisons[0]), *plots, *_paragraph(documents[0]["verdict"]))
    else:
        verdicts = [_paragraph(f"{document['source']}: {document['verdict']}") for document in documents]
        terminal.result({"runs": documents}, *_side_by_side(comparisons), *chain(*verdicts))
    if written:
        terminal.note(f"Wrote {' and '.join(written)}.")
    elif model is None:
        terminal.note(f"Next: bornnet compare-born {join(runs)} --report report.html")


def _require_one_kind(runs: tuple[str, ...], model: str | None, settings: dict[str, Any]) -> None:
    """`InputError` where runs and a model, or settings of one and the other, are mixed."""
    if (model is None) == (not runs):
        raise InputError("expected one RUN or several, or a --model, and not both.")
    if model is None and settings:
        name = next(iter(settings))
        raise InputError(f"--{name} goes with --model; the potentials of a run are its own. Leave it out.")
    if model is not None and "cells" not in settings:
        raise InputError("--model: expected --cells with it, the number of cells that the network takes.")


def _tables(comparison: "Comparison") -> list[Any]:
    rows = []
    for row, alone in zip(comparison.orders, comparison.single_network, strict=True):
        best = comparison.best_baseline(row.order)
        rows.append(
            (
                row.order,
                _spread(row.kernel_error, row.kernel_error_spread, len(comparison.learned)),
                f"{row.kernel_cosine:.6f}",
                f"{row.term_error:.1e}",
                f"{alone.kernel_error:.1e}",
                f"{best[1].kernel_error:.1e}" if best else "-",
            )
        )
    columns = ("order", "kernel error", "cosine", "term error", f"one {comparison.noun}", "baseline")
    note = (
        f"Relative errors. Right: the kernel error of one {comparison.noun} without iteration, and of the "
        "best least-squares polynomial."
    )
    proxies = [
        (row.order, f"{row.vs_born:.1e}", f"{row.vs_exact:.1e}", f"{row.born_vs_exact:.1e}")
        for row in comparison.proxies
    ]
    low, high = comparison.strength.min(), comparison.strength.max()
    return [
        table(f"Learned terms against Born terms: {comparison.source}", columns, rows, note),
        "",
        table(
            "Sums of terms, median relative error",
            ("through order", "learned - Born", "learned - a0", "Born - a0"),
            proxies,
            f"{len(comparison.strength):,} held-out potentials, eta {low:.2g} to {high:.2g}.",
        ),
    ]


def _plots(comparison: "Comparison") -> list[str]:
    """Kernel errors on a logarithmic axis, and how the typical error of each round came down."""
    from bornnet.runs.directory import read_metrics

    rows = {}
    for row, alone in zip(comparison.orders, comparison.single_network, strict=True):
        best = comparison.best_baseline(row.order)
        marks = {"●": row.kernel_error, "○": alone.kernel_error}
        rows[f"order {row.order}"] = marks | ({"△": best[1].kernel_error} if best else {})
    lines = [f"Kernel error: ● learned  ○ one {comparison.noun}  △ best least squares", *log_dots(rows)]
    steps = read_metrics(comparison.run.path) if comparison.run else []
    first = [step for step in steps if step["member"] == 0]
    if first:
        lines += [
            "",
            "Typical held-out error, step by step" + (", of member 1" if len(comparison.learned) > 1 else ""),
        ]
    for number in sorted({step["round"] for step in first}):
        errors = [step.get("held_out_typical") for step in first if step["round"] == number]
        known = [float("nan") if error is None else error for error in errors]
        lines.append(f"   round {number}  {sparkline(known)} {known[0]:.1e} to {known[-1]:.1e}")
    return ["", *lines]


def _side_by_side(comparisons: list["Comparison"]) -> list[Any]:
    from bornnet.comparison.compare import differing_settings

    orders = [f"order {row.order}" for row in comparisons[0].orders]
    kernel = [
        (c.source, *(_spread(r.kernel_error, r.kernel_error_spread, len(c.learned)) for r in c.orders))
        for c in comparisons
    ]
    terms = [(c.source, *(f"{r.term_error:.1e}" for r in c.orders)) for c in comparisons]
    sources = [comparison.source for comparison in comparisons]
    settings = [(key, *values) for key, values in differing_settings(comparisons).items()]
    return [
        *([table("Settings that differ", ("setting", *sources), settings)] if settings else []),
        table("Kernel error, relative", ("run", *orders), kernel),
        table("Term error, relative", ("run", *orders), terms),
    ]


def _paragraph(text: str) -> list[str]:
    """The text in lines of a terminal, after an empty one."""
    return ["", *wrap(text, 79)]


def _spread(value: float, spread: float | None, members: int) -> str:
    return f"{value:.1e} ± {spread:.0e}" if members > 1 else f"{value:.1e}"
