"""A figure of one potential and its zero-energy wave function."""

from pathlib import Path
from typing import Any

import numpy as np

from ..files.atomic import new_file
from ..physics.radial.solver import RadialPotential, Wave
from ..physics.scattering import scattering_length
from ..physics.wave import wave_function


def save_potential_figure(
    path: str | Path, potential: np.ndarray, *, length: float = 1.0, unit: str = "ranges", force: bool = False
) -> None:
    """Draw U(r) `(cells,)` above u(r), with the straight line that u follows outside, and a0 where it ends.

    One range is `length` times `unit`, in which the axes are. The name's ending tells PNG, SVG or PDF; the
    same potential gives the same file.
    """
    a0 = float(scattering_length(potential))
    end = shown_range(potential)
    r = np.linspace(0.0, end, 800)
    u = wave_function(potential, r)
    outside = wave_function(potential, np.array([1.0, 2.0]))
    line = outside[0] + (outside[1] - outside[0]) * (r - 1.0)
    edges = np.linspace(0.0, length, len(potential) + 1)
    _draw(path, length * r, u, line, edges, potential / length**2, length * a0, unit, force)


def save_wave_figure(
    path: str | Path, potential: RadialPotential, wave: Wave, *, unit: str, force: bool = False
) -> None:
    """The same of a potential in r and its wave; a wall is cut off at twice the depth of the well."""
    r, U = sampled(potential, wave, 800)
    end = r[-1]
    u = wave.at(r)
    outside = wave.at(np.array([1.0, 2.0]) * wave.end * 1.001)
    line = outside[0] + (outside[1] - outside[0]) * (r / (1.001 * wave.end) - 1.0)
    edges = np.append(r - (r[1] - r[0]) / 2, end)
    _draw(path, r, u, line, edges, U, wave.scattering_length, unit, force)


def sampled(potential: RadialPotential, wave: Wave, points: int) -> tuple[np.ndarray, np.ndarray]:
    """r and U, as far out as a figure goes; a wall no higher than twice the depth of the well."""
    knots = np.concatenate([potential.edges[1:], wave.r.ravel()])
    knots = np.sort(knots[knots >= wave.left[0]])
    felt = np.abs(potential.values(np.minimum(knots, potential.end))) * knots**2
    tall = np.flatnonzero(felt > 1e-2 * min(felt.max(initial=0.0), 1.0))
    reach = float(knots[tall[-1]]) if tall.size else float(knots[-1])
    a0 = wave.scattering_length
    end = min(max(1.5 * reach, 1.15 * a0 if a0 <= 4 * reach else 0.0), 2 * potential.end)
    r = (np.arange(points) + 0.5) / points * end
    inside = (r >= potential.start) & (r <= potential.end)
    U = np.where(inside, potential.values(np.clip(r, max(potential.start, r[0]), potential.end)), 0.0)
    deepest = U.max()
    if deepest > 0:
        U = np.maximum(U, -2 * deepest)
        U[r < potential.start] = -2 * deepest
    return r, U


def _draw(
    path: str | Path,
    r: np.ndarray,
    u: np.ndarray,
    line: np.ndarray,
    edges: np.ndarray,
    U: np.ndarray,
    a0: float,
    unit: str,
    force: bool,
) -> None:
    """U between its `edges` above u(r), its line outside and its a0."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    kind = Path(path).suffix.lower().lstrip(".")
    end = r[-1]
    # Text stays text in SVG and PDF; no dates or random names in the file.
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "bornnet", "pdf.fonttype": 42}
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with matplotlib.rc_context(style):
        figure, (above, below) = pyplot.subplots(
            2, 1, sharex=True, figsize=(6, 5), height_ratios=(1, 1.3), layout="constrained"
        )
        above.stairs(U, edges, baseline=0.0, fill=True, color="C0", alpha=0.3)
        above.axhline(0.0, color="0.6", linewidth=0.6)
        above.set_ylabel(f"$U(r)$ in 1/({unit})$^2$")
        above.set_title("above zero: attractive", fontsize="small", loc="right", color="0.4")
        below.axhline(0.0, color="0.6", linewidth=0.6)
        below.plot(r, line, "--", color="0.5", linewidth=1.0, label="the line it follows outside")
        below.plot(r, u, color="C1", label="$u(r)$ at zero energy")
        if 0.0 <= a0 <= end:
            below.plot([a0], [0.0], "o", color="0.2", markersize=4, label="$r = a_0$")
        below.set_xlim(0.0, end)
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
