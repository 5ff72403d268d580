"""What happened in the networks: learning curves, and the diagrams that make up each order."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..comparing import Comparison, share_of
from ..files.run import read_metrics
from ..networks.diagram_drawing import Node, layout
from .style import BLUE, INK, VERMILION, Chart, grid, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def learning_chart(comparison: Comparison) -> Chart | None:
    """Training and held-out error of every round, step by step; None where there is no record."""
    steps = read_metrics(comparison.run.path) if comparison.run else []
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
            ):
                axes.plot(
                    [s["step"] for s in mine], [_value(s.get(key)) for s in mine], **(style | {"alpha": 0.8})
                )
        axes.set_title(f"round {number}")
        axes.set_xlabel("optimizer step")
    panels[0].set_ylabel("relative error (RMS)")
    handles, labels = panels[0].get_legend_handles_labels()
    panels[0].legend(handles[:2], labels[:2])
    names = ("member", "round", "step", "error", "held_out_error")
    return Chart(
        "learning-curves",
        "learning",
        "Learning curves",
        "Each round fits a new target, what the earlier orders leave over, and its error is relative to the "
        "order that is due. A line per member.",
        figure,
        {name: np.array([_value(step.get(name)) for step in steps]) for name in names},
    )


def diagram_chart(comparison: Comparison) -> Chart:
    """The diagrams of every order with their shares of the network's Taylor term."""
    shares = [(order, share) for order, group in comparison.diagrams.items() for share in group]
    totals = {order: sum(share.along for share in group) for order, group in comparison.diagrams.items()}
    columns = 4
    rows = -(-len(shares) // columns)
    tallest = max(comparison.diagrams)
    widest = max(layout(share.diagram).column for _, share in shares) + 1.5
    figure = new_figure(7.4, rows * (0.55 + 0.3 * tallest))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (order, share) in zip(panels, shares, strict=False):
        root = layout(share.diagram)
        middle, centre = (root.column + 0.8) / 2, (order - 1) / 2
        axes.set_xlim(middle - widest / 2, middle + widest / 2)
        axes.set_ylim(centre + tallest / 2, centre - tallest / 2)
        _draw(axes, root, root)
        _line(axes, (root.column, root.row), (root.column + 0.75, root.row))
        axes.text(root.column + 0.85, root.row, "$f$", va="center")
        part = share_of(share, totals[order])
        shown = "" if part is None else f": {100 * part:.1f} %"
        axes.set_title(
            f"order {order}\n{share.diagram.labelings} × {share.diagram.notation}{shown}", fontsize=8
        )
    for axes in panels:
        axes.set_axis_off()
    layers = sorted({layer.layer for _, share in shares for layer in share.layers})
    data: dict[str, list[Any]] = {
        "order": [order for order, _ in shares],
        "diagram": [share.diagram.notation for _, share in shares],
        "labelings": [share.diagram.labelings for _, share in shares],
        "norm": [share.norm for _, share in shares],
        "along_mean_potential": [share.along for _, share in shares],
    }
    for layer in layers:
        data[f"along_vertex_in_layer_{layer}"] = [
            sum(part.along for part in share.layers if part.layer == layer) for _, share in shares
        ]
    return Chart(
        "diagrams",
        "diagrams",
        "Diagrams of each order",
        "Legs x are the potential, dots are vertices in hidden layers (as many lines as a dot joins, so high "
        "is the derivative of its activation), lines are propagators. In percent: the share of the term "
        "along the mean held-out potential; shares of opposite sign cancel.",
        figure,
        {name: np.array(values) for name, values in data.items()},
    )


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
