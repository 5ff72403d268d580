"""`bornnet diagrams`: a network's order n as a sum of diagrams, drawn and valued.

Over 300 lines: the options with their help, and a table a kind of network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bornnet.errors import InputError

from .foreign import model_facts, model_options, require_model
from .options import Name, force_option, terminal_options
from .terminal import Terminal, table

if TYPE_CHECKING:
    from bornnet.comparison.network_shares import NetworkShares
    from bornnet.diagrams.diagram import Diagram
    from bornnet.diagrams.shares import DiagramShare

_COUNTED, _DRAWN, _SHOWN = 12, 8, 6  # highest orders: counted; drawn into files; drawn in the terminal
_LISTED = 33  # rows of a table: all diagrams of order 6
_WIDTH = 78
_FORMATS = ("text", "svg", "tikz")
_ENDINGS = {".svg": "svg", ".tex": "tikz", ".txt": "text"}
_LAYER_COLUMNS = 5  # layers side by side; a deeper network is summed over its diagrams


@click.command()
@click.option(
    "--order", type=int, required=True, metavar="N", help=f"Order of the derivative, 1 to {_COUNTED}."
)
@click.option("--run", type=click.Path(), metavar="RUN", help="Value the diagrams in a network of this run.")
@model_options
@click.option(
    "--round", "number", type=int, metavar="K", help="Of the run; by default the one order N is due in."
)
@click.option("--member", type=int, metavar="M", help="Of the run's ensemble; by default the first, 1.")
@click.option(
    "--along", type=click.Path(), metavar="FILE", help="Potential of the signed shares; by default U = 1."
)
@click.option("--format", "form", type=Name(_FORMATS), help="text, svg, or tikz (a LaTeX document).")
@click.option("--out", type=click.Path(), metavar="FILE", help="Write the drawing: .svg, .tex or .txt.")
@force_option
@terminal_options
def diagrams(
    order: int,
    run: str | None,
    model: str | None,
    activation: str | None,
    layers: str | None,
    check: str | None,
    number: int | None,
    member: int | None,
    along: str | None,
    form: str | None,
    out: str | None,
    force: bool,
    terminal: Terminal,
) -> None:
    """Draw the diagrams of a network's N-th derivative; with --run or --model, say what each is worth in it.

    \b
    The rules, read from the legs (inputs x) at the left to the output f:
      x ──         a leg that ends in layer l is  W_l s' W_(l-1) .. s' W_1
      ●ᵏ           a vertex in layer l joins k branches and is  s⁽ᵏ⁾(z_l)
      ● ── ●       the line from layer l to m is  W_m s' .. s' W_(l+1)
      ● ── f       the line to the output is  w s' W_L .. s' W_(l+1)
    Put the vertices into layers in every way in which layers grow towards
    the output, label the legs in every different way, and sum.
    A flow along r (--learner flow) has rooted trees: a vertex at r is
    U(r) g_k(r), k its branches, and a line says r' < r.

    \b
    Examples:
      bornnet diagrams --order 4
      bornnet diagrams --order 3 --run runs/first
      bornnet diagrams --order 3 --model net.pt --activation gelu
      bornnet diagrams --order 4 --out diagrams.svg
    """
    from bornnet.diagrams import diagram as engine

    form = _form(form, out, terminal)
    _require_order(order, form)
    _require_run(run, round=number, member=member)
    require_model(model, activation=activation, layers=layers, check=check)
    if run is not None and model is not None:
        raise InputError("--run and --model are two networks; give one of them.")
    if run is None and model is None and along is not None:
        raise InputError("--along means nothing without --run or --model; give one, or leave it out.")
    if out is not None:
        from bornnet.files.atomic import check_new_file

        check_new_file(out, force=force)
    shares = None
    if run is not None:
        from bornnet.comparison.network_shares import chosen_model, shares_of
        from bornnet.learners.flow.learner import FlowLearner

        member = 1 if member is None else member
        chosen = chosen_model(run, order, number, member)
        if isinstance(chosen.model, FlowLearner):
            from .flow_diagrams import show_trees

            show_trees(terminal, chosen, order, member, along, form=form, out=out, force=force)
            return
        shares = shares_of(chosen, order, member, along)
    found = engine.diagrams(order)
    if model is not None:
        from bornnet.comparison.network_shares import model_shares
        from bornnet.learners.foreign.network import read_network

        read = read_network(model, activation=activation, layers=layers, check=check)
        shares = model_shares(read, order, along)
    drawing = _drawing(found, shares, form) if form != "text" or out is not None or order <= _SHOWN else None
    document = shares.as_dict() if shares else {"order": order, "diagrams": [_as_dict(d) for d in found]}
    if out is not None:
        from bornnet.files.atomic import new_file

        with new_file(out, force=force) as temporary:
            temporary.write_text(drawing or "", encoding="utf-8")
        document["written"] = out
        drawing = None
    elif form != "text":
        click.echo(drawing, nl=False)
        return
    pictures = drawing.splitlines() if drawing else [] if out is not None else [_by_vertices(found)]
    terminal.result(
        {"shapes": len(found), "labelings": sum(d.labelings for d in found), **document},
        f"Order {order}: {_counted(found)}",
        "",
        *pictures,
        *(_share_tables(run or str(model), shares) if shares else ()),
        *(model_facts(shares.model) if shares and shares.model else ()),
    )
    if out is not None:
        terminal.note(f"Wrote {out}.")
    elif order > _SHOWN:
        terminal.note(f"Too many to draw here; --out FILE.svg or FILE.tex draws them up to order {_DRAWN}.")


def _form(form: str | None, out: str | None, terminal: Terminal) -> str:
    """What to draw: as `--format` says, else as the ending of `--out`."""
    ending = Path(out).suffix.lower() if out is not None else ".txt"
    if form is None:
        if ending not in _ENDINGS:
            raise InputError(
                f"--out {out}: expected a name that ends in {', '.join(_ENDINGS)}, or a --format."
            )
        form = _ENDINGS[ending]
    if terminal.json and form != "text" and out is None:
        raise InputError(f"--format {form} and --json both want stdout; give --out FILE to the drawing.")
    return form


def _require_order(order: int, form: str) -> None:
    if not 1 <= order <= _COUNTED:
        raise InputError(
            f"--order: expected a number from 1 to {_COUNTED} (which has 21,965 diagrams); got {order}."
        )
    if form != "text" and order > _DRAWN:
        raise InputError(f"--order: drawings go up to order {_DRAWN} (261 diagrams); got {order}.")


def _require_run(run: str | None, **flags: Any) -> None:
    for name, value in flags.items():
        if run is None and value is not None:
            raise InputError(f"--{name} means nothing without --run; give a run, or leave it out.")


def _as_dict(diagram: Diagram) -> dict[str, Any]:
    return {
        "diagram": diagram.notation,
        "labelings": diagram.labelings,
        "vertices": list(diagram.vertices),
    }


def _counted(found: Sequence[Diagram]) -> str:
    labelings = sum(diagram.labelings for diagram in found)
    return f"{_plural(len(found), 'diagram')}, {_plural(labelings, 'labeling')} of the legs in all"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _drawing(found: Sequence[Diagram], shares: NetworkShares | None, form: str) -> str:
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


def _by_vertices(found: Sequence[Diagram]) -> Any:
    shapes = Counter(len(diagram.vertices) for diagram in found)
    labelings: Counter[int] = Counter()
    for diagram in found:
        labelings[len(diagram.vertices)] += diagram.labelings
    return table(
        "By number of vertices",
        ("vertices", "diagrams", "labelings"),
        [(count, f"{shapes[count]:,}", f"{labelings[count]:,}") for count in sorted(shapes)],
    )


def _share_tables(run: str, shares: NetworkShares) -> list[Any]:
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
    base = "U is" if names.at is None else f"Expanded at {names.at}; U, the displacement from it, is"
    label = "exact Born term" if names.at is None else "exact term"
    known = shares.born_term is not None
    exact = [(label, "", "", f"{shares.born_term:+.6f}", "")] if known else []
    tables = [
        table(
            run if shares.round is None else f"{run}: round {shares.round}, member {shares.member}",
            ("diagram", "labelings", f"norm in T_{order}", f"T_{order}(U), {names.unit}", "share"),
            [*rows, (*total, "100 %"), *exact],
            f"{base} the square well of depth 1, or as --along says. Norms do not add up: parts of opposite "
            f"sign cancel.{unlike}{fewer}",
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
