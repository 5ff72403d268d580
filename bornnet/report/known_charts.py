"""Figures where no truth is known: learned coefficients with their errors, and who agrees with them.

Coefficients are shown per volume of cells, as in `kernel_charts`: a density over the radii.
"""

from typing import Any

import numpy as np

from ..comparison.known import Known
from ..comparison.result import Comparison
from .slices import Slices
from .style import (
    BLUE,
    DIVERGING,
    INK,
    SEQUENTIAL,
    Chart,
    colour,
    grid,
    in_words,
    marker,
    new_figure,
)


def agreement_chart(comparison: Comparison) -> Chart:
    """The stated error of every order, beside how far members and other learners are."""
    rows = _known(comparison).orders
    named: dict[str, list[float | None]] = {
        "stated error": [row.relative for row in rows],
        "members, from their mean": [row.member_spread for row in rows],
    }
    for index, other in enumerate(rows[0].agreement):
        named[in_words(other.name)] = [row.agreement[index].distance for row in rows]
    named = {name: values for name, values in named.items() if any(value is not None for value in values)}
    figure = new_figure(7.4, 3.0)
    axes = figure.subplots()
    grid(axes)
    orders = [row.order for row in rows]
    for index, (name, values) in enumerate(named.items()):
        style: dict[str, Any] = {
            "linestyle": "-" if index == 0 else "--",
            "linewidth": 1.4 - 0.4 * (index > 0),
        }
        axes.plot(
            orders,
            _numbers(values),
            marker=marker(index),
            markersize=5,
            color=colour(index),
            label=name,
            **style,
        )
    axes.set_yscale("log")
    axes.axhline(1.0, color=INK, linewidth=0.6)
    axes.set_xticks(orders)
    axes.set_xmargin(0.08)
    axes.set_xlabel("order $n$")
    axes.set_ylabel(r"relative to $\Vert T_n\Vert$")
    if named:
        figure.legend(loc="outside right upper")
    return Chart(
        "agreement-by-order",
        "orders",
        "How well each order is known",
        "No truth is known. Shown are the error that the learner states of its coefficients, and how far the "
        "coefficients of others are that saw the same rows, both over the norm of the learned ones. Above "
        "the line at one an order is not told from zero.",
        figure,
        {"order": np.array(orders)} | {name: _numbers(values) for name, values in named.items()},
    )


def coefficient_charts(comparison: Comparison) -> list[Chart]:
    """A chart for each order."""
    maps = [_maps(comparison, order) for order in range(2, comparison.order + 1)]
    return [_curves(comparison), *maps]


def _curves(comparison: Comparison) -> Chart:
    cells, learned = comparison.cells, comparison.evaluation.coefficients[0]
    mean, std, members = learned.mean * cells, learned.std, learned.members * cells
    others = {name: kernel * cells for name, kernel in _known(comparison).others.items()}
    edges = np.linspace(0.0, 1.0, cells + 1)
    r = (edges[1:] + edges[:-1]) / 2
    figure = new_figure(7.4, 4.0 if std is not None else 2.6)
    panels = (
        figure.subplots(2, 1, sharex=True, height_ratios=(1.6, 1)) if std is not None else [figure.subplots()]
    )
    for axes in panels:
        grid(axes)
    above = panels[0]
    for index, (name, kernel) in enumerate(others.items()):
        above.stairs(
            kernel, edges, baseline=None, color=colour(index + 2), linewidth=0.9, label=in_words(name)
        )
    if std is None:
        above.plot(r, mean, "o", color=BLUE, markersize=4, label="learned $T_1$")
    else:
        label = "learned $T_1$, ± 2 s.d."
        above.errorbar(r, mean, 2 * std * cells, fmt="o", color=BLUE, markersize=4, capsize=2, label=label)
        below = panels[1]
        below.bar(r, mean / (std * cells), width=0.7 / cells, color=BLUE, alpha=0.6)
        below.axhline(0.0, color=INK, linewidth=0.6)
        below.axhspan(-2, 2, color=INK, alpha=0.08, linewidth=0)
        below.set_ylabel(r"$T_1 / \sigma$")
    above.set_ylabel("density over $r$")
    above.legend()
    panels[-1].set_xlabel("$r$ (ranges)")
    panels[-1].set_xlim(0.0, 1.0)
    columns = {"r (ranges)": r, "learned": mean}
    columns |= {} if std is None else {"learned_std": std * cells}
    columns |= {f"member_{n}": member for n, member in enumerate(members, start=1)}
    return Chart(
        "kernel-order-1",
        "kernels",
        "Order 1: learned coefficients",
        f"How much the potential at r counts in the first term of {comparison.observable}, cell by cell"
        + (", and what other learners find on the same rows. " if others else ". ")
        + (
            "Below: over their stated standard deviation; in the band a coefficient is not told from zero."
            if std is not None
            else "Their errors are not stated."
        ),
        figure,
        columns | others,
    )


