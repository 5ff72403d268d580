"""Networks from elsewhere, as commands take them: what is said of them, and what was read."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from bornnet.config.names import ACTIVATIONS
from bornnet.errors import InputError

from .options import Name
from .terminal import facts

if TYPE_CHECKING:
    from bornnet.learners.foreign.network import ForeignNetwork

_OPTIONS = (
    click.option("--model", type=click.Path(), metavar="FILE", help="A network from elsewhere, of no RUN."),
    click.option("--activation", type=Name(ACTIVATIONS), help="Of --model, between any two of its layers."),
    click.option(
        "--layers",
        metavar="TEXT",
        help='Of --model, where names do not tell: "8 -> 16 tanh -> 1".',
    ),
    click.option(
        "--check",
        type=click.Path(),
        metavar="FILE",
        help="Table of inputs and, last, the output that --model must give.",
    ),
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of commands that take a network from elsewhere."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def require_model(model: str | None, **given: Any) -> None:
    """`InputError` where something is said of a model that is not there."""
    for name, value in given.items():
        if model is None and value is not None:
            raise InputError(f"--{name} goes with --model; give one, or leave it out.")


def model_facts(model: "ForeignNetwork") -> list[Any]:
    """What was read, as a table."""
    shown = {"layers": model.layout}
    if model.layers:
        shown["in the file"] = ", ".join(model.layers)
    if model.part:
        shown["weights"] = model.part
    if model.value_at_zero != 0:
        shown["f(0)"] = f"{model.value_at_zero:.4g}: without a potential, and in none of the terms"
    if model.check is not None:
        shown["check"] = (
            f"{model.check.rows} rows of {model.check.file}, to {model.check.deviation:.0e} of the largest"
        )
    elif model.layers and model.network.hidden:
        shown["check"] = "none: --check FILE with inputs and outputs of your own proves the reading"
    return ["", facts(f"Network {model.file}", shown)]
