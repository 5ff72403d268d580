"""A figure of a series around a reference: both potentials, and the partial sums order by order."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files.atomic import new_file
from .style import BLUE, INK, VERMILION, grid, look, new_figure

if TYPE_CHECKING:
    from ..solving.around import Expansion


def save_series_figure(
    path: str | Path,
    expansion: "Expansion",
    *,
    length: float = 1.0,
    unit: str = "ranges",
    force: bool = False,
) -> None:
    """Draw the first potential of an expansion over its reference, beside the errors of the partial sums.

    One range is ``length`` times ``unit``. The name's ending tells PNG, SVG or PDF; the same potential gives
    the same file.
    """
    kind = Path(path).suffix.lower().lstrip(".")
    U, target = expansion.potentials[0], expansion.target
    metadata: Any = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with look():
        figure = new_figure(7.4, 3.2)
        left, right = figure.subplots(1, 2)
        edges = np.linspace(0.0, length, len(U) + 1)
        left.stairs(U / length**2, edges, baseline=0.0, fill=True, color=BLUE, alpha=0.3, label="U")
        left.stairs(
            target.base(len(U)) / length**2,
            edges,
            baseline=0.0,
            color=VERMILION,
            label=f"U0: {expansion.at}",
        )
        left.set_xlabel(f"$r$ in {unit}")
        left.set_ylabel(f"$U(r)$ in 1/({unit})$^2$")
        left.legend()
        orders = np.arange(len(expansion.terms) + 1)
        errors = np.abs(np.concatenate([[1.0], expansion.errors[:, 0]]))
        grid(right)
        right.semilogy(orders, errors, "o-", color=BLUE, markersize=4)
        right.set_xticks(orders)
        right.set_xlabel("through order")
        right.set_ylabel("relative error of the sum")
        converges = "converges" if expansion.strength[0] < 1 else "diverges"
        right.set_title(f"strength {expansion.strength[0]:.3g}: the series {converges}", color=INK)
        with new_file(path, force=force) as temporary:
            figure.savefig(temporary, format=kind, dpi=200, metadata=metadata)
