"""`--dry-run`: the estimate counts what the run would use, and times it about right."""

import logging
from pathlib import Path
from time import process_time

import pytest

from bornnet.config.load import load_config
from bornnet.config.names import OPTIMIZERS
from bornnet.datasets.generate import generate
from bornnet.errors import InputError
from bornnet.runs.estimate import estimate
from bornnet.runs.rounds import fit_run
from bornnet.training.levenberg_marquardt import LevenbergMarquardt


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "d.h5"
    generate(path, load_config(overrides={"samples": 1500, "cells": 4, "strength": (0.01, 0.5)}))
    return path


def study(**overrides):
    return load_config(overrides={"hidden": (6, 5), "steps": (40, 30), "rounds": 2, **overrides})


def test_counts_are_those_of_the_run(dataset, tmp_path):
    config = study(members=2, steps=(2, 1))
    plan = estimate(dataset, config)
    fitted = fit_run(dataset, tmp_path / "run", config)
    assert plan["members"] == 2
    assert plan["weights"] == 4 * 6 + 6 + 6 * 5 + 5 + 5 + 1
    for planned, done in zip(plan["rounds"], fitted.rounds[0], strict=True):
        assert (planned["round"], planned["training_rows"]) == (done["round"], done["training_rows"])
        assert planned["weights"] == plan["weights"]
    assert [planned["steps"] for planned in plan["rounds"]] == [2, 1]
    assert plan["seconds"] == pytest.approx(2 * sum(planned["seconds"] for planned in plan["rounds"]))


def test_rows_are_those_that_a_flow_takes(dataset, tmp_path, caplog):
    config = load_config(
        overrides={"learner": "flow", "hidden": (4,), "steps": (2,), "starts": 1, "fit_rows": 16}
    )
    with caplog.at_level(logging.WARNING, logger="bornnet"):
        planned = estimate(dataset, config)["rounds"][0]
    done = fit_run(dataset, tmp_path / "run", config).rounds[0][0]
    assert planned["training_rows"] == done["training_rows"] == 16
    assert "there are 16 potentials for 17 weights" in caplog.text
    assert "Take more --fit-rows" in caplog.text


def test_writes_nothing(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(dataset.parent.iterdir())
    estimate(dataset, study())
    assert sorted(dataset.parent.iterdir()) == before
    assert not list(Path().iterdir())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_times_are_about_right(dataset, tmp_path, optimizer):
    """Within a factor of six; times are of the processor, as others may be at work."""
    config = study(optimizer=optimizer, hidden=(16, 16), steps=(10,), rounds=1, workers=1, batch=64)
    planned = estimate(dataset, config)["seconds"]
    at = []
    fit_run(dataset, tmp_path / "run", config, report=lambda *progress: at.append(process_time()))
    assert len(at) == 10
    taken = 10 * (at[-1] - at[0]) / 9
    assert planned / 6 <= taken <= planned * 6


def test_a_time_limit_bounds_it(dataset):
    plan = estimate(dataset, study(steps=(100_000,), time_limit=0.5, members=3))
    assert plan["seconds"] == pytest.approx(90)


def test_memory_grows_with_the_optimizers_matrices(dataset):
    small, wide, adam = (
        estimate(dataset, study(hidden=(width,), rounds=2, optimizer=name, strength_floors=(0.0,)))["rounds"][
            1
        ]["memory"]
        for width, name in ((50, "levenberg-marquardt"), (100, "levenberg-marquardt"), (100, "adam"))
    )
    weights = 4 * 100 + 100 + 100 + 1
    assert wide >= LevenbergMarquardt.step_bytes(1200, weights) >= 8 * 1200 * weights
    assert small < wide
    assert adam < wide


def test_members_side_by_side_need_memory_each_and_less_time(dataset):
    config = study(members=3, rounds=1, workers=2)
    alone, pair, all_at_once = (estimate(dataset, config, at_once=n) for n in (1, 2, 9))
    memory = alone["rounds"][0]["memory"]
    assert pair["rounds"][0]["memory"] == 2 * memory
    assert all_at_once["rounds"][0]["memory"] == 3 * memory
    for plan, turns in ((alone, 3), (pair, 2), (all_at_once, 1)):
        assert plan["seconds"] == pytest.approx(turns * plan["rounds"][0]["seconds"])


def test_what_fits_once_but_not_side_by_side_is_refused(dataset, tmp_path, monkeypatch):
    config = study(members=2, steps=(1,))
    memory = max(entry["memory"] for entry in estimate(dataset, config)["rounds"])
    monkeypatch.setattr("bornnet.runs.data.fits", lambda need: need < 1.5 * memory)
    fit_run(dataset, tmp_path / "alone", config)
    with pytest.raises(InputError, match="in 2 processes at once, more than this machine has; train fewer"):
        fit_run(dataset, tmp_path / "run", config, at_once=2)
    assert not (tmp_path / "run").exists()


def test_few_samples_are_warned_of_once(dataset, caplog):
    with caplog.at_level(logging.WARNING, logger="bornnet"):
        estimate(dataset, study(hidden=(40, 40)))
    (record,) = caplog.records
    assert "for 1,881 weights in round 2" in record.message
    assert "Generate more samples, or take a smaller --hidden." in record.message
    caplog.clear()
    estimate(dataset, study())
    assert not caplog.records


def test_what_would_not_fit_is_refused(dataset, tmp_path):
    config = study(hidden=(5000, 5000))
    with pytest.raises(InputError, match=r"round 1 with 25,035,001 weights needs .* GB"):
        estimate(dataset, config)
    with pytest.raises(InputError, match="another --optimizer"):
        fit_run(dataset, tmp_path / "run", config)
    assert not list(tmp_path.iterdir())
