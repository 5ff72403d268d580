"""`torchrun`: processes that train together behave as one."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.nn.utils import parameters_to_vector

from bornnet import load_run
from bornnet.config.load import load_config
from bornnet.datasets.generate import generate
from bornnet.errors import Interrupted
from bornnet.runs.rounds import fit_run

KEYS = {"optimizer": "adam", "hidden": (5, 4), "steps": (8, 6), "rounds": 2, "members": 2, "workers": 1}
FLAGS = ("--optimizer", "adam", "--hidden", "5,4", "--steps", "8,6", "--members", "2", "--workers", "1")


def weights(path):
    return [
        parameters_to_vector(network.parameters()).detach()
        for member in load_run(path).models
        for network in member
    ]


def by_two_processes(folder, *arguments):
    """`iterate`, which speaks once."""
    command = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "bornnet.cli.main", "iterate"]
    done = subprocess.run(
        [sys.executable, *command, *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Run two") == 1
    assert done.stderr.count("Wrote two") == 1


def test_a_run_is_started_by_two_processes(tmp_path):
    """Normal equations, their root among them, of the rows of both; and what one of them does for both, such
    as the baselines, waits for no other. Equal to one process but for rounding, which each step enlarges."""
    data = tmp_path / "d.h5"
    keys = {"optimizer": "levenberg-marquardt", "hidden": (5, 4), "steps": (6,), "rounds": 1, "workers": 1}
    generate(data, load_config(overrides={"samples": 301, "cells": 3, "strength": (0.01, 0.5)}))
    fit_run(data, tmp_path / "one", load_config(overrides=keys))
    flags = ("--hidden", "5,4", "--steps", "6", "--rounds", "1", "--workers", "1")
    by_two_processes(tmp_path, "d.h5", "--out", "two", *flags)
    for expected, got in zip(weights(tmp_path / "one"), weights(tmp_path / "two"), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-9)
    names = {file.name for file in (tmp_path / "one").iterdir()}
    assert "baseline-gp.safetensors" in names
    assert {file.name for file in (tmp_path / "two").iterdir()} == names


def test_a_run_is_gone_on_with_by_two_processes(tmp_path):
    """Stopped in one process, gone on with in two, equal to one that never stopped."""
    data = tmp_path / "d.h5"
    config = load_config(overrides=KEYS)
    generate(data, load_config(overrides={"samples": 301, "cells": 3, "strength": (0.01, 0.5)}))
    fit_run(data, tmp_path / "one", config)

    def stop(member, number, progress):
        if (member, number, progress.step) == (0, 2, 3):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        fit_run(data, tmp_path / "two", config, report=stop)
    by_two_processes(tmp_path, "d.h5", "--out", "two", "--rounds", "2", *FLAGS, "--resume")
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert len(one) == len(two) == 4
    for expected, got in zip(one, two, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-12)
    assert (tmp_path / "one" / "metrics.jsonl").read_text().count("\n") == 2 * (8 + 6)
    assert {file.name for file in (tmp_path / "one").iterdir()} == {
        file.name for file in (tmp_path / "two").iterdir()
    }
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_can_be_stopped_while_it_waits_for_the_others(tmp_path, number, code):
    generate(tmp_path / "d.h5", load_config(overrides={"samples": 60, "cells": 3, "strength": (0.01, 0.5)}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    waiting = subprocess.Popen(
        [sys.executable, "-m", "bornnet.cli.main", "iterate", "d.h5", "--out", "r", *FLAGS],
        cwd=tmp_path,
        env=os.environ
        | {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while waiting.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    time.sleep(0.5)
    waiting.send_signal(number)
    _, err = waiting.communicate(timeout=20)
    assert (waiting.returncode, err) == (
        code,
        "Interrupted: nothing was written. Run the same command again.\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["d.h5"]


@pytest.mark.parametrize(
    ("arguments", "code"), [(("generate", "d.h5"), 0), (("iterate", "--rounds", "many"), 2)]
)
def test_only_the_first_process_speaks_and_only_training_is_shared(run, monkeypatch, arguments, code):
    for name, value in {"RANK": 1, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 1}.items():
        monkeypatch.setenv(name, str(value))
    outcome = run(*arguments)
    assert (outcome.code, outcome.out, outcome.err) == (code, "", "")
    assert not list(Path().iterdir())
