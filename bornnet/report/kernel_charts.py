"""Born kernels beside learned Taylor coefficients, order by order, as functions of the radii.

Kernels are shown per volume of cells, ``K_n / h^n`` with h = 1/cells: a density over the radii that does not
depend on the number of cells, ``a^(n) = integral of K(r1..rn) U(r1)..U(rn)``, in units of range^(n+1).
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..comparison.result import Comparison
from .slices import Slices
from .style import (
    BLUE,
    DIVERGING,
    INK,
    SEQUENTIAL,
    VERMILION,
    Chart,
    colour,
    grid,
    in_words,
    marker,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HIGHEST = 30.0  # polynomials that miss by far more would press all else together


def kernel_charts(comparison: Comparison) -> list[Chart]:
    """A chart for each order."""
    maps = [_maps(comparison, order) for order in range(2, comparison.reference.order + 1)]
    return [_curves(comparison), *maps]


def errors_by_order(comparison: Comparison) -> Chart:
    """Kernel error against order: learned, one network without iteration, baselines."""
    named: dict[str, Any] = {"learned": comparison.orders}
    if comparison.rounds > 1:
        named = {"learned round by round": comparison.orders}
        named[f"one {comparison.noun} without iteration"] = comparison.single_network
    named |= {in_words(name): rows for name, rows in comparison.baseline_orders.items()}
    figure = new_figure(7.4, 3.0)
    axes = figure.subplots()
    grid(axes)
    columns: dict[str, list[Any]] = {"series": [], "order": [], "kernel_error": [], "spread": []}
    for index, (name, rows) in enumerate(named.items()):
        orders = [row.order for row in rows]
        errors = np.array([row.kernel_error for row in rows])
        spread = np.array([row.kernel_error_spread or 0.0 for row in rows])
        axes.errorbar(
            orders,
            errors,
            # a bar down to zero has no place on a logarithmic axis
            (np.minimum(spread, 0.9 * errors), spread) if spread.any() else None,
            color=colour(index),
            marker=marker(index),
            markersize=5,
            capsize=3,
            label=name,
            linestyle="-" if index == 0 else "--",
            linewidth=1.4 if index == 0 else 1.0,
        )
        columns["series"] += [name] * len(orders)
        columns["order"] += orders
        columns["kernel_error"] += list(errors)
        columns["spread"] += list(spread)
    axes.set_yscale("log")
    axes.axhline(1.0, color=INK, linewidth=0.6)
    low, high = axes.get_ylim()
    high = min(high, HIGHEST)
    axes.set_ylim(min(low, high / 30), high)  # less than a decade has no readable logarithmic labels
    axes.set_xticks([row.order for row in comparison.orders])
    axes.set_xmargin(0.08)
    axes.set_xlabel("Born order $n$" if comparison.words.at is None else "order $n$")
    axes.set_ylabel(r"kernel error $\Vert T_n - K_n\Vert / \Vert K_n\Vert$")
    figure.legend(loc="outside right upper")
    off = max(columns["kernel_error"]) > HIGHEST
    return Chart(
        "errors-by-order",
        "orders",
        "Kernel error by order",
        "Relative distance of the learned Taylor coefficients from the exact "
        f"{comparison.words.exact} kernel. "
        + ("Bars: standard deviation over the members. " if len(comparison.learned) > 1 else "")
        + "The line at one is what learning nothing gives"
        + (f"; errors above {HIGHEST:.0f} are off the scale (they are in the table)." if off else "."),
        figure,
        {name: np.array(values) for name, values in columns.items()},
    )


def _densities(comparison: Comparison, order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The exact kernel, the learned one and its spread over the members, ``(cells,)*order`` each."""
    volume = float(comparison.cells) ** order
    learned = comparison.evaluation.coefficients[order - 1]
    exact = comparison.reference.kernels[order - 1]
    return exact * volume, learned.mean * volume, learned.spread * volume


