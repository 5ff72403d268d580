"""Datasets come back as written, the same content as the same bytes, and damage is found."""

import hashlib
import json
from itertools import pairwise

import h5py
import numpy as np
import pytest
from apart import checked_apart
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bornnet.datasets.content import array_names, array_of
from bornnet.datasets.labelled import Labelled
from bornnet.datasets.reader import read_dataset
from bornnet.datasets.writer import new_dataset, write_rows
from bornnet.errors import BornnetError, InputError

CONFIGURATION = {"seed": 7, "family": "mixture", "strength": [0.1, 0.5]}


NAMES = array_names(gradient=True)


def content(rows=50, cells=6, gradient=True):
    random = np.random.default_rng(rows + cells)
    arrays = {
        "potentials": random.random((rows, cells)),
        "scattering_length": -random.random(rows),
        "strength": random.random(rows),
    }
    return arrays | ({"gradient": -random.random((rows, cells))} if gradient else {})


def write_arrays(path, configuration, force=False, **arrays):
    """Write arrays under the names that the file has for them."""
    return write_rows(path, as_rows(**arrays), configuration=configuration, force=force)


def as_rows(**arrays):
    """Arrays under the names that the file has for them, as rows."""
    return Labelled(**{"values" if name == "scattering_length" else name: a for name, a in arrays.items()})


@pytest.fixture(params=[False, True], ids=["value", "gradient"])
def arrays(request):
    return content(gradient=request.param)


def test_round_trip(tmp_path, arrays):
    sha256 = write_arrays(tmp_path / "d.h5", **arrays, configuration=CONFIGURATION)
    dataset = read_dataset(tmp_path / "d.h5")
    for name in ("potentials", "scattering_length", "strength", "gradient"):
        np.testing.assert_array_equal(array_of(dataset, name), arrays.get(name))
    assert (len(dataset), dataset.cells) == (50, 6)
    assert dataset.configuration == CONFIGURATION
    assert dataset.sha256 == sha256


def test_any_hdf5_reader_finds_the_contract(tmp_path, arrays):
    write_arrays(tmp_path / "d.h5", **arrays, configuration=CONFIGURATION)
    with h5py.File(tmp_path / "d.h5") as file:
        assert set(file) == set(arrays)
        assert all(file[name].dtype == np.dtype("<f8") for name in file)
        assert file.attrs["format"] == "bornnet-dataset"
        assert file.attrs["format_version"] == 2
        assert json.loads(file.attrs["configuration"]) == CONFIGURATION
        assert file.attrs["package_version"]


@pytest.mark.parametrize("rows", [50, 4096, 10_000])
def test_sha256_is_the_documented_one(tmp_path, rows):
    """By hand from the description in `bornnet.datasets.content`, another way than the writer's."""
    arrays = content(rows)
    sha256 = write_arrays(tmp_path / "d.h5", **arrays, configuration=CONFIGURATION)

    def digest(raw, block):
        blocks = [raw[start : start + block] for start in range(0, len(raw), block)]
        return hashlib.sha256(b"".join(hashlib.sha256(block).digest() for block in blocks)).hexdigest()

    text = json.dumps(CONFIGURATION, sort_keys=True).encode()
    lines = [
        f"{name} <f8 {'x'.join(map(str, array.shape))} {digest(array.tobytes(), 4096 * array[0].nbytes)}\n"
        for name, array in arrays.items()
    ]
    lines.append(f"configuration utf-8 {len(text)} {hashlib.sha256(text).hexdigest()}\n")
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == sha256


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cuts=st.lists(st.integers(0, 50), max_size=6))
def test_blocks_do_not_matter(tmp_path, cuts):
    arrays = content()
    write_arrays(tmp_path / "whole.h5", **arrays, configuration=CONFIGURATION, force=True)
    edges = [0, *sorted(cuts), 50]
    with new_dataset(
        tmp_path / "blocks.h5",
        50,
        6,
        names=array_names(gradient=True),
        configuration=CONFIGURATION,
        force=True,
    ) as writer:
        for start, stop in pairwise(edges):
            writer.append(as_rows(**{name: array[start:stop] for name, array in arrays.items()}))
    assert (tmp_path / "blocks.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a | {"potentials": a["potentials"][:, :5]}, r"potentials: expected the shape \(50, 6\)"),
        (
            lambda a: a | {"strength": a["strength"][:49]},
            r"strength: expected the shape \(50,\), got \(49,\)",
        ),
        (lambda a: a | {"gradient": None}, "expected the arrays potentials, .*gradient, got"),
        (
            lambda a: {k: np.concatenate([v, v]) for k, v in a.items()},
            "expected 50 rows in all, got at least 100",
        ),
    ],
    ids=["cells", "rows", "no gradient", "too many"],
)
def test_writer_refuses_what_does_not_fit(tmp_path, change, message):
    with (
        pytest.raises(InputError, match=message),
        new_dataset(tmp_path / "d.h5", 50, 6, names=NAMES, configuration=CONFIGURATION) as writer,
    ):
        writer.append(as_rows(**change(content())))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["potentials", "scattering_length", "strength", "gradient"])
