"""`bornnet diagrams --run` of a flow: its rooted trees along r, drawn and valued."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .diagram_tables import direction_of
from .terminal import Terminal, table

if TYPE_CHECKING:
    from bornnet.comparison.flow_shares import FlowShares, TreeShare
    from bornnet.comparison.network_shares import ChosenModel

_WIDTH = 78


def show_trees(
    terminal: Terminal,
    chosen: "ChosenModel",
    order: int,
    member: int,
    along: str | None,
    *,
    form: str,
    out: str | None,
    force: bool,
) -> None:
    """Print, or write, the trees of an order of a flow and what each is worth."""
    from bornnet.comparison.flow_shares import flow_shares

    shares = flow_shares(chosen, order, member, along)
    drawing = _drawing(shares, form)
    document = shares.as_dict()
    if out is not None:
        from bornnet.files.atomic import new_file

        with new_file(out, force=force) as temporary:
            temporary.write_text(drawing, encoding="utf-8")
        document["written"] = out
    elif form != "text":
        click.echo(drawing, nl=False)
        return
    count = len(shares.shares)
    terminal.result(
        {"shapes": count, "cells": len(shares.direction), "cells_fitted": chosen.run.cells, **document},
        f"Order {order}: {count} rooted tree{'' if count == 1 else 's'}, read from r = 0 at the left",
        "",
        *((*drawing.splitlines(), "") if out is None else ()),
        *_tables(str(chosen.run.path), shares, along, chosen.run.cells),
    )
    if out is not None:
        terminal.note(f"Wrote {out}.")


def _drawing(shares: "FlowShares", form: str) -> str:
    from bornnet.diagrams.drawing import svg_picture, tikz_picture
    from bornnet.diagrams.marks import ALONG_R

    if form == "text":
        return _gallery(shares) + "\n"
    captions = [f"{share.diagram.notation}: {_worth(shares, share)}" for share in shares.shares]
    picture = svg_picture if form == "svg" else tikz_picture
    return picture([share.diagram for share in shares.shares], captions, marks=ALONG_R)


def _gallery(shares: "FlowShares") -> str:
    """The pictures side by side, each with its number, name and value."""
    from bornnet.diagrams.drawing import terminal_picture
    from bornnet.diagrams.marks import ALONG_R

    blocks = []
    for index, share in enumerate(shares.shares, start=1):
        picture = terminal_picture(share.diagram, ALONG_R).splitlines()
        blocks.append([f"{index}  {share.diagram.notation}", *picture, _worth(shares, share)])
    width = max(len(line) for block in blocks for line in block) + 4
    columns = max(1, (_WIDTH + 2) // width)
    rows: list[str] = []
    for start in range(0, len(blocks), columns):
        chosen = blocks[start : start + columns]
        height = max(map(len, chosen))
        padded = [[*block[:-1], block[-1], *[""] * (height - len(block))] for block in chosen]
        rows += [
            "  " + "".join(line.ljust(width) for line in lines).rstrip()
            for lines in zip(*padded, strict=True)
        ]
        rows.append("")
    return "\n".join(rows).rstrip()


def _worth(shares: "FlowShares", share: "TreeShare") -> str:
    """Its part of the term along the direction, in as many digits as small ones need."""
    if not shares.along:
        return f"{share.along:+.1e}"
    part = 100 * share.along / shares.along
    return (
        f"{part:+.1f} % of order {shares.order}"
        if abs(part) >= 0.05
        else f"{part:+.0e} % of order {shares.order}"
    )


def _tables(run: str, shares: "FlowShares", along: str | None, fitted: int) -> list[Any]:
    order, cells = shares.order, len(shares.direction)
    others = f" Norms are of as many, where the run was fitted on {fitted}." if cells != fitted else ""
    rows: list[Sequence[Any]] = [
        (
            f"{index}  {share.diagram.notation}",
            f"{share.norm:.3e}",
            f"{share.relative:.1e}",
            f"{share.along:+.9f}",
        )
        for index, share in enumerate(shares.shares, start=1)
    ]
    rows.append(("all", f"{shares.norm:.3e}", "1", f"{shares.along:+.9f}"))
    if shares.born_term is not None:
        label = "exact Born term" if shares.words.at is None else "exact term"
        rows.append((label, "", "", f"{shares.born_term:+.9f}"))
    vertices = [(f"g_{k}", k, f"{share:.1e}") for k, share in enumerate(shares.vertex_shares)]
    return [
        table(
            f"{run}: round {shares.round}, member {shares.member}",
            ("tree", f"norm in T_{order}", "over all", f"T_{order}(U), {shares.words.unit}"),
            rows,
            f"{direction_of(shares, along)}{others} Norms do not add up: parts of opposite sign cancel.",
        ),
        "",
        table(
            f"Trees with such a vertex, over T_{order}",
            ("vertex", "branches", "norm over all"),
            vertices,
            "The exact law has none of three branches or more.",
        ),
    ]
