"""What the numbers of a comparison say, in a few sentences that hold for any of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .compare import Comparison

_LEARNED = 0.5  # relative kernel error: beyond it an order counts as not learned
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NOTABLE = 1.2  # ratio of errors worth a word


def verdict(comparison: "Comparison") -> str:
    """One paragraph: which orders are learned and how well, what iteration is worth, and the baselines."""
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
        scope += ", trained on scattering lengths and their gradients"
    scope += f", potentials of {comparison.cells} cells: "
    learned = [row for row in comparison.orders if row.kernel_error <= _LEARNED]
    others = [row for row in comparison.orders if not row.kernel_error <= _LEARNED]
    if learned:
        errors = ", ".join(f"order {row.order} to {_percent(row.kernel_error)}" for row in learned)
        scope += f"the Taylor coefficients agree with the Born kernels, {errors} (relative error)."
    missed = _listed([_percent(row.kernel_error) for row in others]) if others else ""
    if not learned:
        scope += f"the Born series has not been learned (relative error {missed} by order)."
    sentences = [scope]
    if learned and others:
        have = "has" if len(others) == 1 else "have"
        named = _orders([row.order for row in others]).capitalize()
        sentences.append(f"{named} {have} not been learned (relative error {missed}).")
    if rounds > 1:
        sentences += _against_one_network(comparison)
    sentences += _against_baselines(comparison)
    beyond = [row.order for row in comparison.orders if row.order > rounds]
    if beyond and rounds > 1:
        are = "is" if len(beyond) == 1 else "are"
        sentences.append(f"Beyond the last round, {_orders(beyond)} {are} the last {comparison.noun}'s own.")
    return " ".join(sentences)


def _against_one_network(comparison: "Comparison") -> list[str]:
    sentences = []
    for row, alone in zip(comparison.orders[1:], comparison.single_network[1:], strict=True):
        size = "smaller" if row.kernel_error <= alone.kernel_error else "larger"
        low, high = sorted((alone.kernel_error, row.kernel_error))
        if high < _NOTABLE * low or high == 0:
            without = _percent(alone.kernel_error)
            sentences.append(f"At order {row.order} iteration makes little difference ({without} without).")
        else:
            factor = f"{_two_digits(high / low)} times" if low > 0 else "infinitely"
            sentences.append(f"At order {row.order} the error is {factor} {size} than without iteration.")
    return sentences


def _against_baselines(comparison: "Comparison") -> list[str]:
    beaten: list[int] = []
    unbeaten: list[int] = []
    for row in comparison.orders:
        best = comparison.best_baseline(row.order)
        if best:
            (beaten if row.kernel_error < best[1].kernel_error else unbeaten).append(row.order)
    sentences = []
    if beaten:
        sentences.append(f"The best least-squares polynomial does worse at {_orders(beaten)}.")
    if unbeaten:
        sentences.append(f"A least-squares polynomial does as well or better at {_orders(unbeaten)}.")
    return sentences


def _orders(orders: Sequence[int]) -> str:
    return f"order{'s' if len(orders) > 1 else ''} {_listed(orders)}"


def _listed(parts: Sequence[object]) -> str:
    *first, last = map(str, parts)
    return f"{', '.join(first)} and {last}" if first else last


def _percent(error: float) -> str:
    if not 0 < error < 1e-3:
        return f"{_two_digits(100 * error)} %"
    mantissa, exponent = f"{error:.1e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def _two_digits(value: float) -> str:
    """At least two digits, and never 1e+02 for a hundred."""
    return f"{value:.2g}" if value < 9.95 else f"{value:,.0f}"
