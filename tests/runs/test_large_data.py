"""Training on datasets that are not loaded: the same numbers, and memory that does not grow with them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bornnet.config.load import load_config
from bornnet.datasets import labelled
from bornnet.datasets.generate import generate
from bornnet.datasets.labelled import Labelled
from bornnet.datasets.writer import new_dataset
from bornnet.runs import data as study_data
from bornnet.runs.rounds import fit_run
from bornnet.training import first_order, levenberg_marquardt, residuals

CELLS = 3
SMALL = {"hidden": (4, 3), "steps": (3, 2), "rounds": 2, "workers": 1, "batch": 100}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Potentials with gradients, in one file and in two shards."""
    folder = tmp_path_factory.mktemp("data")
    drawn = {"cells": CELLS, "strength": (0.01, 0.5), "labels": "gradient", "workers": 1}
    generate(folder / "one.h5", load_config(overrides={**drawn, "samples": 600}))
    config = load_config(overrides={**drawn, "samples": 5000})
    assert generate(folder / "cut.h5", config, rows_per_shard=4096).shards == 2
    return folder


def written(folder):
    """All that a run wrote, but for times and paths."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    del files["provenance.json"]
    return {name: path.read_bytes() for name, path in files.items()}


@pytest.mark.parametrize(
    ("file", "optimizer", "options"),
    [
        ("one.h5", "levenberg-marquardt", {"labels": "gradient", "directions": 2}),
        ("one.h5", "gauss-newton", {"labels": "gradient"}),
        ("one.h5", "l-bfgs", {"labels": "value", "precision": "single"}),
        ("one.h5", "adam", {"labels": "gradient", "remove": "exact"}),
        ("cut.h5", "adam", {"labels": "gradient", "strength_floors": (0.0, 0.05)}),
    ],
)
def test_from_the_disk_and_in_memory_are_the_same_run(
    folder, tmp_path, monkeypatch, file, optimizer, options
):
    """Bit for bit, with blocks so small that there are many."""
    for module in (residuals, first_order, levenberg_marquardt):
        monkeypatch.setattr(module, "BLOCK", 64)
    monkeypatch.setattr(labelled, "BLOCK_VALUES", 100 * CELLS)
    study = load_config(overrides={**SMALL, "optimizer": optimizer, **options})
    runs = {}
    for name, share in (("memory", 0.25), ("disk", 0.0)):
        monkeypatch.setattr(study_data, "SHARE", share)
        fit_run(folder / file, tmp_path / name, study)
        runs[name] = written(tmp_path / name)
    assert runs["memory"] == runs["disk"]


CHILD = """
import json, sys
from pathlib import Path
from bornnet.runs import baselines, data as study_data
from bornnet.config.load import load_config
from bornnet.runs.rounds import fit_run

baselines.PROCESS_ROWS = study_data.PROCESS_ROWS = 200  # of which the memory is another matter

def peak():
    (line,) = (l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmHWM"))
    return 1024 * int(line.split()[1])

tiny, data, out, study, study_data.SHARE = *sys.argv[1:4], json.loads(sys.argv[4]), float(sys.argv[5])
study = load_config(overrides=study)
fit_run(tiny, out + "-tiny", study)  # libraries are loaded and compiled
before = peak()
expected = study_data.fit_bytes(study_data.read_study_data(data, study), 1)
fit_run(data, out, study)
print(json.dumps({"grown": peak() - before, "expected": expected}))
"""


def random_dataset(path, samples, cells):
    """Rows of the right form without the physics, which would take longer than the training."""
    random = np.random.default_rng(0)
    with new_dataset(path, samples, cells, configuration={}) as writer:
        for start in range(0, samples, 5000):
            rows = min(5000, samples - start)
            potentials = random.random((rows, cells))
            strength = random.uniform(0.05, 0.4, rows)
            writer.append(Labelled(potentials, -potentials.mean(1), strength))


def trained(tmp_path, share, samples, cells):
    """What training by a process of its own adds to its peak memory, and what was expected, in bytes."""
    data = tmp_path / "d.h5"
    if not data.exists():
        random_dataset(tmp_path / "tiny.h5", 100, cells)
        random_dataset(data, samples, cells)
    study = {"hidden": [8], "steps": [1], "rounds": 1, "optimizer": "adam", "batch": 4096, "workers": 1}
    arguments = [tmp_path / "tiny.h5", data, tmp_path / f"run-{share}", json.dumps(study), share]
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return json.loads(child.stdout)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from /proc"
)


@needs_proc
def test_memory_stays_below_the_dataset(tmp_path):
    """240 MB of potentials."""
    found = trained(tmp_path, 0.0, samples=200_000, cells=150)
    assert found["grown"] <= found["expected"] < 130e6


@pytest.mark.slow
@needs_proc
def test_memory_does_not_grow_with_the_dataset(tmp_path):
    """480 MB of potentials from the disk; in memory, they are seen to be there."""
    disk, memory = (trained(tmp_path, share, samples=400_000, cells=150) for share in (0.0, 0.9))
    assert disk["grown"] <= disk["expected"] < 150e6
    assert 480e6 <= memory["grown"] <= memory["expected"]
    models = [
        (tmp_path / f"run-{share}" / "member-0" / "round-1.safetensors").read_bytes() for share in (0.0, 0.9)
    ]
    assert models[0] == models[1]
