"""The fenced blocks of a Markdown page that are run: console commands and Python, in order."""

import contextlib
import io
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bornnet.cli.main import main

_FENCE = re.compile(r"^```(console|python)([ a-z]*)\n(.*?)^```$", re.M | re.S)
_PROMISED = re.compile(r"^print\(.*\)  # (.+)$", re.M)


@dataclass(frozen=True)
class Block:
    """One fenced block; `slow` ones are marked so behind the language's name."""

    language: str
    slow: bool
    text: str


def blocks(page: str) -> list[Block]:
    return [Block(kind, "slow" in marks, text) for kind, marks, text in _FENCE.findall(page)]


def run_blocks(found: list[Block], digits: bool = True) -> None:
    """Run them in the current folder; what they promise to print must be printed, digit by digit unless
    numbers may differ (those of training, on another processor)."""
    names: dict[str, Any] = {"__name__": "guide"}
    for block in found:
        if block.language == "console":
            _run_console(block.text, _plain if digits else _without_digits)
        else:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.text, "guide", "exec"), names)
            for promised in _PROMISED.findall(block.text):
                assert promised in printed.getvalue(), (promised, printed.getvalue())


def _run_console(text: str, form: Callable[[str], str]) -> None:
    shown = ""
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            program, *arguments = shlex.split(line[2:], comments=True)
            assert program == "bornnet", line
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(arguments)
            assert code == 0, (line, err.getvalue())
            shown = form(out.getvalue())
        else:
            assert form(line) in shown, (line, shown)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _without_digits(text: str) -> str:
    return re.sub(r"[+-]?\d[\d,.]*(e[+-]?\d+)?", "#", _plain(text))
