"""Members trained side by side: the same bits as one after another, also after every kind of stop."""

import shutil
import signal

import pytest
from disturbed import Disturbed
from test_fit_faults import contents

from bornnet.config.load import load_config
from bornnet.datasets.generate import generate
from bornnet.runs.rounds import fit_run

FLAGS = ("--rounds", 2, "--members", 3, "--hidden", "8,8", "--optimizer", "adam", "--steps", "200,300")
COMMAND = ("iterate", "d.h5", "--out", "r", *FLAGS, "--patience", 1000, "--at-once", 2, "--workers", 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("side-by-side")
    generate(folder / "d.h5", load_config(overrides={"samples": 600, "cells": 4, "strength": (0.01, 0.5)}))
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    """The contents of the run whose members were trained one after another, on one thread."""
    names = [str(name)[2:].replace("-", "_") for name in FLAGS[::2]]
    keys = dict(zip(names, FLAGS[1::2], strict=True))
    fit_run(folder / "d.h5", folder / "one", load_config(overrides={**keys, "patience": 1000, "workers": 1}))
    return without_threads(folder / "one")


def without_threads(run):
    files = contents(run)
    config = files.pop("config.toml").decode()
    del files["provenance"]["dataset"]["file"]
    return {**files, "config": [line for line in config.splitlines() if not line.startswith("workers")]}


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)], ids=["SIGKILL", "SIGINT"]
)
def test_same_bits_as_one_after_another(folder, expected, number):
    stopped = Disturbed(folder, *COMMAND)
    stopped.wait_until(lambda: list((folder / "r").glob("member-*/round-1.safetensors")))
    assert stopped.stop(number, 0.1) == (-9 if number == signal.SIGKILL else 130)
    if number == signal.SIGINT:
        assert stopped.err == (
            "Interrupted: the state is saved in r. Go on with the same command and --resume.\n"
        )
    resumed = Disturbed(folder, *COMMAND, "--resume")
    assert resumed.finish() == 0, resumed.err
    assert without_threads(folder / "r") == expected
    assert not [path.name for path in folder.rglob(".*")]
    shutil.rmtree(folder / "r")
