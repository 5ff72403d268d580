"""`bornnet generate` in shards: the same content by every way, and after every disturbance."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
from disturbed import Disturbed

from bornnet.config.load import load_config
from bornnet.datasets.generate import generate
from bornnet.datasets.reader import read_dataset

FLAGS = ("--samples", 40_000, "--cells", 8, "--seed", 3)
SHARDED = ("generate", "d.h5", *FLAGS, "--shard-rows", 4096, "--workers", 2)
CODES = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What nothing disturbed: the bytes of every file in shards, and the SHA-256 of the undivided file."""
    folder = tmp_path_factory.mktemp("undisturbed")
    config = load_config(overrides={"samples": 40_000, "cells": 8, "seed": 3, "workers": 2})
    one = generate(folder / "one.h5", config)
    cut = generate(folder / "d.h5", config, rows_per_shard=4096)
    assert (cut.shards, cut.sha256) == (10, one.sha256)
    return contents(folder)


def contents(folder):
    """The dataset's files, hidden ones too."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name not in ("one.h5", "began", "out.txt", "err.txt")
    }


def shards(folder=Path()):
    return sorted((folder / "d.h5.shards").glob("*.h5"))


def disturb(folder, number, delay):
    """Stop it, with `number`, that long after the first shard began; then see that no process stays."""
    command = Disturbed(folder, *SHARDED, "--resume")
    command.wait_until((folder / "d.h5.shards").exists)
    code = command.stop(number, delay)
    if code == 0:
        return
    assert code == CODES[number], command.err
    if (folder / "d.h5").exists():  # it came when all was written, which `finish` compares
        return
    if number != signal.SIGKILL:
        kept = len(shards(folder))
        assert command.err == (
            f"Interrupted: {kept} finished shards are kept in d.h5.shards. Go on with the same command and "
            "--resume.\n"
            if kept
            else "Interrupted: nothing was written. Run the same command again.\n"
        )
        assert all(name.endswith(".h5") for name in contents(folder))


def finish(folder, undisturbed):
    command = Disturbed(folder, *SHARDED, "--resume")
    assert command.finish() == 0, command.err
    assert contents(folder) == undisturbed


@pytest.mark.parametrize(
    ("number", "delay"),
    [(signal.SIGKILL, 1.2), (signal.SIGKILL, 2.0), (signal.SIGINT, 1.5), (signal.SIGTERM, 0.5)],
)
def test_stopped_and_resumed(tmp_path, undisturbed, number, delay):
    disturb(tmp_path, number, delay)
    finish(tmp_path, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_stopped_five_times(tmp_path, undisturbed, seed):
    chance = random.Random(seed)
    for _ in range(5):
        disturb(tmp_path, chance.choice(list(CODES)), chance.uniform(0, 2.5))
    finish(tmp_path, undisturbed)


def test_only_sound_shards_are_taken_over(run, undisturbed):
    run(*SHARDED)
    first, second, third = shards()[:3]
    first.unlink()
    second.write_bytes(second.read_bytes()[:-7])
    raw = bytearray(third.read_bytes())
    raw[len(raw) // 2] ^= 1
    third.write_bytes(raw)
    Path("d.h5.shards/notes.txt").write_text("mine")
    outcome = run(*SHARDED, "--resume", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["reused"] == 40_000 - 3 * 4096
    for shard in (second, third):
        assert f"{shard.name}: " in outcome.err
    assert Path("d.h5.shards/notes.txt").read_text() == "mine"
    Path("d.h5.shards/notes.txt").unlink()
    assert contents(Path()) == undisturbed


def test_finished_and_resumed_is_left_as_it_is(run, undisturbed):
    run(*SHARDED)
    before = Path("d.h5").stat().st_mtime_ns
    outcome = run(*SHARDED, "--resume", "--json")
    assert (outcome.json["reused"], outcome.json["shards"]) == (40_000, 10)
    assert Path("d.h5").stat().st_mtime_ns == before
    # in whatever way it is asked for
    assert run("generate", "d.h5", *FLAGS, "--resume", "--json").json["reused"] == 40_000


def test_another_configuration_is_refused_with_the_difference(run, refused):
    run(*SHARDED)
    other = ("generate", "d.h5", *FLAGS[:-1], 4, "--shard-rows", 8192, "--resume")
    assert "--resume: d.h5 was generated otherwise: seed was 3, now 4. Give" in refused(*other)
    Path("d.h5").unlink()
    error = refused(*other)
    assert "d.h5.shards was begun otherwise: seed was 3, now 4; shard_rows was 4096, now 8192. Give" in error
    assert "d.h5.shards holds shards of an unfinished dataset; give --resume" in refused(*SHARDED)


def test_existing_output_is_kept_without_force(run, refused):
    run(*SHARDED)
    assert "d.h5 exists already" in refused(*SHARDED)
    assert run("generate", "d.h5", *FLAGS[:-1], 4, "--shard-rows", 8192, "--force").code == 0
    assert read_dataset("d.h5").configuration["seed"] == 4
    assert len(shards()) == 5
    assert run("generate", "d.h5", *FLAGS, "--force").code == 0  # now in one file
    assert [path.name for path in Path().iterdir()] == ["d.h5"]


def test_killed_replacement_leaves_what_was_there(tmp_path):
    assert Disturbed(tmp_path, *SHARDED).finish() == 0
    before = read_dataset(tmp_path / "d.h5").sha256
    other = ("generate", "d.h5", *FLAGS[:-1], 4, "--shard-rows", 4096, "--force")
    command = Disturbed(tmp_path, *other)
    command.wait_until(lambda: len(shards(tmp_path)) > 11)
    command.stop(signal.SIGKILL, 0)
    assert read_dataset(tmp_path / "d.h5").sha256 == before
    assert Disturbed(tmp_path, *other, "--resume").finish() == 0
    assert read_dataset(tmp_path / "d.h5").configuration["seed"] == 4
    assert len(shards(tmp_path)) == 10


def test_second_process_is_refused(tmp_path):
    first = Disturbed(tmp_path, *SHARDED)
    first.wait_until((tmp_path / "d.h5.shards").exists)
    second = subprocess.run(
        [sys.executable, "-m", "bornnet.cli.main", *map(str, SHARDED), "--resume"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    if first.process.is_alive():
        assert second.returncode == 2
        assert second.stderr.startswith("Error: d.h5 is being written by another process")
    assert first.finish() == 0


def test_disk_that_fills_up_keeps_finished_shards(tmp_path, undisturbed):
    """The system lets no file grow beyond half a shard, once some are there."""
    assert Disturbed(tmp_path, *SHARDED).finish() == 0
    (tmp_path / "d.h5").unlink()
    shards(tmp_path)[4].unlink()
    command = Disturbed(tmp_path, *SHARDED, "--resume", file_size=200_000)
    assert command.finish() == 1
    assert command.err == (
        "Error: d.h5: File too large. 9 finished shards are kept in d.h5.shards: go on with the same command "
        "and --resume.\n"
    )
    finish(tmp_path, undisturbed)


def test_folder_that_is_none(run, refused):
    Path("d.h5.shards").write_text("mine")
    assert "d.h5.shards is not a folder" in refused(*SHARDED)


@pytest.mark.parametrize("kind", ["npy", "csv"])
def test_own_potentials(run, refused, kind):
    own = np.random.default_rng(1).random((9000, 3))
    np.save("own.npy", own) if kind == "npy" else np.savetxt("own.csv", own, delimiter=",", fmt="%.17g")
    give = ("--potentials", f"own.{kind}", "--shard-rows", 4096, "--workers", 2, "--json")
    one = run("generate", "one.h5", *give[:2], "--json")
    cut = run("generate", "cut.h5", *give)
    assert (cut.json["sha256"], cut.json["shards"]) == (one.json["sha256"], 3)
    np.testing.assert_array_equal(read_dataset("cut.h5").potentials, own)
    own[8000, 1] = -1
    np.save("bad.npy", own)
    error = refused("generate", "bad.h5", "--potentials", "bad.npy", "--shard-rows", 4096)
    assert "bad.npy: row 8001, column 2: expected U >= 0" in error


def test_the_rest_takes_a_dataset_in_shards(run):
    flags = ("--samples", 9000, "--cells", 2, "--strength", 0.01, 0.5)
    assert run("generate", "d.h5", *flags, "--shard-rows", 4096).code == 0
    fit = ("--steps", 3, "--hidden", 3, "--workers", 1)
    assert run("iterate", "d.h5", "--out", "i", "--rounds", 1, *fit).code == 0
    assert run("train", "d.h5", "--out", "t", *fit).code == 0
    compared = run("compare-born", "i", "--order", 1, "--json")
    assert compared.code == 0, compared.err
    shards()[1].unlink()
    outcome = run("train", "d.h5", "--out", "x", *fit)
    assert outcome.code == 2
    assert "-0001.h5 is missing; put it back" in outcome.err


def test_scheduler_that_does_not_answer(refused):
    assert "no Dask scheduler answers at '127.0.0.1'" in refused(*SHARDED, "--scheduler", "127.0.0.1")


@contextmanager
def cluster(folder, workers):
    """A Dask scheduler and workers, each a process of its own; gives the address and the workers."""
    file = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    scheduler = subprocess.Popen([*command, "--scheduler-file", str(file)], **quiet)
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny"]
    at_work = [
        subprocess.Popen([*command, "--no-dashboard", "--scheduler-file", str(file)], **quiet)
        for _ in range(workers)
    ]
    try:
        from distributed import Client

        while not file.exists():
            time.sleep(0.05)
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(workers)
            address = client.scheduler.address
        yield address, at_work
    finally:
        for process in (*at_work, scheduler):
            process.kill()
            process.wait()


def test_cluster_of_which_a_worker_is_killed(tmp_path, undisturbed):
    (tmp_path / "cluster").mkdir()
    with cluster(tmp_path / "cluster", 2) as (address, workers):
        command = Disturbed(tmp_path, *SHARDED, "--scheduler", address)
        command.wait_until(lambda: len(shards(tmp_path)) >= 2)
        os.kill(workers[0].pid, signal.SIGKILL)
        assert command.finish() == 0, command.err
    shutil.rmtree(tmp_path / "cluster")
    assert contents(tmp_path) == undisturbed
    with h5py.File(tmp_path / "d.h5") as file:
        assert np.isfinite(file["strength"][:]).all()


def test_cluster_that_has_lost_all_workers(tmp_path):
    (tmp_path / "cluster").mkdir()
    with cluster(tmp_path / "cluster", 1) as (address, workers):
        command = Disturbed(tmp_path, *SHARDED, "--scheduler", address)
        command.wait_until(lambda: shards(tmp_path))
        workers[0].kill()
        command.wait_until(lambda: "has no workers; waiting for some" in command.err)
        assert command.stop(signal.SIGINT, 0) == 130
    assert "finished shards are kept" in command.err
