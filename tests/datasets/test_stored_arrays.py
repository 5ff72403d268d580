"""Any rows of an array that stays on the disk are those of h5py, and a file that changes is noticed."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bornnet.config.load import load_config
from bornnet.datasets import stored as dataset
from bornnet.datasets.generate import generate
from bornnet.datasets.reader import open_dataset
from bornnet.errors import InputError

ROWS = 10_000
NAMES = ("potentials", "scattering_length", "strength", "gradient")
FILES = ("one.h5", "cut.h5")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The same dataset as one file, and as three shards behind `cut.h5`."""
    folder = tmp_path_factory.mktemp("made")
    config = load_config(
        overrides={"samples": ROWS, "cells": 3, "labels": "gradient", "strength": (0.1, 0.5)}
    )
    generate(folder / "one.h5", config)
    assert generate(folder / "cut.h5", config, rows_per_shard=4000).shards == 3
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "copy"))


def from_h5py(path, name):
    with h5py.File(path) as file:
        return file[name][:]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(st.integers(0, ROWS - 1), max_size=60),
    page=st.sampled_from([0, 64, 4096]),
    file=st.sampled_from(FILES),
    name=st.sampled_from(NAMES),
)
def test_any_index(made, monkeypatch, rows, page, file, name):
    """In any order, repeated or not, whatever is read in one piece."""
    monkeypatch.setattr(dataset, "PAGE", page)
    rows = np.array(rows, dtype=int)
    found = open_dataset(made / file, check=False).array(name)[rows]
    np.testing.assert_array_equal(found, from_h5py(made / "one.h5", name)[rows])


ends = st.none() | st.integers(-ROWS - 5, ROWS + 5)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.builds(slice, ends, ends, st.sampled_from([None, 1, 2, 700, -3])), file=st.sampled_from(FILES))
def test_any_slice(made, rows, file):
    array = open_dataset(made / file, check=False).array("potentials")
    assert (len(array), array.shape) == (ROWS, (ROWS, 3))
    np.testing.assert_array_equal(array[rows], from_h5py(made / "one.h5", "potentials")[rows])


@pytest.mark.parametrize("rows", [slice(4000, 5000), np.array([5000])], ids=["slice", "index"])
@pytest.mark.parametrize("change", ["touched", "replaced", "cut", "gone"])
@pytest.mark.parametrize("file", FILES)
def test_a_file_that_changes_is_named(folder, file, change, rows):
    array = open_dataset(folder / file).array("potentials")
    part = folder / file if file == "one.h5" else sorted((folder / "cut.h5.shards").iterdir())[1]
    if change == "touched":
        with part.open("r+b") as opened:
            opened.write(b"\x89")
    elif change == "replaced":
        shutil.copy2(part, folder / "other")
        (folder / "other").replace(part)
    elif change == "cut":
        with part.open("r+b") as opened:
            opened.truncate(10_000)
    else:
        part.unlink()
    with pytest.raises(InputError, match=rf"{part} cannot be read any more .*; put back"):
        array[rows]


def test_arrays_that_are_not_whole_in_the_file_are_refused(folder):
    with h5py.File(folder / "one.h5", "r+") as file:
        del file["strength"]
        file.create_dataset("strength", (ROWS,), dtype="<f8")  # declared, and never written
        assert file["strength"].id.get_offset() is None
    with pytest.raises(InputError, match=r"one.h5: /strength is not whole in the file"):
        open_dataset(folder / "one.h5")
