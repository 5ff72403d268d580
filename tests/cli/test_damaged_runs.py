"""Run directories with missing, damaged or forged files: refused by name, whatever reads them."""

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bornnet import load_run
from bornnet.errors import InputError
from bornnet.files.arrays import save_arrays
from bornnet.runs.baselines import load_baselines
from bornnet.runs.directory import load_held_out, read_metrics

MODEL = Path("r/member-0/round-1.safetensors")


def cut(file, keep):
    return lambda: file.write_bytes(file.read_bytes()[:keep])


def flip(file, at):
    def make():
        content = bytearray(file.read_bytes())
        content[at] ^= 1
        file.write_bytes(content)

    return make


def written(file, content):
    return lambda: Path(file).write_bytes(content)


def forged(architecture):
    """A whole file that says of its weights what they are not."""

    def make():
        weights = {"layers.0.weight": np.ones((2, 3)), "layers.0.bias": np.ones(2)}
        save_arrays(MODEL, weights, form="bornnet-mlp", facts={"architecture": architecture}, force=True)

    return make


def other_network():
    from bornnet.learners.mlp.perceptron import Perceptron
    from bornnet.learners.store import save_learner
    from bornnet.networks.mlp import MLP

    save_learner(MODEL, Perceptron(MLP(3, (7,))), force=True)


RUNS = {
    "model empty": (cut(MODEL, 0), "truncated, damaged or no safetensors file"),
    "model cut in its header": (cut(MODEL, 100), "truncated, damaged or no safetensors file"),
    "model cut in its weights": (cut(MODEL, -8), "truncated, damaged or no safetensors file"),
    "model's last weight": (flip(MODEL, -1), "damaged or changed: its content does not have the SHA-256"),
    "model's size": (flip(MODEL, 7), "truncated, damaged or no safetensors file"),
    "model is text": (written(MODEL, b"network"), "truncated, damaged or no safetensors file"),
    "model is a pickle": (lambda: torch.save({"w": torch.ones(3)}, MODEL), "no safetensors file"),
    "model of another kind": (
        lambda: shutil.copy("r/held_out.safetensors", MODEL),
        "file, got 'bornnet-arrays'",
    ),
    "foreign safetensors": (
        lambda: __import__("safetensors.numpy").numpy.save_file({"w": np.ones(3)}, MODEL),
        "file of bornnet, got another safetensors file",
    ),
    "other network": (other_network, "the file belongs to another run"),
    "forged size": (
        forged({"inputs": 3, "hidden": [10**9], "activation": "tanh"}),
        "the model file is damaged: widths (3, 1000000000, 1) do not fit its weights",
    ),
    "forged types": (
        forged({"inputs": "3", "hidden": [2], "activation": "tanh"}),
        "the model file is damaged",
    ),
    "forged activation": (
        forged({"inputs": 3, "hidden": [], "activation": "tanh"}),
        "the model file is damaged",
    ),
    "no architecture": (forged(None), "the model file is damaged"),
    "configuration gone": (lambda: Path("r/config.toml").unlink(), "is no run directory: it holds no config"),
    "configuration cut": (cut(Path("r/config.toml"), 5), "not valid TOML"),
    "configuration binary": (written("r/config.toml", b"\xff\xfe"), "that is no UTF-8 text"),
    "provenance gone": (
        lambda: Path("r/provenance.json").unlink(),
        "the run is incomplete: provenance.json is missing",
    ),
    "provenance cut": (cut(Path("r/provenance.json"), 50), "provenance.json: damaged, expected JSON"),
    "provenance a list": (written("r/provenance.json", b"[]"), "expected a JSON object"),
    "summary cut": (cut(Path("r/summary.json"), 50), "summary.json: damaged, expected JSON"),
}


@pytest.mark.parametrize(("make", "message"), RUNS.values(), ids=RUNS.keys())
def test_damaged_runs_are_refused_by_whatever_reads_them(refused, here, make, message):
    make()
    with pytest.raises(InputError) as caught:
        load_run("r")
    assert message in str(caught.value)
    assert str(caught.value).startswith("r")
    assert message in refused("diagrams", "--order", 2, "--run", "r")


