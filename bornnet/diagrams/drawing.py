"""Pictures of diagrams: in the terminal, as SVG, and as LaTeX/TikZ.

The legs (inputs) stand at the left, the output at the right, and a vertex that joins k branches is a dot
marked ``σ⁽ᵏ⁾``. Every picture comes from one layout: a leg per row, a vertex half-way between its
outermost branches, and as far to the right as the longest chain of vertices below it. A line keeps to its row
until one column before the vertex it ends in, so that it crosses nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .marks import LAYERS, Drawn, Marks


@dataclass(frozen=True)
class Node:
    """A leg (no branches), or a vertex in the ``column``-th column, between the rows of its branches."""

    column: int
    row: float
    branches: tuple["Node", ...]

    @property
    def legs(self) -> int:
        return sum(node.legs for node in self.branches) or 1


def layout(diagram: Drawn) -> Node:
    """The diagram's root with everything below it in place; legs are on rows 0, 1, .. from the top."""
    return _place(diagram.tree, 0)


def _place(tree: Any, first_row: int) -> Node:
    if not tree:
        return Node(0, first_row, ())
    nodes: list[Node] = []
    for branch in reversed(tree):
        nodes.append(_place(branch, first_row))
        first_row += nodes[-1].legs
    column = 1 + max(node.column for node in nodes)
    return Node(column, (nodes[0].row + nodes[-1].row) / 2, tuple(nodes))


def _label_side(node: Node, parent: Node) -> str:
    """Where a vertex's label is clear of its own outgoing line and of the line above."""
    if node is parent:
        return "above right"
    return "below right" if parent.row < node.row else "above"


# --- terminal ---

_PITCH = 6  # characters from one vertex to the next
_LINES = {  # (left, right, up, down)
    (True, True, False, True): "┬",
    (True, True, True, False): "┴",
    (True, True, True, True): "┼",
    (True, True, False, False): "─",
    (True, False, False, True): "┐",
    (True, False, True, False): "┘",
    (True, False, True, True): "┤",
    (False, True, True, True): "├",
    (False, False, True, True): "│",
}


def terminal_picture(diagram: Drawn, marks: Marks = LAYERS) -> str:
    """The diagram in box-drawing characters, a row per leg; a vertex is ``●`` with its number of branches."""
    root = layout(diagram)
    width = 2 + _PITCH * root.column + 6
    canvas = [[" "] * width for _ in range(root.legs)]
    _paint(root, canvas, marks)
    row, start = int(root.row), _right_end(root)
    for x in range(start, start + 3):
        canvas[row][x] = "─"
    canvas[row][start + 4] = marks.output
    return "\n".join("".join(line).rstrip() for line in canvas)


def _right_end(node: Node) -> int:
    """First free character to the right of a node."""
    return 2 + _PITCH * node.column


def _paint(node: Node, canvas: list[list[str]], marks: Marks) -> None:
    row = int(node.row)
    if not node.branches:
        mark = marks.leg or marks.terminal(0)
        canvas[row][: len(mark)] = list(mark)
        return
    end = _right_end(node)
    mark = marks.terminal(len(node.branches))
    canvas[row][end - len(mark) : end] = list(mark)
    junction = end - 2 - len(mark)
    canvas[row][junction + 1] = "─"
    rows = {int(branch.row) for branch in node.branches}
    for y in range(min(rows), max(rows) + 1):
        canvas[y][junction] = _LINES[(y in rows, y == row, y > min(rows), y < max(rows))]
    for branch in node.branches:
        _paint(branch, canvas, marks)
        for x in range(_right_end(branch), junction):
            canvas[int(branch.row)][x] = "─"


# --- SVG ---

_DX, _DY, _MARGIN, _CAPTION = 64.0, 30.0, 22.0, 30.0


