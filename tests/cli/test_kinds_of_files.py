"""Files that are links, pipes, in use by another program, or renamed."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from bornnet.config.load import load_config
from bornnet.datasets.generate import generate
from bornnet.datasets.reader import open_dataset, read_dataset

SMALL = ("--samples", "30", "--cells", "3", "--workers", "1")
HOLD = "import h5py, sys; file = h5py.File(sys.argv[1], 'r+'); print('held', flush=True); sys.stdin.read()"


def test_in_use_is_not_damaged(refused, here):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, "d.h5"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    message = refused("iterate", "d.h5", "--out", "new")
    holder.communicate()
    assert (
        message == "Error: d.h5 is in use: another program has it open for writing; close it there first.\n"
    )


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_is_written_through(run, refused, dangling):
    Path("disk").mkdir()
    if not dangling:
        Path("disk/d.h5").write_text("before")
    Path("d.h5").symlink_to("disk/d.h5")
    assert "exists already" in refused("generate", "d.h5", *SMALL)
    assert run("generate", "d.h5", *SMALL, "--force").code == 0
    assert os.readlink("d.h5") == "disk/d.h5"
    assert len(read_dataset("disk/d.h5")) == len(read_dataset("d.h5")) == 30
    assert sorted(os.listdir("disk")) == ["d.h5"]


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_to_a_table_is_written_through(run, refused, dangling):
    Path("disk").mkdir()
    Path("u.csv").write_text("0.5,0.4\n0.3,0.2\n")
    if not dangling:
        Path("disk/out.csv").write_text("before")
    Path("out.csv").symlink_to("disk/out.csv")
    assert "exists already" in refused("solve", "u.csv", "--csv", "out.csv")
    assert run("solve", "u.csv", "--csv", "out.csv", "--force").code == 0
    assert os.readlink("out.csv") == "disk/out.csv"
    assert Path("disk/out.csv").read_text().startswith("row,")
    assert os.listdir("disk") == ["out.csv"]


@pytest.mark.parametrize("command", ["solve", "generate"])
@pytest.mark.parametrize("kind", ["text", "npy"])
def test_what_comes_through_a_pipe(run, command, kind, tmp_path):
    """As of `bornnet solve <(program)`."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        if kind == "text":
            pipe.write(b"0.5,0.4\n0.3,0.2\n")
        else:
            np.save(tmp_path / "u.npy", [[0.5, 0.4], [0.3, 0.2]])
            pipe.write((tmp_path / "u.npy").read_bytes())
    source = f"/dev/fd/{reading}"
    if command == "solve":
        outcome = run("solve", source, "--json")
        assert outcome.code == 0, outcome.err
        assert len(outcome.json["potentials"]) == 2
    else:
        outcome = run("generate", "d.h5", "--potentials", source)
        assert outcome.code == 0, outcome.err
        np.testing.assert_array_equal(read_dataset("d.h5").potentials, [[0.5, 0.4], [0.3, 0.2]])
    os.close(reading)


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sharded")
    config = load_config(overrides={"samples": 5000, "cells": 2, "workers": 1})
    generate(folder / "d.h5", config, rows_per_shard=4096)
    return folder / "d.h5"


def test_a_dataset_renamed_together_with_its_shards(sharded, tmp_path):
    whole = read_dataset(sharded)
    os.symlink(sharded.parent / "d.h5.shards", tmp_path / "e.h5.shards")
    (tmp_path / "e.h5").write_bytes(sharded.read_bytes())
    renamed = read_dataset(tmp_path / "e.h5")
    np.testing.assert_array_equal(renamed.potentials, whole.potentials)
    assert renamed.sha256 == whole.sha256


def test_a_link_to_a_dataset_in_shards(sharded, tmp_path):
    (tmp_path / "link.h5").symlink_to(sharded)
    assert len(open_dataset(tmp_path / "link.h5")) == 5000


def test_a_dataset_in_shards_behind_a_link_is_replaced(run):
    Path("disk").mkdir()
    Path("d.h5").symlink_to("disk/d.h5")
    sharded = ("--samples", "5000", "--cells", "2", "--workers", "1", "--shard-rows", "4096")
    outcome = run("generate", "d.h5", *sharded, "--force")
    assert outcome.code == 0, outcome.err
    assert sorted(os.listdir()) == ["d.h5", "disk"]
    assert len(read_dataset("d.h5")) == 5000
    with h5py.File("disk/d.h5") as file:
        assert np.isfinite(file["potentials"][:]).all()
