"""Tables of a comparison beside the main one: the law along r, and references along a path."""

from typing import TYPE_CHECKING, Any

from .terminal import table

if TYPE_CHECKING:
    from bornnet.comparison.law import LawComparison
    from bornnet.comparison.path import PathScan
    from bornnet.comparison.result import Comparison


def law_table(comparison: "Comparison", law: "LawComparison") -> Any:
    """What drives y, the observable of the potential cut off at r, beside the variable-phase equation."""
    from bornnet.comparison.law_words import law_words

    words = law_words(comparison.reference.target)
    rows = [
        ("g(y, r), each state visited once", words.rate, f"{law.deviation:.1e} of its RMS"),
        (f"  each counted by |{words.drive}| dr, as it acts", "", f"{law.weighed:.1e} of its RMS"),
        *(
            (f"g_{c.power}(r), of y^{c.power}", words.coefficient(c.power), f"{c.deviation:.1e}")
            for c in law.coefficients
        ),
        (f"p(r) = {words.momentum_name}", words.momentum, f"{law.momentum_deviation:.1e} of its RMS"),
        (f"p(r) g = {words.response_name}", words.response, f"{law.response_deviation:.1e} of its RMS"),
    ]
    return table(
        f"The law along r: dy/dr = {words.drive} g(y, r), y(0) = 0, y(1) = {words.output}",
        ("learned", "exact", "RMS deviation"),
        rows,
        "The RMS of a difference, over that of the exact one at the same states. "
        f"g at {law.off.size:,} states, median {law.median:.1e}; one potential gives {law.worst_share:.0%} "
        f"of its square. The coefficients g_k are those at y = 0, over 0 < r <= 1. {words.note}".strip(),
    )


def path_table(scan: "PathScan") -> Any:
    orders = [f"order {n + 1}" for n in range(len(scan.kernel_error))]
    every = max(1, (len(scan.eta) - 1) // 12)
    rows = [
        (
            f"{scan.eta[k]:.3g}",
            _finite(scan.radius[k], ".3g"),
            *(_finite(e[k], ".1e") for e in scan.kernel_error),
        )
        for k in range(0, len(scan.eta), every)
    ]
    return table(
        f"What was learned, expanded on the way to {scan.along}",
        ("eta", "radius", *orders),
        rows,
        "Kernel errors, relative. Radius: how far the exact series there reaches along the way, in eta.",
    )


def _finite(value: float, form: str) -> str:
    return format(value, form) if value == value else "-"
