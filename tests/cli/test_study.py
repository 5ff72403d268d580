"""`bornnet study`: every run an ordinary one, the same results however they come about, and one table."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bornnet.config.load import load_config
from bornnet.datasets.generate import generate
from bornnet.files.atomic import lock
from bornnet.runs.directory import load_run
from bornnet.studies.file import read_study
from bornnet.studies.results import plan
from bornnet.studies.run import run_job

STUDY = """
seeds = [1, 2]
[base]
samples = 300
cells = 3
strength = [0.01, 0.5]
hidden = [5]
rounds = 2
steps = [12, 8]
[vary]
activation = ["gelu"]
[[settings]]
samples = 200
hidden = [4, 3]
"""
SETTINGS = ["base", "activation gelu", "samples 200, hidden 4,3"]
SLUGS = ["base", "activation=gelu", "samples=200,hidden=4-3"]


def bornnet(*arguments, folder, wait=True):
    process = subprocess.Popen(
        [sys.executable, "-m", "bornnet.cli.main", *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if wait:
        process.out, process.err = process.communicate(timeout=100)
    return process


def contents(folder):
    """Every file of the study, without times and the names of folders."""
    files = {}
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        name, content = str(file.relative_to(folder)), file.read_bytes()
        if file.suffix == ".json":
            content = json.loads(content)
            content.pop("seconds", None)
            content.pop("command", None)
            content.get("dataset", {}).pop("file", None)
        elif file.name == "results.csv":
            rows = list(csv.DictReader(content.decode().splitlines()))
            content = [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
        files[name] = content
    return files


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder with `s.toml` and the study `out`, and what the command printed."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "s.toml").write_text(STUDY)
    process = bornnet("study", "s.toml", "--out", "out", "--workers", 2, "--json", folder=folder)
    assert (process.returncode, process.err) == (0, "Wrote out, with all results in out/results.csv.\n")
    return folder, json.loads(process.out)


@pytest.fixture
def copied(done, run):
    """The study's files in the current folder."""
    shutil.copytree(done[0], Path.cwd(), dirs_exist_ok=True)


def test_every_run_is_an_ordinary_one(copied, run):
    for slug in SLUGS:
        for seed in (1, 2):
            found = load_run(f"out/{slug}/seed-{seed}")
            assert (found.finished_rounds, found.config.seed, found.provenance["threads"]) == (2, seed, 1)
    assert load_run("out/activation=gelu/seed-1").config.activation == "gelu"
    assert run("compare-born", "out/base/seed-1", "out/activation=gelu/seed-2").code == 0


def test_datasets_are_shared(done):
    found = sorted(str(file.relative_to(done[0] / "out")) for file in done[0].rglob("*.h5"))
    assert found == [f"data/{name}/seed-{seed}.h5" for name in ("base", "samples=200") for seed in (1, 2)]


def test_the_result_is_mean_and_deviation_of_what_compare_born_says(copied, run, done):
    document = done[1]
    assert [setting["name"] for setting in document["settings"]] == SETTINGS
    assert (document["runs"], document["finished"], document["failed"]) == (6, 6, [])
    for slug, setting in zip(SLUGS, document["settings"], strict=True):
        runs = [run("compare-born", f"out/{slug}/seed-{seed}", "--json").json for seed in (1, 2)]
        for part in ("orders", "single_network"):
            for n, row in enumerate(setting[part]):
                for error in ("kernel_error", "term_error"):
                    values = [compared[part][n][error] for compared in runs]
                    # the table is made with one thread, compare-born with all
                    np.testing.assert_allclose(row[error], np.mean(values), rtol=1e-9)
                    np.testing.assert_allclose(row[f"{error}_spread"], np.std(values, ddof=1), rtol=1e-6)
        assert setting["seconds"] > 0


