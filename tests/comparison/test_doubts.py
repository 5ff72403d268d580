"""Rows that disagree, and what training warned of."""

import json

import numpy as np
import pytest
from bornnet.cli.main import main
from series_cases import labelled

import bornnet
from bornnet.comparison.cautions import cautions
from bornnet.comparison.compare import compare, compare_run
from bornnet.comparison.residuals import Measured, Residuals
from bornnet.config.load import load_config
from bornnet.datasets.labelled import held_out_rows, split

DATA = labelled(200, 3, low=0.02)
SIGMA = 0.01 * np.abs(DATA.values)
BY_STRENGTH = np.argsort(DATA.strength).tolist()
WRONG = dict(zip([BY_STRENGTH[k] for k in (60, 100, 130)], (60.0, -40.0, 25.0), strict=True))
"""Rows from 0, neither weak nor strong, with values that are off by so many of their errors."""
NAMED = [row + 1 for row in WRONG]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrong")
    values = DATA.values + SIGMA * np.random.default_rng(2).standard_normal(200)
    for row, off in WRONG.items():
        values[row] = DATA.values[row] + off * SIGMA[row]
    bornnet.write_dataset(folder / "d.h5", DATA.potentials, values, sigma=SIGMA)
    bornnet.write_dataset(folder / "bare.h5", DATA.potentials, values)
    flags = ("--hidden", "4", "--steps", "25", "--rounds", "1", "--workers", "1", "--quiet")
    for name in ("d", "bare"):
        assert main(["iterate", str(folder / f"{name}.h5"), "--out", str(folder / name), *flags]) == 0
    return folder


def test_held_out_rows_are_those_of_the_split():
    kept = split(DATA, 0.2, 5)[1]
    np.testing.assert_array_equal(DATA.values[held_out_rows(200, 0.2, 5)], kept.values)


def test_wrong_rows_are_found_and_do_little_harm(folder):
    comparison = compare_run(folder / "d")
    found = comparison.outliers
    assert (found.judged, found.whole) == (200, True)
    assert 3 <= found.beyond <= 6
    for outlier, (row, off) in zip(
        found.rows, sorted(WRONG.items(), key=lambda item: -abs(item[1])), strict=False
    ):
        assert outlier.row == row + 1
        assert outlier.in_sigma == pytest.approx(off, abs=6)
        assert outlier.held_out == (row in held_out_rows(200, 0.2, 0))
    assert comparison.orders[0].kernel_error < 0.02


def test_commands_name_them(folder, capsys):
    capsys.readouterr()
    assert main(["compare-born", str(folder / "d"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["row"] for row in told["outliers"][:3]] == NAMED
    assert told["rows_judged"] == 200
    assert main(["compare-born", str(folder / "d")]) == 0
    shown = capsys.readouterr().out
    assert "Rows that disagree most" in shown
    assert f"{told['outliers_beyond_four']} of 200 rows" in shown


def test_without_errors_what_is_typical_is_the_measure(folder):
    found = compare_run(folder / "bare").outliers
    assert {row.row for row in found.rows[:3]} == set(NAMED)
    assert all(row.in_sigma is None and abs(row.in_typical) > 4 for row in found.rows[:3])


def test_without_the_dataset_held_out_rows_are_left(folder, tmp_path):
    import shutil

    shutil.copytree(folder / "d", tmp_path / "moved")
    provenance = json.loads((tmp_path / "moved" / "provenance.json").read_text())
    provenance["dataset"]["sha256"] = "0" * 64
    (tmp_path / "moved" / "provenance.json").write_text(json.dumps(provenance))
    found = compare_run(tmp_path / "moved").outliers
    assert (found.judged, found.whole) == (40, False)
    whole = {row.row: row.in_sigma for row in compare_run(folder / "d").outliers.rows}
    index = held_out_rows(200, 0.2, 0) + 1
    for row in found.rows:
        assert row.held_out
        assert row.row in index
        if row.row in whole:
            assert row.in_sigma == pytest.approx(whole[row.row])


def test_exact_labels_are_not_doubted(tmp_path):
    made = str(tmp_path / "e.h5"), str(tmp_path / "r")
    assert main(["generate", made[0], "--samples", "60", "--cells", "3", "--quiet"]) == 0
    assert main(["train", *made[:1], "--out", made[1], "--learner", "polynomial", "--quiet"]) == 0
    comparison = compare_run(made[1])
    assert comparison.outliers is None
    assert comparison.document()["outliers"] is None


def test_in_memory(folder):
    series = bornnet.fit_series(
        DATA.potentials, DATA.values, sigma=SIGMA, rounds=1, hidden=(3,), steps=3, workers=1
    )
    found = compare(series).outliers
    assert (found.judged, found.whole) == (40, False)
    row = found.rows[0].row - 1
    assert found.rows[0].value == pytest.approx(DATA.values[row])


def facts(**changed):
    usual = {"round": 1, "training_rows": 5000, "steps": 30, "best_step": 10}
    return {**usual, **changed}


def residuals(in_sigma=None):
    off = np.full(4, 1.0 if in_sigma is None else in_sigma)
    sigma = None if in_sigma is None else np.ones(4)
    return Residuals(np.arange(4), off, Measured(np.ones(4), sigma), None, off[None], {})


@pytest.mark.parametrize(
    ("rounds", "in_sigma", "words"),
    [
        ([facts()], None, None),
        ([facts(training_rows=20)], None, "20 potentials for"),
        ([facts(left_out=0)], None, None),
        ([facts(), facts(round=2, left_out=7)], None, "Round 2 left 7 of 5,000 potentials out"),
        ([facts(best_step=0, steps=20)], None, "gained nothing"),
        ([facts(steps=50, best_step=50)], None, "more steps would help"),
        ([facts(steps=12, best_step=11)], None, "time limit"),
        ([facts()], 1.0, "noise floor is reached"),
        ([facts()], 1.6, None),
        ([facts()], 5.0, "off by 5 of their stated errors"),
    ],
)
def test_cautions(rounds, in_sigma, words):
    config = load_config(overrides={"hidden": (8,), "time_limit": 1.0})
    told = cautions(config, 3, [rounds], residuals(in_sigma))
    assert (told == []) if words is None else (len(told) == 1 and words in told[0])
