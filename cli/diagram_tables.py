"""Diagrams as a terminal and a file show them: pictures side by side, and tables of what each is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .terminal import table

if TYPE_CHECKING:
    from bornnet.comparison.network_shares import NetworkShares, OrderShares
    from bornnet.diagrams.diagram import Diagram
    from bornnet.diagrams.shares import DiagramShare

_LISTED = 33  # rows of a table: all diagrams of order 6
_WIDTH = 78
_LAYER_COLUMNS = 5  # layers side by side; a deeper network is summed over its diagrams


def counted(found: Sequence[Diagram]) -> str:
    """How many there are, and of how many labelings."""
    labelings = sum(diagram.labelings for diagram in found)
    return f"{_plural(len(found), 'diagram')}, {_plural(labelings, 'labeling')} of the legs in all"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def drawing_of(found: Sequence[Diagram], shares: NetworkShares | None, form: str) -> str:
    """All of them as text, SVG or TikZ, with what each is worth where that is known."""
    from bornnet.diagrams.drawing import svg_picture, tikz_picture

    if form == "text":
        return _gallery(found, shares) + "\n"
    captions = None
    if shares is not None:
        captions = [f"{diagram.notation}: {_value(shares, index)}" for index, diagram in enumerate(found)]
    return (svg_picture if form == "svg" else tikz_picture)(found, captions)


def _gallery(found: Sequence[Diagram], shares: NetworkShares | None) -> str:
    """The pictures side by side, as many as the width takes, each with its number, name and value."""
    from bornnet.diagrams.drawing import terminal_picture

    blocks = []
    for index, diagram in enumerate(found):
        name = f"{index + 1}  {diagram.notation}" if len(found) > 1 else diagram.notation
        value = _plural(diagram.labelings, "labeling")
        if shares is not None:
            value = _value(shares, index)
        blocks.append([name, *terminal_picture(diagram).splitlines(), value])
    width = max(len(line) for block in blocks for line in block) + 4
    columns = max(1, (_WIDTH + 2) // width)
    rows = []
    for start in range(0, len(blocks), columns):
        row = blocks[start : start + columns]
        rows += [
            "  " + "".join(line.ljust(width) for line in lines).rstrip() for lines in zip(*row, strict=True)
        ]
        rows.append("")
    return "\n".join(rows).rstrip()


def _value(shares: NetworkShares, index: int) -> str:
    """What a diagram is worth, in words that fit below its picture."""
    from bornnet.diagrams.drawing import layout

    share = shares.shares[index]
    layers = layout(share.diagram).column  # of its longest chain of vertices
    if layers > shares.depth:
        return f"none: needs {layers} layers"
    return f"{_percent(share.along, shares.along)} of order {shares.order}"


def by_vertices(found: Sequence[Diagram]) -> Any:
    """A table of how many there are, in place of too many pictures."""
    shapes = Counter(len(diagram.vertices) for diagram in found)
    labelings: Counter[int] = Counter()
    for diagram in found:
        labelings[len(diagram.vertices)] += diagram.labelings
    return table(
        "By number of vertices",
        ("vertices", "diagrams", "labelings"),
        [(count, f"{shapes[count]:,}", f"{labelings[count]:,}") for count in sorted(shapes)],
    )


def direction_of(shares: OrderShares, along: str | None) -> str:
    """What U of the signed shares is: the potential of the file ``along``, or the well taken without one."""
    at = shares.words.at
    base = "U is" if at is None else f"Expanded at {at}; U, the displacement from it, is"
    potential = "the square well of depth 1" if along is None else f"that of {along}"
    return f"{base} {potential}, on {len(shares.direction)} cells."


def share_tables(run: str, shares: NetworkShares, along: str | None) -> list[Any]:
    """What each is worth in a network, along the potential of a file or without one the well, and by layers
    where it has several."""
    order, entries = shares.order, shares.shares
    shown = _largest(shares)
    unlike = (
        ""
        if shares.round is None or order >= shares.round
        else (
            f" Orders below {shares.round} of this network were removed in its training: alone they mean "
            "nothing."
        )
    )
    rows: list[tuple[Any, ...]] = [
        (
            f"{index}  {share.diagram.notation}",
            f"{share.diagram.labelings:,}",
            f"{share.norm:.3e}",
            f"{share.along:+.6f}",
            _percent(share.along, shares.along) if share.norm else "none",
        )
        for index, share in shown
    ]
    left_out = len(entries) - len(shown)
    fewer = f" The {len(shown)} largest; {left_out:,} more are in --json." if left_out else ""
    total = (
        "all",
        f"{sum(s.diagram.labelings for s in entries):,}",
        f"{shares.norm:.3e}",
        f"{shares.along:+.6f}",
    )
    names = shares.words
    label = "exact Born term" if names.at is None else "exact term"
    known = shares.born_term is not None
    exact = [(label, "", "", f"{shares.born_term:+.6f}", "")] if known else []
    tables = [
        table(
            run if shares.round is None else f"{run}: round {shares.round}, member {shares.member}",
            ("diagram", "labelings", f"norm in T_{order}", f"T_{order}(U), {names.unit}", "share"),
            [*rows, (*total, "100 %"), *exact],
            f"{direction_of(shares, along)} Norms do not add up: parts of opposite sign cancel."
            f"{unlike}{fewer}",
        )
    ]
    if any(share.layers for share in entries):
        tables.append(_layer_table(shares))
    return tables


def _largest(shares: NetworkShares) -> list[tuple[int, DiagramShare]]:
    """The shares with their numbers, from 1; of very many, those that are worth most, in their order."""
    numbered = list(enumerate(shares.shares, start=1))
    if len(numbered) > _LISTED:
        worth = sorted(numbered, key=lambda entry: -abs(entry[1].along))[:_LISTED]
        numbered = sorted(worth, key=lambda entry: entry[0])
    return numbered


def _layer_table(shares: NetworkShares) -> Any:
    """Signed shares by the layer of the vertex next to the output."""
    layers = range(1, shares.depth + 1)
    values = [{layer.layer: layer.along for layer in share.layers} for share in shares.shares]
    sums = {layer: sum(value.get(layer, 0.0) for value in values) for layer in layers}
    title = f"T_{shares.order}(U) by the hidden layer of the last vertex (1 is next to the input)"
    if shares.depth > _LAYER_COLUMNS:
        rows = [(layer, f"{sums[layer]:+.6f}", _percent(sums[layer], shares.along)) for layer in layers]
        return table(title, ("layer", "value, ranges", "share"), rows)
    return table(
        title,
        ("diagram", *(f"layer {layer}" for layer in layers)),
        [
            *(
                (
                    f"{index}  {share.diagram.notation}",
                    *(f"{value[layer]:+.6f}" if layer in value else "" for layer in layers),
                )
                for index, share in _largest(shares)
                for value in (values[index - 1],)
            ),
            ("all", *(f"{sums[layer]:+.6f}" for layer in layers)),
            ("share", *(_percent(sums[layer], shares.along) for layer in layers)),
        ],
    )


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole + 0.0:+.1f} %" if whole else ""
