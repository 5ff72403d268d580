"""`bornnet iterate`: round by round, each on what the learned orders leave over."""

from typing import Any

import click

from .configured import rounds_option
from .learning import run_fit, run_options


@click.command()
@click.argument("data", type=click.Path(), metavar="DATA.h5")
@rounds_option
@run_options
def iterate(data: str, **flags: Any) -> None:
    """Learn the Born series from DATA.h5 round by round, and write a run.

    Round 1 fits the scattering length. Each later round fits what is left of it once the learned orders are
    removed, so that its network's leading order is the next Born term. Around a reference (generate --at) the
    terms are those of the distorted-wave series.

    \b
    Examples:
      bornnet iterate data.h5 --out runs/first --preset quick
      bornnet iterate data.h5 --out runs/wide --hidden 48,48 --rounds 4
      bornnet iterate data.h5 --out runs/first --resume
    """
    run_fit("iterate", data, flags)
