"""How figures look: colours safe for colour-blind readers, fonts that embed, one ink."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1b1f24"
"""The colour of text and lines; a page replaces it by the colour of its own text."""

BLUE, VERMILION, GREEN, ORANGE = "#0072b2", "#d55e00", "#009e73", "#e69f00"
PURPLE, SKY = "#cc79a7", "#56b4e9"
"""M. Okabe, K. Ito, Color Universal Design (2008)."""

CYCLE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "X")
SEQUENTIAL = "viridis"
DIVERGING = "PuOr"

_RC: Any = {
    "svg.fonttype": "path",
    "svg.hashsalt": "bornnet",
    "pdf.fonttype": 42,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "axes.formatter.use_mathtext": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}


@dataclass(frozen=True)
class Chart:
    """A figure with what stands around it.

    Attributes:
        name: of its files.
        part: of the report in which it stands.
        title, caption: what it shows, and how to read it.
        figure: of matplotlib.
        data: the numbers drawn, as columns of equal length.
    """

    name: str
    part: str
    title: str
    caption: str
    figure: "Figure"
    data: Mapping[str, np.ndarray]


@contextmanager
def look() -> Iterator[None]:
    """The settings in which figures are made and written."""
    import matplotlib

    with matplotlib.rc_context(_RC):
        yield


def new_figure(
    width: float, height: float, layout: Literal["constrained", "compressed"] = "constrained"
) -> "Figure":
    """An empty figure, in inches, that no window or global state knows of."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)


def grid(axes: "Axes") -> None:
    """Faint lines to read values by."""
    axes.grid(color=INK, alpha=0.12, linewidth=0.5)


def colour(index: int) -> str:
    return CYCLE[index % len(CYCLE)]


def marker(index: int) -> str:
    return MARKERS[index % len(MARKERS)]


def in_words(baseline: str) -> str:
    """``least-squares-2`` or ``gp-4000`` as a reader has it."""
    kind, _, degree = baseline.rpartition("-")
    if kind == "gp":
        return "Gaussian process"
    return f"{kind.replace('-', ' ')} of degree {degree}"


def in_short(baseline: str) -> str:
    """The same as the heading of a column."""
    kind, _, size = baseline.rpartition("-")
    return "Gaussian process" if kind == "gp" else f"degree {size}"


def typeset(formula: str) -> str:
    """With the minus signs and primes of print."""
    return formula.replace("-", "−").replace("'", "′")
