"""The options that commands share whatever they are about, with the same words everywhere.

Those of the configuration are made from its keys (`configured`).
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click

from bornnet.config.names import suggestion
from bornnet.errors import InputError

from .terminal import Terminal

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]


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


class TableFile(click.Path):
    """A table to read: a file, or by the name `-` standard input."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from bornnet.files.text import STDIN

        return str(STDIN) if value == "-" else super().convert(value, param, ctx)


def offering(names: Callable[[], Iterable[str]]) -> Callable[..., list[str]]:
    """For `shell_complete`: those of the names that begin as what is typed; of a chain, its last part."""

    def begun(ctx: click.Context, param: click.Parameter, typed: str) -> list[str]:
        before, comma, last = typed.rpartition(",")
        return [before + comma + name for name in names() if name.startswith(last)]

    return begun


def together(*options: Decorator) -> Decorator:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


force_option = click.option("--force", is_flag=True, help="Replace an existing output.")
resume_option = click.option("--resume", is_flag=True, help="Go on with an interrupted run.")


@contextmanager
def reference_as_flags(at: str | None) -> Iterator[None]:
    """Errors about a reference, which speak of parameters, as the flags that gave it."""
    try:
        yield
    except InputError as error:
        text = str(error)
        for parameter in ("at: ", "target inverse: "):
            if text.startswith(parameter):
                flag = f"--at {at}" if parameter == "at: " else "--target inverse"
                text = text.removeprefix(parameter).replace("take target", "take --target")
                raise InputError(f"{flag}: {text}") from None
        raise


def terminal_options(command: Command) -> Command:
    """`--json`, `--quiet`, `--verbose`, handed to the command as one `terminal`."""

    @together(
        click.option("--json", is_flag=True, help="Print the result as one JSON object."),
        click.option("--quiet", is_flag=True, help="No progress bar and no closing line."),
        click.option("--verbose", is_flag=True, help="Log what is done; show the traceback of an error."),
    )
    @wraps(command)
    def with_terminal(*args: Any, json: bool, quiet: bool, verbose: bool, **kwargs: Any) -> Any:
        _require_current_folder()
        return command(*args, terminal=Terminal(json=json, quiet=quiet, verbose=verbose), **kwargs)

    return with_terminal


def _require_current_folder() -> None:
    """Libraries look things up relative to it, and some end the process where it is gone."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise InputError("the current folder has been deleted; change to one that exists (cd).") from None
