"""Datasets, runs and series that an earlier version wrote open, compare and predict as they did then."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from bornnet.cli.main import main

import bornnet
from bornnet import load_run, load_series
from bornnet.comparison.compare import compare_run
from bornnet.config.load import load_config
from bornnet.datasets.reader import open_dataset, read_dataset
from bornnet.runs.rounds import fit_run

OLD = Path(__file__).parents[1] / "cases" / "old"
EXPECTED = json.loads((OLD / "expected.json").read_text())
POTENTIALS = np.array(EXPECTED["potentials"])


def test_the_dataset():
    data = read_dataset(OLD / "data.h5")
    assert (len(data), data.configuration["samples"]) == (60, 60)
    reader = open_dataset(OLD / "data.h5")
    assert (reader.observable, reader.target, reader.reference) == ("scattering_length",) * 2 + (None,)
    U = data.potentials[:]
    a0, gradient = bornnet.scattering_length_and_gradient(U)
    np.testing.assert_allclose(data.values, a0, rtol=1e-12)
    np.testing.assert_allclose(data.gradient[:], gradient, rtol=1e-12)
    np.testing.assert_allclose(data.strength, bornnet.weinberg_eigenvalue(U), rtol=1e-9)


def test_the_run_predicts():
    run = load_run(OLD / "run")
    assert (run.config.learner, run.config.hidden, run.config.rounds) == (("mlp",), (4,), 2)
    for member, terms, kernels in zip(run.learned, EXPECTED["terms"], EXPECTED["kernels"], strict=True):
        np.testing.assert_allclose(member.terms(POTENTIALS, 2), terms, rtol=1e-11)
        for order, kernel in enumerate(kernels, start=1):
            np.testing.assert_allclose(member.kernel(order), kernel, rtol=1e-11)
    np.testing.assert_allclose(
        run.series.predict(POTENTIALS, 2), np.mean(EXPECTED["terms"], axis=0).sum(axis=0), rtol=1e-11
    )


def test_the_run_is_compared():
    document = compare_run(OLD / "run", order=2).to_dict()
    for table in ("orders", "single_network", "proxy"):
        check(document[table], EXPECTED[table])
    for old in EXPECTED["baselines"]:
        (new,) = (b for b in document["baselines"] if b["name"] == old["name"])
        check(new["orders"], old["orders"])
    assert (document["learner"], document["cells"], document["members"]) == ("mlp", 3, 2)


def check(rows, expected):
    """Every number that an old row has, in the new one; spreads are now those of a sample of two."""
    for row, old in zip(rows, expected, strict=True):
        for name, value in old.items():
            if name.endswith("_spread"):
                value = value * np.sqrt(2) if value else None  # of one member 0 once, unknown now
            assert row[name] == (value if value is None else pytest.approx(value, rel=1e-9)), name


def test_the_series():
    series = load_series(OLD / "series.safetensors")
    np.testing.assert_allclose(series.terms(POTENTIALS, 2), EXPECTED["terms"][0], rtol=1e-11)
    np.testing.assert_allclose(series.kernel(2), EXPECTED["kernels"][0][1], rtol=1e-11)


def test_the_commands_take_them(tmp_path, capsys):
    np.savetxt(tmp_path / "U.csv", POTENTIALS, delimiter=",")
    assert main(["predict", str(OLD / "run"), str(tmp_path / "U.csv"), "--order", "2", "--json"]) == 0
    terms = [entry["terms"] for entry in json.loads(capsys.readouterr().out)["potentials"]]
    np.testing.assert_allclose(np.transpose(terms), np.mean(EXPECTED["terms"], axis=0), rtol=1e-11)
    shutil.copytree(OLD / "run", tmp_path / "run")
    resumed = ["iterate", str(OLD / "data.h5"), "--out", str(tmp_path / "run"), "--resume", "--rounds", "2"]
    keys = ["--members", "2", "--hidden", "4", "--steps", "12,6", "--seed", "1", "--json"]
    assert main([*resumed, *keys]) == 0
    assert len(json.loads(capsys.readouterr().out)["fits"][1]) == 2


def test_the_same_fit_again_gives_the_same_kernels(tmp_path):
    study = load_config(
        overrides={"rounds": 2, "members": 1, "hidden": (4,), "steps": (12, 6), "seed": 1, "workers": 1}
    )
    fit_run(OLD / "data.h5", tmp_path / "run", study)
    (member,) = load_run(tmp_path / "run").learned
    for order, kernel in enumerate(EXPECTED["kernels"][0], start=1):
        np.testing.assert_allclose(member.kernel(order), kernel, rtol=1e-6)
