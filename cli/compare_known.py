"""Tables of `bornnet compare-born` where no truth is known."""

from typing import TYPE_CHECKING, Any

from .terminal import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bornnet.comparison.known import KnownRow
    from bornnet.comparison.result import Comparison


def known_tables(comparison: "Comparison") -> list[Any]:
    """What is known of the coefficients, who agrees with them, and held-out values."""
    from bornnet.report.style import in_short

    assert comparison.known is not None
    rows = comparison.known.orders
    names = [other.name for other in rows[0].agreement]
    members = len(comparison.learned) > 1
    columns = ["order", "norm", "terms, RMS", *(["members"] if members else [])]
    shown = [
        (
            row.order,
            _with_error(row.norm, row.norm_std),
            _with_error(row.term_rms, row.term_std),
            *([relative(row.member_spread)] if members else []),
            *(relative(other.distance) for other in row.agreement),
        )
        for row in rows
    ]
    apart = ", and how far the members are from their mean" if members else ""
    note = (
        f"No truth is known of {comparison.observable}. Norm: of the coefficients. Behind ±: one standard "
        f"deviation, as stated{apart}. Right: how far the coefficients of other learners on the same rows "
        "are, relative to these."
    )
    title = f"Learned coefficients of {comparison.observable}: {comparison.source}"
    return [table(title, [*columns, *map(in_short, names)], shown, note), "", _held_out_table(comparison)]


def _held_out_table(comparison: "Comparison") -> Any:
    from bornnet.report.style import in_words

    document = comparison.residuals.as_dict()
    lines = [("own value", document["value"])]
    lines += [(f"terms through order {row['order']}", row) for row in document["sums"]]
    lines += [(in_words(row["name"]), row) for row in document["baselines"]]
    rows = [
        (name, f"{row['rms']:.1e}", f"{row['median_relative']:.1e}", _number(row["in_sigma"]))
        for name, row in lines
    ]
    low, high = comparison.strength.min(), comparison.strength.max()
    return table(
        "How held-out values are met",
        ("by", "RMS", "relative, median", "in their errors"),
        rows,
        f"{document['rows']:,} held-out potentials, eta {low:.2g} to {high:.2g}. In their errors: RMS over "
        "the stated sigma; 1 is what noise alone gives.",
    )


def known_side_by_side(comparisons: "Sequence[Comparison]") -> list[Any]:
    """The norms of several runs, and how far each is from the first."""
    from bornnet.comparison.known import apart

    orders = [f"order {row.order}" for row in _rows(comparisons[0])]
    norms = [(c.source, *(_with_error(row.norm, row.norm_std) for row in _rows(c))) for c in comparisons]
    distances = [
        (f"{pair.name}", *(relative(one) for one in pair.distances))
        for pair in apart({c.source: c.evaluation for c in comparisons})
    ]
    return [
        table(
            f"Learned coefficients of {comparisons[0].observable}: norms",
            ("run", *orders),
            norms,
            "No truth is known. Behind ±: one standard deviation, as stated.",
        ),
        table("How far they are apart, relative", ("runs", *orders), distances),
    ]


def relative(value: float | None) -> str:
    """A relative distance; a dash where there is none."""
    return "-" if value is None else f"{value:.1e}"


def _rows(comparison: "Comparison") -> "list[KnownRow]":
    assert comparison.known is not None
    return comparison.known.orders


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _with_error(value: float, std: float | None) -> str:
    return f"{value:.3g}" if std is None else f"{value:.3g} ± {std:.1g}"


def known_document(comparisons: "Sequence[Comparison]") -> "Mapping[str, Any]":
    """What the JSON of several runs has beside each: how far they are apart."""
    from bornnet.comparison.known import apart

    pairs = apart({c.source: c.evaluation for c in comparisons})
    return {"apart": [{"runs": list(pair.runs), "distances": list(pair.distances)} for pair in pairs]}
