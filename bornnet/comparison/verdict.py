"""What the numbers of a comparison say, in a few sentences that hold for any of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .law_words import law_words

if TYPE_CHECKING:
    from .orders import OrderRow
    from .result import Comparison

_AGREES = 0.05  # relative kernel error: up to here coefficients agree, as figures that lie on each other do
_LEARNED = 0.5  # up to here they are near the exact ones, as nothing of another shape is; beyond, not learned
_LAW_AGREES = 0.1  # of its RMS: up to here a law agrees with the exact one
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NOTABLE = 1.2  # ratio of errors worth a word


def verdict(comparison: "Comparison") -> str:
    """One paragraph: which orders are learned and how well, what iteration is worth, and the baselines."""
    rounds = comparison.rounds
    first, *sentences = _reached(comparison)
    sentences = [opening(comparison) + first, *sentences]
    if rounds > 1:
        sentences += _against_one_network(comparison)
    sentences += _against_baselines(comparison)
    sentences += _along_r(comparison)
    beyond = [row.order for row in comparison.orders if row.order > rounds]
    if beyond and rounds > 1:
        are = "is" if len(beyond) == 1 else "are"
        sentences.append(
            f"Beyond the last round, {named_orders(beyond)} {are} the last {comparison.noun}'s own."
        )
    return " ".join(sentences)


def opening(comparison: "Comparison") -> str:
    """What was fitted to what, up to a colon."""
    members, rounds = len(comparison.learned), comparison.rounds
    if comparison.learner == "mlp":
        scope = "One network" if members == 1 else f"{members} networks"
    else:
        scope = f"Learner {comparison.learner}" + (f", {members} members" if members > 1 else "")
    if comparison.config:
        each = " a round" if comparison.learner == "mlp" else ""
        scope += f"{each}, {rounds} round{'s' if rounds > 1 else ''}"
        if rounds < comparison.rounds_planned:
            scope += f" of {comparison.rounds_planned}"
    if comparison.labels == "gradient":
        scope += f", trained on {comparison.words.values} and their gradients"
    around = "" if comparison.words.at is None else f", {comparison.words.series}"
    scope += f", potentials of {comparison.cells_fitted} cells"
    scope += "" if comparison.cells == comparison.cells_fitted else f", compared on {comparison.cells}"
    return f"{scope}{around}: "


def _reached(comparison: "Comparison") -> list[str]:
    """Which orders agree with the exact kernels, which are learned roughly, and which are not; it goes on
    after a colon."""
    words = comparison.words
    agreeing = [row for row in comparison.orders if row.kernel_error <= _AGREES]
    rough = [row for row in comparison.orders if _AGREES < row.kernel_error <= _LEARNED]
    missed = [row for row in comparison.orders if not row.kernel_error <= _LEARNED]
    if not (agreeing or rough):
        errors = listed([percent(row.kernel_error) for row in missed])
        return [f"{words.series} has not been learned (relative error {errors} by order)."]
    sentences = []
    if agreeing:
        errors = ", ".join(f"order {row.order} to {percent(row.kernel_error)}" for row in agreeing)
        sentences.append(
            f"the Taylor coefficients agree with the {words.exact} kernels, {errors} (relative error)."
        )
    for rows, one, more in (
        (rough, "is learned roughly", "are learned roughly"),
        (missed, "has not been learned", "have not been learned"),
    ):
        if rows:
            named = named_orders([row.order for row in rows])
            errors = listed([percent(row.kernel_error) for row in rows])
            sentences.append(
                f"{named.capitalize() if sentences else named} {one if len(rows) == 1 else more} (relative "
                f"error {errors})."
            )
    return sentences


def _against_one_network(comparison: "Comparison") -> list[str]:
    sentences = []
    for row, alone in zip(comparison.orders[1:], comparison.single_network[1:], strict=True):
        size = "smaller" if row.kernel_error <= alone.kernel_error else "larger"
        low, high = sorted((alone.kernel_error, row.kernel_error))
        if high < _NOTABLE * low or high == 0:
            without = percent(alone.kernel_error)
            sentences.append(f"At order {row.order} iteration makes little difference ({without} without).")
        else:
            factor = f"{_two_digits(high / low)} times" if low > 0 else "infinitely"
            sentences.append(f"At order {row.order} the error is {factor} {size} than without iteration.")
    return sentences


def _along_r(comparison: "Comparison") -> list[str]:
    """How the law that was found compares with the exact one, where there is one."""
    if comparison.law is None:
        return steps(comparison)
    exact, deviation = law_words(comparison.reference.target).unbroken_rate, comparison.law.deviation
    if deviation <= _LAW_AGREES:
        found = f"agrees with {exact} to {percent(deviation)} of its RMS"
    else:
        found = f"deviates from {exact} by {percent(deviation)} of its RMS"
    return [f"The law found along r {found}.", *steps(comparison)]


def steps(comparison: "Comparison") -> list[str]:
    """What the steps along r add to the error, for learners that take some."""
    if comparison.truncation is None or comparison.truncation != comparison.truncation:
        return []
    off = percent(comparison.truncation)
    return [f"Steps of finite length along r put values off by {off} of their RMS."]


def _against_baselines(comparison: "Comparison") -> list[str]:
    beaten: list[int] = []
    better: dict[str, list[OrderRow]] = {}
    for row in comparison.orders:
        best = comparison.best_baseline(row.order)
        if best and row.kernel_error < best[1].kernel_error:
            beaten.append(row.order)
        elif best:
            better.setdefault(best[0], []).append(best[1])
    sentences = []
    if beaten:
        sentences.append(f"The best baseline does worse at {named_orders(beaten)}.")
    for name, rows in better.items():
        errors = listed([percent(row.kernel_error) for row in rows])
        sentences.append(
            f"{_named(name)} does as well or better at "
            f"{named_orders([row.order for row in rows])} ({errors})."
        )
    return sentences


def baseline_name(baseline: str) -> str:
    """A baseline as it is called within a sentence."""
    kind, _, size = baseline.rpartition("-")
    return "a Gaussian process" if kind == "gp" else f"a polynomial of degree {size}"


def _named(baseline: str) -> str:
    kind, _, size = baseline.rpartition("-")
    if kind == "gp":
        return f"A Gaussian process on at most {size} of the same rows"
    return f"A least-squares polynomial of degree {size}"


def named_orders(orders: Sequence[int]) -> str:
    """Orders as a sentence has them."""
    return f"order{'s' if len(orders) > 1 else ''} {listed(orders)}"


def listed(parts: Sequence[object]) -> str:
    """The parts with commas, and "and" before the last."""
    *first, last = map(str, parts)
    return f"{', '.join(first)} and {last}" if first else last


def percent(error: float) -> str:
    """A relative error in percent, or as a power of ten where it is small."""
    if not 0 < error < 1e-3:
        return f"{_two_digits(100 * error)} %"
    mantissa, exponent = f"{error:.1e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def _two_digits(value: float) -> str:
    """At least two digits, and never 1e+02 for a hundred."""
    return f"{value:.2g}" if value < 9.95 else f"{value:,.0f}"
