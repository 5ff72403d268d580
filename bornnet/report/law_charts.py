"""The law that a learner found along r: where it was looked at, its coefficients, and its adjoint."""

import numpy as np

from ..comparison.law import LawComparison
from ..comparison.law_words import LawWords, law_words
from ..comparison.result import Comparison
from .style import INK, SEQUENTIAL, VERMILION, Chart, colour, grid, new_figure, typeset

_SHOWN = 3000  # states in a scatter
_FLOOR = 1e-16  # a difference of zero has no logarithm


def law_charts(comparison: Comparison, law: LawComparison) -> list[Chart]:
    words = law_words(comparison.reference.target)
    return [_states(law, words), _coefficients(law, words), _adjoint(comparison, law, words)]


def _states(law: LawComparison, words: LawWords) -> Chart:
    """The states visited, and how far the learned rate is from the exact one there."""
    from matplotlib.colors import LogNorm

    chosen = np.unique(np.linspace(0, law.off.size - 1, min(_SHOWN, law.off.size)).astype(int))
    # spread over r as well as over the potentials
    chosen = np.random.default_rng(0).permutation(law.off.size)[: len(chosen)]
    r, y, off = (values.ravel()[chosen] for values in (law.r, law.outputs, law.off))
    size = np.maximum(np.abs(off), _FLOOR)
    figure = new_figure(7.4, 3.4)
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    for axes in (left, right):
        grid(axes)
    low, high = np.quantile(size, [0.02, 1.0])
    dots = left.scatter(
        r,
        np.maximum(np.abs(y), _FLOOR),
        c=size,
        s=5,
        cmap=SEQUENTIAL,
        norm=LogNorm(low, max(high, 1.01 * low)),
        linewidths=0,
        rasterized=True,
    )
    left.set_yscale("log")
    left.set_ylim(max(float(np.quantile(np.abs(y), 0.02)), 1e-9))
    left.set_xlabel("$r$ (ranges)")
    left.set_ylabel("$|y(r)|$")
    left.set_title("states visited")
    figure.colorbar(dots, ax=left, label=rf"$g$ from ${words.rate_tex}$, over its RMS")
    right.hist(np.log10(size), bins=40, color=VERMILION, alpha=0.8)
    right.axvline(np.log10(law.deviation), color=INK, linewidth=1.0, linestyle="--")
    right.set_xlabel(r"$\log_{10}$ of the deviation")
    right.set_ylabel("states")
    right.set_title("dashed: RMS")
    return Chart(
        "law-states",
        "law",
        "Learned law against the variable-phase equation",
        f"Each point is a held-out {'displacement' if words.note else 'potential'} cut off at r, with its y "
        f"there, {words.output}: a state that the network passes through. Colour: how far the rate g(y, r) "
        f"that it has learned is from {typeset(words.rate)}, over the RMS of the latter.",
        figure,
        {"r (ranges)": r, "y": y, "deviation": off},
    )


def _coefficients(law: LawComparison, words: LawWords) -> Chart:
    """g_k(r) for every k beside the exact ones, and the differences."""
    exact = ", ".join(f"g{'₀₁₂'[k]} = {typeset(g)}" for k, g in enumerate(words.coefficients))
    figure = new_figure(7.4, 3.4)
    left, right = figure.subplots(1, 2)
    data: dict[str, np.ndarray] = {}
    for c in law.coefficients:
        left.plot(c.r, c.exact, color=INK, linewidth=0.9, linestyle=(0, (4, 2)))
        left.plot(c.r, c.learned, color=colour(c.power), label=f"$g_{c.power}$")
        right.plot(c.r, np.maximum(np.abs(c.learned - c.exact), _FLOOR), color=colour(c.power))
        data |= {"r (ranges)": c.r, f"learned_{c.power}": c.learned, f"exact_{c.power}": c.exact}
    left.plot([], [], color=INK, linewidth=0.9, linestyle=(0, (4, 2)), label="exact")
    left.set_ylabel("coefficient of $y^k$")
    right.set_yscale("log")
    right.set_ylabel("distance from the exact one")
    for axes in (left, right):
        grid(axes)
        axes.set_xlabel("$r$ (ranges)")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return Chart(
        "law-coefficients",
        "law",
        "Coefficients of the learned law",
        f"g(y, r) expanded in y at y = 0: the exact law has {exact} (dashed), and nothing beyond. A power of "
        "y matters where y reaches: g₃ multiplies y³, which is small everywhere.",
        figure,
        data,
    )


def _adjoint(comparison: Comparison, law: LawComparison, words: LawWords) -> Chart:
    """p(r) and p g of the example potentials beside the exact ones."""
    curves = law.curves
    unit = "dimensionless" if comparison.words.power == -1 else "range^2"
    figure = new_figure(7.4, 3.8)
    above, below = figure.subplots(2, len(comparison.examples), sharex=True, squeeze=False)
    data: dict[str, list[np.ndarray]] = {}
    for n, row in enumerate(comparison.examples):
        for axes, learned, exact in (
            (above[n], curves.momentum[n], curves.exact_momentum[n]),
            (below[n], curves.response[n], curves.exact_response[n]),
        ):
            grid(axes)
            axes.plot(curves.r, learned, ".", color=VERMILION, markersize=5, label="learned")
            axes.plot(curves.r, exact, color=INK, linewidth=0.9, label="exact")
        symbol = rf"${comparison.words.eta}$ =" if comparison.words.eta else "strength"
        above[n].set_title(f"{symbol} {comparison.strength[row]:.3g}")
        below[n].set_xlabel("$r$ (ranges)")
        for name, values in {
            "example": np.full(len(curves.r), n + 1),
            "r (ranges)": curves.r,
            "momentum": curves.momentum[n],
            "exact_momentum": curves.exact_momentum[n],
            f"response ({unit})": curves.response[n],
            f"exact_response ({unit})": curves.exact_response[n],
        }.items():
            data.setdefault(name, []).append(values)
    above[0].set_ylabel("$p(r)$")
    below[0].set_ylabel(rf"$p(r)\,g$ ({unit.replace('^2', '$^2$')})")
    figure.legend(*above[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return Chart(
        "law-adjoint",
        "law",
        "The adjoint along r",
        f"Above: the momentum conjugate to y, p(r) = {words.momentum_name}, which is exactly "
        f"{typeset(words.momentum)}. Below: p g, the functional derivative {words.response_name}, which is "
        f"exactly {typeset(words.response)}. {typeset(words.note + ' ').lstrip()}The potentials are the "
        "examples.",
        figure,
        {name: np.concatenate(parts) for name, parts in data.items()},
    )
