"""What a command shows: its result on stdout, everything else on stderr.

All text is treated as text: names from the user's files cannot bring colours, markup or control characters
with them. rich is imported on first use, so that help and usage errors stay quick.
"""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from .signals import check

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SCHEMA_VERSION = 1

Advance = Callable[..., None]
"""`advance(steps=1, note="")`: move a progress bar, and say beside it how things stand."""


class Terminal:
    """The output of one command, as `--json`, `--quiet` and `--verbose` ask for it."""

    def __init__(self, *, json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        self.json = json
        self.quiet = quiet
        self.verbose = verbose
        logger = logging.getLogger("bornnet")
        logger.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING)
        logger.handlers = [logging.StreamHandler(sys.stderr)]
        logger.handlers[0].setFormatter(logging.Formatter("%(levelname)s: %(message)s"))

    @property
    def plots(self) -> bool:
        """Whether small plots have a place on stdout: a Unicode terminal of 80 columns, and no `--json`."""
        unicode = (sys.stdout.encoding or "").lower().startswith("utf")
        return not self.json and sys.stdout.isatty() and unicode and get_terminal_size().columns >= 80

    def result(self, document: Mapping[str, Any], *tables: Table | str) -> None:
        """Show the result: with `--json` the document, with `schema_version` before it; else the tables."""
        if self.json:
            text = json.dumps(
                strict({"schema_version": SCHEMA_VERSION, **document}), allow_nan=False, indent=1
            )
            print(text, flush=True)
            return
        console = self.console(sys.stdout)
        for shown in tables:
            console.print(
                printable(shown) if isinstance(shown, str) else shown, markup=False, highlight=False
            )

    def document(self, document: Mapping[str, Any], markdown: str) -> None:
        """Show a page of Markdown as the terminal can; with `--json` the document, in a pipe the Markdown."""
        if self.json or not sys.stdout.isatty():
            if self.json:
                self.result(document)
            else:
                print(markdown, end="", flush=True)
            return
        from .page import Page

        self.console(sys.stdout).print(Page(markdown))

    def note(self, text: str) -> None:
        """A line on stderr that `--quiet` leaves out: what was written, and what to do next."""
        if not self.quiet:
            print(printable(text), file=sys.stderr, flush=True)

    @contextmanager
    def progress(self, description: str, total: int | None) -> Iterator[Advance]:
        """A progress bar with the time left, where stderr is a terminal and `--quiet` was not given.

        Each step is also the place where a signal to stop is raised again that Python had dropped.
        """
        if self.quiet or not sys.stderr.isatty():
            yield lambda steps=1, note="": check()
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Progress(*columns, console=self.console(sys.stderr), transient=True) as bar:
            task = bar.add_task(printable(description), total=total, note="")

            def advance(steps: int = 1, note: str = "") -> None:
                bar.update(task, advance=steps, note=printable(note))
                check()

            yield advance

    @staticmethod
    def console(stream: Any) -> Console:
        from rich.console import Console

        # A pipe has no width: tables then take what they need, so that no name or hash is cut.
        return Console(file=stream, width=None if stream.isatty() else 200)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], note: str = "") -> Table:
    """A table; the first column is aligned left, the others, numbers, right. Headings carry the units."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(
        title=Text(printable(title)), caption=Text(printable(note)) if note else None, box=box.SIMPLE_HEAD
    )
    shown.title_justify = shown.caption_justify = "left"
    for index, column in enumerate(columns):
        shown.add_column(Text(printable(column)), justify="right" if index else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(printable(str(cell))) for cell in row))
    return shown


def facts(title: str, pairs: Mapping[str, Any]) -> Table:
    """A table of named values, one a line."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=Text(printable(title)), title_justify="left", box=box.SIMPLE, show_header=False)
    shown.add_column(style="dim")
    shown.add_column(overflow="fold")
    for name, value in pairs.items():
        shown.add_row(Text(printable(name)), Text(printable(str(value))))
    return shown


def printable(text: str) -> str:
    """The text on one line, with control characters written as escapes."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def strict(value: Any) -> Any:
    """The value as JSON can hold it: arrays as lists, NaN and infinities as null."""
    if isinstance(value, Mapping):
        return {str(key): strict(content) for key, content in value.items()}
    if isinstance(value, list | tuple):
        return [strict(content) for content in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return strict(value.tolist())
    return str(value)
