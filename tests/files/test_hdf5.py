"""HDF5 files on a disk that takes a part of them: an error, wherever the limit is, and never a crash."""

import h5py
import numpy as np
import pytest

from bornnet.files.hdf5 import create_array, hdf5_bytes, hdf5_structure


def fill(file, rows, text):
    create_array(file, "wide", (rows, 3))
    create_array(file, "one", (rows,))
    file.attrs["text"] = text


@pytest.mark.parametrize("rows", [1, 7, 4096, 30_000])
@pytest.mark.parametrize("letters", [1, 5000, 60_000])
def test_arrays_written_into_a_structure_are_read(tmp_path, rows, letters):
    structure = hdf5_structure(lambda file: fill(file, rows, "t" * letters), ["one", "wide"])
    arrays = {"wide": np.random.default_rng(1).normal(size=(rows, 3)), "one": np.arange(float(rows))}
    content = bytearray(structure.size)
    for offset, piece in structure.pieces:
        content[offset : offset + len(piece)] = piece
    for name, array in arrays.items():
        content[structure.offsets[name] : structure.offsets[name] + array.nbytes] = array.tobytes()
    assert sum(len(piece) for _, piece in structure.pieces) + 32 * rows == structure.size
    (tmp_path / "a.h5").write_bytes(content)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["text"] == "t" * letters
        for name, array in arrays.items():
            np.testing.assert_array_equal(file[name], array)


def test_another_text_of_the_same_length_changes_no_place():
    one, other = (hdf5_structure(lambda f, t=text: fill(f, 9, t * 64), ["one", "wide"]) for text in "0f")
    assert (one.offsets, one.size) == (other.offsets, other.size)
    assert one.pieces != other.pieces


def test_a_large_structure_takes_no_memory():
    structure = hdf5_structure(lambda file: fill(file, 10**12, "t"), ["one", "wide"])
    assert structure.size > 32 * 10**12
    assert sum(len(piece) for _, piece in structure.pieces) < 10_000


def test_what_is_written_whole(tmp_path):
    (tmp_path / "a.h5").write_bytes(hdf5_bytes(lambda file: file.update({"a": np.eye(3)})))
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["a"], np.eye(3))
