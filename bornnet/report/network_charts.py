"""What happened in the networks: learning curves, and the diagrams that make up each order."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..comparison.result import Comparison
from ..diagrams.drawing import Node, layout
from .style import BLUE, INK, VERMILION, Chart, grid, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def learning_chart(comparison: Comparison) -> Chart | None:
    """Training and held-out error of every round, step by step; None where there is no record."""
    steps = comparison.learning
    if not steps:
        return None
    rounds = sorted({step["round"] for step in steps})
    members = sorted({step["member"] for step in steps})
    figure = new_figure(7.4, 2.7)
    panels = figure.subplots(1, len(rounds), sharey=True, squeeze=False)[0]
    for axes, number in zip(panels, rounds, strict=True):
        grid(axes)
        axes.set_yscale("log")
        for member in members:
            mine = [s for s in steps if (s["round"], s["member"]) == (number, member)]
            for key, style in (
                ("error", {"color": BLUE, "linewidth": 0.9, "label": "training"}),
                ("held_out_error", {"color": VERMILION, "linewidth": 1.2, "label": "held out"}),
                ("held_out_typical", {"color": INK, "linewidth": 1.2, "label": "held out, typical"}),
            ):
                axes.plot(
                    [s["step"] for s in mine], [_value(s.get(key)) for s in mine], **(style | {"alpha": 0.8})
                )
        axes.set_title(f"round {number}")
        axes.set_xlabel("optimizer step")
    panels[0].set_ylabel("relative error")
    handles, labels = panels[0].get_legend_handles_labels()
    panels[0].legend(handles[:3], labels[:3])
    names = ("member", "round", "step", "error", "held_out_error", "held_out_typical")
    return Chart(
        "learning-curves",
        "learning",
        "Learning curves",
        "Each round fits a new target, what the earlier orders leave over, and its error is relative to the "
        "order that is due. The steps of the optimizer are counted anew in each round; a line per member. "
        "Shown are root mean squares, which a few potentials can make up, and the typical held-out error "
        "(the square of the mean of the roots): the weights are kept where it is lowest.",
        figure,
        {name: np.array([_value(step.get(name)) for step in steps]) for name in names},
    )


def diagram_chart(comparison: Comparison) -> Chart:
    """The diagrams of every order with their shares of the learned term."""
    rows = [(order, row) for order, group in comparison.diagrams.items() for row in group]
    drawn = [(order, row) for order, row in rows if order == 1 or not row.vanishes]
    columns = 4
    lines = [drawn[start : start + columns] for start in range(0, len(drawn), columns)]
    tallest = [max(order for order, _ in line) for line in lines]  # legs, one a row
    heights = [0.6 + 0.27 * legs for legs in tallest]
    widest = max(layout(row.diagram).column for _, row in drawn) + 1.5
    figure = new_figure(7.4, sum(heights))
    panels = figure.subplots(len(lines), columns, squeeze=False, height_ratios=heights)
    for axes in panels.ravel():
        axes.set_axis_off()
    for line, legs, places in zip(lines, tallest, panels, strict=True):
        for axes, (order, row) in zip(places, line, strict=False):
            root = layout(row.diagram)
            middle, centre = (root.column + 0.8) / 2, (order - 1) / 2
            axes.set_xlim(middle - widest / 2, middle + widest / 2)
            axes.set_ylim(centre + legs / 2, centre - legs / 2)
            _draw(axes, root, root)
            _line(axes, (root.column, root.row), (root.column + 0.75, root.row))
            axes.text(root.column + 0.85, root.row, "$f$", va="center")
            title = f"order {order}: {_percent(row.share, row.share_spread)}"
            axes.set_title(f"{title}\n{row.diagram.labelings} × {row.diagram.notation}", fontsize=8)
    layers = sorted({layer for _, row in drawn for layer in row.layers})
    names = ("norm", "along", "along_spread", "share", "share_spread")
    along = f" ({comparison.words.unit})" if comparison.words.unit else ""
    data: dict[str, list[Any]] = {
        "order": [order for order, _ in drawn],
        "diagram": [row.diagram.notation for _, row in drawn],
        "labelings": [row.diagram.labelings for _, row in drawn],
    }
    for name in names:
        unit = along if name.startswith("along") else ""
        data[name + unit] = [getattr(row, name) for _, row in drawn]
    for layer in layers:
        data[f"along_vertex_in_layer_{layer}{along}"] = [row.layers.get(layer, 0.0) for _, row in drawn]
    members = " (mean ± standard deviation over the members)" if len(comparison.learned) > 1 else ""
    left_out = ""
    if len(drawn) < len(rows):
        left_out = (
            " Diagrams that are zero, as those that need more hidden layers than there are, are left out."
        )
    last = max(comparison.diagrams)
    if comparison.order > last:
        left_out += f" Beyond order {last} there are too many for a page: bornnet diagrams --run has them."
    return Chart(
        "diagrams",
        "diagrams",
        "Diagrams of each order",
        "Legs x are the potential, lines are propagators, and a dot is a vertex in a hidden layer: σ⁽ᵏ⁾, the "
        "k-th derivative of its activation, joins k lines. In percent: the diagram's share of the learned "
        f"term of the mean held-out potential{members}. The shares of an order add up to one; those of "
        "opposite sign cancel. Below: in how many ways × which legs can be labelled." + left_out,
        figure,
        {name: np.array(values) for name, values in data.items()},
    )


def _percent(share: float, spread: float | None) -> str:
    if share != share:
        return "–"
    shown = f"{100 * share:.1f}" + (f" ± {100 * spread:.1f} %" if spread is not None else " %")
    return shown.replace("-", "−")


def _draw(axes: "Axes", node: Node, parent: Node) -> None:
    if not node.branches:
        axes.text(-0.1, node.row, "$x$", ha="right", va="center")
        return
    for branch in node.branches:
        _line(axes, (branch.column, branch.row), (node.column, node.row))
        _draw(axes, branch, node)
    axes.plot([node.column], [node.row], "o", color=INK, markersize=4)
    below = parent.row < node.row
    axes.annotate(
        f"σ⁽{str(len(node.branches)).translate(_SUPERSCRIPTS)}⁾",
        (node.column, node.row),
        (2, -11 if below else 5),
        textcoords="offset points",
        fontsize=7,
    )


def _line(axes: "Axes", start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.plot(*zip(start, end, strict=True), color=INK, linewidth=1.0, solid_capstyle="round")


def _value(value: Any) -> float:
    """A number of a record; not a number where it has none."""
    return float("nan") if value is None else float(value)
