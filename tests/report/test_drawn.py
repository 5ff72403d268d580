"""Charts draw what the comparison holds: nothing learned is evaluated, nothing solved, no disk read."""

import builtins
import io
import shutil
from dataclasses import replace

import numpy as np
import pytest
from bornnet.cli.main import main
from series_cases import labelled

import bornnet
from bornnet.comparison.compare import compare_run
from bornnet.report.charts import charts
from bornnet.series.terms import MemberSeries
from bornnet.targets.base import Target


@pytest.fixture(scope="module")
def unknown(tmp_path_factory):
    """A comparison without a truth, of a Gaussian process that states errors."""
    folder = tmp_path_factory.mktemp("unknown")
    data = labelled(80, 3, low=0.02)
    bornnet.write_dataset(
        folder / "k.h5", data.potentials, data.values, sigma=0.01 * np.abs(data.values), observable="phase"
    )
    own = ("--learner", "gp", "--workers", "1", "--quiet")
    assert main(["iterate", str(folder / "k.h5"), "--out", str(folder / "gp"), *own]) == 0
    return compare_run(folder / "gp")


class Asked(Exception):
    """Something was computed that a comparison holds."""


def refused(*arguments, **named):
    raise Asked


@pytest.fixture
def idle(monkeypatch):
    """From the call on, whatever was learned and whatever is exact refuses to answer."""

    def begin():
        for owner in (MemberSeries, bornnet.LearnedSeries):
            for name in ("kernel", "kernel_std", "terms", "terms_std", "predict", "predict_std"):
                monkeypatch.setattr(owner, name, refused)
        for kind in (Target, *Target.__subclasses__()):
            for name in ("labels", "terms", "kernel"):
                monkeypatch.setattr(kind, name, refused)
        own = builtins.open

        def only_ours(file, *arguments, **named):
            if str(file).endswith((".jsonl", ".safetensors", ".h5", ".toml", ".json")):
                raise Asked(file)
            return own(file, *arguments, **named)

        monkeypatch.setattr(builtins, "open", only_ours)
        monkeypatch.setattr(io, "open", only_ours)  # what pathlib opens with

    return begin


def held(comparison):
    """The same, with what is only looked at when a figure is wanted."""
    again = replace(comparison)
    assert again.learning is again.learning
    if again.truth:
        assert len(again.scan.strength) == len(again.scan.learned_vs_exact[0])
        assert again.waves.u.shape == again.waves.line.shape
    return again


def test_of_a_run_with_a_truth(comparison, drawn, idle):
    comparison = held(comparison)
    assert comparison.learning
    idle()
    assert [chart.name for chart in charts(comparison)] == [chart.name for chart in drawn]


def test_of_a_run_without_one(unknown, idle):
    names = [chart.name for chart in charts(unknown)]
    comparison = held(unknown)
    idle()
    assert [chart.name for chart in charts(comparison)] == names


def test_the_refusal_bites(study, comparison, idle, tmp_path):
    """Without what is held beforehand the same charts do ask."""
    shutil.copytree(study, tmp_path / "run")
    idle()
    with pytest.raises(Asked):
        charts(replace(comparison))
    with pytest.raises(Asked):
        comparison.learned[0].kernel(1)


def test_coefficients_and_terms_are_those_of_the_members(comparison):
    potentials = comparison.reference.potentials
    for member, terms in zip(comparison.learned, comparison.evaluation.terms, strict=True):
        np.testing.assert_array_equal(terms, member.terms(potentials, 3))
    for n, coefficients in enumerate(comparison.evaluation.coefficients, start=1):
        kernels = [member.kernel(n) for member in comparison.learned]
        np.testing.assert_array_equal(coefficients.members, kernels)
        np.testing.assert_array_equal(coefficients.mean, np.mean(kernels, axis=0))
        np.testing.assert_array_equal(coefficients.spread, np.std(kernels, axis=0, ddof=1))


def test_stated_errors_are_those_of_the_series(unknown):
    series = bornnet.LearnedSeries(tuple(unknown.learned), unknown.config, target=unknown.reference.target)
    potentials = unknown.reference.potentials
    np.testing.assert_array_equal(unknown.evaluation.terms_std, series.terms_std(potentials, unknown.order))
    for n, coefficients in enumerate(unknown.evaluation.coefficients, start=1):
        np.testing.assert_array_equal(coefficients.std, series.kernel_std(n))
        assert coefficients.own == (np.linalg.norm(series.kernel_std(n)),)