def test_the_table_by_file(done):
    with (done[0] / "out" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 2 * 3
    row = next(r for r in rows if (r["setting"], r["seed"], r["order"]) == (SETTINGS[2], "2", "3"))
    result = json.loads((done[0] / "out" / SLUGS[2] / "seed-2.json").read_text())
    assert float(row["kernel_error"]) == result["orders"][2]["kernel_error"]
    assert float(row["one_network_kernel_error"]) == result["single_network"][2]["kernel_error"]
    assert (row["samples"], row["hidden"], row["activation"]) == ("200", "4 3", "tanh")


def test_the_number_of_workers_does_not_matter(done, tmp_path):
    shutil.copy(done[0] / "s.toml", tmp_path)
    process = bornnet("study", "s.toml", "--out", "out", "--workers", 1, "--quiet", folder=tmp_path)
    assert (process.returncode, process.err) == (0, "")
    assert contents(tmp_path / "out") == contents(done[0] / "out")
    assert all(name in process.out for name in SETTINGS)


STOPPED = (
    "saved. Go on with: bornnet study s.toml --out out --resume\n",
    "Interrupted: nothing was written. Run the same command again.\n",
    "\nInterrupted.\n",  # when all was written already, while the result was being shown
)


def disturb(folder, kills, seed):
    moments = random.Random(seed)
    codes = {signal.SIGKILL: (-9,), signal.SIGTERM: (143,), signal.SIGINT: (130,)}
    command = ("study", "s.toml", "--out", "out", "--workers", 2, "--resume")
    killed = 0
    while killed < kills:
        number = moments.choice(list(codes))
        process = bornnet(*command, folder=folder, wait=False)
        while not (folder / ".out.lock").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(moments.uniform(0.1, 4))
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        if process.returncode == 0 or "Wrote out" in err:  # it was done before: once more from the beginning
            shutil.rmtree(folder / "out")
            continue
        killed += 1
        assert process.returncode in codes[number], err
        if number != signal.SIGKILL:
            assert err.endswith(STOPPED), err
            assert err.strip().count("\n") == 0
    process = bornnet(*command, folder=folder)
    assert process.returncode == 0, process.err


def test_killed_and_resumed_is_as_undisturbed(done, tmp_path):
    shutil.copy(done[0] / "s.toml", tmp_path)
    disturb(tmp_path, kills=2, seed=5)
    assert contents(tmp_path / "out") == contents(done[0] / "out")
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_many_times(done, tmp_path, seed):
    shutil.copy(done[0] / "s.toml", tmp_path)
    disturb(tmp_path, kills=6, seed=seed)
    assert contents(tmp_path / "out") == contents(done[0] / "out")


def test_on_a_cluster(done, tmp_path):
    distributed = pytest.importorskip("distributed")
    shutil.copy(done[0] / "s.toml", tmp_path)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        process = bornnet("study", "s.toml", "--out", "out", "--scheduler", address, folder=tmp_path)
    assert process.returncode == 0, process.err
    assert contents(tmp_path / "out") == contents(done[0] / "out")


def test_the_table_of_an_unfinished_study(copied, run):
    shutil.rmtree("out/activation=gelu/seed-2")
    Path("out/activation=gelu/seed-2.json").unlink()
    Path("out/base/seed-1.json").write_text('{"error": "it broke."}')
    before = contents(Path("out"))
    outcome = run("study", "s.toml", "--out", "out", "--table", "--json")
    assert outcome.code == 0
    assert [setting["finished"] for setting in outcome.json["settings"]] == [1, 1, 2]
    assert outcome.json["failed"] == [{"run": "base/seed-1", "error": "it broke."}]
    assert [seed["state"] for seed in outcome.json["settings"][0]["seeds"]] == ["failed", "finished"]
    assert [seed["state"] for seed in outcome.json["settings"][1]["seeds"]] == ["finished", "waiting"]
    shown = run("study", "s.toml", "--out", "out", "--table").out
    assert "4 of 6 runs are finished, 1 failed." in shown
    assert contents(Path("out")) == before


def test_the_table_fits_80_columns(copied, run, monkeypatch):
    from bornnet.cli.terminal import Terminal
    from rich.console import Console

    monkeypatch.setattr(Terminal, "console", staticmethod(lambda stream: Console(file=stream, width=80)))
    lines = run("study", "s.toml", "--out", "out", "--table").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum("±" in line for line in lines) == 1 + 3


def test_settings_and_seeds_can_be_added(copied, run):
    Path("s.toml").write_text(STUDY.replace('["gelu"]', '["gelu", "sin"]').replace("[1, 2]", "[2, 3]"))
    before = {name: content for name, content in contents(Path("out")).items() if "seed-2" in name}
    outcome = run("study", "s.toml", "--out", "out", "--resume", "--json")
    assert (outcome.code, outcome.json["finished"], len(outcome.json["settings"])) == (0, 8, 4)
    assert before.items() <= contents(Path("out")).items()


def test_a_failed_setting_does_not_end_the_others(run):
    text = STUDY.replace("samples = 200", "samples = 1").replace("seeds = [1, 2]", "")
    Path("s.toml").write_text(text.replace("hidden = [5]", "hidden = [60]"))
    outcome = run("study", "s.toml", "--out", "out", "--workers", "1", "--json")
    assert outcome.code == 1
    assert outcome.json["finished"] == 2
    (failed,) = outcome.json["failed"]
    assert failed["run"] == "samples=1,hidden=4-3/seed-0"
    (warning,) = outcome.json["settings"][0]["warnings"]
    warned, error = outcome.err.splitlines(keepends=True)
    assert warned == f"WARNING: base: {warning} (and 1 more; --json has them all)\n"
    assert "for 301 weights" in warning
    assert error.startswith("Error: 1 of 3 runs failed, first samples=1,hidden=4-3/seed-0: ")
    assert error.endswith("To try again: bornnet study s.toml --out out --resume\n")


def test_a_lost_process_is_replaced_and_a_run_that_always_loses_it_is_left_out(tmp_path):
    """Not simulated: the system kills what takes more than its time on the processor."""
    text = STUDY[: STUDY.index("[vary]")].replace("[1, 2]", "[1]")
    greedy = "[[settings]]\nsamples = 20000\nhidden = [60, 60]\nsteps = [1000]\npatience = 1000\n"
    (tmp_path / "s.toml").write_text(text + greedy)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_CPU, (7, 7));"
        "from bornnet.cli.main import main; sys.exit(main())"
    )
    arguments = [sys.executable, "-c", code, "study", "s.toml", "--out", "out", "--workers", "1", "--json"]
    process = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert process.returncode == 1, process.stderr
    document = json.loads(process.stdout)
    assert [setting["finished"] for setting in document["settings"]] == [1, 0]
    assert "a worker was lost, or" in document["failed"][0]["error"]


