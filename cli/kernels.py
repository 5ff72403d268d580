"""`bornnet kernels`: the learned coefficients of an order as a file."""

import click

from .options import force_option, terminal_options
from .terminal import Terminal, facts


@click.command()
@click.argument("run", type=click.Path(), metavar="RUN")
@click.option("--order", type=int, metavar="N", required=True, help="Order of the coefficients.")
@click.option(
    "--out", type=click.Path(), metavar="FILE", required=True, help="Where to write: .npy, .csv or .h5."
)
@force_option
@terminal_options
def kernels(run: str, order: int, out: str, force: bool, terminal: Terminal) -> None:
    """Write the coefficients of order N that RUN has learned, a symmetric tensor, and their errors.

    They are those of the Born kernel: term N of a potential U is the sum of coefficient x U x .. x U. Errors
    are one standard deviation: beside FILE.npy in FILE_std.npy, in a column of FILE.csv, an array of FILE.h5.

    \b
    Examples:
      bornnet kernels runs/first --order 2 --out second.npy
      bornnet kernels runs/first --order 1 --out first.csv
    """
    import numpy as np

    from bornnet.runs.kernels import write_kernel

    kernel, std, files = write_kernel(run, order, out, force=force)
    norm = float(np.linalg.norm(kernel))
    size = None if std is None else float(np.linalg.norm(std))
    terminal.result(
        {
            "written": [str(file) for file in files],
            "order": order,
            "cells": kernel.shape[0],
            "norm": norm,
            "std_norm": size,
        },
        facts(
            f"Coefficients of order {order}",
            {
                "written": ", ".join(map(str, files)),
                "shape": " x ".join(map(str, kernel.shape)),
                "norm": f"{norm:.8g}" if size is None else f"{norm:.8g} ± {size:.1e}",
                **({} if size is not None else {"errors": "not known: one member that states none"}),
            },
        ),
    )
