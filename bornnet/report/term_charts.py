"""Learned terms and their sums on potentials: term by term, and against strength."""

import numpy as np

from ..comparison.result import Comparison
from .style import BLUE, INK, VERMILION, Chart, colour, grid, new_figure

_SHOWN = 400  # potentials in a scatter: enough to see all of the cloud, few enough for a light page


def term_chart(comparison: Comparison) -> Chart:
    """T_n(U) against a^(n)(U) on held-out potentials, and the relative error of each."""
    reference = comparison.reference
    chosen = np.argsort(comparison.strength, kind="stable")
    chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, min(_SHOWN, len(chosen))).astype(int))]
    exact, learned = reference.terms[:, chosen], comparison.evaluation.terms[:, :, chosen].mean(axis=0)
    orders, unit = reference.order, comparison.words.unit
    columns = min(orders, 4)
    bands = -(-orders // columns)
    figure = new_figure(7.4, 4.1 * bands)
    panels = figure.subplots(2 * bands, columns, squeeze=False, height_ratios=(1.5, 1) * bands)
    for n in range(columns * bands):
        above, below = panels[2 * (n // columns)][n % columns], panels[2 * (n // columns) + 1][n % columns]
        if n >= orders:
            above.set_axis_off()
            below.set_axis_off()
            continue
        a, t = exact[n], learned[n]
        size, same = np.abs(a), a * t > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.abs(t / a - 1)
        for axes in (above, below):
            grid(axes)
            axes.set_xscale("log")
            axes.set_yscale("log")
        limits = (size[size > 0].min(initial=1.0), size.max(initial=1e-300))
        above.plot(limits, limits, color=INK, linewidth=0.7)
        above.plot(size[same], np.abs(t[same]), ".", color=BLUE, markersize=3.5, alpha=0.6)
        if not same.all():
            wrong = ~same & (size > 0)
            above.plot(size[wrong], np.abs(t[wrong]), "x", color=VERMILION, markersize=4, label="wrong sign")
            above.legend()
        below.plot(size, error, ".", color=BLUE, markersize=3.5, alpha=0.6)
        above.set_title(f"order {n + 1}")
        above.set_xticklabels([])
        below.set_xlabel(f"$|a^{{({n + 1})}}(U)|$ ({unit})")
        if n % columns == 0:
            above.set_ylabel(f"$|T_n(U)|$ ({unit})")
            below.set_ylabel("relative error")
    data = {"strength": comparison.strength[chosen]}
    for n in range(orders):
        data |= {f"born_{n + 1} ({unit})": exact[n], f"learned_{n + 1} ({unit})": learned[n]}
    return Chart(
        "terms",
        "terms",
        f"Learned terms against {comparison.words.exact} terms, potential by potential",
        "Each point is a potential "
        + (f"that no {comparison.noun} was fitted to" if comparison.run else "drawn for this comparison")
        + ("; the terms are means over the members. " if len(comparison.learned) > 1 else ". ")
        + "On the line they agree; below, by how much they do not.",
        figure,
        data,
    )


def proxy_chart(comparison: Comparison) -> Chart:
    """Errors of the sums against eta, for held-out shapes rescaled to every strength."""
    scan, names = comparison.scan, comparison.words
    figure = new_figure(7.4, 3.6)
    left, right = figure.subplots(1, 2, sharex=True)
    for axes in (left, right):
        grid(axes)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.axvspan(comparison.strength.min(), comparison.strength.max(), color=INK, alpha=0.06, linewidth=0)
        axes.axvline(1.0, color=INK, linewidth=1.0, linestyle=":")
        axes.set_xlabel(f"strength ${names.eta}$" if names.eta else "strength")
        axes.set_xlim(scan.strength[0], scan.strength[-1])
    data = {"strength": scan.strength}
    for n in range(comparison.reference.order):
        label = f"through order {n + 1}"
        left.plot(scan.strength, scan.learned_vs_exact[n], color=colour(n), label=label)
        left.plot(scan.strength, scan.born_vs_exact[n], color=INK, linewidth=0.9, linestyle=(0, (2, 2)))
        right.plot(scan.strength, scan.learned_vs_born[n], color=colour(n), label=label)
        data |= {
            f"learned_vs_exact_{n + 1}": scan.learned_vs_exact[n],
            f"born_vs_exact_{n + 1}": scan.born_vs_exact[n],
            f"learned_vs_born_{n + 1}": scan.learned_vs_born[n],
        }
    left.plot([], [], color=INK, linewidth=0.9, linestyle=(0, (2, 2)), label=f"exact {names.exact} sums")
    left.set_title(f"sums against the exact ${names.symbol}$")
    right.set_title(f"learned sums against {names.exact} sums")
    left.set_ylabel("median relative error")
    for axes in (left, right):
        axes.annotate(
            f"${names.eta} = 1$" if names.eta else "1",
            (1.0, 1.0),
            (3, -2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            va="top",
            fontsize=8,
        )
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Chart(
        "sums-against-strength",
        "terms",
        "Where the series converges: errors against strength",
        "Held-out shapes, rescaled to each strength. Shaded: the strengths of the held-out data. Beyond "
        f"{'η = 1' if names.eta else 'strength 1'} {names.pole}. Where the learned "
        f"sums leave the dashed {names.exact} sums, the {comparison.noun}'s own error takes over.",
        figure,
        data,
    )
