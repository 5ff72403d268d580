"""The README: short, true to the folders and the commands, and everything on it runs."""

import re
import shlex
from pathlib import Path

import click
import pytest
from bornnet.cli.main import bornnet as group
from guide_blocks import blocks, run_blocks

import bornnet

ROOT = Path(bornnet.__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(text):
    """What is typed in it after `$ bornnet`, or stands between backquotes."""
    typed = re.findall(r"^\$ bornnet (.+)$", text, re.M)
    return typed + re.findall(r"`bornnet ([a-z-]+ [^`]*)`", text)


def test_short_enough_to_be_read():
    assert README.count("\n") <= 150
    assert max(len(line) for line in README.splitlines() if not line.startswith("|")) <= 125


def test_every_room_is_named():
    table = README.partition("## Where things are")[2].partition("\n## ")[0]
    named = {name.rstrip("/").rpartition("/")[2] for name in re.findall(r"`([a-z/]+/)`", table)}
    rooms = {path.parent.name for path in (ROOT / "bornnet").glob("*/__init__.py")}
    assert rooms | {"cli", "data", "tests"} <= named
    assert all(any((ROOT / base / name).is_dir() for base in ("", "bornnet")) for name in named)


def test_what_it_points_to_is_there():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).is_file(), target
    for script in re.findall(r"python\s+(tests/\S+\.py)", README):
        assert (ROOT / script).is_file(), script
    for page in re.findall(r"`bornnet guide ([a-z][a-z-]+)`", README):
        assert (ROOT / "bornnet" / "guide" / f"{page}.md").is_file(), page


@pytest.mark.parametrize("line", commands(README))
def test_commands_are_spelled_as_they_are_understood(line):
    name, *arguments = shlex.split(line)
    command = group.get_command(click.Context(group), name)
    assert command is not None, name
    command.make_context(name, arguments, resilient_parsing=True)


def test_make_has_what_it_names():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make ([a-z-]+)", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks([block for block in blocks(README) if block.language == "python"])


@pytest.mark.slow
def test_the_tour_runs_and_prints_what_stands_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks([block for block in blocks(README) if block.language == "console"], digits=False)
