"""`compare-born` as a user meets it: contract, tables, unfinished and unfitting runs, files."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from bornnet.cli.main import main
from torch import nn

from bornnet import born_kernel

ROW = {
    "order",
    "kernel_error",
    "kernel_error_spread",
    "kernel_cosine",
    "term_error",
    "born_norm",
    "taylor_norm",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of two members and two rounds, and one of another number of cells."""
    folder = tmp_path_factory.mktemp("runs")
    for cells, name in ((5, "first"), (4, "other")):
        data = str(folder / f"{name}.h5")
        fit = ["--members", "2", "--hidden", "6,5", "--steps", "8,4", "--rounds", "2"]
        assert main(["generate", data, "--samples", "300", "--cells", str(cells), "--quiet"]) == 0
        assert main(["iterate", data, "--out", str(folder / name), *fit, "--quiet"]) == 0
    return folder


@pytest.fixture
def runs(run, made):
    """The runs `first` and `other`, and what compares them, in the current folder."""
    for name in ("first", "other"):
        shutil.copytree(made / name, name)
    return run


def test_contract(runs):
    document = runs("compare-born", "first", "--json").json
    assert (document["schema_version"], document["cells"], document["members"]) == (1, 5, 2)
    tables = [document["orders"], document["single_network"], *(b["orders"] for b in document["baselines"])]
    assert {"least-squares-1", "least-squares-2"} <= {b["name"] for b in document["baselines"]}
    for table in tables:
        assert [row["order"] for row in table] == [1, 2, 3]
        assert all(row.keys() >= ROW for row in table)
        single = table not in (document["orders"], document["single_network"])
        for row in table:
            numbers = {key: value for key, value in row.items() if key not in ("kernel_std", "coverage")}
            spreads = [numbers.pop(key) for key in ("kernel_error_spread", "term_error_spread")]
            assert all(math.isfinite(value) for value in numbers.values())
            assert all(spread is None if single else spread >= 0 for spread in spreads)
    assert [row.keys() for row in document["proxy"]] == [
        {"order", "vs_born", "vs_exact", "born_vs_exact"}
    ] * 3
    norms = [np.linalg.norm(born_kernel(n, 5)) for n in (1, 2, 3)]
    assert [row["born_norm"] for row in document["orders"]] == pytest.approx(norms, rel=1e-14)


def test_tables_fit_80_columns(runs):
    for arguments in (["first"], ["first", "first"], ["first", "--order", 5]):
        lines = runs("compare-born", *arguments).out.splitlines()
        assert max(map(len, lines)) <= 80, arguments


def test_terminal_shows_what_the_json_says(runs):
    document = runs("compare-born", "first", "--json").json
    shown = runs("compare-born", "first").out
    for row in document["orders"]:
        assert f"{row['kernel_error']:.1e} ± {row['kernel_error_spread']:.0e}" in shown
    assert document["verdict"] in " ".join(shown.split())


def test_orders_beyond_the_rounds_are_the_last_networks_own(runs):
    document = runs("compare-born", "first", "--order", 4, "--json").json
    assert [row["order"] for row in document["orders"]] == [1, 2, 3, 4]
    assert "Beyond the last round, orders 3 and 4 are the last network's own." in document["verdict"]


def test_several_runs(runs):
    document = runs("compare-born", "first", "first", "--json").json
    alone = runs("compare-born", "first", "--json").json
    assert document == {
        "schema_version": 1,
        "runs": [{k: v for k, v in alone.items() if k != "schema_version"}] * 2,
    }


def test_a_trained_network_compares_the_same_way(run, made):
    assert run("train", made / "first.h5", "--out", "t", "--hidden", "5", "--steps", "5").code == 0
    document = run("compare-born", "t", "--json").json
    assert (document["members"], document["rounds"]) == (1, 1)
    assert document["orders"] == document["single_network"]
    assert "without iteration" not in document["verdict"]


def test_a_run_in_progress_counts_as_far_as_all_members_have_come(runs):
    Path("first/member-1/round-2.safetensors").unlink()
    Path("first/summary.json").unlink()
    document = runs("compare-born", "first", "--json").json
    assert (document["rounds"], document["rounds_planned"]) == (1, 2)
    assert "1 round of 2" in document["verdict"]


def test_report_and_figures(runs):
    outcome = runs("compare-born", "first", "--order", 1, "--report", "r.html", "--figures", "f")
    assert outcome.err == "Wrote r.html and f.\n"
    assert Path("r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert Path("f/kernel-order-1.pdf").is_file()


@pytest.fixture
def networks(run):
    """Networks from elsewhere: one that fits 5 cells, one with the exact first Born term."""
    torch.save(nn.Sequential(nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 1)).state_dict(), "net.pt")
    torch.save({"0.weight": torch.from_numpy(born_kernel(1, 5))[None]}, "exact.pt")
    return run


def test_a_model_that_is_the_first_born_term(networks):
    document = networks("compare-born", "--model", "exact.pt", "--cells", 5, "--json").json
    first, second, _ = document["orders"]
    assert first["kernel_error"] < 1e-14
    assert first["term_error"] < 1e-14
    assert second["kernel_error"] == 1
    assert document["baselines"] == []
    assert "Orders 2 and 3 have not been learned" in document["verdict"]


def test_a_model_with_a_report(networks):
    arguments = [
        "--model",
        "net.pt",
        "--activation",
        "tanh",
        "--order",
        2,
        "--samples",
        50,
        "--report",
        "r.html",
    ]
    assert networks("compare-born", *arguments).code == 0
    assert "Reproduce" not in Path("r.html").read_text(encoding="utf-8")


MODEL = ["--model", "net.pt", "--activation", "tanh"]
REFUSED = {
    "nothing": ([], "expected one RUN or several, or a --model"),
    "both": (["first", "--model", "net.pt"], "not both"),
    "missing": (["nix"], "nix: no such run directory"),
    "a file": (["net.pt"], "no such run directory"),
    "no run": (["empty"], "is no run directory"),
    "no rounds": (["unfinished"], "no round is finished by all members yet (member 1 has 2, member 2 has 0"),
    "other cells": (["first", "other"], "first has 5, other has 4"),
    "order 0": (["first", "--order", 0], "--order: expected a whole number of at least 1; got 0"),
    "too large": (["first", "--order", 20], "comparing order 20 at 5 cells needs"),
    "report exists": (["first", "--report", "there.html"], "there.html exists already"),
    "figures exist": (["first", "--figures", "first", "--force"], "not ours to replace"),
    "cells of a run": (["first", "--cells", 6], "tied to its 5 cells"),
    "unfitting model": ([*MODEL, "--cells", 6], "the network has 5 inputs"),
    "missing model": (["--model", "nix.pt", "--cells", 5], "nix.pt: no such file"),
    "eta": ([*MODEL, "--strength", 0.1, 1], "where the Born series converges"),
    "samples": ([*MODEL, "--samples", 0], "--samples: expected"),
    "activation": (["--model", "net.pt", "--cells", 5, "--activation", "gellu"], "gelu"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, runs, networks, refused):
    Path("empty").mkdir()
    Path("there.html").write_text("mine")
    shutil.copytree("first", "unfinished")
    for file in Path("unfinished/member-1").iterdir():
        file.unlink()
    arguments, message = REFUSED[case]
    assert message in refused("compare-born", *arguments)
