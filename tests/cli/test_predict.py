"""`bornnet predict`, `bornnet kernels` and `bornnet completion`."""

import csv
import json
import shutil

import h5py
import numpy as np
import pytest
from bornnet.cli.main import bornnet as group
from bornnet.cli.main import main
from click.shell_completion import ShellComplete

from bornnet import born_kernel, load_run, weinberg_eigenvalue

RUNS = ("one", "three", "flow")
U = np.random.default_rng(1).uniform(0.05, 0.5, (6, 3))
TINY = ("--hidden", "4", "--steps", "12", "--rounds", "2")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")

    def run_in(folder, *arguments):
        assert main([str(folder / a) if a in ("d.h5", *RUNS) else str(a) for a in arguments]) == 0

    run_in(folder, "generate", "d.h5", "--samples", 300, "--cells", 3)
    run_in(folder, "iterate", "d.h5", "--out", "one", *TINY)
    run_in(folder, "iterate", "d.h5", "--out", "three", *TINY, "--members", 3, "--workers", 1)
    run_in(folder, "iterate", "d.h5", "--out", "flow", "--learner=flow", "--steps", "6")
    np.save(folder / "p.npy", U)
    np.savetxt(folder / "p.csv", U, delimiter=",", fmt="%.17g")
    return folder


@pytest.fixture(autouse=True)
def here(made, tmp_path, monkeypatch):
    for path in made.iterdir():
        (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / path.name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("file", ["p.npy", "p.csv"])
@pytest.mark.parametrize("name", ["one", "three"])
def test_json_has_what_the_series_says(run, name, file):
    told = json.loads(run("predict", name, file, "--order", 3, "--json").out)
    series = load_run(name).series
    assert told["schema_version"] == 1
    rows = told["potentials"]
    assert [row["row"] for row in rows] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose([row["value"] for row in rows], series.predict(U), rtol=1e-12)
    np.testing.assert_allclose([row["terms"] for row in rows], series.terms(U, 3).T, rtol=1e-12)
    np.testing.assert_allclose([row["sum"] for row in rows], series.terms(U, 3).sum(0), rtol=1e-12)
    if name == "one":
        assert all(row["value_std"] is None and row["terms_std"] is None for row in rows)
    else:
        members = np.array([member.predict(U) for member in series.members])
        np.testing.assert_allclose([row["value_std"] for row in rows], members.std(0, ddof=1), rtol=1e-9)
        np.testing.assert_allclose([row["terms_std"] for row in rows], series.terms_std(U, 3).T, rtol=1e-9)


def test_the_table_and_the_file_agree(run):
    done = run("predict", "three", "p.csv", "--out", "out.csv")
    assert done.code == 0, done.err
    with open("out.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 6
    values = load_run("three").series.predict(U)
    np.testing.assert_allclose([float(line["value"]) for line in lines], values, rtol=1e-12)
    assert f"{values[0]:.8g}" in done.out
    assert "±" in done.out
    assert run("predict", "three", "p.csv", "--out", "out.csv").code == 2
    assert run("predict", "three", "p.csv", "--out", "out.json").code == 0
    with open("out.json") as file:
        assert len(json.load(file)["potentials"]) == 6


def test_potentials_unlike_those_learned_from_are_warned_of(run):
    strong = U.copy()
    strong[2] *= 0.8 / weinberg_eigenvalue(U[2])
    strong[4] = [0, 0, -40.0]
    np.save("far.npy", strong)
    done = run("predict", "one", "far.npy", "--json")
    assert done.code == 0
    told = json.loads(done.out)
    warnings = told["warnings"]
    unlike = [row["unlike"] for row in told["potentials"]]
    assert "strength" in unlike[2]
    assert unlike[4] == ["strength", "distance"]
    assert [unlike[row] for row in (0, 1, 3, 5)] == [[]] * 4
    assert "5*" in run("predict", "one", "far.npy").out
    assert any("stronger" in text and "3" in text for text in warnings)
    assert any("far from" in text and "5" in text for text in warnings)
    assert "WARNING" in done.err
    assert json.loads(run("predict", "one", "p.npy", "--json").out)["warnings"] == []


def test_a_learner_of_any_number_of_cells_takes_others(run):
    np.save("fine.npy", np.repeat(U, 2, axis=1))
    coarse = json.loads(run("predict", "flow", "p.npy", "--json").out)["potentials"]
    fine = json.loads(run("predict", "flow", "fine.npy", "--json").out)["potentials"]
    for one, other in zip(coarse, fine, strict=True):
        assert one["value"] == pytest.approx(other["value"], rel=1e-4)


BAD = {
    "other cells": (("predict", "one", "wide.npy"), "4 cells"),
    "no file": (("predict", "one", "none.csv"), "no such file"),
    "no run": (("predict", "d.h5", "p.npy"), "d.h5"),
    "order": (("predict", "one", "p.npy", "--order", 0), "--order"),
    "ending": (("predict", "one", "p.npy", "--out", "x.txt"), ".csv or .json"),
    "kernel ending": (("kernels", "one", "--order", 2, "--out", "x.txt"), ".npy, .csv, .h5"),
    "kernel order": (("kernels", "one", "--order", 0, "--out", "x.npy"), "order"),
    "shell": (("completion", "tcsh"), "bash, zsh, fish"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_input(run, tmp_path, arguments, message):
    np.save("wide.npy", np.ones((2, 4)))
    before = set(tmp_path.iterdir())
    done = run(*arguments)
    assert (done.code, message in done.err) == (2, True), done.err
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["one", "three"])
def test_kernels_in_every_form(run, name):
    series = load_run(name).series
    kernel, std = series.kernel(2), series.kernel_std(2)
    assert np.linalg.norm(kernel - born_kernel(2, 3)) < np.linalg.norm(kernel)
    for ending in ("npy", "csv", "h5"):
        assert run("kernels", name, "--order", 2, "--out", f"k.{ending}").code == 0
        assert run("kernels", name, "--order", 2, "--out", f"k.{ending}").code == 2
    np.testing.assert_array_equal(np.load("k.npy"), kernel)
    with h5py.File("k.h5") as file:
        np.testing.assert_array_equal(file["coefficient"][:], kernel)
        assert ("coefficient_std" in file) == (std is not None)
    with open("k.csv", newline="") as file:
        for line in csv.DictReader(file):
            index = int(line["cell_1"]), int(line["cell_2"])
            assert float(line["coefficient"]) == kernel[index]
            assert line["coefficient_std"] == ("" if std is None else repr(float(std[index])))
    if std is not None:
        np.testing.assert_array_equal(np.load("k_std.npy"), std)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run, shell):
    done = run("completion", shell)
    assert done.code == 0
    assert "_BORNNET_COMPLETE" in done.out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("guide own-", ["own-data", "own-networks"]),
        ("iterate --learner g", ["gp"]),
        ("iterate --learner flow,g", ["flow,gp"]),
        ("generate --preset q", ["quick"]),
        ("iterate --optimizer l-", ["l-bfgs"]),
    ],
)
def test_names_are_completed(typed, offered):
    *before, begun = typed.split()
    found = ShellComplete(group, {}, "bornnet", "_BORNNET_COMPLETE").get_completions(before, begun)
    assert [item.value for item in found] == offered


