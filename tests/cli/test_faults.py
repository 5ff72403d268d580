"""Processes that die, are told to stop, or compete: what stood there stays, and the rerun is whole."""

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest
from bornnet.cli.main import main
from disturbed import context

from bornnet.config.load import load_config
from bornnet.datasets.generate import generate
from bornnet.files.atomic import lock

GENERATE = ["generate", "d.h5", "--samples", "400000", "--cells", "16", "--workers", "1", "--quiet"]


def start(*arguments, folder):
    return subprocess.Popen(
        [sys.executable, "-m", "bornnet.cli.main", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path, process):
    """Until the file is there, so that the process is in the midst of its work."""
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.002)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    process = start(*GENERATE, folder=folder)
    assert process.wait() == 0, process.stderr.read()
    return (folder / "d.h5").read_bytes()


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.1, 0.3, 0.6])
def test_killed_generate_leaves_nothing_or_all_and_the_rerun_is_the_same(tmp_path, undisturbed, delay):
    process = start(*GENERATE, folder=tmp_path)
    wait_for(tmp_path / ".d.h5.part", process)
    time.sleep(delay)
    process.kill()
    process.communicate()
    if (tmp_path / "d.h5").exists():
        assert (tmp_path / "d.h5").read_bytes() == undisturbed
    again = start(*GENERATE, "--force", folder=tmp_path)
    assert again.wait() == 0, again.stderr.read()
    assert (tmp_path / "d.h5").read_bytes() == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["d.h5"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_generate_says_so_and_leaves_what_was_there(tmp_path, number, code):
    (tmp_path / "d.h5").write_text("before")
    process = start(*GENERATE, "--force", folder=tmp_path)
    wait_for(tmp_path / ".d.h5.part", process)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == code
    assert (out, err) == ("", "Interrupted: nothing was written. Run the same command again.\n")
    assert (tmp_path / "d.h5").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["d.h5"]


def write_under_limits(folder, size):
    """The body of a process: what `generate` does on a disk that is full after so many bytes."""
    os.chdir(folder)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    small = ["generate", "d.h5", "--samples", "50", "--cells", "4", "--workers", "1", "--quiet", "--force"]
    # each part of the file, with the bytes that are written last, when it is closed
    for limit in [*range(0, size, 499), *range(size - 40, size, 13)]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        with redirect_stderr(StringIO()) as err:
            assert main(small) == 1
        assert err.getvalue() == "Error: d.h5: File too large.\n"
        assert Path("d.h5").read_text() == "before"
        assert [path.name for path in folder.iterdir()] == ["d.h5"]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    assert main(small) == 0


def test_disk_that_fills_up(tmp_path):
    """Not simulated: the system refuses to let the file grow, at any place in it."""
    Path(tmp_path / "d.h5").write_text("before")
    generate(tmp_path / "e.h5", load_config(overrides={"samples": 50, "cells": 4, "workers": 1}))
    whole = (tmp_path / "e.h5").read_bytes()
    (tmp_path / "e.h5").unlink()
    process = context.Process(target=write_under_limits, args=(tmp_path, len(whole)))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert (tmp_path / "d.h5").read_bytes() == whole


def test_second_process_on_one_output_is_refused(tmp_path):
    with lock(tmp_path / "d.h5"):
        second = start(*GENERATE, folder=tmp_path)
        _, err = second.communicate()
    assert second.returncode == 2
    assert err == "Error: d.h5 is being written by another process; wait for it, or give another name.\n"
    assert list(tmp_path.iterdir()) == []
