"""The user's own values as datasets, and errors put on exact labels."""

import json

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bornnet
from bornnet.config.load import load_config
from bornnet.datasets.generate import generate
from bornnet.datasets.noise import standard_normal
from bornnet.datasets.own import deviation, own_rows
from bornnet.datasets.reader import open_dataset, read_dataset
from bornnet.errors import InputError

RNG = np.random.default_rng(5)
U = RNG.uniform(0.1, 1.0, (20, 3))
A0 = bornnet.scattering_length(U)


@given(first=st.integers(0, 20_000), count=st.integers(1, 9000))
def test_the_stream_of_noise_does_not_depend_on_cuts(first, count):
    whole = standard_normal(3, 0, 30_000)
    np.testing.assert_array_equal(standard_normal(3, first, count), whole[first : first + count])


def generated(path, **keys):
    study = load_config(overrides={"samples": 9000, "cells": 3, "seed": 2, "workers": 1, **keys})
    return generate(path, study, rows_per_shard=keys.pop("rows", None))


def test_noise_is_of_the_size_that_is_recorded(tmp_path):
    generated(tmp_path / "d.h5", noise=0.1, noise_absolute=1e-3)
    generated(tmp_path / "exact.h5")
    noisy, exact = read_dataset(tmp_path / "d.h5"), read_dataset(tmp_path / "exact.h5")
    np.testing.assert_array_equal(noisy.potentials, exact.potentials)
    np.testing.assert_allclose(noisy.sigma, np.hypot(0.1 * exact.values, 1e-3), rtol=1e-14)
    in_sigma = (noisy.values - exact.values) / noisy.sigma
    assert np.mean(in_sigma) == pytest.approx(0, abs=0.05)
    assert np.std(in_sigma) == pytest.approx(1, abs=0.03)
    assert exact.sigma is None


def test_noise_does_not_depend_on_shards(tmp_path):
    study = load_config(overrides={"samples": 9000, "cells": 3, "noise": 0.1, "workers": 1})
    whole = generate(tmp_path / "one.h5", study)
    parts = generate(tmp_path / "cut.h5", study, rows_per_shard=4096)
    assert (whole.shards, parts.shards) == (0, 3)
    assert whole.sha256 == parts.sha256


def test_no_noise_gives_the_same_file_as_ever(tmp_path):
    generated(tmp_path / "a.h5")
    generated(tmp_path / "b.h5", noise=0.0)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["format_version"] == 2
        assert "noise" not in json.loads(file.attrs["configuration"])


def test_own_values_come_back(tmp_path):
    slopes = RNG.normal(size=U.shape)
    sha256 = bornnet.write_dataset(tmp_path / "d.h5", U, A0, sigma=0.01, gradients=slopes)
    found = read_dataset(tmp_path / "d.h5")
    for array, expected in (
        (found.potentials, U),
        (found.values, A0),
        (found.sigma, np.full(20, 0.01)),
        (found.gradient, slopes),
        (found.strength, bornnet.weinberg_eigenvalue(U)),
    ):
        np.testing.assert_array_equal(array, expected)
    assert found.sha256 == sha256
    with h5py.File(tmp_path / "d.h5") as file:
        assert file.attrs["format_version"] == 3


def test_another_observable_has_an_array_of_its_own(tmp_path):
    bornnet.write_dataset(tmp_path / "d.h5", U, 3 * A0, observable="phase_shift")
    reader = open_dataset(tmp_path / "d.h5")
    assert reader.observable == "phase_shift"
    assert "values" in reader.names
    assert "scattering_length" not in reader.names
    np.testing.assert_array_equal(reader.labelled().values, 3 * A0)


def test_strength_of_both_signs_is_that_of_the_modulus():
    signs = np.where(np.arange(3) == 1, -1.0, 1.0)
    np.testing.assert_array_equal(own_rows(U * signs, A0).strength, bornnet.weinberg_eigenvalue(U))


def test_deviation_from_exact_values():
    values = A0.copy()
    values[4] *= 1.5
    found = deviation(own_rows(U, values, sigma=np.abs(A0)))
    assert (found.median, found.row) == (0, 5)
    assert found.largest == pytest.approx(0.5)
    assert found.in_sigma == pytest.approx(0.5 / np.sqrt(20))


def changed(array, row, value):
    array = np.array(array, dtype=float)
    array[row] = value
    return array


DOUBLE = np.vstack([U, U[3:4]])
BAD = {
    "a NaN": ({"values": changed(A0, 2, np.nan)}, "values: row 3"),
    "a NaN of a cell": ({"potentials": changed(U, (1, 2), np.nan)}, "potentials: row 2, cell 3"),
    "too few values": ({"values": A0[:-1]}, "values: expected one for each of 20"),
    "sigma zero": ({"sigma": changed(np.ones(20), 6, 0)}, "sigma: row 7: expected a positive number, got 0"),
    "sigma negative": ({"sigma": -1.0}, "sigma: row 1"),
    "sigma short": ({"sigma": np.ones(4)}, "sigma: expected one, or one for each of 20"),
    "gradients": ({"gradients": U[:, :2]}, "gradients: expected the shape of the potentials"),
    "a zero potential": ({"potentials": changed(U, 8, 0.0)}, "potentials: row 9: it is zero"),
    "no name": ({"observable": " "}, "observable: expected a name"),
    "twice": ({"potentials": DOUBLE, "values": np.append(A0, 2 * A0[3])}, "rows 4 and 21"),
    "twice with errors": (
        {"potentials": DOUBLE, "values": np.append(A0, 2 * A0[3]), "sigma": np.abs(A0[3]) / 20},
        "rows 4 and 21",
    ),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_bad_values_are_named_and_nothing_is_written(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        bornnet.write_dataset(tmp_path / "d.h5", **{"potentials": U, "values": A0, **change})
    assert not list(tmp_path.iterdir())


def test_twice_within_the_errors_is_data(tmp_path):
    values = np.append(A0, A0[3] * 1.01)
    bornnet.write_dataset(tmp_path / "d.h5", DOUBLE, values, sigma=0.02 * np.abs(values))
    bornnet.write_dataset(tmp_path / "e.h5", DOUBLE, np.append(A0, A0[3]))
