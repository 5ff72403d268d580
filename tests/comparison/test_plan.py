"""How many potentials would halve the errors: errors whose law is known, and fits whose law is."""

import json

import numpy as np
import pytest
from bornnet.cli.main import main
from series_cases import labelled

import bornnet
from bornnet.comparison.plan import order_plan, plan
from bornnet.errors import InputError
from bornnet.runs.directory import load_run

ROWS = [50, 100, 200, 400]


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("known", [3, 4])
def test_a_power_law_is_found(power, known):
    errors = [3.0 * n**-power for n in ROWS[:known]]
    found = order_plan(2, ROWS, errors, 1.0, 1.0, 1.0)
    assert found.power == pytest.approx(power)
    assert found.errors[-1] == pytest.approx(3.0 * 400**-power)
    assert found.rows_to_halve == round(400 * 2 ** (1 / power))
    assert found.strengths == "any"


def test_errors_that_do_not_fall_cannot_be_halved():
    found = order_plan(1, ROWS, [0.1, 0.11, 0.1, 0.1], 0.2, 0.02, 0.1)
    assert found.rows_to_halve is None
    assert found.strengths == "stronger"
    assert order_plan(1, ROWS, [0.1, 0.11, 0.1, 0.1], 0.02, 0.2, 0.1).strengths == "weaker"


DATA = labelled(2000, 3, low=0.03, high=0.1)
SIGMA = 0.1 * np.abs(DATA.values)
VALUES = DATA.values + SIGMA * np.random.default_rng(3).standard_normal(2000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    for data, observable, count, *flags in (
        ("a0", "scattering_length", 2000, "--learner", "polynomial", "--degree", "2"),
        ("k", "k", 150, "--learner", "gp"),
    ):
        own = {"sigma": SIGMA[:count], "observable": observable}
        bornnet.write_dataset(folder / f"{data}.h5", DATA.potentials[:count], VALUES[:count], **own)
        given = ("--out", str(folder / data), "--workers", "1", "--quiet")
        assert main(["train", str(folder / f"{data}.h5"), *given, *flags]) == 0
    return folder


def test_noise_falls_as_the_root_of_the_rows(folder, capsys):
    """Least squares: errors of independent noise fall as n^-1/2, and strong rows tell of the second order."""
    capsys.readouterr()
    assert main(["compare-born", str(folder / "a0"), "--order", "2", "--plan", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["plan"]["errors"] == "kernel error"
    second = told["plan"]["orders"][1]
    assert second["rows"] == [200, 400, 800, 1600]
    assert second["errors"][-1] == pytest.approx(told["orders"][1]["kernel_error"])
    assert 0.25 < second["power"] < 0.9
    assert second["rows_to_halve"] == round(1600 * 2 ** (1 / second["power"]))
    assert second["stronger"] < second["weaker"]


def test_without_a_truth_stated_errors_stand(folder, capsys):
    capsys.readouterr()
    assert main(["compare-born", str(folder / "k"), "--order", "1", "--plan"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Stated errors of the coefficients" in shown
    found = plan(load_run(folder / "k"), 1)
    assert found.errors == "stated"
    series = load_run(folder / "k").series
    stated = np.linalg.norm(series.kernel_std(1)) / np.linalg.norm(series.kernel(1))
    assert found.orders[0].errors[-1] == pytest.approx(stated)
    assert found.orders[0].errors[0] > found.orders[0].errors[-1]


def test_what_cannot_be_planned_is_refused(folder, capsys, tmp_path):
    assert main(["compare-born", str(folder / "k"), str(folder / "k"), "--plan"]) == 2
    assert "--plan: expected one RUN" in capsys.readouterr().err
    data = tmp_path / "few.h5"
    bornnet.write_dataset(data, DATA.potentials[:60], VALUES[:60], sigma=SIGMA[:60], observable="k")
    flags = ("--learner", "gp", "--workers", "1", "--quiet")
    assert main(["train", str(data), "--out", str(tmp_path / "few"), *flags]) == 0
    with pytest.raises(InputError, match="too few for a plan"):
        plan(load_run(tmp_path / "few"), 1)
    data.unlink()
    with pytest.raises(InputError, match="needs the dataset"):
        plan(load_run(tmp_path / "few"), 1)
