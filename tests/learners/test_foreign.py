"""Networks from elsewhere: read as they compute, and refused where they are something else."""

import io
import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import Linear, Sequential

from bornnet.errors import InputError
from bornnet.learners.foreign import load_network
from bornnet.learners.mlp.perceptron import Perceptron
from bornnet.learners.store import save_learner
from bornnet.networks.mlp import MLP

CASES = {
    "two hidden layers": (
        Sequential(Linear(4, 6), nn.GELU(), Linear(6, 3), nn.GELU(), Linear(3, 1)),
        "gelu",
    ),
    "without bias": (Sequential(Linear(4, 6, bias=False), nn.Tanh(), Linear(6, 1)), None),
    "linear layers in a row": (
        Sequential(Linear(4, 2), Linear(2, 6), nn.Tanh(), Linear(6, 1)),
        None,
    ),
    "no hidden layer": (Sequential(Linear(4, 1)), None),
    "with a prefix": (
        nn.ModuleDict({"net": Sequential(Linear(4, 5), nn.SiLU(), Linear(5, 1))}),
        "silu",
    ),
    "more than ten modules": (
        Sequential(*(module for _ in range(6) for module in (Linear(4, 4), nn.Tanh())), Linear(4, 1)),
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["pt", "pth", "safetensors"])
def test_it_computes_what_it_computed(case, kind, tmp_path):
    model, activation = CASES[case]
    file = tmp_path / f"net.{kind}"
    if kind == "safetensors":
        save_file(model.state_dict(), file)
    else:
        torch.save(model.state_dict(), file)
    x = torch.randn(7, 4, dtype=torch.float64)
    plain = (model["net"] if isinstance(model, nn.ModuleDict) else model).double()
    with torch.no_grad():
        assert torch.allclose(load_network(file, activation)(x), plain(x)[:, 0], rtol=1e-12, atol=1e-14)


def test_our_own_files_state_their_activation(tmp_path):
    model = MLP(3, (5,), "softplus")
    save_learner(tmp_path / "ours.safetensors", Perceptron(model))
    x = torch.randn(4, 3, dtype=torch.float64)
    assert torch.equal(load_network(tmp_path / "ours.safetensors")(x), model(x))
    with pytest.raises(InputError, match=r"--activation: .* states softplus, got tanh; leave it out"):
        load_network(tmp_path / "ours.safetensors", "tanh")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was run",))


def compressed(state):
    stored, packed = io.BytesIO(), io.BytesIO()
    torch.save(state, stored)
    with zipfile.ZipFile(stored) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return packed.getvalue()


def written(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


LINEAR = {"0.weight": torch.ones(1, 4), "0.bias": torch.ones(1)}
REFUSED = {
    "pickle that runs code": (written(Bomb()), "could run code"),
    "plain pickle": (pickle.dumps(Bomb()), "expected a state dict"),
    "whole module": (written(Linear(4, 1)), "could run code"),
    "no archive": (b"not a model", "expected a state dict"),
    "empty": (b"", "expected a state dict"),
    "truncated": (written(LINEAR)[:300], "expected a state dict"),
    "compressed": (compressed({"0.weight": torch.zeros(1, 100_000)}), "compressed archive"),
    "list": (written([1, 2]), "got a list"),
    "nothing": (written({}), "expected the weights of one network"),
    "other layers": (written(LINEAR | {"1.running_mean": torch.ones(3)}), "got '1.running_mean'"),
    "number": (written({"0.weight": 3.0}), "got '0.weight'"),
    "two networks": (written({"a.0.weight": torch.ones(1, 4), "b.0.weight": torch.ones(1, 4)}), "got 2"),
    "convolution": (written({"0.weight": torch.ones(1, 4, 3)}), "expected 2 dimension"),
    "integers": (written({"0.weight": torch.ones(1, 4, dtype=torch.int64)}), "expected 2 dimension"),
    "huge view": (written({"0.weight": torch.ones(1).expand(10**6, 10**6)}), "expected 2 dimension"),
    "no inputs": (written({"0.weight": torch.ones(1, 0)}), "expected 2 dimension"),
    "not a number": (written({"0.weight": torch.full((1, 4), float("nan"))}), "NaN or infinity"),
    "several outputs": (written({"0.weight": torch.ones(3, 4)}), "one output, the scattering length; got 3"),
    "layers that do not fit": (
        written({"0.weight": torch.ones(5, 4), "2.weight": torch.ones(1, 6)}),
        "layer 2 takes 6 inputs where layer 0 gives 5",
    ),
    "bias that does not fit": (written(LINEAR | {"0.bias": torch.ones(2)}), "bias of 2 fits no weight"),
    "bias alone": (written(LINEAR | {"3.bias": torch.ones(1)}), "bias of 1 fits no weight"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, tmp_path):
    content, message = REFUSED[case]
    (tmp_path / "net.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"net\.pt: ") as error:
        load_network(tmp_path / "net.pt")
    assert message in str(error.value)


def test_refused_by_name(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"x")
    (tmp_path / "net.safetensors").write_bytes(b"x" * 40)
    for name, message in (
        ("net.onnx", "ends in .safetensors, .pt, .pth"),
        ("nix.pt", "no such file"),
        ("net.safetensors", "damaged or no safetensors file"),
    ):
        with pytest.raises(InputError, match=message):
            load_network(tmp_path / name)
