"""A dataset in shards is one dataset to every reader, can be moved, and says which shard is damaged."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from apart import checked_apart
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bornnet.config.load import load_config
from bornnet.datasets.content import array_names, array_of
from bornnet.datasets.generate import generate
from bornnet.datasets.labelled import Labelled
from bornnet.datasets.reader import open_dataset, read_dataset
from bornnet.datasets.shards import shard_rows
from bornnet.datasets.writer import new_dataset
from bornnet.errors import InputError

NAMES = ("potentials", "scattering_length", "strength", "gradient")
CONFIG = load_config(
    overrides={"samples": 10_000, "cells": 3, "labels": "gradient", "workers": 1, "strength": (0.1, 0.5)}
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the same dataset as `d%b.h5` in three shards and as `one.h5`."""
    folder = tmp_path_factory.mktemp("made")
    generate(folder / "one.h5", CONFIG)
    assert generate(folder / "d%b.h5", CONFIG, rows_per_shard=4000).shards == 3
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A copy of it elsewhere, seen from another folder still."""
    monkeypatch.chdir("/")
    return Path(shutil.copytree(made, tmp_path / "moved"))


def shards(folder):
    return sorted((folder / "d%b.h5.shards").iterdir())


def test_any_reader_sees_one_file(folder):
    with h5py.File(folder / "d%b.h5") as cut, h5py.File(folder / "one.h5") as one:
        for name in NAMES:
            assert cut[name].is_virtual
            np.testing.assert_array_equal(cut[name][:], one[name][:])
        assert cut.attrs["sha256"] == one.attrs["sha256"]


def test_shards_are_datasets_of_their_own(folder):
    one = read_dataset(folder / "one.h5")
    found = [read_dataset(shard) for shard in shards(folder)]
    assert [len(shard) for shard in found] == [4096, 4096, 1808]
    assert [shard.configuration["shard"] for shard in found] == [0, 1, 2]
    np.testing.assert_array_equal(np.concatenate([shard.gradient for shard in found]), one.gradient)


def test_read_as_the_undivided_file(folder):
    cut, one = read_dataset(folder / "d%b.h5"), read_dataset(folder / "one.h5")
    for name in NAMES:
        np.testing.assert_array_equal(array_of(cut, name), array_of(one, name))
    assert (cut.sha256, cut.configuration) == (one.sha256, one.configuration)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(start=st.integers(0, 11_000), length=st.integers(0, 9_000))
def test_any_rows(made, start, length):
    rows = open_dataset(made / "d%b.h5", check=False).rows(start, start + length)
    with h5py.File(made / "one.h5") as file:
        for name in NAMES:
            np.testing.assert_array_equal(array_of(rows, name), file[name][start : start + length])


@pytest.mark.parametrize("size", [None, 999, 4096, 20_000])
def test_blocks_are_all_rows(made, size):
    reader = open_dataset(made / "d%b.h5")
    blocks = list(reader.blocks(size))
    assert all(len(block) <= (size or 10_000) for block in blocks)
    with h5py.File(made / "one.h5") as file:
        joined = np.concatenate([block.potentials for block in blocks])
        np.testing.assert_array_equal(joined, file["potentials"][:])


def test_rows_of_a_shard():
    assert shard_rows(64, array_names()) * 66 * 8 == pytest.approx(1 << 29, rel=0.01)
    assert shard_rows(10_000, array_names(gradient=True)) * 20_002 * 8 <= 1 << 30
    assert [shard_rows(64, array_names(), asked) for asked in (1, 4096, 4097)] == [4096, 4096, 8192]


def edit(change):
    def damage(folder):
        with h5py.File(folder / "d%b.h5", "r+") as file:
            change(file)

    return damage


def flip(folder):
    path = shards(folder)[1]
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 4
    path.write_bytes(raw)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def swap(folder):
    first, second, _ = shards(folder)
    first.rename(folder / "x")
    second.rename(first)
    (folder / "x").rename(second)


def rearrange(**changes):
    """The potentials, virtual in another way."""

    def change(file):
        sources = [source.file_name for source in file["potentials"].virtual_sources()]
        name = changes.get("name", sources[0])
        rows = changes.get("rows", 10_000)
        del file["potentials"]
        layout = h5py.VirtualLayout((10_000, 3), "<f8")
        layout[:rows] = h5py.VirtualSource(name, changes.get("array", "potentials"), (rows, 3), "<f8")
        file.create_virtual_dataset("potentials", layout)

    return edit(change)


def foreign(folder):
    path = shards(folder)[2]
    path.unlink()
    with new_dataset(path, 1808, 3, names=array_names(gradient=True), configuration={}) as writer:
        writer.append(Labelled(np.ones((1808, 3)), np.ones(1808), np.ones(1808), np.ones((1808, 3))))


SECOND = r"-0001\.h5"
DAMAGES = {
    "a shard missing": (lambda f: shards(f)[1].unlink(), f"its shard .*{SECOND} is missing; put it back"),
    "all shards missing": (lambda f: shutil.rmtree(f / "d%b.h5.shards"), r"-0000\.h5 is missing"),
    "a shard a folder": (
        lambda f: (
            shards(f)[1].unlink(),
            shards(f)[0].with_name(shards(f)[0].name.replace("-0000", "-0001")).mkdir(),
        ),
        f"{SECOND}: expected a dataset file",
    ),
    "a shard cut": (lambda f: cut(shards(f)[1]), f"{SECOND}: the file is truncated"),
    "a shard empty": (lambda f: shards(f)[1].write_bytes(b""), f"{SECOND}: .*another kind of file"),
    "a bit of a shard": (flip, f"{SECOND}: its content has the SHA-256"),
    "two shards swapped": (swap, "expected the shard of .* got another file"),
    "a foreign shard": (foreign, r"-0002\.h5: expected the shard of .* got another file"),
    "the index cut": (lambda f: cut(f / "d%b.h5"), "truncated"),
    "a path that leads elsewhere": (rearrange(name="../../etc/x.shards/01234567-0000.h5"), "is not placed"),
    "an absolute path": (rearrange(name="/tmp/x.shards/01234567-0000.h5"), "is not placed"),
    "the index itself": (rearrange(name="."), "is not placed"),
    "another array": (rearrange(array="strength"), "is not placed"),
    "rows left out": (rearrange(rows=4096), "do not make up the 10000 rows"),
    "no hashes": (edit(lambda f: f.pop("shard_sha256")), "expected /shard_sha256 with 3"),
    "too few hashes": (
        edit(
            lambda f: (f.pop("shard_sha256"), f.create_dataset("shard_sha256", data=np.array([b"0"], "S64")))
        ),
        "expected /shard_sha256 with 3",
    ),
    "another hash": (
        edit(lambda f: f["shard_sha256"].__setitem__(1, b"0" * 64)),
        f"{SECOND}: expected the shard of .* got another file",
    ),
    "another hash of the whole": (edit(lambda f: f.attrs.update(sha256="0" * 64)), "b.h5: its content has"),
    "an array inside": (
        edit(lambda f: (f.pop("strength"), f.create_dataset("strength", data=np.ones(10_000)))),
        "expected all arrays in this file, or all in other files",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES.keys())
def test_reader_names_what_is_wrong(folder, damage, message):
    damage(folder)
    for read in (read_dataset, open_dataset):
        with pytest.raises(InputError, match=message) as caught:
            read(folder / "d%b.h5")
        assert "\n" not in str(caught.value)


def test_index_that_declares_much(folder):
    """A petabyte of rows, of which the shards have few: refused before memory is taken."""

    def change(file):
        for name in NAMES:
            source = file[name].virtual_sources()[0].file_name
            shape = (1 << 45, *file[name].shape[1:])
            del file[name]
            layout = h5py.VirtualLayout(shape, "<f8")
            layout[:] = h5py.VirtualSource(source, name, shape, "<f8")
            file.create_virtual_dataset(name, layout)
        del file["shard_sha256"]
        file["shard_sha256"] = np.array([b"0"], "S64")

    edit(change)(folder)
    with pytest.raises(InputError, match=r"-0000\.h5: expected the shard of"):
        read_dataset(folder / "d%b.h5")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_flipped_byte_of_the_index_gives_other_numbers(made, tmp_path, data):
    if not (tmp_path / "d%b.h5.shards").exists():
        (tmp_path / "d%b.h5.shards").symlink_to(made / "d%b.h5.shards")
    raw = bytearray((made / "d%b.h5").read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "d%b.h5").write_bytes(raw)

    def check():
        try:
            found = read_dataset(tmp_path / "d%b.h5")
        except InputError:
            return
        with h5py.File(made / "one.h5") as file:
            np.testing.assert_array_equal(found.potentials, file["potentials"][:])
        assert found.configuration == CONFIG.generator()

    checked_apart(check)
