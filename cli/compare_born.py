"""`bornnet compare-born`: learned terms against Born terms."""

from itertools import chain
from shlex import join
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from bornnet.errors import InputError

from .compare_doubts import doubts
from .compare_known import known_document, known_side_by_side, known_tables
from .compare_plan import plan_table, planned_rows
from .compare_tables import law_table, path_table
from .configured import order_option
from .foreign import model_facts, model_options
from .options import force_option, terminal_options
from .plots import log_dots, sparkline
from .terminal import Terminal, table

if TYPE_CHECKING:
    from bornnet.comparison.path import PathScan
    from bornnet.comparison.result import Comparison


@click.command("compare-born")
@click.argument("runs", nargs=-1, type=click.Path(), metavar="RUN...")
@order_option
@model_options
@click.option(
    "--cells",
    type=int,
    metavar="D",
    help="Compare on potentials of D cells: for learners that take any number (flow), and with --model.",
)
@click.option("--potentials", type=click.Path(), metavar="FILE", help="Compare --model on these: CSV or NPY.")
@click.option("--samples", type=int, metavar="N", help="Potentials drawn for --model.  [default: 2000]")
@click.option("--strength", type=float, nargs=2, metavar="LO HI", help="Their eta.  [default: 0.001 0.5]")
@click.option("--seed", type=int, metavar="N", help="Of these potentials.  [default: 0]")
@click.option(
    "--path",
    metavar="END",
    help="Expand what was learned at potentials from 0 to END, such as square:eta=1.5.",
)
@click.option(
    "--plan",
    is_flag=True,
    help="Fit subsets anew, and say how many potentials of which strengths would halve each error.",
)
@click.option("--report", type=click.Path(), metavar="FILE.html", help="Write a self-contained page.")
@click.option("--title", metavar="TEXT", help="Heading of the page.  [default: names the runs]")
@click.option("--latex", type=click.Path(), metavar="FILE.tex", help="Write the main table as LaTeX.")
@click.option("--figures", type=click.Path(), metavar="DIR", help="Write figures (SVG, PDF, PNG) and CSV.")
@force_option
@terminal_options
def compare_born(
    runs: tuple[str, ...],
    order: int | None,
    model: str | None,
    path: str | None,
    plan: bool,
    report: str | None,
    title: str | None,
    latex: str | None,
    figures: str | None,
    cells: int | None,
    force: bool,
    terminal: Terminal,
    **drawn: Any,
) -> None:
    """Compare the terms that RUN has learned with the exact Born series.

    Several runs are put side by side. A run in progress counts as far as all its members have come.

    --model takes the state dict of a network of Linear layers and one kind of activation, as .safetensors
    or .pt, or a checkpoint with one: U of the cells in, a0 out. Nothing in the file is run. Names such as
    0.weight and 2.weight tell that an --activation stands between; where names do not tell, --layers does.

    \b
    Examples:
      bornnet compare-born runs/first
      bornnet compare-born runs/first --order 4 --json
      bornnet compare-born runs/first --report report.html --figures figures
      bornnet compare-born runs/first --report page.html --title "Sixteen cells"
      bornnet compare-born runs/first --latex table.tex
      bornnet compare-born runs/first --path square:eta=1.5 --report report.html
      bornnet compare-born runs/first --plan
      bornnet compare-born runs/tanh runs/gelu
      bornnet compare-born runs/flow --cells 64
      bornnet compare-born --model net.pt --activation gelu --check pairs.csv
      bornnet compare-born --model net.pt --layers "16 -> 32 tanh -> 1"
    """
    from bornnet.comparison.compare import compare_runs
    from bornnet.comparison.foreign import compare_model
    from bornnet.files.atomic import check_new_directory, check_new_file
    from bornnet.report.charts import CAPTIONS, charts, save_figures
    from bornnet.report.latex import save_latex
    from bornnet.report.page import save_report

    if order is not None and order < 1:
        raise InputError(f"--order: expected a whole number of at least 1; got {order}.")
    settings = {name: value for name, value in drawn.items() if value is not None}
    _require_one_kind(runs, model, settings)
    if path is not None and len(runs) != 1:
        raise InputError("--path: expected one RUN with it; leave it out for several, or for a --model.")
    if plan and (len(runs) != 1 or cells is not None):
        raise InputError("--plan: expected one RUN with it, on its own cells; leave it out for others.")
    if title is not None and report is None:
        raise InputError("--title: expected --report with it, whose heading it is.")
    for file in (report, latex):
        if file is not None:
            check_new_file(file, force=force)
    if figures is not None:
        check_new_directory(figures, force=force, marker=CAPTIONS)
    with terminal.progress("Comparing with the exact series", None):
        if model is None:
            comparisons = compare_runs(runs, order, cells)
        else:
            comparisons = [compare_model(model, cells, order=order or 3, **settings)]
    scan = None if path is None else _scan(comparisons[0], path)
    planned = planned_rows(comparisons[0], terminal) if plan else None
    if report is not None or figures is not None:
        with terminal.progress("Drawing figures", None):
            made = [charts(comparison, scan) for comparison in comparisons]
            if figures is not None:
                save_figures(figures, made, force=force)
            if report is not None:
                save_report(report, comparisons, made, title=title, force=force)
    if latex is not None:
        save_latex(latex, comparisons, force=force)
    written = [name for name in (report, latex, figures) if name is not None]
    documents = [comparison.document() for comparison in comparisons]
    if scan is not None:
        documents[0]["path"] = scan.as_dict()
    if planned is not None:
        documents[0]["plan"] = planned.as_dict()
    if len(comparisons) == 1:
        plots = _plots(comparisons[0]) if terminal.plots else []
        read = model_facts(comparisons[0].model) if comparisons[0].model else []
        scanned = [] if scan is None else ["", path_table(scan)]
        scanned += [] if planned is None else ["", plan_table(planned)]
        paragraph = [*_paragraph(documents[0]["verdict"]), *doubts(comparisons[0])]
        terminal.result(documents[0], *_tables(comparisons[0]), *scanned, *plots, *read, *paragraph)
    else:
        verdicts = [_paragraph(f"{document['source']}: {document['verdict']}") for document in documents]
        beside = {} if comparisons[0].truth else known_document(comparisons)
        terminal.result({"runs": documents, **beside}, *_side_by_side(comparisons), *chain(*verdicts))
    if written:
        terminal.note(f"Wrote {' and '.join(written)}.")
    elif model is None:
        again = [*runs, *(["--cells", str(cells)] if cells else [])]
        terminal.note(f"Next: bornnet compare-born {join(again)} --report report.html")


