"""`bornnet compare-born --plan`: how many potentials, of which strengths, would halve each error."""

from typing import TYPE_CHECKING, Any

from .terminal import Terminal, table

if TYPE_CHECKING:
    from bornnet.comparison.plan import Plan
    from bornnet.comparison.result import Comparison


def planned_rows(comparison: "Comparison", terminal: Terminal) -> "Plan":
    """Fit the subsets, and show how far that is."""
    from bornnet.comparison.plan import SHARES, plan

    assert comparison.run is not None
    with terminal.progress("Fitting subsets", 2 * len(SHARES) + 2) as advance:
        return plan(comparison.run, comparison.order, lambda: advance(1))


def plan_table(found: "Plan") -> Any:
    """Errors of subsets, and what would halve them."""
    rows = [
        (
            row.order,
            *(f"{error:.1e}" for error in row.errors),
            "-" if row.rows_to_halve is None else f"{row.rows_to_halve:,}",
            {
                "any": "any",
                "weaker": f"below {found.middle:.2g}",
                "stronger": f"above {found.middle:.2g}",
            }[row.strengths],
        )
        for row in found.orders
    ]
    of = {
        "kernel error": "Relative errors of the coefficients, of fits to subsets.",
        "stated": "Stated errors of the coefficients, relative, of fits to subsets.",
        "distance": "Relative errors of the coefficients, from how far fits to subsets are apart; of all "
        "rows, as the line through these has it.",
    }[found.errors]
    return table(
        "What would halve the errors",
        ("order", *(f"{n:,} rows" for n in found.orders[0].rows), "to halve", "strengths"),
        rows,
        f"{of} To halve: potentials to fit, in all, if errors go on to fall as they do (-: they do not). "
        "Strengths: of the half of the rows that alone does better than a random half.",
    )
