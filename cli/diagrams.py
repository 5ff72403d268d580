"""`bornnet diagrams`: a network's order n as a sum of diagrams, drawn and valued."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bornnet.errors import InputError
from bornnet.learners.flow.trees import HIGHEST_VALUED

from .diagram_tables import by_vertices, counted, drawing_of, share_tables
from .foreign import model_facts, model_options, require_model
from .options import Name, force_option, terminal_options
from .terminal import Terminal

if TYPE_CHECKING:
    from bornnet.diagrams.diagram import Diagram

_COUNTED, _DRAWN, _SHOWN = 12, 8, 6  # highest orders: counted; drawn into files; drawn in the terminal
_FORMATS = ("text", "svg", "tikz")
_ENDINGS = {".svg": "svg", ".tex": "tikz", ".txt": "text"}


@click.command()
@click.option(
    "--order",
    type=int,
    required=True,
    metavar="N",
    help=f"Order of the derivative, 1 to {_COUNTED}; of a flow's trees, 1 to {HIGHEST_VALUED}.",
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
    drawing = (
        drawing_of(found, shares, form) if form != "text" or out is not None or order <= _SHOWN else None
    )
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
    pictures = drawing.splitlines() if drawing else [] if out is not None else [by_vertices(found)]
    terminal.result(
        {"shapes": len(found), "labelings": sum(d.labelings for d in found), **document},
        f"Order {order}: {counted(found)}",
        "",
        *pictures,
        *(share_tables(run or str(model), shares, along) if shares else ()),
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
            f"--order: expected a number from 1 to {_COUNTED} (which has 21,965 diagrams); got {order}. "
            f"Trees of a flow go up to {HIGHEST_VALUED}."
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
