"""`bornnet cells`: uneven and different cells on common ones, as tables and as datasets."""

import h5py
import numpy as np
import pytest

import bornnet


@pytest.fixture
def here(run, tmp_path):
    np.savetxt("uneven.csv", [[2.0, 0.3, 1.1, 0.2], [0.1, 0.2, 0.3, 0.4]], delimiter=",")
    np.save("four.npy", np.random.default_rng(0).uniform(0, 1, (30, 4)))
    np.save("six.npy", np.random.default_rng(1).uniform(0, 1, (20, 6)))
    for name in ("four", "six"):
        labels = ("--potentials", f"{name}.npy", "--labels", "gradient")
        done(run, "generate", f"{name}.h5", *labels, "--workers", 1)
    return tmp_path


def done(run, *arguments):
    found = run(*arguments)
    assert found.code == 0, found.err
    return found


def test_uneven_cells(run, here):
    found = done(run, "cells", "out.npy", "uneven.csv", "--edges", "0,0.1,0.3,0.6,1", "--json").json
    assert (found["samples"], found["cells"]) == (2, 10)
    np.testing.assert_array_equal(np.load("out.npy")[0], [2.0, 0.3, 0.3, *[1.1] * 3, *[0.2] * 4])


def test_tables_of_different_cells(run, here):
    done(run, "cells", "out.npy", "four.npy", "six.npy")
    table = np.load("out.npy")
    assert table.shape == (50, 12)
    np.testing.assert_array_equal(table[:30, ::3], np.load("four.npy"))
    np.testing.assert_array_equal(table[30:, 1::2], np.load("six.npy"))


def test_datasets_of_different_cells_teach_a_flow(run, here):
    done(run, "cells", "both.h5", "four.h5", "six.h5")
    with h5py.File("both.h5") as file:
        U, a0 = file["potentials"][:], file["scattering_length"][:]
        assert "gradient" not in file
    np.testing.assert_allclose(a0, bornnet.scattering_length(U), rtol=1e-13)
    with h5py.File("four.h5") as four, h5py.File("six.h5") as six:
        np.testing.assert_array_equal(a0, np.concatenate([f["scattering_length"][:] for f in (four, six)]))
    done(run, "train", "both.h5", "--out", "run", "--learner", "flow", "--hidden", 5, "--integrator", "rk4",
        "--steps", 25, "--starts", 1, "--workers", 1,
    )  # fmt: skip
    found = done(run, "compare-born", "run", "--cells", 24, "--order", 1, "--json").json
    assert found["orders"][0]["kernel_error"] < 5e-3  # of 50 potentials


def test_bad_input(run, refused, here):
    done(run, "generate", "noisy.h5", "--samples", 20, "--cells", 4, "--noise", 0.01, "--workers", 1)
    done(run, "generate", "around.h5", "--samples", 5, "--cells", 4, "--at", "square:eta=0.9", "--workers", 1)
    before = sorted(here.iterdir())
    for words, *arguments in [
        ("sort the edges", "o.npy", "uneven.csv", "--edges", "0,0.3,0.1,0.6,1"),
        ("expected numbers", "o.npy", "uneven.csv", "--edges", "0,x,1"),
        (
            "--edges: expected one for each SOURCE, 2",
            "o.npy",
            "uneven.csv",
            "four.npy",
            "--edges",
            "0,0.1,0.3,0.6,1",
        ),
        ("ends in .npy", "o.csv", "uneven.csv"),
        ("leave it out", "o.h5", "four.h5", "--edges", "0,0.1,0.3,0.6,1"),
        ("noisy.h5 has errors of its values", "o.h5", "four.h5", "noisy.h5"),
        ("displacements from a reference", "o.h5", "four.h5", "around.h5"),
        ("expected a bornnet dataset (HDF5)", "o.h5", "four.npy"),
        ("exists already", "six.npy", "four.npy"),
        ("than that of a SOURCE", "six.npy", "six.npy", "--force"),
    ]:
        assert words in refused("cells", *arguments)
    assert sorted(here.iterdir()) == before


def test_rows_of_different_lengths_name_the_way_out():
    with pytest.raises(bornnet.errors.InputError, match=r"bornnet\.equal_cells"):
        bornnet.fit_series([[1.0, 2.0], [1.0]], [0.1, 0.2])
