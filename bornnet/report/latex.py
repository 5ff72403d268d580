"""The main table of a comparison as LaTeX: a tabular that a paper can input, with no package needed."""

from collections.abc import Sequence
from pathlib import Path

from ..comparison.result import Comparison
from ..files.atomic import new_file
from .style import in_words

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def save_latex(path: str | Path, comparisons: Sequence[Comparison], *, force: bool = False) -> None:
    """Write `latex_table` of each comparison to a file."""
    with new_file(path, force=force) as temporary:
        temporary.write_text("\n".join(map(latex_table, comparisons)), encoding="utf-8")


def latex_table(comparison: Comparison) -> str:
    """Kernel error, cosine and term error by order, with one network of the first round and baselines.

    Errors are relative; where there are several members they are means with one standard deviation.
    """
    if not comparison.truth:
        return _known_table(comparison)
    alone = comparison.rounds > 1
    baselines = comparison.baseline_orders
    headings = ["order", "kernel error", "cosine", "term error"]
    headings += [f"one {comparison.noun}"] if alone else []
    headings += [in_words(name) for name in baselines]
    rows = []
    for place, row in enumerate(comparison.orders):
        cells = [
            str(row.order),
            _with_spread(row.kernel_error, row.kernel_error_spread),
            number(row.kernel_cosine, ".6f"),
            _with_spread(row.term_error, row.term_error_spread),
        ]
        if alone:
            first = comparison.single_network[place]
            cells.append(_with_spread(first.kernel_error, first.kernel_error_spread))
        cells += [number(baseline[place].kernel_error) for baseline in baselines.values()]
        rows.append(cells)
    return _tabular(f"{comparison.source} against {comparison.words.series}: relative errors", headings, rows)


def _known_table(comparison: Comparison) -> str:
    """What is known of each order where no truth is: norms, with one standard deviation as stated."""
    rows = [
        [
            str(row["order"]),
            _with_spread(row["taylor_norm"], row["norm_std"]),
            _with_spread(row["term_rms"], row["term_std"]),
        ]
        for row in comparison.document()["orders"]
    ]
    headings = ["order", "norm of the coefficients", "RMS of the terms"]
    return _tabular(f"{comparison.source} on {comparison.observable}: no truth is known", headings, rows)


def _tabular(comment: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [
        f"% {comment}".replace("\n", " "),
        rf"\begin{{tabular}}{{r*{{{len(headings) - 1}}}{{l}}}}",
        r"\hline",
        " & ".join(map(escaped, headings)) + r" \\",
        r"\hline",
        *(" & ".join(cells) + r" \\" for cells in rows),
        r"\hline",
        r"\end{tabular}",
        "",
    ]
    return "\n".join(lines)


def number(value: float | None, form: str = ".1e") -> str:
    r"""A number as a paper has it, such as ``$9.8 \times 10^{-8}$``; a dash where there is none."""
    if value is None or value != value:
        return "--"
    mantissa, _, exponent = format(value, form).partition("e")
    return f"${mantissa}$" if int(exponent or 0) == 0 else rf"${mantissa} \times 10^{{{int(exponent)}}}$"


def escaped(text: str) -> str:
    """Text in which no sign means anything to LaTeX."""
    return "".join(_SPECIAL.get(sign, sign) for sign in text)


def _with_spread(value: float | None, spread: float | None) -> str:
    if value is None or spread is None or spread != spread:
        return number(value)
    return rf"{number(value)} $\pm$ {number(spread, '.0e')}"
