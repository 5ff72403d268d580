"""`bornnet generate`: a dataset of labelled potentials."""

from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from bornnet.errors import InputError

from .configured import data_options, study_options
from .options import (
    TableFile,
    force_option,
    reference_as_flags,
    resume_option,
    terminal_options,
)
from .terminal import Terminal, facts

if TYPE_CHECKING:
    from bornnet.datasets.generate import Generated


_INVERSE = "inverse_scattering_length"


@click.command()
@click.argument("out", type=click.Path(), metavar="OUT.h5")
@click.option(
    "--potentials",
    type=TableFile(),
    metavar="FILE",
    help="Label these instead: CSV or NPY, one a row; - reads standard input.",
)
@click.option("--values", metavar="FILE", help="Your own values of them: a file of one column, or a heading.")
@click.option("--sigma", metavar="FILE", help="Errors of the values: a file, a heading, or one number.")
@click.option("--gradients", type=click.Path(), metavar="FILE", help="Derivatives of your own values.")
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
    values: str | None,
    sigma: str | None,
    gradients: str | None,
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
      bornnet generate noisy.h5 --preset quick --noise 0.01
      bornnet generate around.h5 --at square:a0=inf --target inverse
      bornnet generate own.h5 --potentials potentials.csv
      bornnet generate own.h5 --potentials U.csv --values a0.csv --sigma 1e-3
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
    if values is not None:
        _refuse_beside_values(potentials, {**flags, "shard_rows": shard_rows, "scheduler": scheduler}, resume)
        written = _own(terminal, out, str(potentials), values, sigma, gradients, study.observable, force)
    else:
        given = {"--sigma": sigma, "--gradients": gradients, "--observable": flags["observable"]}
        for flag, value in given.items():
            if value is not None:
                raise InputError(
                    f"{flag} belongs to your own values: give --values too, or leave {flag} out."
                )
        total = study.samples if potentials is None else None
        if potentials is None and study.strength[1] >= 1:
            _warn_of_strengths(terminal, study.strength[1], study.at)
        with reference_as_flags(study.at), terminal.progress("Labelling potentials", total) as advance:
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

    exact = written.observable == "scattering_length"
    inverse = written.observable == _INVERSE
    symbol = "a0" if exact else "1/a0" if inverse else written.observable
    unit = " ranges" if exact else " / range" if inverse else ""
    low_high = "{:.6g} to {:.6g}".format(*written.values)
    speed = (written.samples - written.reused) / written.seconds
    terminal.result(
        {
            "written": str(written.path),
            "samples": written.samples,
            "cells": written.cells,
            "labels": written.labels,
            "family": written.family,
            "strength": written.strength,
            "observable": written.observable,
            "at": study.at,
            "target": study.target if written.observable in ("scattering_length", _INVERSE) else None,
            "values": written.values,
            **({"scattering_length": written.values} if exact else {}),
            "noise": study.noise,
            "noise_absolute": study.noise_absolute,
            "deviation": None if written.deviation is None else vars(written.deviation),
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
                **({} if study.at is None else {"around": study.at}),
                "strength eta" if study.at is None else "strength": "{:.6g} to {:.6g}".format(
                    *written.strength
                ),
                "scattering length" if exact else symbol: low_high + unit,
                "labels": {"value": symbol, "gradient": f"{symbol} and its gradient"}[written.labels],
                **({"errors of the labels": _noise(study)} if study.noisy else {}),
                **({"from exact a0": _apart(written.deviation)} if written.deviation else {}),
                "SHA-256": written.sha256,
                "size": f"{written.bytes / 1e6:,.3g} MB"
                + (f" in {written.shards} shards" if written.shards else ""),
                "time": f"{written.seconds:.3g} s, {speed:,.0f} potentials/s",
            },
        ),
    )
    diverges = written.strength[1] >= 1 and (exact or inverse)
    if diverges and potentials is not None:
        _warn_of_strengths(terminal, written.strength[1], study.at)
    further = "" if diverges else f" Next: bornnet iterate {quote(out)} --out runs/NAME"
    terminal.note(f"Wrote {written.path}.{further}")


def _warn_of_strengths(terminal: Terminal, most: float, at: str | None) -> None:
    series = "Born series" if at is None else "series around the reference"
    eta = "eta = " if at is None else ""
    terminal.note(
        f"Warning: strengths reach {eta}{most:.6g}, where the {series} diverges: there is no term to learn, "
        "and train and iterate refuse such a dataset. Take strengths below 1 for them."
    )


def _refuse_beside_values(potentials: str | None, flags: dict[str, Any], resume: bool) -> None:
    if potentials is None:
        raise InputError("--values are of potentials of your own: give these with --potentials FILE.")
    for key in ("labels", "noise", "noise_absolute", "at", "target", "shard_rows", "scheduler"):
        if flags[key] is not None:
            raise InputError(f"--values brings its own labels: leave out --{key.replace('_', '-')}.")
    if resume:
        raise InputError(
            "--resume goes on with unfinished shards; own values are written at once: leave it out."
        )


def _own(
    terminal: Terminal,
    out: str,
    potentials: str,
    values: str,
    sigma: str | None,
    gradients: str | None,
    observable: str,
    force: bool,
) -> "Generated":
    from bornnet.datasets.generate import generate_own
    from bornnet.files.columns import headings, read_beside, require_same_length
    from bornnet.files.potentials import read_potentials, require_finite

    U, beside = read_beside(potentials, {"--values": values, "--sigma": sigma})
    if (names := headings(potentials)) and len(names) > U.shape[1]:
        cells = [name for name in names if name not in (values, sigma)]
        terminal.note(f"The cells are the columns {', '.join(cells)} of {potentials}.")
    require_finite(potentials, U)
    slopes = None if gradients is None else read_potentials(gradients)
    lengths = [(potentials, len(U))]
    lengths += [(name, len(array)) for name, array in beside.items() if not isinstance(array, float)]
    require_same_length(lengths + ([] if slopes is None else [(gradients or "", len(slopes))]))
    return generate_own(
        out,
        U,
        beside["--values"],
        sigma=beside.get("--sigma"),
        gradients=slopes,
        observable=observable,
        force=force,
    )


def _noise(study: Any) -> str:
    parts = [f"{study.noise:g} of each"] if study.noise else []
    return " and ".join(parts + ([f"{study.noise_absolute:g}"] if study.noise_absolute else []))


def _apart(found: Any) -> str:
    text = f"{found.median:.2g} (relative, median), {found.largest:.2g} at most, in row {found.row}"
    return text if found.in_sigma is None else f"{text}; RMS {found.in_sigma:.3g} of the stated errors"
