"""`bornnet train` and `bornnet iterate`: what they write, that it can be repeated, and gone on with."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from bornnet import load_run, scattering_length
from bornnet.config.load import load_config
from bornnet.config.names import ACTIVATIONS, OPTIMIZERS
from bornnet.datasets.reader import read_dataset

HELD_OUT = ("held_out_error", "held_out_typical")
SMALL = ("--hidden", "5,4", "--steps", "6,4")
FILES = {
    "config.toml",
    "provenance.json",
    "metrics.jsonl",
    "summary.json",
    "held_out.safetensors",
    "baselines.safetensors",
    "baseline-gp.safetensors",
}


def contents(folder):
    files = {
        str(file.relative_to(folder)): file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()
    }
    assert files.pop("provenance.json")
    return files


def iterate(run, out, *flags):
    outcome = run("iterate", "d.h5", "--out", out, "--rounds", 2, *SMALL, "--json", *flags)
    assert outcome.code == 0, outcome.err
    return outcome


def test_the_run_directory(run, here):
    iterate(run, "new", "--members", 2)
    models = {f"member-{m}/round-{n}.safetensors" for m in (0, 1) for n in (1, 2)}
    assert contents("new").keys() | {"provenance.json"} == FILES | models
    assert not list(Path().glob(".*"))


def test_files_say_how_it_was_made(run, here):
    iterate(run, "new", "--seed", 7)
    config = load_config(file="new/config.toml")
    assert (config.seed, config.hidden, config.steps, config.rounds) == (7, (5, 4), (6, 4), 2)
    # the data's keys are those of the dataset, not defaults
    assert (config.samples, config.cells, config.strength) == (300, 3, (0.01, 0.5))
    provenance = json.loads(Path("new/provenance.json").read_text())
    dataset = read_dataset("d.h5")
    assert provenance["dataset"] == {
        "file": "d.h5",
        "sha256": dataset.sha256,
        "samples": 300,
        "configuration": dataset.configuration,
    }
    assert (provenance["seed"], provenance["cells"], provenance["device"]) == (7, 3, "cpu")
    assert provenance["torch"] == torch.__version__
    assert provenance["schema_version"] == 1


def test_learning_curves_have_a_line_a_step(run, here):
    document = iterate(run, "new", "--members", 2).json
    lines = [json.loads(line) for line in Path("new/metrics.jsonl").read_text().splitlines()]
    assert [(line["member"], line["round"], line["step"]) for line in lines] == [
        (member, number, step)
        for member in (0, 1)
        for number in (1, 2)
        for step in range(1, document["fits"][member][number - 1]["steps"] + 1)
    ]
    for member, number in ((0, 1), (1, 2)):
        mine = [line for line in lines if (line["member"], line["round"]) == (member, number)]
        best = min(mine, key=lambda line: line["held_out_typical"])
        fit = document["fits"][member][number - 1]
        assert fit["best_step"] == best["step"]
        assert [fit[key] for key in HELD_OUT] == [best[key] for key in HELD_OUT]
        assert document["held_out_error"][member][number - 1] == best["held_out_error"]
        assert mine[-1]["held_out_typical"] < mine[0]["held_out_typical"]


def test_json_is_strict_and_agrees_with_the_summary(run, here):
    outcome = iterate(run, "new", "--members", 2)
    document, summary = outcome.json, json.loads(Path("new/summary.json").read_text())
    assert document["schema_version"] == summary["schema_version"] == 1
    assert (document["written"], document["members"], document["rounds"]) == ("new", 2, 2)
    assert document["fits"] == summary["fits"]
    fit = document["fits"][1][0]
    assert fit.keys() >= {"round", "training_rows", "held_out_rows", "steps", "best_step", "held_out_error"}
    assert (fit["training_rows"], fit["held_out_rows"], fit["left_out"]) == (240, 60, 0)


def test_the_table_names_what_was_written_and_what_is_next(run, here):
    outcome = run("iterate", "d.h5", "--out", "a run", "--rounds", 2, *SMALL)
    assert "Run a run" in outcome.out
    assert "held-out error" in outcome.out
    assert outcome.err == "Wrote a run. Next: bornnet compare-born 'a run'\n"
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert run("iterate", "d.h5", "--out", "q", "--rounds", 1, *SMALL, "--quiet").err == ""


def test_load_run_gives_networks_in_physical_units(run, here):
    iterate(run, "new", "--members", 2)
    loaded = load_run("new")
    assert (loaded.cells, loaded.finished_rounds, len(loaded.models)) == (3, 2, 2)
    assert [len(networks) for networks in loaded.models] == [2, 2]
    assert loaded.summary["rounds"] == 2
    assert loaded.scaling[1][0]["round"] == 1
    potentials = read_dataset("d.h5").potentials[:50]
    exact = scattering_length(potentials)
    for member, series in zip(loaded.models, loaded.learned, strict=True):
        network = member[0]
        predicted = (
            (network(torch.from_numpy(potentials)) - network(torch.zeros(1, 3, dtype=torch.float64)))
            .detach()
            .numpy()
        )
        assert np.median(np.abs(predicted / exact - 1)) < 0.2
        assert np.median(np.abs(series.predict(potentials) / exact - 1)) < 0.2
    first, second = (networks[0].linears[0].weight for networks in loaded.models)
    assert not torch.equal(first, second)


def test_held_out_potentials_are_not_trained_on(run, here):
    from bornnet.runs.baselines import load_baselines
    from bornnet.runs.directory import load_held_out

    iterate(run, "new")
    held_out = load_held_out("new")
    assert held_out["potentials"].shape == (60, 3)
    np.testing.assert_array_equal(scattering_length(held_out["potentials"]), held_out["scattering_length"])
    names = [*(f"least-squares-{degree}" for degree in (1, 2, 3)), "gp-4000"]
    assert list(load_baselines("new", 3)) == names


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_same_seed_gives_the_same_bytes(run, here, optimizer):
    for out, seed in (("one", 4), ("two", 4), ("three", 5)):
        iterate(run, out, "--members", 2, "--optimizer", optimizer, "--seed", seed)
    one, two, three = contents("one"), contents("two"), contents("three")
    assert one == two
    assert one["member-0/round-1.safetensors"] != three["member-0/round-1.safetensors"]


def test_a_member_does_not_depend_on_how_many_there_are(run, here):
    for out, members in (("one", 1), ("three", 3)):
        iterate(run, out, "--members", members)
    one, three = contents("one"), contents("three")
    assert all(one[name] == three[name] for name in one if name.startswith("member-0"))


def test_a_run_is_repeated_from_its_own_configuration(run, here):
    iterate(run, "one", "--seed", 3, "--activation", "gelu")
    assert run("iterate", "d.h5", "--out", "two", "--config", "one/config.toml").code == 0
    assert contents("one") == contents("two")


def test_training_alone_is_the_first_round(run, here):
    iterate(run, "two")
    assert run("train", "d.h5", "--out", "one", *SMALL).code == 0
    assert load_run("one").finished_rounds == 1
    name = "member-0/round-1.safetensors"
    assert contents("one")[name] == contents("two")[name]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_trains(run, here, activation):
    outcome = run("train", "d.h5", "--out", "new", *SMALL, "--activation", activation, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["held_out_error"][0][0] < 1


@pytest.mark.parametrize(
    "flags",
    [
        ("--lower-orders", "corrected"),
        ("--remove", "exact"),
        ("--cold-start",),
        ("--strength-floors", "0,0.1"),
        ("--time-limit", "0.001"),
        ("--rounds", "4", "--patience", "1"),
        ("--workers", "1"),
    ],
    ids=" ".join,
)
def test_other_ways_to_iterate(run, here, flags):
    document = iterate(run, "new", *flags).json
    assert len(document["fits"][0]) == load_run("new").finished_rounds == document["rounds"]


def test_a_dry_run_writes_nothing(run, here):
    before = sorted(Path().rglob("*"))
    flags = ("--rounds", 2, *SMALL, "--dry-run")
    document = run("iterate", "d.h5", "--out", "new", *flags, "--json").json
    assert document["dry_run"] is True
    assert document["rounds"][0]["training_rows"] == 240
    shown = run("iterate", "d.h5", "--out", "new", *flags).out
    assert "(nothing is written)" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert sorted(Path().rglob("*")) == before


def test_few_samples_are_warned_of(run, here):
    outcome = run("train", "d.h5", "--out", "new", "--hidden", "20,20", "--steps", 1)
    assert outcome.code == 0
    assert outcome.err.startswith("WARNING: there are 240 potentials for 521 weights in round 1")
    assert run("train", "d.h5", "--out", "q", "--hidden", "20,20", "--steps", 1, "--quiet").err == ""


def test_training_that_breaks_down_says_at_which_step_and_keeps_its_state(run, here):
    flags = ("--optimizer", "adam", "--learning-rate", 1e250, "--activation", "identity", "--seed", 1)
    outcome = run("train", "d.h5", "--out", "new", *SMALL, *flags)
    assert outcome.code == 1
    assert outcome.err.startswith("Error: training broke down at step 1: ")
    assert outcome.err.count("\n") == 1
    assert Path("new/member-0/checkpoint.pt").is_file()
    assert not Path("new/summary.json").exists()


def test_a_finished_run_resumed_stays_as_it_is(run, here):
    before = contents("r")
    outcome = run("iterate", "d.h5", "--out", "r", "--resume", "--json")
    assert outcome.code == 0, outcome.err
    assert contents("r") == before


def test_a_run_that_lost_its_last_rounds_gets_them_back(run, here):
    before = contents("r")
    Path("r/member-1/round-2.safetensors").unlink()
    Path("r/summary.json").unlink()
    (Path("r") / ".summary.json.part").write_text("half")
    (Path("r/member-1") / ".round-2.safetensors.part").write_text("half")
    assert load_run("r").finished_rounds == 1
    assert run("iterate", "d.h5", "--out", "r", "--resume").code == 0
    assert contents("r") == before


def test_resume_begins_what_was_never_begun(run, here):
    iterate(run, "one")
    iterate(run, "two", "--resume")
    Path("three").mkdir()
    (Path("three") / ".config.toml.part").write_text("seed = 0\n")  # killed while writing its first file
    iterate(run, "three")
    assert contents("one") == contents("two") == contents("three")


def test_a_checkpoint_that_is_over_is_dropped(run, here):
    before = contents("r")
    shutil.copy("d.h5", "r/member-0/checkpoint.pt")
    assert run("iterate", "d.h5", "--out", "r", "--resume").code == 0
    assert contents("r") == before


def test_force_replaces_the_run_and_nothing_else(run, here):
    Path("r/notes.txt").write_text("mine")
    Path("r/member-0/notes.txt").write_text("mine too")
    outcome = run("train", "d.h5", "--out", "r", *SMALL, "--force")
    assert outcome.code == 0, outcome.err
    assert Path("r/notes.txt").read_text() == "mine"
    assert Path("r/member-0/notes.txt").read_text() == "mine too"
    assert not Path("r/member-1").exists()
    assert not Path("r/member-0/round-2.safetensors").exists()
    assert load_run("r").config.rounds == 1


def test_force_removes_the_report_of_the_run_that_goes(run, here):
    for text, stays in (("<p>mine", True), ('<meta name="generator" content="bornnet 0.1">', False)):
        Path("r/report.html").write_text(text)
        assert run("train", "d.h5", "--out", "r", *SMALL, "--force").code == 0
        assert Path("r/report.html").exists() == stays


def test_the_current_folder_may_become_the_run(run, here, monkeypatch):
    Path("new").mkdir()
    monkeypatch.chdir("new")
    assert run("train", "../d.h5", "--out", ".", *SMALL).code == 0
    assert load_run(".").finished_rounds == 1


def test_files_follow_the_umask(run, here):
    former = os.umask(0o027)
    try:
        assert run("train", "d.h5", "--out", "new", *SMALL).code == 0
    finally:
        os.umask(former)
    assert {file.stat().st_mode & 0o777 for file in Path("new").rglob("*.*")} == {0o640}


def test_the_dataset_may_lie_in_the_run(run, here):
    Path("new").mkdir()
    shutil.copy("d.h5", "new/d.h5")
    assert run("train", "new/d.h5", "--out", "new", *SMALL).code == 0
    assert read_dataset("new/d.h5").cells == 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_learns_the_same_to_rounding(run, here):
    errors = [
        iterate(run, device, "--device", device).json["held_out_error"][0] for device in ("cpu", "cuda")
    ]
    assert errors[1] == pytest.approx(errors[0], rel=1e-3)


def test_a_preset_yields_to_the_dataset(run, here):
    outcome = run("iterate", "d.h5", "--out", "n", "--preset", "quick", "--steps", "2", "--json")
    assert outcome.code == 0, outcome.err
    config = load_config(file="n/config.toml")
    assert (config.cells, config.samples, config.steps, config.hidden) == (3, 300, (2,), (32, 32))
