"""A page of Markdown as a terminal shows it: code close to its text, legible on light and dark grounds."""

from collections.abc import Iterator
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown, MarkdownElement
from rich.syntax import Syntax
from rich.theme import Theme

_STYLES = Theme({"markdown.code": "bold"})
"""rich's own put bright letters on black, which are patches on a light ground."""


class _Code(CodeBlock):
    """Code or formulas, without the empty lines that rich puts around them; 78 of 80 columns are theirs."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = str(self.text).rstrip()
        yield Syntax(text, self.lexer_name, theme=self.theme, word_wrap=True, padding=(0, 1))


class Page(Markdown):
    """The page, for `rich.console.Console.print`."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "fence": _Code,
        "code_block": _Code,
    }

    def __init__(self, markdown: str) -> None:
        super().__init__(markdown, code_theme="ansi_dark")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator:
        with console.use_theme(_STYLES):
            yield from super().__rich_console__(console, options)
