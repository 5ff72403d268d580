"""`bornnet compare-born`: learned terms against Born terms."""

from itertools import chain
from shlex import join
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from bornnet.errors import InputError

from .options import force_option, order_option, terminal_options
from .terminal import Terminal, table

if TYPE_CHECKING:
    from bornnet.comparing import Comparison


@click.command("compare-born")
@click.argument("runs", nargs=-1, required=True, type=click.Path(), metavar="RUN...")
@order_option
@click.option("--report", type=click.Path(), metavar="FILE.html", help="Write a self-contained page.")
@click.option("--figures", type=click.Path(), metavar="DIR", help="Write figures (SVG, PDF, PNG) and CSV.")
@force_option
@terminal_options
def compare_born(
    runs: tuple[str, ...],
    order: int | None,
    report: str | None,
    figures: str | None,
    force: bool,
    terminal: Terminal,
) -> None:
    """Compare the terms that RUN has learned with the exact Born series.

    Several runs are put side by side. A run in progress counts as far as all its members have come.

    \b
    Examples:
      bornnet compare-born runs/first
      bornnet compare-born runs/first --order 4 --json
      bornnet compare-born runs/first --report report.html --figures figures
      bornnet compare-born runs/tanh runs/gelu
    """
    from bornnet.comparing import compare_runs
    from bornnet.files.atomic import check_new_directory, check_new_file
    from bornnet.report.charts import charts, marker, save_figures
    from bornnet.report.page import save_report

    if order is not None and order < 1:
        raise InputError(f"--order: expected a whole number of at least 1; got {order}.")
    if report is not None:
        check_new_file(report, force=force)
    if figures is not None:
        check_new_directory(figures, force=force, marker=marker(runs))
    with terminal.progress("Comparing with the Born series", None):
        comparisons = compare_runs(runs, order)
    if report is not None or figures is not None:
        with terminal.progress("Drawing figures", None):
            drawn = [charts(comparison) for comparison in comparisons]
            if figures is not None:
                save_figures(figures, drawn, force=force)
            if report is not None:
                save_report(report, comparisons, drawn, force=force)
    written = [name for name in (report, figures) if name is not None]
    documents = [comparison.document() for comparison in comparisons]
    if len(comparisons) == 1:
        terminal.result(documents[0], *_tables(comparisons[0]), *_paragraph(documents[0]["verdict"]))
    else:
        verdicts = [_paragraph(f"{document['source']}: {document['verdict']}") for document in documents]
        terminal.result({"runs": documents}, *_side_by_side(comparisons), *chain(*verdicts))
    if written:
        terminal.note(f"Wrote {' and '.join(written)}.")
    else:
        terminal.note(f"Next: bornnet compare-born {join(runs)} --report report.html")


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
    columns = ("order", "kernel error", "cosine", "term error", "one network", "baseline")
    note = (
        "Relative errors. Right: the kernel error of one network without iteration, and of the best "
        "least-squares polynomial."
    )
    proxies = [
        (row.order, f"{row.vs_born:.1e}", f"{row.vs_exact:.1e}", f"{row.born_vs_exact:.1e}")
        for row in comparison.proxies
    ]
    low, high = comparison.strength.min(), comparison.strength.max()
    return [
        table(f"Learned terms against Born terms: {comparison.source}", columns, rows, note),
        table(
            "Sums of terms, median relative error",
            ("through order", "learned - Born", "learned - a0", "Born - a0"),
            proxies,
            f"{len(comparison.strength):,} held-out potentials, eta {low:.2g} to {high:.2g}.",
        ),
    ]


def _side_by_side(comparisons: list["Comparison"]) -> list[Any]:
    orders = [f"order {row.order}" for row in comparisons[0].orders]
    kernel = [
        (c.source, *(_spread(r.kernel_error, r.kernel_error_spread, len(c.learned)) for r in c.orders))
        for c in comparisons
    ]
    terms = [(c.source, *(f"{r.term_error:.1e}" for r in c.orders)) for c in comparisons]
    return [
        table("Kernel error, relative", ("run", *orders), kernel),
        table("Term error, relative", ("run", *orders), terms),
    ]


def _paragraph(text: str) -> list[str]:
    """The text in lines of a terminal, after an empty one."""
    return ["", *wrap(text, 79)]


def _spread(value: float, spread: float, members: int) -> str:
    return f"{value:.1e} ± {spread:.0e}" if members > 1 else f"{value:.1e}"
