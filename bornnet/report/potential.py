"""A figure of one potential and its zero-energy wave function."""

from pathlib import Path
from typing import Any

import numpy as np

from ..files.atomic import new_file
from ..physics.scattering import scattering_length
from ..physics.wave import wave_function


def save_potential_figure(
    path: str | Path, potential: np.ndarray, *, length: float = 1.0, unit: str = "ranges", force: bool = False
) -> None:
    """Draw U(r) `(cells,)` above u(r), with the straight line that u follows outside, and a0 where it ends.

    One range is `length` times `unit`, in which the axes are. The name's ending tells PNG, SVG or PDF; the
    same potential gives the same file.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    kind = Path(path).suffix.lower().lstrip(".")
    a0 = float(scattering_length(potential))
    end = shown_range(potential)
    r = np.linspace(0.0, end, 800)
    u = wave_function(potential, r)
    outside = wave_function(potential, np.array([1.0, 2.0]))
    line = outside[0] + (outside[1] - outside[0]) * (r - 1.0)

    # Text stays text in SVG and PDF; no dates or random names in the file.
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "bornnet", "pdf.fonttype": 42}
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with matplotlib.rc_context(style):
        figure, (above, below) = pyplot.subplots(
            2, 1, sharex=True, figsize=(6, 5), height_ratios=(1, 1.3), layout="constrained"
        )
        edges = np.linspace(0.0, length, len(potential) + 1)
        above.stairs(potential / length**2, edges, baseline=0.0, fill=True, color="C0", alpha=0.3)
        above.axhline(0.0, color="0.6", linewidth=0.6)
        above.set_ylabel(f"$U(r)$ in 1/({unit})$^2$")
        above.set_title("above zero: attractive", fontsize="small", loc="right", color="0.4")
        below.axhline(0.0, color="0.6", linewidth=0.6)
        below.plot(length * r, line, "--", color="0.5", linewidth=1.0, label="the line it follows outside")
        below.plot(length * r, u, color="C1", label="$u(r)$ at zero energy")
        if 0.0 <= a0 <= end:
            below.plot([length * a0], [0.0], "o", color="0.2", markersize=4, label="$r = a_0$")
        below.set_xlim(0.0, length * end)
        below.set_xlabel(f"$r$ in {unit}")
        below.set_ylabel("$u(r)$")
        below.legend(frameon=False, fontsize="small")
        try:
            with new_file(path, force=force) as temporary:
                figure.savefig(temporary, format=kind, dpi=200, metadata=metadata)
        finally:
            pyplot.close(figure)


def shown_range(potential: np.ndarray) -> float:
    """How far out to draw: beyond where U has fallen to a thousandth, and to a0 where that is not far."""
    a0 = float(scattering_length(potential))
    tall = np.flatnonzero(np.abs(potential) > 1e-3 * np.abs(potential).max(initial=0.0))
    reach = (tall[-1] + 1) / len(potential) if tall.size else 1.0
    return max(1.5 * reach, 1.15 * a0 if a0 <= 4 * reach else 0.0)
