"""`bornnet generate`: a dataset of labelled potentials."""

from shlex import quote
from typing import Any

import click

from bornnet.errors import InputError

from .options import data_options, force_option, resume_option, study_options, terminal_options
from .terminal import Terminal, facts


@click.command()
@click.argument("out", type=click.Path(), metavar="OUT.h5")
@click.option(
    "--potentials", type=click.Path(), metavar="FILE", help="Label these instead: CSV or NPY, one a row."
)
@data_options
@study_options
@click.option(
    "--shard-rows",
    type=click.IntRange(min=1),
    metavar="N",
    help="Potentials a file, in whole blocks of 4096; half a gigabyte unless given.",
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="Dask cluster that makes the shards, in place of local processes."
)
@force_option
@resume_option
@terminal_options
def generate(
    out: str,
    potentials: str | None,
    preset: str | None,
    config: str | None,
    shard_rows: int | None,
    scheduler: str | None,
    force: bool,
    resume: bool,
    terminal: Terminal,
    **flags: Any,
) -> None:
    """Draw potentials, solve them exactly, and write the dataset OUT.h5.

    A large one is made in shards, files in the folder OUT.h5.shards, and OUT.h5 shows them as one.

    \b
    Examples:
      bornnet generate data.h5 --samples 20000 --cells 16 --strength 1e-3 0.5
      bornnet generate data.h5 --preset quick --labels gradient
      bornnet generate mine.h5 --potentials potentials.csv
      bornnet generate large.h5 --samples 100000000 --cells 64 --resume
      bornnet generate large.h5 --samples 100000000 --scheduler tcp://node1:8786
    """
    from bornnet.config.load import load_config
    from bornnet.datasets.generate import generate as generate_dataset

    if potentials is not None:
        own = [name for name in ("samples", "cells", "family", "strength", "strength_spacing") if flags[name]]
        if own:
            flag = "--" + own[0].replace("_", "-")
            raise InputError(f"--potentials brings its own potentials: leave out {flag}, or --potentials.")
    study = load_config(preset, config, flags)
    with terminal.progress("Labelling potentials", study.samples if potentials is None else None) as advance:
        written = generate_dataset(
            out,
            study,
            potentials=potentials,
            rows_per_shard=shard_rows,
            scheduler=scheduler,
            force=force,
            resume=resume,
            progress=advance,
        )

    speed = (written.samples - written.reused) / written.seconds
    terminal.result(
        {
            "written": str(written.path),
            "samples": written.samples,
            "cells": written.cells,
            "labels": written.labels,
            "family": written.family,
            "strength": written.strength,
            "scattering_length": written.scattering_length,
            "sha256": written.sha256,
            "shards": written.shards,
            "reused": written.reused,
            "bytes": written.bytes,
            "seconds": written.seconds,
            "potentials_per_second": speed,
        },
        facts(
            f"Dataset {written.path}",
            {
                "potentials": f"{written.samples:,} of {written.cells} cells",
                "family": written.family or f"from {potentials}",
                "strength eta": "{:.6g} to {:.6g}".format(*written.strength),
                "scattering length": "{:.6g} to {:.6g} ranges".format(*written.scattering_length),
                "labels": {"value": "a0", "gradient": "a0 and its gradient"}[written.labels],
                "SHA-256": written.sha256,
                "size": f"{written.bytes / 1e6:,.3g} MB"
                + (f" in {written.shards} shards" if written.shards else ""),
                "time": f"{written.seconds:.3g} s, {speed:,.0f} potentials/s",
            },
        ),
    )
    terminal.note(f"Wrote {written.path}. Next: bornnet iterate {quote(out)} --out runs/NAME")
