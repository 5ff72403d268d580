"""What `bornnet compare-born` says of doubtful rows, and of what training warned of."""

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from .terminal import table

if TYPE_CHECKING:
    from bornnet.comparison.outliers import Outliers
    from bornnet.comparison.result import Comparison


def doubts(comparison: "Comparison") -> list[Any]:
    """Rows that disagree, where there are any, and cautions."""
    found = [] if comparison.outliers is None else _outliers(comparison.outliers)
    for caution in comparison.cautions:
        found += ["", *wrap(f"Note: {caution}", 79)]
    return found


def _outliers(found: "Outliers") -> list[Any]:
    from bornnet.comparison.outliers import BEYOND

    of = f"{'' if found.whole else 'held-out '}rows"
    unit = "times its error" if found.rows[0].sigma is not None else "times what is typical of its strength"
    if not found.beyond:
        worst = found.rows[0]
        text = (
            f"Of {found.judged:,} {of} none is off by more than {BEYOND:.0f} {unit}; the most is "
            f"{abs(worst.off):.1f}, row {worst.row}."
        )
        return ["", *wrap(text, 79)]
    rows = [
        (
            row.row,
            f"{row.off:+.1f}",
            f"{row.value:.6g}" + ("" if row.sigma is None else f" ± {row.sigma:.1g}"),
            f"{row.learned:.6g}",
            f"{row.strength:.3g}",
            "held out" if row.held_out else "fitted",
        )
        for row in found.rows
        if abs(row.off) > BEYOND
    ]
    return [
        "",
        table(
            "Rows that disagree most with what was learned",
            ("row", "off by", "value", "learned", "eta", ""),
            rows,
            f"{found.beyond:,} of {found.judged:,} {of} are off by more than {BEYOND:.0f} {unit}; rows count "
            "from 1, without a line of headings.",
        ),
    ]
