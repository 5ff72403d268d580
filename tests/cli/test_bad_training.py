"""Bad input of training: datasets, flags, what cannot be resumed; one line, exit code 2, nothing written."""

import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bornnet import scattering_length, weinberg_eigenvalue
from bornnet.datasets.labelled import Labelled
from bornnet.datasets.writer import write_rows

SMALL = ("--hidden", "3", "--steps", "2", "--rounds", "2")


def dataset(potentials, **changes):
    """A whole dataset `other.h5` of these potentials, with something changed."""
    potentials = np.asarray(potentials, dtype=float)
    content = {
        "potentials": potentials,
        "values": scattering_length(potentials),
        "strength": weinberg_eigenvalue(potentials),
    }
    configuration = changes.pop("configuration", {"seed": 0})
    rows = Labelled(**{**content, **changes})
    return lambda: write_rows("other.h5", rows, configuration=configuration)


def wells(count, eta=0.2):
    return np.full((count, 3), eta * (np.pi / 2) ** 2) * np.linspace(0.5, 1, count)[:, None]


def edited(edit):
    """The study's dataset as `other.h5`, edited by HDF5."""

    def make():
        shutil.copy("d.h5", "other.h5")
        with h5py.File("other.h5", "r+") as file:
            edit(file)

    return make


def damaged(damage):
    """The study's dataset as `other.h5` with other bytes."""
    return lambda: Path("other.h5").write_bytes(damage(bytearray(Path("d.h5").read_bytes())))


