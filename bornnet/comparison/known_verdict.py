"""What the numbers say where no truth is known, in a few sentences that hold for any of them."""

from typing import TYPE_CHECKING

from .verdict import baseline_name, listed, named_orders, opening, percent, steps

if TYPE_CHECKING:
    from .known import KnownRow
    from .result import Comparison

_KNOWN = 0.05  # relative error: up to here an order is known well
_ROUGH = 0.5  # up to here roughly; beyond, it is not told from zero


def known_verdict(comparison: "Comparison") -> str:
    """One paragraph: that no truth is known, how well each order is, who agrees, and the held-out values."""
    assert comparison.known is not None
    first, *sentences = _known(comparison.known.orders)
    sentences = [
        f"Of {comparison.observable} no truth is known: errors are what the learners themselves state, and "
        "how far they are apart.",
        f"{opening(comparison)}{first}",
        *sentences,
        *_members(comparison.known.orders),
        *_others(comparison.known.orders),
        *_held_out(comparison),
        *steps(comparison),
    ]
    return " ".join(sentences)


def _known(rows: list["KnownRow"]) -> list[str]:
    """How well each order is known; it goes on after a colon."""
    stated = [(row, row.relative) for row in rows]
    sentences: list[str] = []
    for low, high, one, more in (
        (-1.0, _KNOWN, "is known", "are known"),
        (_KNOWN, _ROUGH, "is known roughly", "are known roughly"),
        (_ROUGH, float("inf"), "is not told from zero", "are not told from zero"),
    ):
        found = [(row, error) for row, error in stated if error is not None and low < error <= high]
        if found:
            what = f"{named_orders([row.order for row, _ in found])} {one if len(found) == 1 else more}"
            errors = listed([f"to {percent(error)}" for _, error in found])
            stated_of = "" if sentences else " (stated error of the coefficients)"
            sentences.append(f"{what}, {errors}{stated_of}.")
    silent = [row.order for row, error in stated if error is None]
    if silent:
        has, it = ("has", "it") if len(silent) == 1 else ("have", "them")
        sentences.append(
            f"{named_orders(silent)} {has} no stated error: give sigma, or train several members, to "
            f"have one for {it}."
        )
    return [text if n == 0 else text[0].upper() + text[1:] for n, text in enumerate(sentences)]


def _members(rows: list["KnownRow"]) -> list[str]:
    spreads = [percent(row.member_spread) for row in rows if row.member_spread is not None]
    return [f"Members are {listed(spreads)} apart, order by order."] if spreads else []


def _others(rows: list["KnownRow"]) -> list[str]:
    """Which other learner of the same rows comes nearest, order by order."""
    nearest = []
    for row in rows:
        found = [(other.distance, other.name) for other in row.agreement if other.distance is not None]
        if found:
            distance, name = min(found)
            nearest.append(f"{percent(distance)} at order {row.order} ({baseline_name(name)})")
    if not nearest:
        return []
    return [f"The nearest of the other learners on the same rows is off by {listed(nearest)}."]


def _held_out(comparison: "Comparison") -> list[str]:
    document = comparison.residuals.as_dict()
    value = document["value"]
    met = f"Held-out values are met to {percent(value['median_relative'])} (median, relative)"
    if value["in_sigma"] is None:
        return [f"{met}; their errors are not stated."]
    return [f"{met}, to {value['in_sigma']:.2g} of their stated errors (RMS)."]