def _maps(comparison: Comparison, order: int) -> Chart:
    cells, volume = comparison.cells, float(comparison.cells) ** order
    learned = comparison.evaluation.coefficients[order - 1]
    mean, std = learned.mean * volume, learned.std
    slices = Slices(order, cells)
    maps = [(f"learned $T_{{{order}}}$", mean)]
    if std is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            significance = np.where(std > 0, mean / (std * volume), 0.0)
        maps += [("its standard deviation σ", std * volume), (f"$T_{{{order}}}/\\sigma$", significance)]
    figure = new_figure(7.4, 0.8 + 2.1 * len(slices), layout="compressed")
    panels = figure.subplots(len(slices), 3, squeeze=False, sharex=True, sharey=True)
    for axes in panels[:, len(maps) :].flat:
        axes.set_axis_off()
    for number, (row, place) in enumerate(zip(panels, slices.places, strict=True)):
        slices.label(row[0], number)
        for index, (axes, (_, values)) in enumerate(zip(row, maps, strict=False)):
            _map(figure, axes, values[place], signed=index != 1)
    for index, (title, _) in enumerate(maps):
        panels[0, index].set_title(title)
        panels[-1, index].set_xlabel("$r_1$ (ranges)")
    densities = {"learned": mean} | ({} if std is None else {"learned_std": std * volume})
    more = "" if order == 2 else " The radii beyond the second stand still where the rows say."
    told = "Right: the coefficients over their stated standard deviation; within ± 2, not told from zero."
    return Chart(
        f"kernel-order-{order}",
        "kernels",
        f"Order {order}: learned coefficients",
        "Densities over the radii."
        + more
        + (f" {told}" if std is not None else " Their errors are not stated."),
        figure,
        slices.columns(densities),
    )


def _map(figure: Any, axes: Any, values: np.ndarray, *, signed: bool) -> None:
    most = float(np.abs(values).max()) or 1.0
    limits = {"vmin": -most, "vmax": most, "cmap": DIVERGING} if signed else {"vmin": 0.0, "cmap": SEQUENTIAL}
    image = axes.imshow(values.T, origin="lower", extent=(0, 1, 0, 1), interpolation="none", **limits)
    bar = figure.colorbar(image, ax=axes, aspect=18, pad=0.04)
    bar.outline.set_visible(False)
    bar.formatter.set_powerlimits((-2, 3))
    axes.set_xticks([0, 0.5, 1])
    axes.set_yticks([0, 0.5, 1])


def known_terms_chart(comparison: Comparison) -> Chart:
    """|T_n(U)| of held-out potentials against their strength, with the stated errors."""
    rows = comparison.residuals.rows[:: max(1, len(comparison.residuals.rows) // 200)]
    found = comparison.evaluation
    terms = found.terms[:, :, rows].mean(axis=0)
    stds = None if found.terms_std is None else found.terms_std[:, rows]
    eta = comparison.strength[rows]
    figure = new_figure(7.4, 3.2)
    axes = figure.subplots()
    grid(axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    data = {"strength": eta}
    for n in range(comparison.order):
        size = np.abs(terms[n])
        style: dict[str, Any] = {
            "color": colour(n),
            "marker": marker(n),
            "markersize": 3,
            "linestyle": "none",
            "alpha": 0.7,
        }
        error = None if stds is None else (np.minimum(2 * stds[n], 0.9 * size), 2 * stds[n])
        axes.errorbar(eta, size, error, elinewidth=0.6, label=f"order {n + 1}", **style)
        data |= {f"learned_{n + 1}": terms[n]} | ({} if stds is None else {f"learned_{n + 1}_std": stds[n]})
    axes.set_xlabel(r"strength $\eta$")
    axes.set_ylabel(r"$|T_n(U)|$")
    figure.legend(loc="outside right upper")
    return Chart(
        "terms",
        "terms",
        "Learned terms of held-out potentials",
        "Each point is a potential that was not fitted"
        + ("; bars: two stated standard deviations." if stds is not None else "; errors are not stated."),
        figure,
        data,
    )


def _known(comparison: Comparison) -> Known:
    assert comparison.known is not None
    return comparison.known


def _numbers(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values])