def flipped(content):
    content[len(content) // 2] ^= 4
    return content


def replace_potentials(file, array):
    del file["potentials"]
    file["potentials"] = array


DATASETS = {
    "missing": (lambda: None, "other.h5: no such file; `bornnet generate other.h5` makes a dataset"),
    "folder": (lambda: Path("other.h5").mkdir(), "expected a dataset file, got a folder"),
    "empty": (damaged(lambda content: b""), "expected a bornnet dataset (HDF5), got another kind of file"),
    "text": (damaged(lambda content: b"U1,U2\n1,2\n"), "expected a bornnet dataset (HDF5)"),
    "cut in half": (damaged(lambda content: content[: len(content) // 2]), "truncated or damaged"),
    "cut by a byte": (damaged(lambda content: content[:-1]), "truncated or damaged"),
    "a bit flipped": (damaged(flipped), "the file was damaged or changed. Generate it again."),
    "other HDF5": (edited(lambda file: file.attrs.pop("format")), "it is another HDF5 file"),
    "newer format": (
        edited(lambda file: file.attrs.modify("format_version", 99)),
        "expected format_version = 2 or 3, got 99",
    ),
    "no strengths": (edited(lambda file: file.pop("strength")), "expected an array /strength"),
    "single precision": (
        edited(lambda file: replace_potentials(file, np.ones((300, 3), "f4"))),
        "expected double precision",
    ),
    "fewer rows": (edited(lambda file: replace_potentials(file, np.ones((299, 3)))), "expected the shape"),
    "one number changed": (
        edited(lambda file: file["strength"].write_direct(np.full(300, 0.1))),
        "its content has the SHA-256",
    ),
    "eta 1": (dataset(wells(20, eta=1.2)), "strengths reach eta = 1.2, where the Born series diverges"),
    "a zero potential": (
        dataset(np.vstack([wells(5), np.zeros((1, 3))]), strength=np.array([0.1, 0.1, 0.1, 0.1, 0.2, 0.0])),
        "row 6: a potential of strength 0 has no leading order to learn",
    ),
    "one sample": (dataset(wells(1)), "1 potentials are too few to hold out 20%"),
    "too weak for round 2": (dataset(wells(20, eta=0.001)), "round 2 takes strengths of at least 0.02"),
    "an unknown family": (
        dataset(wells(20), configuration={"family": "gauss"}),
        "got 'gauss'. Did you mean 'gaussian'?",
    ),
}


@pytest.mark.parametrize(("make", "message"), DATASETS.values(), ids=DATASETS.keys())
@pytest.mark.parametrize("flags", [("--out", "new"), ("--out", "r", "--force")], ids=["new", "forced"])
def test_datasets(refused, here, make, message, flags):
    make()
    assert message in refused("iterate", "other.h5", *flags, *SMALL)


FLAGS = {
    "no out": ("", "Missing option '--out'"),
    "no dataset": (None, "Missing argument 'DATA.h5'"),
    "activation": ("--out n --activation tahn", "got 'tahn'. Did you mean 'tanh'?"),
    "learner": ("--out n --learner mpl", "--learner: expected one of mlp, "),
    "setting of another learner": ("--out n --degree 2", "--degree: a setting of learner polynomial"),
    "optimizer": ("--out n --optimizer lbfgs", "got 'lbfgs'. Did you mean 'l-bfgs'?"),
    "lower orders": ("--out n --lower-orders remove", "got 'remove'. Did you mean 'removed'?"),
    "remove": ("--out n --remove nothing", "expected one of learned, exact; got 'nothing'"),
    "hidden 0": ("--out n --hidden 0", "--hidden: expected the widths of 1 to 64 hidden layers"),
    "hidden a word": ("--out n --hidden wide", "--hidden: expected the widths of 1 to 64 hidden layers"),
    "hidden empty": ("--out n --hidden ,", "--hidden: expected the widths of 1 to 64 hidden layers"),
    "hidden negative": ("--out n --hidden 5,-4", "--hidden: expected the widths of 1 to 64 hidden layers"),
    "too large": (
        "--out n --hidden 9000,9000",
        "GB of memory for mlp, more than this machine",
    ),
    "members 0": ("--out n --members 0", "--members: expected a number of at least 1; got 0"),
    "rounds 0": ("--out n --rounds 0", "--rounds: expected a number of at least 1; got 0"),
    "rounds 21": ("--out n --rounds 21", "--rounds: expected a number of at most 20; got 21"),
    "rounds half": ("--out n --rounds 1.5", "'1.5' is not a valid integer"),
    "steps 0": ("--out n --steps 10,0", "--steps: expected steps of round 1, 2, .."),
    "steps words": ("--out n --steps many", "--steps: expected steps of round 1, 2, .."),
    "patience": ("--out n --patience 0", "--patience: expected a number of at least 1; got 0"),
    "time": ("--out n --time-limit 0", "--time-limit: expected a number above 0; got 0.0"),
    "time NaN": ("--out n --time-limit nan", "--time-limit: expected"),
    "holdout 0": ("--out n --holdout 0", "--holdout: expected a number above 0; got 0.0"),
    "holdout 1": ("--out n --holdout 1", "--holdout: expected a number below 1; got 1.0"),
    "holdout all": ("--out n --holdout 0.999", "300 potentials are too few to hold out 100%"),
    "floors": ("--out n --strength-floors 0,-0.1", "--strength-floors: expected a strength of at least 0"),
    "floors too high": ("--out n --strength-floors 0,0.9", "round 2 takes strengths of at least 0.9"),
    "ease": ("--out n --learner flow --ease 5,1", "--ease: expected 'error' or an order K from 2 to 4"),
    "ease of Adam": (
        "--out n --learner flow,gp --ease error,1 --optimizer adam",
        "ease: a penalty needs the optimizer 'levenberg-marquardt', got 'adam'",
    ),
    "a flow of corrections": (
        "--out n --learner flow --rounds 2 --lower-orders corrected",
        "components: a flow of one component cannot follow what earlier rounds leave with lower_orders =",
    ),
    "fewer rows than coefficients": (
        "--out n --learner polynomial --degree 8 --holdout 0.5",
        "round 1 has 150 potentials to fit; learner polynomial needs at least 164 at 3 cells",
    ),
    "fit rows": ("--out n --learner flow --fit-rows 1", "--fit-rows: expected a number of at least 2; got 1"),
    "rate": ("--out n --learning-rate 0", "--learning-rate: expected a number above 0; got 0.0"),
    "batch": ("--out n --batch 0", "--batch: expected a number of at least 1; got 0"),
    "seed": ("--out n --seed -1", "--seed: expected a number of at least 0; got -1"),
    "workers": ("--out n --workers 0", "--workers: expected a number of at least 1; got 0"),
    "device": ("--out n --device gpu", "expected one of auto, cpu, cuda; got 'gpu'"),
    "preset": ("--out n --preset quikc", "--preset: no preset 'quikc'. Did you mean 'quick'?"),
    "no configuration": ("--out n --config no.toml", "--config: no.toml: no such file"),
    "configuration of other cells": ("--out n --config cells.toml", "3 cells, but 5 are configured"),
    "unknown key": (
        "--out n --config key.toml",
        "training.optimiser: unknown key. Did you mean 'optimizer'?",
    ),
    "not TOML": ("--out n --config broken.toml", "broken.toml: not valid TOML"),
    "exists": ("--out r", "r exists already; give another name, or --force to replace it"),
    "a file": ("--out file", "file: expected the name of a folder to write, got a file or a link"),
    "too long a name": (f"--out {'a' * 300}", "File name too long"),
    "in a file": ("--out file/run", "file is not a folder"),
    "where nothing can be written": ("--out /proc/run", "/proc/run cannot be written"),
    "no run to replace": ("--out mine --force", "mine holds no config.toml, so it is not ours to replace"),
    "the current folder": ("--out . --force", "holds the current folder"),
    "no run to resume": ("--out mine --resume", "mine exists already"),
}


# what only several rounds can get wrong
ROUNDS = {"rounds 0", "rounds 21", "rounds half", "floors too high", "a flow of corrections"}
REQUESTS = [
    pytest.param(command, *case, id=f"{command}, {name}")
    for name, case in FLAGS.items()
    for command in ("iterate", "train")
    if command == "iterate" or name not in ROUNDS
]


@pytest.mark.parametrize(("command", "flags", "message"), REQUESTS)
def test_flags(refused, here, command, flags, message):
    Path("file").write_text("")
    Path("mine").mkdir()
    Path("mine/thesis.tex").write_text("")
    Path("cells.toml").write_text("cells = 5\n")
    Path("key.toml").write_text("[training]\noptimiser = 'adam'\n")
    Path("broken.toml").write_text("seed = = 1\n")
    arguments = () if flags is None else ("d.h5", *flags.split())
    assert message in refused(command, *arguments)


def test_values_with_errors_take_no_penalty(refused, here):
    dataset(wells(60), sigma=np.full(60, 1e-3))()
    error = refused("iterate", "other.h5", "--out", "n", "--learner", "flow", "--ease", "error,1")
    assert "values with errors are fitted under a prior" in error


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(refused, here):
    error = refused("train", "d.h5", "--out", "n", "--device", "cuda")
    assert "there is no usable CUDA GPU here; give --device cpu or auto" in error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(refused, here):
    Path("locked").mkdir(mode=0o500)
    assert "the folder locked cannot be written" in refused(
        "train", "d.h5", "--out", "locked/run", *SMALL[:4]
    )


RESUMED = {
    "another seed": ("--seed 5", "(-seed = 0; +seed = 5)"),
    "more members": ("--members 3", "(-members = 2; +members = 3)"),
    "other layers": ("--hidden 5,5", "(-hidden = [5, 4]; +hidden = [5, 5])"),
    "another optimizer": ("--optimizer adam", '(-optimizer = "levenberg-marquardt"; +optimizer = "adam")'),
    "more rounds": ("--rounds 3", "(-rounds = 2; +rounds = 3)"),
    "other steps": ("--steps 9", "(-steps = [8, 5]; +steps = [9])"),
    "two changes": ("--seed 1 --batch 8", "-seed = 0"),
}


@pytest.mark.parametrize(("flags", "change"), RESUMED.values(), ids=RESUMED.keys())
def test_a_changed_configuration_is_not_resumed(refused, here, flags, change):
    error = refused("iterate", "d.h5", "--out", "r", "--resume", *flags.split())
    assert "r was started with another configuration" in error
    assert change in error
    assert "--force to start again" in error


def test_training_does_not_resume_an_iteration(refused, here):
    assert "(-rounds = 2; +rounds = 1)" in refused("train", "d.h5", "--out", "r", "--resume")


def test_another_dataset_is_not_resumed(refused, here):
    dataset(wells(300), configuration={"strength": [0.01, 0.5]})()
    assert "r was started with another dataset (SHA-256 " in refused(
        "iterate", "other.h5", "--out", "r", "--resume"
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=60) | st.builds(json.dumps, st.dictionaries(st.text(max_size=8), st.integers())))
def test_any_configuration_is_read_or_refused(run, here, text):
    Path("any.toml").write_text(text, encoding="utf-8")
    outcome = run("train", "d.h5", "--out", "n", "--config", "any.toml", "--dry-run", "--quiet", "--json")
    assert outcome.code in (0, 2), outcome.err
    assert outcome.err.count("\n") == (1 if outcome.code else 0), outcome.err
