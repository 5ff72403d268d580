"""Training that is killed, stopped, crowded or starved: resumed, it is bit for bit as if nothing had been."""

import json
import random
import shutil
import signal

import pytest
from disturbed import Disturbed

from bornnet.config.load import load_config
from bornnet.datasets.generate import generate

FLAGS = {
    "levenberg-marquardt": ("--steps", "25,20", "--hidden", "8,8"),
    "l-bfgs": ("--steps", "12,8", "--hidden", "8,8"),
    "adam": ("--steps", "20,15", "--hidden", "8,8", "--batch", "64"),
}
STOPPED = (
    "Interrupted: the state is saved in r. Go on with the same command and --resume.\n",
    "Interrupted: nothing was written. Run the same command again.\n",
    "\nInterrupted.\n",  # when all was written already, while the result was being shown
)
CODES = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}


def iterate(optimizer):
    return ("iterate", "d.h5", "--out", "r", "--rounds", 2, "--members", 2, "--optimizer", optimizer) + FLAGS[
        optimizer
    ]


def contents(folder):
    """Every file of the run, hidden ones too; of the provenance all but command line and time."""
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    provenance = json.loads(files.pop("provenance.json"))
    del provenance["command"], provenance["seconds"]
    return {**files, "provenance": provenance}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    generate(folder / "d.h5", load_config(overrides={"samples": 600, "cells": 4, "strength": (0.01, 0.5)}))
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder):
    """The contents of the run that nothing disturbed, and how long it took, by optimizer."""
    found = {}

    def undisturbed(optimizer):
        if optimizer not in found:
            command = Disturbed(folder, *iterate(optimizer), "--json")
            assert command.finish() == 0, command.err
            found[optimizer] = contents(folder / "r"), json.loads(command.out)["seconds"]
            shutil.rmtree(folder / "r")
        return found[optimizer]

    return undisturbed


def kill_again_and_again(folder, optimizer, undisturbed, kills, seed, signals=tuple(CODES)):
    expected, seconds = undisturbed(optimizer)
    moments = random.Random(seed)
    killed = 0
    while killed < kills:
        number = moments.choice(signals)
        command = Disturbed(folder, *iterate(optimizer), "--resume")
        code = command.stop(number, moments.uniform(0, 0.6 * seconds))
        if code == 0:  # it was done before: once more from the beginning
            assert contents(folder / "r") == expected
            shutil.rmtree(folder / "r")
            continue
        killed += 1
        assert code == CODES[number], command.err
        if number != signal.SIGKILL:
            assert command.err in STOPPED
    assert Disturbed(folder, *iterate(optimizer), "--resume").finish() == 0
    assert contents(folder / "r") == expected
    shutil.rmtree(folder / "r")
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("optimizer", FLAGS)
def test_killed_at_random_moments(folder, optimizer, undisturbed):
    kill_again_and_again(folder, optimizer, undisturbed, kills=3, seed=optimizer)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", FLAGS)
@pytest.mark.parametrize("number", CODES, ids=["SIGKILL", "SIGINT", "SIGTERM"])
def test_killed_many_times(folder, optimizer, undisturbed, number):
    kill_again_and_again(
        folder, optimizer, undisturbed, kills=8, seed=f"{optimizer} {number}", signals=(number,)
    )


@pytest.mark.parametrize("force", ["--resume", "--force"])
def test_second_process_on_one_run_is_refused(folder, force):
    first = Disturbed(folder, *iterate("adam"), "--steps", "100000", "--patience", "100000")
    first.wait_until((folder / "r" / "member-0" / "checkpoint.pt").exists)
    before = (folder / "r" / "config.toml").read_bytes()
    second = Disturbed(folder, *iterate("adam"), "--steps", "100000", "--patience", "100000", force)
    try:
        assert second.finish() == 2
        assert "r is being written by another process" in second.err
        assert (folder / "r" / "config.toml").read_bytes() == before
    finally:
        assert first.stop(signal.SIGINT, 0) == 130
        shutil.rmtree(folder / "r")


def test_a_disk_that_fills_up_loses_nothing(folder, undisturbed):
    """Not simulated: the system refuses to let any file grow beyond the limit."""
    expected, _ = undisturbed("levenberg-marquardt")
    command = Disturbed(folder, *iterate("levenberg-marquardt"), file_size=4000)
    assert command.finish() == 1
    assert command.err.count("\n") == 1
    assert command.err.startswith("Error: ")
    assert not [path for path in folder.rglob("*") if ".part" in path.name]
    assert Disturbed(folder, *iterate("levenberg-marquardt"), "--resume").finish() == 0
    assert contents(folder / "r") == expected
    shutil.rmtree(folder / "r")
