"""What is written at the ends and vertices of a drawn diagram: of a network of layers, or of a flow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Drawn(Protocol):
    """What has a picture: a tree of nested tuples, and a name for the caption."""

    @property
    def tree(self) -> Any: ...
    @property
    def notation(self) -> str: ...


@dataclass(frozen=True)
class Marks:
    """What stands at the ends and vertices; vertices by their number of branches.

    Attributes:
        title: of an SVG document.
        leg: at the left; empty where a node without branches is a vertex like the others.
        output: at the right.
        terminal, svg, tikz: of a vertex, without the dot in the last two.
        caption: of a diagram, by default.
    """

    title: str
    leg: str
    output: str
    terminal: Callable[[int], str]
    svg: Callable[[int], str]
    tikz: Callable[[int], str]
    caption: Callable[[Any], str]


LAYERS = Marks(
    title="Diagrams of a neural network's derivative",
    leg="x",
    output="f",
    terminal=lambda k: "●" + str(k).translate(_SUPERSCRIPTS),
    svg=lambda k: f"σ⁽{str(k).translate(_SUPERSCRIPTS)}⁾",
    tikz=lambda k: f"\\sigma^{{({k})}}",
    caption=lambda diagram: f"{diagram.labelings} × {diagram.notation}",
)
"""Of a network of layers."""

ALONG_R = Marks(
    title="Diagrams of a flow along r",
    leg="",
    output="y",
    terminal=lambda k: "g" + str(k).translate(_SUBSCRIPTS),
    svg=lambda k: "g" + str(k).translate(_SUBSCRIPTS),
    tikz=lambda k: f"g_{{{k}}}",
    caption=lambda diagram: diagram.notation,
)
"""Of a flow: every vertex is a factor of the potential at its own r."""
