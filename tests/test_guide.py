"""The guide: every command and snippet on its pages runs, and prints what the page says it prints."""

import io
import re
from pathlib import Path

import pytest
from bornnet.cli.guide import PAGES, available, read, title
from bornnet.cli.main import main
from bornnet.cli.page import Page
from guide_blocks import blocks, run_blocks
from rich.console import Console

import bornnet

ROOT = Path(bornnet.__file__).parents[1]


def unfenced(page):
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", read(page), flags=re.M | re.S)


@pytest.mark.parametrize("page", available())
def test_what_stands_on_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks([block for block in blocks(read(page)) if not block.slow])


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in available() if any(b.slow for b in blocks(read(page)))])
def test_slow_parts_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks(blocks(read(page)))


@pytest.mark.parametrize("page", available())
def test_a_page_is_a_page(page):
    lines = read(page).splitlines()
    assert lines[0].startswith("# ")
    assert 60 <= len(lines) <= 200
    assert max(map(len, lines)) <= 110
    assert any(not block.slow for block in blocks(read(page)))


@pytest.mark.parametrize("page", available())
def test_commands_for_a_clone_are_there(page):
    """What is typed in a clone takes too long for tests: its script, and each flag in it, must be there."""
    for line in re.findall(r"^```sh\n(.*?)^```$", read(page), re.M | re.S):
        for script, flags in re.findall(r"^python (\S+)(.*)$", line, re.M):
            source = (ROOT / script).read_text(encoding="utf-8")
            assert all(f'"{flag}"' in source for flag in re.findall(r"--[a-z-]+", flags))


@pytest.mark.parametrize("page", available())
def test_no_table_or_heading_is_swallowed_by_a_paragraph(page):
    assert not re.search(r"^[^|\n].*(\| --- \||\S ## )", unfenced(page), re.M)
    assert not re.search(r"\S\n +\d+[.)] ", unfenced(page))  # a number at a line's start would begin a list


def test_every_file_is_listed():
    written = {path.stem for path in (ROOT / "bornnet" / "guide").glob("*.md")}
    assert written == set(available()) <= set(PAGES)


def test_shown_and_listed(capsys):
    assert main(["guide", "physics"]) == 0
    assert capsys.readouterr().out == read("physics")
    assert main(["guide", "--list"]) == 0
    assert title("physics") in capsys.readouterr().out


def test_an_unknown_page_names_the_nearest(capsys):
    assert main(["guide", "phisics"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Did you mean 'physics'?" in told.err


def test_broken_promises_are_found():
    with pytest.raises(AssertionError):
        run_blocks(blocks("```python\nprint(1 + 1)  # 3\n```\n"))
    with pytest.raises(AssertionError):
        run_blocks(blocks("```console\n$ bornnet diagrams --order 2\nOrder 2: 7 diagrams\n```\n"))


def test_diagrams_can_be_called_whatever_was_imported_before():
    import bornnet.comparison.compare
    import bornnet.diagrams.diagram

    assert len(bornnet.diagrams(3)) == 2


@pytest.mark.parametrize("page", available())
def test_a_terminal_of_80_columns_cuts_and_wraps_nothing_that_has_a_form(page):
    fenced = "".join(re.findall(r"^```.*?\n(.*?)^```$", read(page), re.M | re.S))
    code = fenced.splitlines() + re.findall(r"^    (.*)$", unfenced(page), re.M)
    assert [line for line in code if len(line) > 78] == []
    console = Console(width=80, file=io.StringIO())
    console.print(Page(read(page)))
    shown = console.file.getvalue()
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