def test_dry_run_writes_nothing(run):
    Path("s.toml").write_text(STUDY)
    outcome = run("study", "s.toml", "--dry-run", "--workers", "2", "--json")
    document = outcome.json
    assert [row["name"] for row in document["settings"]] == SETTINGS
    assert [row["weights"] for row in document["settings"]] == [26, 26, 16 + 15 + 4]
    in_round_2 = 240 * np.log(0.5 / 0.02) / np.log(0.5 / 0.01)  # of 300 less a fifth, those above eta = 0.02
    assert document["settings"][0]["potentials"] == pytest.approx(in_round_2, abs=20)
    assert document["seconds"] == pytest.approx(sum(row["seconds"] for row in document["settings"]))
    assert [path.name for path in Path().iterdir()] == ["s.toml"]


def test_hostile_names_are_shown_as_text(run):
    name = "a[red]b<i>\x1b[31m\n.h5"
    generate(name, load_config(overrides={"samples": 60, "cells": 2, "strength": (0.01, 0.5)}))
    text = f"[base]\nhidden = [2]\nsteps = 2\nrounds = 1\norder = 2\n[grid]\ndata = [{json.dumps(name)}]"
    Path("s[red]\x1b.toml").write_text(text)
    outcome = run("study", "s[red]\x1b.toml", "--out", "o[u]\x1bt", "--workers", "1")
    assert outcome.code == 0, outcome.err
    for shown in (outcome.out, outcome.err):
        assert "\x1b" not in shown
    assert r"s[red]\x1b.toml" in outcome.out
    assert r"a[red]b<i>\x1b[31m\n.h5" in outcome.out.replace("\n", "").replace(" ", "")
    assert r"o[u]\x1bt" in outcome.err
    (folder,) = (path for path in Path("o[u]\x1bt").iterdir() if path.is_dir())
    assert folder.name.startswith("data=a_red_b_i__")
    assert folder.name.isascii()