def _curves(comparison: Comparison) -> Chart:
    exact, mean, spread = _densities(comparison, 1)
    learned = comparison.evaluation.coefficients[0].members * float(comparison.cells)
    edges = np.linspace(0.0, 1.0, comparison.cells + 1)
    r = (edges[1:] + edges[:-1]) / 2
    figure = new_figure(7.4, 4.0)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.4, 1))
    for axes in (above, below):
        grid(axes)
    kernel = f"{comparison.words.exact} kernel"
    above.stairs(exact, edges, baseline=None, color=INK, linewidth=1.0, label=f"{kernel} $K_1$")
    above.plot(r, mean, "o", color=VERMILION, markersize=4, label="learned $T_1$")
    above.set_ylabel(f"density over $r$ ({comparison.words.density(1)})")
    above.legend()
    below.axhline(0.0, color=INK, linewidth=0.6)
    if len(learned) > 1:
        below.fill_between(
            r,
            mean - exact - spread,
            mean - exact + spread,
            color=BLUE,
            alpha=0.25,
            linewidth=0,
            label="± s.d.",
        )
        for number, member in enumerate(learned):
            label = None if number else "each member"
            below.plot(r, member - exact, color=BLUE, linewidth=0.5, alpha=0.6, label=label)
    below.plot(r, mean - exact, color=BLUE, marker="o", markersize=3, label="$T_1 - K_1$")
    below.ticklabel_format(axis="y", scilimits=(-2, 3))
    below.set_ylabel(f"difference ({comparison.words.density(1)})")
    below.set_xlabel("$r$ (ranges)")
    below.set_xlim(0.0, 1.0)
    below.legend(ncols=3)
    members = {f"member_{n}": member for n, member in enumerate(learned, start=1)}
    return Chart(
        "kernel-order-1",
        "kernels",
        f"Order 1: {kernel} and learned coefficients",
        f"How much the potential at r counts in the first {comparison.words.exact} term: a⁽¹⁾ = ∫ K₁(r) U(r) "
        "dr, cell by cell. "
        + f"Below: what the {comparison.noun}{'s have' if len(learned) > 1 else ' has'} wrong.",
        figure,
        {"r (ranges)": r}
        | {
            f"{name} (range^{1 + comparison.words.power})": values
            for name, values in {"born": exact, "learned": mean, "learned_spread": spread, **members}.items()
        },
    )


def _maps(comparison: Comparison, order: int) -> Chart:
    exact, mean, spread = _densities(comparison, order)
    cells = comparison.cells
    slices = Slices(order, cells)
    height = 0.55 + 2.1 * len(slices) + (0.25 if len(slices) == 1 else 0)
    figure = new_figure(7.4, height, layout="compressed")
    panels = figure.subplots(len(slices), 3, squeeze=False, sharex=True, sharey=True)
    for row, place in enumerate(slices.places):
        e, m = exact[place], mean[place]
        _row_of_maps(figure, panels[row], e, m, units=comparison.words.density(order))
        slices.label(panels[row][0], row)
    kernel = f"{comparison.words.exact} kernel"
    titles = (f"{kernel} $K_{{{order}}}$", f"learned $T_{{{order}}}$", f"$T_{{{order}}} - K_{{{order}}}$")
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title)
    for axes in panels[-1]:
        axes.set_xlabel("$r_1$ (ranges)")
    caption = "Densities over the radii, in the units beside the scales"
    caption += ". " if order == 2 else "; the radii beyond the second stand still where the rows say. "
    mean_of = " (mean over the members)" if len(comparison.learned) > 1 else ""
    caption += f"Learned{mean_of} and exact share a scale, the difference has its own."
    power = order + comparison.words.power
    densities = {"born": exact, "learned": mean, "learned_spread": spread}
    return Chart(
        f"kernel-order-{order}",
        "kernels",
        f"Order {order}: {kernel} and learned coefficients",
        caption,
        figure,
        slices.columns({f"{name} (range^{power})": values for name, values in densities.items()}),
    )


def _row_of_maps(figure: "Figure", panels: Any, exact: np.ndarray, learned: np.ndarray, units: str) -> None:
    low, high = min(exact.min(), learned.min()), max(exact.max(), learned.max())
    difference = learned - exact
    largest = float(np.abs(difference).max()) or 1.0
    common: dict[str, Any] = {"origin": "lower", "extent": (0, 1, 0, 1), "interpolation": "none"}
    for axes, values in zip(panels[:2], (exact, learned), strict=True):
        image = axes.imshow(values.T, vmin=low, vmax=high, cmap=SEQUENTIAL, **common)
    bar = figure.colorbar(image, ax=panels[:2], aspect=18, pad=0.02, label=units)
    image = panels[2].imshow(difference.T, vmin=-largest, vmax=largest, cmap=DIVERGING, **common)
    bars: list[Any] = [bar, figure.colorbar(image, ax=panels[2], aspect=18, pad=0.04, label=units)]
    for drawn in bars:
        drawn.outline.set_visible(False)
        drawn.formatter.set_powerlimits((-2, 3))
    for axes in panels:
        axes.set_xticks([0, 0.5, 1])
        axes.set_yticks([0, 0.5, 1])