def test_a_flow_has_no_value_behind_a_pole_and_others_are_as_without(run):
    bound, beyond = np.full((1, 3), 9.0), np.full((1, 3), -400.0)
    np.save("bound.npy", np.concatenate([U[:2], bound, U[2:], beyond]))
    seen = run("predict", "flow", "bound.npy", "--out", "bound.csv", "--json")
    told, alone = json.loads(seen.out), json.loads(run("predict", "flow", "p.npy", "--json").out)
    rows = told["potentials"]
    others = [row["value"] for row in rows if row["row"] not in (3, 8)]
    np.testing.assert_allclose(others, [row["value"] for row in alone["potentials"]], rtol=1e-12)
    assert rows[2]["value"] is None
    assert "bound state" in rows[2]["note"]
    assert rows[7]["value"] is None
    assert "leaves" in rows[7]["note"]
    assert len(rows[2]["terms"]) == len(rows[0]["terms"])
    assert any("row 3: no value" in warning for warning in told["warnings"])
    with open("bound.csv", newline="") as file:
        assert [row["value"] == "" for row in csv.DictReader(file)] == [False] * 2 + [True] + [False] * 4 + [
            True
        ]
    assert "-" in run("predict", "flow", "bound.npy").out
    series = load_run("flow").series
    without = [note is not None for note in series.without_value(np.load("bound.npy"))]
    np.testing.assert_array_equal(np.isnan(series.predict(np.load("bound.npy"))), without)


def test_reach_is_kept_with_a_run(run):
    learner = load_run("flow").learners[0][0]
    low, high = learner.reach
    assert low.min() < 0 <= high.max()
    assert learner.outside(U) == [None] * len(U)