def test_two_at_once(done, tmp_path):
    shutil.copytree(done[0] / "out", tmp_path / "out")
    shutil.copy(done[0] / "s.toml", tmp_path)
    shutil.rmtree(tmp_path / "out" / "base")
    first = bornnet("study", "s.toml", "--out", "out", "--resume", folder=tmp_path, wait=False)
    while not (tmp_path / ".out.lock").exists():
        assert first.poll() is None
        time.sleep(0.01)
    second = bornnet("study", "s.toml", "--out", "out", "--resume", folder=tmp_path)
    assert first.wait() == 0
    assert second.returncode == 2
    assert (
        second.err == "Error: out is being written by another process; wait for it, or give another name.\n"
    )


def test_what_a_lost_study_still_works_on_is_waited_for(tmp_path):
    (tmp_path / "s.toml").write_text(STUDY)
    job = plan(read_study(tmp_path / "s.toml"), tmp_path / "out")[0]
    at_work = threading.Thread(target=run_job, args=(job,))
    with lock(job.run):
        at_work.start()
        at_work.join(1)
        assert at_work.is_alive()
        assert job.result() is None
    at_work.join(20)
    assert len(job.result()["orders"]) == 3


def test_an_existing_output(copied, refused, run):
    assert "out exists already" in refused("study", "s.toml", "--out", "out")
    Path("other").mkdir()
    Path("other/mine.txt").write_text("mine")
    assert "other holds no study.toml" in refused("study", "s.toml", "--out", "other", "--force")
    Path("s.toml").write_text(STUDY.replace("steps = [12, 8]", "steps = [12, 9]"))
    message = refused("study", "s.toml", "--out", "out", "--resume")
    assert "base: steps 12,8 before, 12,9 now" in message
    Path("s.toml").write_text('command = "train"\n' + STUDY.replace("rounds = 2\n", ""))
    assert "command: iterate before, train now" in refused("study", "s.toml", "--out", "out", "--table")


def test_forced_anew(copied, run):
    Path("s.toml").write_text("[base]\nsamples = 100\ncells = 2\nhidden = [2]\nsteps = 2\nrounds = 1\n")
    assert run("study", "s.toml", "--out", "out", "--force").code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "base",
        "data",
        "results.csv",
        "study.toml",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.toml", "--out", "o"], "none.toml: no such file."),
        (["s.toml"], "expected --out DIR"),
        (["s.toml", "--out", "o", "--workers", "0"], "--workers: expected a number of at least 1; got 0."),
        (["s.toml", "--out", "o", "--table"], "o: no study has been run here"),
        (["s.toml", "--out", "s.toml/o"], "s.toml is not a folder"),
        (["bad.toml", "--out", "o"], "bad.toml: base.hiden: unknown key. Did you mean 'hidden'?"),
        (["data.toml", "--out", "o"], "none.h5: no such file"),
        (["text.toml", "--out", "o"], "s.toml: expected a bornnet dataset"),
        (["data.toml", "--dry-run"], "none.h5: no such file"),
    ],
)
def test_bad_usage(refused, arguments, message):
    Path("s.toml").write_text(STUDY)
    Path("bad.toml").write_text("[base]\nhiden = [3]")
    Path("data.toml").write_text('[base]\ndata = "none.h5"')
    Path("text.toml").write_text('[base]\ndata = "s.toml"')
    assert message in refused("study", *arguments)


def test_an_address_where_no_scheduler_answers(refused, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("bornnet.compute.pool.CONNECT_SECONDS", 1)
    Path("s.toml").write_text(STUDY)
    message = refused("study", "s.toml", "--out", "o", "--scheduler", "tcp://127.0.0.1:9")
    assert "no Dask scheduler answers" in message
