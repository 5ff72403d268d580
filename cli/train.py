"""`bornnet train`: networks fitted to the scattering length in one go."""

from typing import Any

import click

from .learning import run_fit, run_options


@click.command()
@click.argument("data", type=click.Path(), metavar="DATA.h5")
@run_options
def train(data: str, **flags: Any) -> None:
    """Fit one network, or an ensemble, to DATA.h5 without iteration, and write a run.

    \b
    Examples:
      bornnet train data.h5 --out runs/single --preset quick
      bornnet train data.h5 --out runs/adam --optimizer adam --steps 500
      bornnet train data.h5 --out runs/single --resume
    """
    run_fit("train", data, {**flags, "rounds": 1})
