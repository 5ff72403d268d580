"""`bornnet guide`: the pages that explain bornnet, in the terminal."""

from importlib.resources import files

import click

from bornnet.config.names import suggestion
from bornnet.errors import InputError

from .options import offering, terminal_options
from .terminal import Terminal, facts

PAGES: tuple[str, ...] = (
    "physics",
    "iteration",
    "learners",
    "derivatives",
    "precision",
    "infinite",
    "noise",
    "own-data",
    "own-networks",
    "references",
    "solve",
    "large-data",
    "speed",
    "files",
    "prior-work",
)
"""In the order in which they are read."""


@click.command()
@click.argument("page", required=False, metavar="[PAGE]", shell_complete=offering(lambda: available()))
@click.option("--list", "listed", is_flag=True, help="List the pages.")
@terminal_options
def guide(page: str | None, listed: bool, terminal: Terminal) -> None:
    """Show a PAGE of the guide; without one, list the pages.

    Every command and every line of Python on the pages is run by bornnet's tests.

    \b
    Examples:
      bornnet guide --list
      bornnet guide physics
      bornnet guide learners | less
    """
    if page is None or listed:
        titles = {name: title(name) for name in available()}
        terminal.result(
            {"pages": [{"name": name, "title": text} for name, text in titles.items()]},
            facts("Pages of the guide", titles),
            "bornnet guide PAGE",
        )
        return
    text = read(page)
    terminal.document({"page": page, "title": title(page), "markdown": text}, text)


def available() -> list[str]:
    """The names of the pages that are installed, in reading order."""
    return [name for name in PAGES if files("bornnet.guide").joinpath(f"{name}.md").is_file()]


def read(page: str) -> str:
    """The Markdown of a page; ``InputError`` where there is none of that name."""
    names = available()
    if page not in names:
        raise InputError(f"guide: expected one of {', '.join(names)}; got {page!r}.{suggestion(page, names)}")
    return files("bornnet.guide").joinpath(f"{page}.md").read_text(encoding="utf-8")


def title(page: str) -> str:
    """The heading of a page."""
    return read(page).partition("\n")[0].removeprefix("# ")
