"""Example potentials with their zero-energy wave functions."""

import numpy as np

from ..comparison.result import Comparison
from .style import BLUE, INK, VERMILION, Chart, grid, new_figure


def example_chart(comparison: Comparison) -> Chart:
    """Held-out potentials from weak to strong, above the wave functions that they bend."""
    chosen, names, cells = comparison.examples, comparison.words, comparison.cells
    found = comparison.waves
    potentials, r = found.potentials, found.r
    edges = np.linspace(0.0, 1.0, cells + 1)
    figure = new_figure(7.4, 3.4)
    above, below = figure.subplots(2, len(chosen), sharex=True, squeeze=False)
    data: dict[str, list[np.ndarray]] = {}
    for n, row in enumerate(chosen):
        value, eta = found.values[n], comparison.strength[row]
        for axes in (above[n], below[n]):
            grid(axes)
        above[n].stairs(potentials[n], edges, baseline=0.0, fill=True, color=BLUE, alpha=0.35)
        above[n].stairs(potentials[n], edges, baseline=0.0, color=BLUE, linewidth=0.9)
        strength = f"${names.eta} = {eta:.3g}$" if names.eta else f"strength {eta:.3g}"
        above[n].set_title(f"{strength}\n${names.symbol} = {value:.3g}$ {names.unit}")
        below[n].plot(r, found.line[n], "--", color=INK, linewidth=0.8)
        below[n].plot(r, found.u[n], color=VERMILION)
        below[n].set_xlim(r[0], r[-1])
        below[n].set_xlabel("$r$ (ranges)")
        cell = np.minimum((r * cells).astype(int), cells - 1)
        for name, values in {
            "example": np.full(len(r), n + 1),
            "strength": np.full_like(r, eta),
            f"{names.symbol.replace('_', '')} ({names.unit})": np.full_like(r, value),
            "r (ranges)": r,
            "U (range^-2)": np.where(r < 1, potentials[n, cell], 0.0),
            "u": found.u[n],
        }.items():
            data.setdefault(name, []).append(values)
    above[0].set_ylabel("$U(r)$ (range$^{-2}$)")
    below[0].set_ylabel("$u(r)$ (arbitrary units)")
    return Chart(
        "examples",
        "examples",
        "Example potentials and wave functions",
        f"Held-out potentials from weak to strong ({names.strength}), above their zero-energy wave "
        "functions. "
        "Dashed: the straight line that u follows outside the range. Where that line meets zero is r = a₀.",
        figure,
        {name: np.concatenate(parts) for name, parts in data.items()},
    )