def _scan(comparison: "Comparison", path: str) -> "PathScan":
    from bornnet.comparison.path import path_scan
    from bornnet.targets.named import read_reference

    if not comparison.truth:
        raise InputError(
            f"--path: of {comparison.observable} no truth is known that it could be compared with elsewhere; "
            "leave it out."
        )
    end = read_reference(path, comparison.cells)
    reference = comparison.reference
    return path_scan(comparison.learned, reference.target, end, reference.order, along=path)


def _require_one_kind(runs: tuple[str, ...], model: str | None, settings: dict[str, Any]) -> None:
    """`InputError` where runs and a model, or settings of one and the other, are mixed."""
    if (model is None) == (not runs):
        raise InputError("expected one RUN or several, or a --model, and not both.")
    if model is None and settings:
        name = next(iter(settings))
        raise InputError(f"--{name} goes with --model; the potentials of a run are its own. Leave it out.")
    for name in ("samples", "strength", "seed"):
        if "potentials" in settings and name in settings:
            raise InputError(f"--potentials brings its own potentials: leave out --{name}, or --potentials.")


def _tables(comparison: "Comparison") -> list[Any]:
    if not comparison.truth:
        return known_tables(comparison)
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
        "best baseline, least squares or a Gaussian process."
    )
    proxies = [
        (row.order, f"{row.vs_born:.1e}", f"{row.vs_exact:.1e}", f"{row.born_vs_exact:.1e}")
        for row in comparison.proxies
    ]
    names, target = comparison.words, comparison.reference.target.symbol
    short, strength = names.short, "eta" if names.eta else "strength"
    low, high = comparison.strength.min(), comparison.strength.max()
    return [
        table(f"Learned terms against {names.exact} terms: {comparison.source}", columns, rows, note),
        "",
        table(
            "Sums of terms, median relative error",
            ("through order", f"learned - {short}", f"learned - {target}", f"{short} - {target}"),
            proxies,
            f"{len(comparison.strength):,} held-out potentials, {strength} {low:.2g} to {high:.2g}.",
        ),
        *(["", law_table(comparison, comparison.law)] if comparison.law else []),
    ]


def _plots(comparison: "Comparison") -> list[str]:
    """Kernel errors on a logarithmic axis, and how the typical error of each round came down."""
    lines = _error_plot(comparison) if comparison.truth else []
    first = [step for step in comparison.learning if step["member"] == 0]
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


def _error_plot(comparison: "Comparison") -> list[str]:
    rows = {}
    for row, alone in zip(comparison.orders, comparison.single_network, strict=True):
        best = comparison.best_baseline(row.order)
        marks = {"●": row.kernel_error, "○": alone.kernel_error}
        rows[f"order {row.order}"] = marks | ({"△": best[1].kernel_error} if best else {})
    return [f"Kernel error: ● learned  ○ one {comparison.noun}  △ best baseline", *log_dots(rows)]


def _side_by_side(comparisons: list["Comparison"]) -> list[Any]:
    from bornnet.comparison.compare import differing_settings

    sources = [comparison.source for comparison in comparisons]
    settings = [(key, *values) for key, values in differing_settings(comparisons).items()]
    differing = [table("Settings that differ", ("setting", *sources), settings)] if settings else []
    if not comparisons[0].truth:
        return [*differing, *known_side_by_side(comparisons)]
    orders = [f"order {row.order}" for row in comparisons[0].orders]
    kernel = [
        (c.source, *(_spread(r.kernel_error, r.kernel_error_spread, len(c.learned)) for r in c.orders))
        for c in comparisons
    ]
    terms = [(c.source, *(f"{r.term_error:.1e}" for r in c.orders)) for c in comparisons]
    return [
        *differing,
        table("Kernel error, relative", ("run", *orders), kernel),
        table("Term error, relative", ("run", *orders), terms),
    ]


def _paragraph(text: str) -> list[str]:
    """The text in lines of a terminal, after an empty one."""
    # spaces at which no line breaks have done what they are for
    return ["", *(line.replace("\u00a0", " ") for line in wrap(text, 79))]


def _spread(value: float, spread: float | None, members: int) -> str:
    return f"{value:.1e} ± {spread:.0e}" if members > 1 else f"{value:.1e}"