def test_writer_refuses_and_names_what_is_not_finite(tmp_path, name, value):
    arrays = content()
    arrays[name][20, ...] = value

    def write():
        with new_dataset(tmp_path / "d.h5", 50, 6, names=NAMES, configuration=CONFIGURATION) as writer:
            for rows in (slice(0, 15), slice(15, 50)):
                writer.append(as_rows(**{key: array[rows] for key, array in arrays.items()}))

    with pytest.raises(InputError, match=f"{name}: expected finite numbers, got {value} in row 20"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_too_few_rows_is_a_failure(tmp_path):
    with (
        pytest.raises(BornnetError, match="ended after 50 of 51 rows"),
        new_dataset(tmp_path / "d.h5", 51, 6, names=NAMES, configuration=CONFIGURATION) as writer,
    ):
        writer.append(as_rows(**content()))
    assert list(tmp_path.iterdir()) == []


def edit(change):
    """A damage: what `change` does to the open file."""

    def damage(path):
        with h5py.File(path, "r+") as file:
            change(file)

    return damage


def replace(name, array, **options):
    def change(file):
        del file[name]
        file.create_dataset(name, data=array, **options)

    return edit(change)


def flip(path):
    """One bit, in the middle of the numbers."""
    raw = bytearray(path.read_bytes())
    raw[raw.index(content()["potentials"][25].tobytes())] ^= 1
    path.write_bytes(raw)


def declare_much(file):
    del file["strength"], file["scattering_length"], file["potentials"], file["gradient"]
    for name, shape in {
        "potentials": (1 << 40, 64),
        "scattering_length": (1 << 40,),
        "strength": (1 << 40,),
    }.items():
        space = h5py.h5s.create_simple(shape)
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_LATE)
        h5py.h5d.create(file.id, name.encode(), h5py.h5t.IEEE_F64LE, space, properties)


def forge_nan(path):
    """A NaN under a SHA-256 that fits it."""
    arrays = content()
    arrays["strength"][3] = np.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bornnet.datasets.writer.require_finite", lambda *args, **kwargs: None)
        write_arrays(path, **arrays, configuration=CONFIGURATION, force=True)


DAMAGES = {
    "no such file": (lambda path: path.unlink(), "no such file"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "got a folder"),
    "empty": (lambda path: path.write_bytes(b""), "another kind of file"),
    "text": (lambda path: path.write_text("r,V\n0,1\n"), "another kind of file"),
    "foreign HDF5": (edit(lambda f: f.attrs.pop("format")), "expected format = 'bornnet-dataset', got None"),
    "format of another type": (edit(lambda f: f.attrs.update(format=np.arange(3))), "another HDF5 file"),
    "later version": (edit(lambda f: f.attrs.update(format_version=4)), "format_version = 2 or 3, got 4"),
    "no SHA-256": (edit(lambda f: f.attrs.pop("sha256")), "text in the attribute sha256, got None"),
    "SHA-256 a number": (edit(lambda f: f.attrs.update(sha256=3)), "text in the attribute sha256, got 3"),
    "no configuration": (edit(lambda f: f.attrs.pop("configuration")), "attribute configuration, got None"),
    "configuration no JSON": (edit(lambda f: f.attrs.update(configuration="{")), "is not JSON"),
    "configuration a list": (edit(lambda f: f.attrs.update(configuration="[]")), "expected a JSON object"),
    "version a text": (edit(lambda f: f.attrs.update(format_version="1")), "format_version = 2 or 3, got 1"),
    "configuration changed": (edit(lambda f: f.attrs.update(configuration="{}")), "was recorded; the file"),
    "array missing": (edit(lambda f: f.pop("strength")), "expected an array /strength"),
    "gradient missing": (edit(lambda f: f.pop("gradient")), "was recorded; the file"),
    "a group for an array": (
        edit(lambda f: (f.pop("strength"), f.create_group("strength"))),
        "an array /strength",
    ),
    "float32": (replace("strength", np.zeros(50, "f4")), "expected double precision"),
    "text for numbers": (replace("strength", np.array([b"a"] * 50)), "expected double precision"),
    "a scalar": (replace("strength", 1.0), r"expected 1 dimensions, got the shape \(\)"),
    "too many dimensions": (replace("strength", np.zeros((50, 1))), r"got the shape \(50, 1\)"),
    "rows disagree": (replace("strength", np.zeros(49)), r"expected the shape \(50,\).* got \(49,\)"),
    "cells disagree": (replace("gradient", np.zeros((50, 5))), r"expected the shape \(50, 6\)"),
    "no rows": (replace("potentials", np.zeros((0, 6))), "expected at least one potential"),
    "no cells": (replace("potentials", np.zeros((50, 0))), "at least one cell"),
    "chunked": (replace("strength", np.zeros(50), chunks=(10,)), "contiguous"),
    "other numbers": (replace("strength", np.zeros(50)), "was recorded; the file"),
    "one bit": (flip, "was recorded; the file"),
    "first half only": (
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        "truncated",
    ),
    "last byte cut": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "truncated"),
    "declares 500 TB": (edit(declare_much), "arrays of .* bytes are declared, but the file has"),
    "NaN": (forge_nan, "strength: expected finite numbers, got nan in row 3"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES.keys())
def test_reader_names_what_is_wrong(tmp_path, damage, message):
    path = tmp_path / "d.h5"
    write_arrays(path, **content(), configuration=CONFIGURATION)
    damage(path)
    with pytest.raises(InputError, match=message) as caught:
        read_dataset(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_flipped_byte_gives_other_numbers(tmp_path, data):
    """A byte changed anywhere is either found or did not matter."""
    path = tmp_path / "d.h5"
    sound = tmp_path / "sound.h5"
    if not sound.exists():
        write_arrays(sound, **content(), configuration=CONFIGURATION)
    raw = bytearray(sound.read_bytes())
    # Half of the bytes are the file's structure, where changes are the most varied.
    where = data.draw(st.integers(0, len(raw) - 1) | st.integers(0, 4095))
    raw[where] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)

    def check():
        try:
            dataset = read_dataset(path)
        except InputError:
            return
        for name, array in content().items():
            np.testing.assert_array_equal(array_of(dataset, name), array)
        assert dataset.configuration == CONFIGURATION

    checked_apart(check)
