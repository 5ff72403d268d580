"""What is shown: results on stdout, progress only to a terminal, names from files as plain text."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from pseudo_terminal import read_all

GENERATE = ["generate", "d.h5", "--samples", "200000", "--cells", "16", "--json"]


def on_a_terminal(folder, *arguments):
    """stdout through a pipe, stderr on a terminal: what came on each."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bornnet.cli.main", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = read_all(ours)
    out = process.stdout.read().decode()
    process.stdout.close()
    assert process.wait() == 0, shown
    os.close(ours)
    return out, shown


def test_progress_bar_on_a_terminal_leaves_stdout_alone(tmp_path):
    out, shown = on_a_terminal(tmp_path, *GENERATE)
    assert out.startswith("{")
    assert "Labelling potentials" in shown
    assert "/200000" in shown


def test_quiet_has_no_progress_bar(tmp_path):
    _, shown = on_a_terminal(tmp_path, *GENERATE, "--quiet")
    assert shown == ""


def test_no_progress_bar_where_stderr_is_no_terminal(run):
    outcome = run(*GENERATE)
    assert outcome.err == "Wrote d.h5. Next: bornnet iterate d.h5 --out runs/NAME\n"


def test_verbose_logs_to_stderr(run):
    outcome = run(*GENERATE, "--verbose")
    assert "DEBUG: 200000 of 200000 potentials labelled\n" in outcome.err
    assert outcome.json["samples"] == 200000


@pytest.mark.parametrize("name", ["[red]bold.csv", "a\x1b[31mb.csv", "a\nb.csv", "a\u202eb.csv"])
def test_hostile_names_are_shown_as_text(run, name):
    Path(name).write_text("1,2\n")
    shown = name.encode("unicode_escape").decode()
    outcome = run("solve", name)
    assert outcome.code == 0
    assert shown in outcome.out
    assert not {"\x1b", "\u202e"} & set(outcome.out)
    refused = run("solve", name, "--row", 7)
    assert shown in refused.err
    assert refused.err.count("\n") == 1
