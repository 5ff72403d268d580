"""`bornnet generate`: datasets of exact labels, the same whatever the number of threads and blocks."""

import errno
from pathlib import Path

import h5py
import numpy as np
import pytest

from bornnet import scattering_length, scattering_length_and_gradient, weinberg_eigenvalue
from bornnet.config.names import FAMILIES
from bornnet.datasets import source as sources
from bornnet.datasets.reader import read_dataset
from bornnet.datasets.writer import DatasetWriter

SMALL = ("--samples", 200, "--cells", 6, "--seed", 3)


def test_writes_what_was_asked_for(run):
    outcome = run("generate", "d.h5", *SMALL, "--strength", 0.01, 0.5, "--labels", "gradient")
    assert outcome.code == 0, outcome.err
    dataset = read_dataset("d.h5")
    assert (len(dataset), dataset.cells) == (200, 6)
    assert dataset.configuration == {
        "seed": 3,
        "samples": 200,
        "cells": 6,
        "family": "mixture",
        "strength": [0.01, 0.5],
        "strength_spacing": "log",
        "labels": "gradient",
    }
    assert 0.01 <= dataset.strength.min() < 0.02
    assert 0.4 < dataset.strength.max() <= 0.5
    a0, gradient = scattering_length_and_gradient(dataset.potentials)
    np.testing.assert_array_equal(dataset.values, a0)
    np.testing.assert_array_equal(dataset.gradient, gradient)
    np.testing.assert_allclose(dataset.strength, weinberg_eigenvalue(dataset.potentials), rtol=1e-12)


def test_says_what_it_wrote_and_what_is_next(run):
    outcome = run("generate", "my data.h5", *SMALL)
    dataset = read_dataset("my data.h5")
    assert dataset.sha256 in outcome.out
    assert "200 of 6 cells" in outcome.out
    assert outcome.err == "Wrote my data.h5. Next: bornnet iterate 'my data.h5' --out runs/NAME\n"


def test_json_is_the_whole_of_stdout(run):
    outcome = run("generate", "d.h5", *SMALL, "--json", "--quiet")
    dataset = read_dataset("d.h5")
    document = outcome.json
    assert outcome.err == ""
    assert {
        key: document[key] for key in ("schema_version", "written", "samples", "cells", "labels", "family")
    } == {
        "schema_version": 1,
        "written": "d.h5",
        "samples": 200,
        "cells": 6,
        "labels": "value",
        "family": "mixture",
    }
    assert document["sha256"] == dataset.sha256
    assert document["bytes"] == Path("d.h5").stat().st_size
    assert document["strength"] == [dataset.strength.min(), dataset.strength.max()]
    assert document["scattering_length"] == [dataset.values.min(), dataset.values.max()]
    assert document["potentials_per_second"] > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(run, family):
    assert run("generate", "d.h5", *SMALL, "--family", family, "--strength", 0.2, 0.3).code == 0
    dataset = read_dataset("d.h5")
    assert dataset.potentials.min() >= 0
    assert 0.2 <= dataset.strength.min() <= dataset.strength.max() <= 0.3


def test_same_seed_gives_the_same_bytes_whatever_the_workers_and_blocks(run, monkeypatch):
    """With 3000 cells, 100 potentials are many chunks of random numbers and many tasks for the threads."""
    cases = {"a.h5": (1, 1 << 20), "b.h5": (2, 1 << 20), "c.h5": (3, 100_000), "d.h5": (1, 1)}
    for name, (workers, block) in cases.items():
        monkeypatch.setattr(sources, "BLOCK", block)
        flags = ("--samples", 100, "--cells", 3000, "--labels", "gradient", "--workers", workers)
        assert run("generate", name, *flags).code == 0
    first = Path("a.h5").read_bytes()
    assert all(Path(name).read_bytes() == first for name in cases)


def test_another_seed_gives_other_potentials(run):
    run("generate", "a.h5", *SMALL)
    run("generate", "b.h5", *SMALL, "--seed", 4)
    assert read_dataset("a.h5").sha256 != read_dataset("b.h5").sha256


