"""Held-out residuals against strength, beside the errors that are claimed."""

import numpy as np

from ..comparison.result import Comparison
from .style import BLUE, INK, VERMILION, Chart, grid, new_figure


def residual_chart(comparison: Comparison) -> Chart:
    """Held-out values less the learner's own against strength, with the error that is claimed."""
    found, names = comparison.residuals, comparison.words
    eta, claimed = comparison.strength[found.rows], found.claimed
    figure = new_figure(7.4, 3.2)
    axes = figure.subplots()
    grid(axes)
    axes.set_xscale("log")
    values = found.measured.values
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.abs(values) if claimed is None else claimed
        shown = np.where(unit > 0, found.off / unit, np.nan)
    if claimed is None:
        axes.set_yscale("symlog", linthresh=float(np.nanmedian(np.abs(shown))) or 1e-16)
        axes.set_ylabel(f"residual over $|{names.symbol}|$")
    else:
        for width in (1, 2):
            axes.axhspan(-width, width, color=INK, alpha=0.06, linewidth=0)
        axes.set_ylabel("residual over the claimed error")
    axes.axhline(0.0, color=INK, linewidth=0.6)
    inside = np.ones(len(shown), dtype=bool) if claimed is None else np.abs(shown) <= 2
    axes.plot(eta[inside], shown[inside], ".", color=BLUE, markersize=4, alpha=0.7)
    axes.plot(eta[~inside], shown[~inside], ".", color=VERMILION, markersize=4, alpha=0.8)
    axes.set_xlabel(f"strength ${names.eta}$" if names.eta else "strength")
    data = {"strength": eta, "value": values, "residual": found.off}
    data |= {} if found.measured.sigma is None else {"sigma": found.measured.sigma}
    data |= {} if found.std is None else {"learned_std": found.std}
    return Chart(
        "residuals-against-strength",
        "terms",
        "Held-out values less the learned ones, against strength",
        "Relative to the value: no error is claimed, of the labels or by the learner."
        if claimed is None
        else "In units of the error that is claimed: that of the value and that of the learner together. "
        "Bands: one and two of it; if it is right, nearly all points lie in them, on both sides of zero.",
        figure,
        data,
    )
