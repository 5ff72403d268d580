"""The iteration in memory gives the numbers of the commands, and refuses what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
from series_cases import labelled

from bornnet import compare, fit_series, load_series, scattering_length, weinberg_eigenvalue
from bornnet.config.load import load_config
from bornnet.datasets.writer import write_rows
from bornnet.errors import InputError
from bornnet.runs.directory import load_run
from bornnet.runs.rounds import fit_run

KEYS = {"hidden": (5,), "steps": (6, 4), "rounds": 2, "members": 2, "seed": 3}
DATA = labelled(200)


@pytest.fixture(scope="module")
def series():
    return fit_series(DATA.potentials, DATA.values, **KEYS)


def test_the_same_numbers_as_the_commands(series, tmp_path):
    configuration = load_config(overrides={"samples": 200, "cells": 4}).generator()
    rows = replace(DATA, strength=weinberg_eigenvalue(DATA.potentials))
    write_rows(tmp_path / "d.h5", rows, configuration=configuration)
    fit_run(tmp_path / "d.h5", tmp_path / "r", load_config(overrides=KEYS))
    run = load_run(tmp_path / "r").series
    for order in (1, 2, 3):
        np.testing.assert_array_equal(series.kernel(order), run.kernel(order))
    np.testing.assert_array_equal(series.held_out.values, run.held_out.values)


def test_means_and_deviations_over_the_members(series):
    U = DATA.potentials[:5]
    kernels = np.array([member.kernel(2) for member in series.members])
    np.testing.assert_allclose(series.kernel(2), kernels.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(series.kernel_std(2), np.abs(kernels[0] - kernels[1]) / np.sqrt(2), rtol=1e-12)
    assert series.terms(U, 3).shape == series.terms_std(U, 3).shape == (3, 5)
    np.testing.assert_allclose(series.predict(U, 2), series.terms(U, 2).sum(axis=0), rtol=1e-13)
    one = fit_series(DATA.potentials, DATA.values, **{**KEYS, "members": 1})
    assert one.kernel_std(1) is None
    assert one.terms_std(U, 1) is None


def test_stored_and_compared(series, tmp_path):
    series.save(tmp_path / "s.safetensors")
    again = load_series(tmp_path / "s.safetensors")
    assert again.config == series.config
    assert again.rounds == series.rounds
    assert compare(again).to_dict() == compare(series).to_dict()
    document = compare(series, order=2).to_dict()
    assert (document["schema_version"], document["cells"], document["members"]) == (1, 4, 2)
    assert [row["order"] for row in document["orders"]] == [1, 2]
    assert "kernel errors" in repr(compare(series))
    assert "<table>" in compare(series)._repr_html_()
    assert repr(series) == "LearnedSeries(mlp: 2 members, 2 rounds, 4 cells)"


def test_a_longer_fit_learns_the_values():
    series = fit_series(DATA.potentials, DATA.values, rounds=1, hidden=(8,), steps=(60,))
    held_out = series.held_out
    np.testing.assert_array_equal(scattering_length(held_out.potentials), held_out.values)
    relative = (series.predict(held_out.potentials) - held_out.values) / held_out.strength
    assert np.median(np.abs(relative)) < 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": DATA.values[:-1]}, r"values: expected one for each of 200"),
        ({"values": np.where(np.arange(200) == 7, np.nan, DATA.values)}, r"values: row 8: expected a finite"),
        ({"potentials": DATA.potentials[0]}, r"potentials: expected an array \(N, cells\)"),
        ({"potentials": 30 * DATA.potentials}, r"strength eta below 1"),
        ({"potentials": DATA.potentials * (np.arange(200) != 9)[:, None]}, r"potentials: row 10: it is zero"),
        ({"learner": "polynomial", "degree": 5}, r"learner polynomial needs at least 125"),
        ({"learner": "polynomal"}, "Did you mean 'polynomial'"),
        ({"sigma": 0.0}, "sigma: row 1: expected a positive"),
    ],
)
def test_what_is_refused(change, message):
    arrays = {"potentials": DATA.potentials, "values": DATA.values}
    given = {**arrays, **change}
    with pytest.raises(InputError, match=message):
        fit_series(given.pop("potentials"), given.pop("values"), holdout=0.5, **given)