def test_one_strength_for_all(run):
    assert run("generate", "d.h5", *SMALL, "--strength", 0.3, 0.3).code == 0
    np.testing.assert_allclose(read_dataset("d.h5").strength, 0.3, atol=1e-12)


def test_beyond_the_convergence_of_the_born_series(run):
    """The physics is fine there; only comparisons with the Born series are not."""
    assert run("generate", "d.h5", *SMALL, "--strength", 0.9, 1.5).code == 0
    dataset = read_dataset("d.h5")
    assert dataset.strength.max() > 1
    assert (dataset.values[dataset.strength > 1] > 0).all()


def test_configuration_file_and_flags(run):
    Path("study.toml").write_text("samples = 7\n[generate]\ncells = 5\nfamily = 'square'\n")
    assert run("generate", "d.h5", "--config", "study.toml", "--cells", 4).code == 0
    dataset = read_dataset("d.h5")
    assert dataset.potentials.shape == (7, 4)
    assert dataset.configuration["family"] == "square"


OWN = np.array([[1.0, 2.0, 3.0], [0.1, 0.0, 0.0], [0.0, 0.0, 0.0]])


@pytest.mark.parametrize("kind", ["csv", "csv with headings", "npy", "npy float32 Fortran", "npy int"])
def test_own_potentials(run, kind):
    expected = OWN
    if kind.startswith("csv"):
        np.savetxt("own", OWN, delimiter=",", header="U1,U2,U3", comments="" if "headings" in kind else "#")
    elif kind == "npy":
        np.save("own.npy", OWN)
    elif kind == "npy int":
        expected = np.array([[1, 0, 2]])
        np.save("own.npy", expected)
    else:
        expected = OWN.astype("f4")
        np.save("own.npy", np.asfortranarray(expected))
    own = next(Path().glob("own*"))
    outcome = run("generate", "d.h5", "--potentials", own, "--labels", "gradient", "--json")
    assert outcome.code == 0, outcome.err
    dataset = read_dataset("d.h5")
    np.testing.assert_array_equal(dataset.potentials, expected)
    np.testing.assert_array_equal(dataset.values, scattering_length(expected.astype(float)))
    np.testing.assert_array_equal(dataset.strength, weinberg_eigenvalue(expected.astype(float)))
    assert dataset.configuration["potentials"] == own.name


def test_existing_output_is_kept_without_force(run, refused):
    run("generate", "d.h5", *SMALL)
    assert "d.h5 exists already" in refused("generate", "d.h5", *SMALL, "--seed", 4)
    assert run("generate", "d.h5", *SMALL, "--seed", 4, "--force").code == 0
    assert read_dataset("d.h5").configuration["seed"] == 4


@pytest.mark.parametrize(
    ("failure", "code", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1, "Error: the disk is full"),
        (MemoryError(), 1, "Error: out of memory."),
        (KeyboardInterrupt(), 130, "Interrupted: nothing was written. Run the same command again."),
    ],
)
def test_failure_half_way_leaves_what_was_there(run, monkeypatch, failure, code, message):
    run("generate", "d.h5", *SMALL)
    before = Path("d.h5").read_bytes()
    append = DatasetWriter.append

    def fail_at_the_second(self, *block):
        if self.rows:
            raise failure
        append(self, *block)

    monkeypatch.setattr(sources, "BLOCK", 100)
    monkeypatch.setattr(DatasetWriter, "append", fail_at_the_second)
    outcome = run("generate", "d.h5", *SMALL, "--force", "--seed", 9)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith(message)
    assert Path("d.h5").read_bytes() == before
    assert [path.name for path in Path().iterdir()] == ["d.h5"]


def test_memory_does_not_grow_with_the_number_of_potentials(run, monkeypatch):
    largest = []
    append = DatasetWriter.append

    def watch(self, rows):
        largest.append(rows.potentials.size)
        append(self, rows)

    monkeypatch.setattr(sources, "BLOCK", 960)
    monkeypatch.setattr(DatasetWriter, "append", watch)
    assert run("generate", "d.h5", "--samples", 5000, "--cells", 6).code == 0
    assert max(largest) <= 960
    with h5py.File("d.h5") as file:
        assert file["potentials"].shape == (5000, 6)
