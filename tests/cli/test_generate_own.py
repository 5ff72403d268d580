"""`bornnet generate` with the user's own values, and with noise."""

import json

import numpy as np
import pytest

from bornnet import scattering_length
from bornnet.datasets.reader import read_dataset

U = np.random.default_rng(1).uniform(0.1, 1, (12, 3))
A0 = scattering_length(U)


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("p.npy", U)
    np.savetxt(
        "p.csv",
        np.column_stack([U, A0, np.full(12, 0.02)]),
        delimiter=",",
        header="a,b,c,a0,err",
        comments="",
        fmt="%.17g",
    )
    np.savetxt("v.csv", A0, fmt="%.17g")
    np.save("v.npy", A0)
    np.save("g.npy", -U)


@pytest.mark.parametrize(
    "flags",
    [
        ("--potentials", "p.csv", "--values", "a0", "--sigma", "err"),
        ("--potentials", "p.npy", "--values", "v.csv", "--sigma", "0.02"),
        ("--potentials", "p.npy", "--values", "v.npy", "--sigma", "2e-2", "--gradients", "g.npy"),
    ],
    ids=["columns", "csv", "npy"],
)
def test_own_values(run, flags):
    done = run("generate", "d.h5", *flags, "--json")
    assert done.code == 0, done.err
    found = read_dataset("d.h5")
    np.testing.assert_allclose(found.potentials, U, rtol=1e-15)
    np.testing.assert_allclose(found.values, A0, rtol=1e-15)
    np.testing.assert_allclose(found.sigma, 0.02)
    assert (found.gradient is not None) == ("--gradients" in flags)
    told = json.loads(done.out)
    assert told["observable"] == "scattering_length"
    assert told["deviation"]["largest"] < 1e-12
    assert ("a, b, c of p.csv" in done.err) == ("p.csv" in flags)


def test_another_observable_has_no_truth_to_deviate_from(run):
    told = json.loads(
        run(
            "generate", "d.h5", "--potentials", "p.npy", "--values", "v.csv", "--observable", "k", "--json"
        ).out
    )
    assert (told["observable"], told["deviation"], "scattering_length" in told) == ("k", None, False)


BAD = {
    "no such column": (("--potentials", "p.csv", "--values", "b0"), "its columns are a, b, c, a0, err"),
    "no such file": (("--potentials", "p.npy", "--values", "w.csv"), "'w.csv'"),
    "no potentials": (("--values", "v.csv"), "--potentials FILE"),
    "sigma alone": (("--potentials", "p.npy", "--sigma", "1"), "--sigma belongs to your own values"),
    "observable alone": (("--observable", "k"), "--observable belongs to your own values"),
    "noise beside": (("--potentials", "p.npy", "--values", "v.csv", "--noise", "0.1"), "--noise"),
    "two columns": (("--potentials", "p.npy", "--values", "p.npy"), "expected one column"),
    "negative sigma": (("--potentials", "p.npy", "--values", "v.csv", "--sigma", "-1"), "sigma: row 1"),
    "noise of zero size": (("--noise", "-0.1"), "noise"),
}


@pytest.mark.parametrize(("flags", "message"), BAD.values(), ids=BAD)
def test_bad_input(run, tmp_path, flags, message):
    done = run("generate", "d.h5", *flags)
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "d.h5").exists()


def test_noise_is_recorded(run):
    done = run("generate", "d.h5", "--samples", 50, "--cells", 3, "--noise", 0.01, "--json")
    assert json.loads(done.out)["noise"] == 0.01
    found = read_dataset("d.h5")
    assert found.configuration["noise"] == 0.01
    assert (found.sigma > 0).all()


def test_bad_rows_are_named(refused):
    """Each with its row, one line, exit code 2, and nothing written."""
    table = np.column_stack([U, A0, np.full(12, 0.02)])

    def told(row, column, value, *more):
        changed = table.copy()
        changed[row, column] = value
        lines = np.vstack([changed, *more])
        np.savetxt("bad.csv", lines, delimiter=",", header="a,b,c,y,err", comments="", fmt="%.17g")
        flags = ("--potentials", "bad.csv", "--values", "y", "--sigma", "err", "--observable", "k", "--quiet")
        return refused("generate", "bad.h5", *flags)

    again = table[4].copy()
    again[3] += 1
    assert "sigma: row 5: expected a positive number" in told(4, 4, -0.1)
    assert "sigma: row 5: expected a positive number" in told(4, 4, 0.0)
    assert "row 7" in told(6, 3, np.nan)
    assert "row 7" in told(6, 0, np.inf)
    assert "rows 5 and 13 are the same" in told(0, 0, table[0, 0], again)


def test_lengths_must_agree(refused):
    np.savetxt("short.csv", A0[:-2])
    own = ("--potentials", "p.npy", "--values")
    assert "expected 12 rows" in refused("generate", "d.h5", *own, "short.csv", "--quiet")
    assert "expected 12 rows" in refused("generate", "d.h5", *own, "v.csv", "--sigma", "short.csv", "--quiet")


def test_a_dataset_of_another_observable_is_refused(run, refused):
    own = ("--potentials", "p.npy", "--values", "v.csv")
    assert run("generate", "d.h5", *own, "--observable", "k").code == 0
    for command in ("train", "iterate"):
        told = refused(command, "d.h5", "--out", "r", "--observable", "phase", "--learner", "gp")
        assert "'phase' is asked for" in told
        assert "'k'" in told
