"""Compiled code is stored where that is possible, and works where it is not."""

import importlib.util
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bornnet.compute import compiled

MODULE = """
from bornnet.compute.compiled import njit

@njit(cache=True, nogil=True)
def twice(x):
    return 2 * x
"""


@pytest.fixture
def module(tmp_path):
    """A module with a compiled function, in a folder of its own."""
    file = tmp_path / "package" / "module.py"
    file.parent.mkdir()
    file.write_text(MODULE)
    return file


def loaded(file):
    spec = importlib.util.spec_from_file_location("module", file)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_stored_and_found_again(module, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    assert loaded(module).twice(3) == 6
    assert [file.suffix for file in sorted((module.parent / "__pycache__").glob("module.twice*"))] == [
        ".nbc",
        ".nbi",
    ]
    again = loaded(module).twice
    assert again(4) == 8
    assert sum(again.stats.cache_hits.values()) == 1


def test_a_folder_that_has_gone_since(module):
    twice = loaded(module).twice
    shutil.rmtree(module.parent / "__pycache__")
    (module.parent / "__pycache__").write_text("no folder")
    assert twice(3) == 6
    assert twice(1.5) == 3.0


def test_a_user_without_a_home_and_a_package_that_cannot_be_written(module, tmp_path):
    """As in containers; a file in place of the folder refuses even root."""
    (module.parent / "__pycache__").write_text("no folder")
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {
        "HOME": "~",
        "PYTHONPATH": str(module.parent),
    }  # "~" is what it is without an entry for the user
    code = "import module; print(module.twice(3), module.twice(1.5))"
    (tmp_path / "work").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "work", env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr, done.returncode) == ("6 3.0\n", "", 0)
    assert list((tmp_path / "work").iterdir()) == []


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_who_waits_at_a_terminal_is_told_once_that_it_compiles(monkeypatch):
    fresh = loaded(Path(compiled.__file__))
    for stream, lines in ((io.StringIO(), 0), (Terminal(), 1), (Terminal(), 0)):
        monkeypatch.setattr(sys, "stderr", stream)
        fresh.tell_that_it_compiles()
        assert stream.getvalue().count("\n") == lines


def test_it_is_told_where_nothing_is_stored_yet(module, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    told = []
    monkeypatch.setattr(compiled, "tell_that_it_compiles", lambda: told.append(1))
    for _ in range(2):
        assert loaded(module).twice(3) == 6
    assert told == [1]