@pytest.mark.parametrize("what", ["nowhere", "d.h5", "."])
def test_what_is_no_run(refused, here, what):
    with pytest.raises(InputError, match=r"no such run directory|is no run directory"):
        load_run(what)


READERS = {
    "held_out.safetensors": load_held_out,
    "baselines.safetensors": lambda path: load_baselines(path, 3),
}


@pytest.mark.parametrize(("name", "read"), READERS.items())
@pytest.mark.parametrize("damage", ["gone", "cut", "flipped", "foreign"])
def test_damaged_arrays(here, name, read, damage):
    file = Path("r") / name
    {
        "gone": file.unlink,
        "cut": cut(file, -1),
        "flipped": flip(file, -1),
        "foreign": written(file, b"{}"),
    }[damage]()
    with pytest.raises(InputError, match=name):
        read("r")


def unfinished():
    """The study's run as if its last round were still to be done."""
    Path("r/member-1/round-2.safetensors").unlink()
    Path("r/summary.json").unlink()
    return Path("r/member-1/checkpoint.pt")


CHECKPOINTS = {
    "empty": (lambda file: file.write_bytes(b""), "checkpoint is damaged (its checksum does not fit)"),
    "foreign": (lambda file: file.write_bytes(bytes(1000)), "checkpoint is damaged"),
    "a pickle": (lambda file: torch.save({"round": 2}, file), "checkpoint is damaged"),
    "of another fit": (
        lambda file: other_checkpoint(file),
        "the checkpoint of member 1 belongs to another run",
    ),
}


def other_checkpoint(file):
    from bornnet.files.checkpoint import save_checkpoint

    save_checkpoint(file, {"round": 2, "fit": {"weights": torch.ones(3), "optimizer": {}, "progress": {}}})


@pytest.mark.parametrize(("make", "message"), CHECKPOINTS.values(), ids=CHECKPOINTS.keys())
def test_damaged_checkpoints(refused, here, make, message):
    make(unfinished())
    assert message in refused("iterate", "d.h5", "--out", "r", "--resume")


@pytest.mark.parametrize("damage", [b"{", b"[1]\n", b'{"member": 0}\n', b"\xff\n"])
def test_damaged_learning_curves(refused, here, damage):
    unfinished()
    Path("r/metrics.jsonl").write_bytes(damage)
    with pytest.raises(InputError, match=r"metrics\.jsonl"):
        read_metrics("r")
    assert "metrics.jsonl: damaged" in refused("iterate", "d.h5", "--out", "r", "--resume")


def test_a_checkpoint_cannot_run_code(run, here):
    """A pickle with the right checksum is still loaded as weights only."""
    import hashlib
    import pickle

    class Evil:
        def __reduce__(self):
            return os.mkdir, ("owned",)

    file = unfinished()
    content = pickle.dumps({"round": 2, "fit": Evil()})
    file.write_bytes(hashlib.sha256(content).digest() + content)
    assert run("iterate", "d.h5", "--out", "r", "--resume").code in (1, 2)
    assert not Path("owned").exists()


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.sampled_from(["member-0/round-1.safetensors", "held_out.safetensors", "baselines.safetensors"]),
    seed=st.integers(0, 2**32),
)
def test_any_damage_to_tensors_is_found(here, name, seed):
    """Whatever bytes change in a file of tensors, the file is refused (or, in unread padding, the same)."""
    draw = random.Random(seed)
    whole = (Path("r") / name).read_bytes()
    content = bytearray(whole)
    for _ in range(draw.randint(1, 3)):
        content[draw.randrange(len(content))] = draw.randrange(256)
    if draw.random() < 0.3:
        content = content[: draw.randrange(len(content))]
    try:
        (Path("r") / name).write_bytes(content)
        load_run("r")
        load_held_out("r")
        load_baselines("r", 3)
        survived = True
    except InputError:
        survived = False
    finally:
        (Path("r") / name).write_bytes(whole)
    assert not survived or bytes(content) == whole
