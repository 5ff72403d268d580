"""`bornnet cells`: potentials or datasets of different cells as one."""

from pathlib import Path
from shlex import quote

import click

from bornnet.errors import InputError

from .options import force_option, terminal_options
from .terminal import Terminal, facts


@click.command()
@click.argument("out", type=click.Path(), metavar="OUT")
@click.argument("sources", type=click.Path(), nargs=-1, required=True, metavar="SOURCE..")
@click.option(
    "--edges",
    multiple=True,
    metavar="0,R,..,1",
    help="Of the cells of a SOURCE, in units of the range: once for each of them.  [default: equal cells]",
)
@force_option
@terminal_options
def cells(
    out: str, sources: tuple[str, ...], edges: tuple[str, ...], force: bool, terminal: Terminal
) -> None:
    """Bring potentials of uneven cells, or of different ones, onto common equal cells: OUT.

    They are the fewest that have all edges, so that no potential changes. SOURCES are tables of potentials,
    CSV or NPY, one a row, for an OUT.npy; or datasets, for an OUT.h5 with the values of all (without
    gradients, which are by the old cells).

    \b
    Examples:
      bornnet cells common.npy uneven.csv --edges 0,0.1,0.3,0.6,1
      bornnet cells both.npy sixteen.csv sixty-four.npy
      bornnet cells both.h5 sixteen.h5 sixty-four.h5
    """
    import numpy as np

    from bornnet.datasets.merge import merge
    from bornnet.files.atomic import check_new_file, new_file
    from bornnet.files.potentials import read_potentials, require_finite
    from bornnet.physics.equal_cells import equal_cells

    check_new_file(out, force=force)
    if any(Path(out).resolve() == Path(source).resolve() for source in sources):
        raise InputError(f"{out}: expected another name than that of a SOURCE.")
    kind = Path(out).suffix
    if kind not in (".npy", ".h5"):
        raise InputError(
            f"OUT: expected a name that ends in .npy (potentials) or .h5 (datasets), got {out!r}."
        )
    if edges and len(edges) != len(sources):
        raise InputError(f"--edges: expected one for each SOURCE, {len(sources)}; got {len(edges)}.")
    sha256 = None
    if kind == ".h5":
        if edges:
            raise InputError("--edges: the cells of a dataset are equal; leave it out.")
        rows, sha256 = merge(Path(out), [Path(source) for source in sources], force=force)
        shape = rows.potentials.shape
    else:
        tables = []
        for source in sources:
            table = np.array(read_potentials(source), dtype=float)
            require_finite(source, table)
            tables.append(table)
        common = equal_cells(tables, [_numbers(given) for given in edges] if edges else None)
        with new_file(out, force=force) as place, place.open("wb") as file:
            np.save(file, common)
        shape = common.shape
    terminal.result(
        {
            "written": out,
            "samples": shape[0],
            "cells": shape[1],
            "sources": list(sources),
            "sha256": sha256,
        },
        facts(
            f"Common cells {out}",
            {"potentials": f"{shape[0]:,} of {shape[1]} cells", **({"SHA-256": sha256} if sha256 else {})},
        ),
    )
    after = "iterate" if kind == ".h5" else "generate OUT.h5 --potentials"
    terminal.note(
        f"Wrote {out}. Next: bornnet {after} {quote(out)}{' --out runs/NAME' if kind == '.h5' else ''}"
    )


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--edges: expected numbers with commas between them, got {text!r}.") from None
