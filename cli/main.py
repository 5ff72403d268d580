"""The `bornnet` command: its subcommands, and what becomes of their errors."""

import errno
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from bornnet import __version__
from bornnet.compute.launcher import first, launched
from bornnet.config.names import suggestion
from bornnet.errors import BornnetError, Interrupted

from .processor import prefer_wide_kernels
from .signals import Stopped, raised_as_stopped
from .streams import make_writable
from .terminal import printable

_COMMANDS = {
    "generate": "Draw potentials, or take your own, and write a dataset.",
    "cells": "Bring potentials or datasets of other cells onto common ones.",
    "train": "Fit one network, or an ensemble, without iteration.",
    "iterate": "Learn the series round by round, order by order.",
    "compare-born": "Compare learned terms with exact ones: tables, report.",
    "predict": "Predict values and terms of potentials, with errors.",
    "kernels": "Write learned coefficients, with errors.",
    "study": "Run many settings and seeds, and tabulate the results.",
    "solve": "Solve potentials: a0 with its error, bound states, terms.",
    "diagrams": "Draw an order's diagrams, and a network's share of each.",
    "guide": "Read about the physics, the learners, and how to use them.",
    "completion": "Print the script with which a shell completes commands.",
}
"""The commands in the order of a study, and what each does: their list is shown without importing any."""


_SHARED = (["train"], ["iterate"])  # what several processes started by torchrun do together
_SHARED_ERRORS = (BornnetError, click.ClickException, click.Abort, KeyboardInterrupt)


def _module(command: str) -> str:
    return f"{__package__}.{command.replace('-', '_')}"


class _Group(click.Group):
    """The subcommands, each imported when it is first asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in _COMMANDS if find_spec(_module(name))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = _module(cmd_name)
        return getattr(import_module(module), module.rpartition(".")[2])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name]) for name in self.list_commands(ctx)])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            ctx.fail(
                f"No such command {args[0]!r}.{suggestion(args[0], names)} Commands: {', '.join(names)}."
            )
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="bornnet %(version)s")
def bornnet() -> None:
    """Neural-network perturbation theory for scattering lengths.

    What did a network learn of the Born series, order by order?

    \b
    Example: a whole study in three commands
      bornnet generate data.h5 --preset quick
      bornnet iterate data.h5 --out runs/first --preset quick
      bornnet compare-born runs/first
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed, 2 bad input, 130, 143 interrupted."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not first() and arguments[:1] not in _SHARED:
        return 0
    make_writable()
    prefer_wide_kernels()
    shown = warnings.showwarning
    warnings.showwarning = _show_warning
    try:
        with raised_as_stopped(), _one_voice():
            return bornnet.main(arguments, prog_name="bornnet", standalone_mode=False) or 0
    except (Exception, KeyboardInterrupt) as error:
        if "--verbose" in arguments and not isinstance(error, click.ClickException):
            traceback.print_exc()
        message, code = _explain(error)
        if first() or not isinstance(error, _SHARED_ERRORS):
            print(printable(message), file=sys.stderr)
        if launched():
            from bornnet.compute import group

            group.leave(code)
        return code
    finally:
        warnings.showwarning = shown


@contextmanager
def _one_voice() -> Iterator[None]:
    """Of several processes that train together the first alone is heard."""
    if first():
        yield
    else:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield


def _explain(error: BaseException) -> tuple[str, int]:
    """The one line that the user reads, and the exit code."""
    if isinstance(error, click.Abort):  # click's wrapping of an interrupt
        error = error.__cause__ or KeyboardInterrupt()
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted.", _stop_code(error)
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "bornnet"
        return f"Error: {_sentence(error.format_message())} Try '{command} --help'.", 2
    if isinstance(error, click.ClickException):
        return f"Error: {_sentence(error.format_message())}", 2
    if isinstance(error, BornnetError):
        if isinstance(error, Interrupted):
            return str(error), _stop_code(error.__cause__)
        return f"Error: {error}", error.exit_code
    if isinstance(error, MemoryError):
        return f"Error: out of memory. {error}".rstrip() + " Take fewer samples, cells or weights.", 1
    if isinstance(error, OSError):
        if error.errno == errno.ENOSPC:
            return "Error: the disk is full; what was there before is unchanged.", 1
        where = f"{error.filename}: " if error.filename else ""
        code = 2 if error.errno == errno.ENAMETOOLONG else 1
        return f"Error: {where}{_sentence(error.strerror or str(error))}", code
    return f"Error: {type(error).__name__}: {error} (the traceback comes with --verbose)", 1


def _stop_code(cause: BaseException | None) -> int:
    return cause.exit_code if isinstance(cause, Stopped) else Interrupted.exit_code


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _show_warning(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
    print(printable(f"Warning: {message}"), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
