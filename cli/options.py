"""The options of the commands, one decorator a family, each with the same words everywhere.

Every option of the configuration is `None` unless it is given, and then beats the file and the preset.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from bornnet.config.names import (
    ACTIVATIONS,
    DEVICES,
    FAMILIES,
    LABELS,
    LOWER_ORDERS,
    OPTIMIZERS,
    PRECISIONS,
    REMOVE,
    SPACINGS,
    suggestion,
)

from .terminal import Terminal

Command = Callable[..., Any]


class Name(click.Choice):
    """One of some names; the error for another one says which is nearest."""

    name = "name"

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value not in self.choices:
            self.fail(
                f"expected one of {', '.join(self.choices)}; got {value!r}.{suggestion(value, self.choices)}"
            )
        return value

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "NAME"


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names)


study_options = together(
    click.option("--preset", metavar="NAME", help="A study that ships with bornnet: quick, standard, ..."),
    click.option(
        "--config", type=click.Path(), metavar="FILE", help="TOML file with the same keys as the flags."
    ),
    click.option("--seed", type=int, metavar="N", help="All random numbers follow from it."),
    click.option(
        "--workers", type=int, metavar="N", help="CPU threads, or processes; all there are unless given."
    ),
)

data_options = together(
    click.option("--samples", type=int, metavar="N", help="How many potentials."),
    click.option("--cells", type=int, metavar="D", help="Cells of a potential."),
    click.option("--family", type=Name(FAMILIES), help=f"Kind of potentials: {_names(FAMILIES)}."),
    click.option(
        "--strength",
        type=float,
        nargs=2,
        metavar="LO HI",
        help="Range of eta; the Born series converges below 1.",
    ),
    click.option(
        "--strength-spacing", type=Name(SPACINGS), help=f"How eta fills its range: {_names(SPACINGS)}."
    ),
    click.option(
        "--labels", type=Name(LABELS), help="Scattering lengths alone (value), or with gradients (gradient)."
    ),
)

network_options = together(
    click.option("--hidden", metavar="W,W,..", help="Widths of the hidden layers, such as 64,64."),
    click.option("--activation", type=Name(ACTIVATIONS), help=f"One of {_names(ACTIVATIONS)}."),
)

labels_option = click.option(
    "--labels", type=Name(LABELS), help="Fit values alone, or gradients too; what the data have unless given."
)

training_options = together(
    click.option("--optimizer", type=Name(OPTIMIZERS), help=f"One of {_names(OPTIMIZERS)}."),
    click.option("--members", type=int, metavar="M", help="Networks of the ensemble, over seeds."),
    click.option("--steps", metavar="N,N,..", help="Optimizer steps of round 1, 2, ..; the last holds on."),
    click.option("--patience", type=int, metavar="N", help="Steps without progress that end a round."),
    click.option("--time-limit", type=float, metavar="MINUTES", help="How long a member may train."),
    click.option("--holdout", type=float, metavar="FRACTION", help="Part of the dataset held out."),
    click.option("--strength-floors", metavar="ETA,ETA,..", help="Weaker potentials sit out round 1, 2, .."),
    click.option(
        "--lower-orders", type=Name(LOWER_ORDERS), help="removed from the model, or corrected by each round."
    ),
    click.option("--remove", type=Name(REMOVE), help="learned terms, or exact ones (to compare only)."),
    click.option(
        "--warm-start/--cold-start", default=None, help="Start a round from the one before, or anew."
    ),
    click.option(
        "--directions", type=int, metavar="K", help="Derivatives fitted a potential, with labels gradient."
    ),
    click.option("--precision", type=Name(PRECISIONS), help="double, or single (quick and rough)."),
    click.option("--learning-rate", type=float, metavar="RATE", help="Of Adam."),
    click.option("--batch", type=int, metavar="N", help="Samples in a mini-batch of Adam."),
    click.option("--device", type=Name(DEVICES), help="auto, cpu or cuda."),
)

rounds_option = click.option("--rounds", type=int, metavar="K", help="Rounds of the iteration.")
order_option = click.option("--order", type=int, metavar="K", help="Highest Born order.")
force_option = click.option("--force", is_flag=True, help="Replace an existing output.")
resume_option = click.option("--resume", is_flag=True, help="Go on with an interrupted run.")


def terminal_options(command: Command) -> Command:
    """`--json`, `--quiet`, `--verbose`, handed to the command as one `terminal`."""

    @together(
        click.option("--json", is_flag=True, help="Print the result as one JSON object."),
        click.option("--quiet", is_flag=True, help="No progress bar and no closing line."),
        click.option("--verbose", is_flag=True, help="Log what is done; show the traceback of an error."),
    )
    @wraps(command)
    def with_terminal(*args: Any, json: bool, quiet: bool, verbose: bool, **kwargs: Any) -> Any:
        return command(*args, terminal=Terminal(json=json, quiet=quiet, verbose=verbose), **kwargs)

    return with_terminal
