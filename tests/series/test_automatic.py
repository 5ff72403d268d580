"""The learner that suits a dataset: which, that it is said and recorded, and that given settings hold."""

import json

import numpy as np
import pytest
from bornnet.cli.main import main
from series_cases import labelled

import bornnet
from bornnet.config.load import load_config
from bornnet.errors import InputError
from bornnet.runs.directory import load_run
from bornnet.series.automatic import choose, for_generated, for_rows
from bornnet.series.member import learner_of
from bornnet.studies.file import read_study

DATA = labelled(90, cells=3)


@pytest.mark.parametrize(
    ("rows", "cells", "facts", "learner"),
    [
        (80, 16, {"noisy": False}, "flow"),
        (200, 16, {"noisy": False}, "flow,gp"),
        (8000, 16, {"noisy": False}, "flow,gp"),
        (8000, 16, {"noisy": True}, "flow"),
        (8000, 64, {"noisy": False}, "flow,gp"),
        (500, 64, {"noisy": False}, "flow,gp"),
        (8000, 16, {"noisy": False, "gradients": True}, "flow"),
        (8000, 16, {"noisy": True, "known": False}, "gp"),
        (8000, 16, {"noisy": False, "known": False, "gradients": True}, "mlp"),
    ],
)
def test_the_rule(rows, cells, facts, learner):
    choice = choose(rows, cells, **facts)
    assert choice.learner == learner
    assert f"{rows:,} potentials of {cells} cells" in choice.reason
    study = for_generated(load_config(overrides={"learner": "auto", "samples": rows, "cells": cells}))
    assert study.learner != ("auto",)
    assert study.rounds == 1
    learner_of(study)


def test_what_the_user_says_holds():
    overrides = {"learner": "auto", "hidden": (5,), "rounds": 2, "seed": 4}
    study = for_rows(load_config(overrides=overrides), DATA, known=True)
    assert (study.learner, study.hidden, study.rounds, study.seed) == (("flow",), (5,), 2, 4)
    with pytest.raises(InputError, match="hidden: a setting of learner"):
        for_rows(load_config(overrides=overrides), DATA, known=False)
    preset = for_rows(load_config("quick", overrides={"learner": "auto"}), DATA, known=True)
    assert (preset.learner, preset.rounds, preset.hidden) == (("flow",), 1, (12, 12))
    noisy = for_rows(load_config(overrides={"learner": "auto", "sigma": "learn"}), DATA, known=True)
    assert noisy.hidden == (6, 6)
    named = load_config(overrides={"learner": "gp"})
    assert for_rows(named, DATA, known=True) is named


def test_nothing_is_fitted_before_it_is_settled():
    with pytest.raises(InputError, match="auto has not been settled"):
        learner_of(load_config(overrides={"learner": "auto"}))
    with pytest.raises(InputError, match="expected one of"):
        load_config(overrides={"learner": "auto,gp"})


def test_in_memory_and_in_a_run(tmp_path, capsys):
    values = np.exp(DATA.potentials @ [0.1, 0.2, 0.3])
    series = bornnet.fit_series(DATA.potentials, values, observable="growth", learner="auto")
    assert series.config.learner == ("gp",)
    assert series.config.rounds == 1
    data, run = str(tmp_path / "d.h5"), str(tmp_path / "r")
    bornnet.write_dataset(data, DATA.potentials, values, observable="growth")
    assert main(["iterate", data, "--out", run, "--learner", "auto", "--json"]) == 0
    shown = capsys.readouterr()
    assert "Learner gp was chosen" in shown.err
    assert json.loads(shown.out)["rounds"] == 1
    stored = load_run(run)
    assert stored.config.learner == ("gp",)
    assert "gp was chosen" in stored.provenance["chosen"]
    np.testing.assert_array_equal(stored.series.kernel(1), series.kernel(1))
    assert main(["iterate", data, "--out", run, "--learner", "auto", "--resume", "--quiet"]) == 0


def test_in_a_study(tmp_path):
    (tmp_path / "s.toml").write_text(
        '[base]\nlearner = "auto"\nsamples = 90\ncells = 3\n[vary]\nsamples = [4000]\n', encoding="utf-8"
    )
    study = read_study(tmp_path / "s.toml")
    assert [setting.config.learner for setting in study.settings] == [("flow",), ("flow", "gp")]