def svg_picture(
    diagrams: Sequence[Drawn],
    captions: Sequence[str] | None = None,
    columns: int = 4,
    marks: Marks = LAYERS,
) -> str:
    """The diagrams side by side as one SVG document in the surrounding text colour, black by default.

    ``captions`` stand below the pictures; by default those of the marks.
    """
    texts = _captions(diagrams, captions, marks)
    roots = [layout(diagram) for diagram in diagrams]
    columns = max(1, min(columns, len(roots)))
    cell_width = max(((root.column + 1) * _DX for root in roots), default=_DX) + 2 * _MARGIN
    cell_height = max(((root.legs - 1) * _DY for root in roots), default=0.0) + 2 * _MARGIN + _CAPTION
    width, height = columns * cell_width, -(-len(roots) // columns) * cell_height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" color="#1a1a1a" font-family="Georgia, \'Times New Roman\', serif" role="img">',
        f"<title>{escape(marks.title)}</title>",
        '<g fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round">',
    ]
    dots: list[str] = []
    labels: list[str] = []
    for index, (root, text) in enumerate(zip(roots, texts, strict=True)):
        left = (index % columns) * cell_width + (cell_width - (root.column + 1) * _DX) / 2
        top = (index // columns) * cell_height + (cell_height - _CAPTION - (root.legs - 1) * _DY) / 2
        _svg_branch(root, root, (left, top), parts, dots, labels, marks)
        x, y = left + root.column * _DX, top + root.row * _DY
        parts.append(_svg_line(x, y, x + 0.7 * _DX, y))
        labels.append(_svg_text(x + 0.7 * _DX + 8, y + 5, marks.output, anchor="start", italic=True))
        center = (index % columns + 0.5) * cell_width
        labels.append(_svg_text(center, (index // columns + 1) * cell_height - 12, text, size=13))
    body = [*parts, "</g>", '<g fill="currentColor">', *dots, *labels, "</g>", "</svg>"]
    return "\n".join(body) + "\n"


def _svg_branch(
    node: Node,
    parent: Node,
    corner: tuple[float, float],
    lines: list[str],
    dots: list[str],
    labels: list[str],
    marks: Marks,
) -> None:
    left, top = corner
    x, y = left + node.column * _DX, top + node.row * _DY
    if not node.branches and marks.leg:
        labels.append(_svg_text(x - 6, y + 5, marks.leg, anchor="end", italic=True))
        return
    for branch in node.branches:
        start_y = top + branch.row * _DY
        lines.append(_svg_line(left + branch.column * _DX, start_y, x, y, bend=x - _DX))
        _svg_branch(branch, node, corner, lines, dots, labels, marks)
    dots.append(f'<circle cx="{x:g}" cy="{y:g}" r="4.5"/>')
    side = _label_side(node, parent)
    label_x, anchor = (x + 4, "start") if side.endswith("right") else (x, "middle")
    label_y = y + 19 if side.startswith("below") else y - 10
    labels.append(_svg_text(label_x, label_y, marks.svg(len(node.branches)), size=12, anchor=anchor))


def _svg_line(start: float, y0: float, x1: float, y1: float, bend: float = -math.inf) -> str:
    """A line, level as far as ``bend``, with an arrow head where it is half-way from there to its end."""
    x0 = max(start, bend)
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    tip_x, tip_y = (x0 + x1) / 2 + 4 * ux, (y0 + y1) / 2 + 4 * uy
    wings = [(tip_x - 7 * ux + side * 3 * -uy, tip_y - 7 * uy + side * 3 * ux) for side in (1, -1)]
    (ax, ay), (bx, by) = wings
    return (
        f'<path d="M{start:.1f} {y0:.1f}H{x0:.1f}L{x1:.1f} {y1:.1f}'
        f'M{ax:.1f} {ay:.1f}L{tip_x:.1f} {tip_y:.1f}L{bx:.1f} {by:.1f}"/>'
    )


def _svg_text(
    x: float, y: float, text: str, size: int = 15, anchor: str = "middle", italic: bool = False
) -> str:
    style = ' font-style="italic"' if italic else ""
    place = f'x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"'
    return f"<text {place}{style}>{escape(text)}</text>"


def _captions(diagrams: Sequence[Drawn], captions: Sequence[str] | None, marks: Marks) -> Sequence[str]:
    return captions if captions is not None else [marks.caption(d) for d in diagrams]


# --- LaTeX ---

_TIKZ_DX, _TIKZ_DY = 1.4, 0.6  # cm
_TEX_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{c: "\\" + c for c in "#$%&_{}"},
        "×": r"$\times$",
        "−": r"$-$",
    }
)


def tikz_picture(
    diagrams: Sequence[Drawn],
    captions: Sequence[str] | None = None,
    columns: int = 4,
    marks: Marks = LAYERS,
) -> str:
    """The diagrams as a LaTeX document of its own (class standalone, TikZ); captions as in SVG."""
    columns = max(1, min(columns, len(diagrams)))
    texts = [text.translate(_TEX_SPECIAL) for text in _captions(diagrams, captions, marks)]
    cells = [
        f"\\shortstack{{{_tikz(d, marks)}\\\\[2mm] {text}}}" for d, text in zip(diagrams, texts, strict=True)
    ]
    rows = [" &\n".join(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    return "\n".join(
        [
            r"\documentclass[border=4mm]{standalone}",
            r"\usepackage{tikz}",
            r"\usetikzlibrary{decorations.markings}",
            r"\tikzset{",
            r"  line/.style={thick, postaction={decorate},",
            r"    decoration={markings, mark=at position 0.55 with {\arrow{stealth}}}},",
            r"  vertex/.style={circle, fill, inner sep=1.6pt}}",
            r"\begin{document}",
            f"\\begin{{tabular}}{{{'c' * columns}}}",
            " \\\\[8mm]\n".join(rows),
            r"\end{tabular}",
            r"\end{document}",
            "",
        ]
    )


def _tikz(diagram: Drawn, marks: Marks) -> str:
    root = layout(diagram)
    lines: list[str] = []
    nodes: list[str] = []
    _tikz_branch(root, root, lines, nodes, marks)
    x, y = _tikz_place(root)
    lines.append(f"\\draw[line] ({x:g},{y:g}) -- ({x + 1.0:g},{y:g}) node[right] {{${marks.output}$}};")
    return "\\begin{tikzpicture}\n" + "\n".join(lines + nodes) + "\n\\end{tikzpicture}"


def _tikz_branch(node: Node, parent: Node, lines: list[str], nodes: list[str], marks: Marks) -> None:
    x, y = _tikz_place(node)
    if not node.branches and marks.leg:
        nodes.append(f"\\node[left] at ({x:g},{y:g}) {{${marks.leg}$}};")
        return
    for branch in node.branches:
        start_x, start_y = _tikz_place(branch)
        bend = f" -- ({x - _TIKZ_DX:g},{start_y:g})" if branch.column < node.column - 1 else ""
        lines.append(f"\\draw[line] ({start_x:g},{start_y:g}){bend} -- ({x:g},{y:g});")
        _tikz_branch(branch, node, lines, nodes, marks)
    label = f"{_label_side(node, parent)}:${marks.tikz(len(node.branches))}$"
    nodes.append(f"\\node[vertex, label={{{label}}}] at ({x:g},{y:g}) {{}};")


def _tikz_place(node: Node) -> tuple[float, float]:
    return _TIKZ_DX * node.column, 0.0 - _TIKZ_DY * node.row
