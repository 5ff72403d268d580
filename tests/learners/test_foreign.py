"""Networks from elsewhere: read as they compute, and refused where that cannot be known."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import Linear, Sequential

from bornnet.errors import InputError
from bornnet.learners.foreign.network import read_network
from bornnet.learners.mlp.perceptron import Perceptron
from bornnet.learners.store import save_learner
from bornnet.networks.activations import ACTIVATIONS
from bornnet.networks.mlp import MLP

TANH = {"activation": "tanh"}


def block(below, above):
    return Sequential(Linear(below, above), nn.Tanh())


class Named(nn.Module):
    """As most are written: layers as attributes, joined by forward."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.out = Linear(4, 6), Linear(6, 6), Linear(6, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))


class Listed(nn.Module):
    """A ModuleList, with tanh after each but the last, or after some."""

    def __init__(self, *widths, bare=()):
        super().__init__()
        self.linears = nn.ModuleList(Linear(*pair) for pair in pairwise(widths))
        self.bare = bare

    def forward(self, x):
        for n, linear in enumerate(self.linears[:-1]):
            x = linear(x) if n in self.bare else torch.tanh(linear(x))
        return self.linears[-1](x)


class Wrapped(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)


CASES = {
    "two hidden layers": (
        Sequential(Linear(4, 6), nn.GELU(), Linear(6, 3), nn.GELU(), Linear(3, 1)),
        {"activation": "gelu"},
        "4 -> 6 gelu -> 3 gelu -> 1",
    ),
    "without bias": (Sequential(Linear(4, 6, bias=False), nn.Tanh(), Linear(6, 1)), TANH, "4 -> 6 tanh -> 1"),
    "linear layers in a row": (
        Sequential(Linear(4, 2), Linear(2, 6), nn.Tanh(), Linear(6, 1)),
        {"layers": "4 -> 2 -> 6 tanh -> 1"},
        "4 -> 2 -> 6 tanh -> 1",
    ),
    "no hidden layer": (Sequential(Linear(4, 1)), {}, "4 -> 1"),
    "one layer alone": (Linear(4, 1), {}, "4 -> 1"),
    "with a prefix": (
        Wrapped(Sequential(Linear(4, 5), nn.SiLU(), Linear(5, 1))),
        {"activation": "silu"},
        "4 -> 5 silu -> 1",
    ),
    "compiled and parallel": (
        nn.ModuleDict({"module": nn.ModuleDict({"_orig_mod": Sequential(block(4, 4), Linear(4, 1))})}),
        TANH,
        "4 -> 4 tanh -> 1",
    ),
    "more than ten modules": (
        Sequential(*(module for _ in range(6) for module in (Linear(4, 4), nn.Tanh())), Linear(4, 1)),
        TANH,
        "4 -> 4 tanh -> 4 tanh -> 4 tanh -> 4 tanh -> 4 tanh -> 4 tanh -> 1",
    ),
    "dropout": (
        Sequential(
            Linear(4, 6), nn.Tanh(), nn.Dropout(0.5), Linear(6, 3), nn.Tanh(), nn.Dropout(), Linear(3, 1)
        ),
        TANH,
        "4 -> 6 tanh -> 3 tanh -> 1",
    ),
    "nested": (
        Sequential(block(4, 6), block(6, 6), Sequential(Linear(6, 2), nn.Tanh(), Linear(2, 1))),
        TANH,
        "4 -> 6 tanh -> 6 tanh -> 2 tanh -> 1",
    ),
    "nested, activation first": (
        Sequential(Sequential(Linear(4, 6)), Sequential(nn.Tanh(), Linear(6, 1))),
        TANH,
        "4 -> 6 tanh -> 1",
    ),
    "nested in a module": (Wrapped(Sequential(block(4, 6), Linear(6, 1))), TANH, "4 -> 6 tanh -> 1"),
    "square blocks in a module, said to be plain": (
        Wrapped(Sequential(block(4, 4), block(4, 4), Linear(4, 1))),
        {"layers": "4 -> 4 tanh -> 4 tanh -> 1"},
        "4 -> 4 tanh -> 4 tanh -> 1",
    ),
    "list of modules": (
        Listed(4, 6, 3, 1),
        {"layers": "4 -> 6 tanh -> 3 tanh -> 1"},
        "4 -> 6 tanh -> 3 tanh -> 1",
    ),
    "list of modules, two in a row": (
        Listed(4, 6, 3, 1, bare=(1,)),
        {"layers": "4, 6 Tanh, 3, 1"},
        "4 -> 6 tanh -> 3 -> 1",
    ),
    "list of twelve modules": (
        Listed(*[4] * 12, 1),
        {"layers": "4 → " + "4 tanh → " * 11 + "1"},
        "4 -> " + "4 tanh -> " * 11 + "1",
    ),
    "layers by name": (Named(), {"layers": "4 -> 6 tanh -> 6 tanh -> 1"}, "4 -> 6 tanh -> 6 tanh -> 1"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["pt", "pth", "safetensors"])
def test_it_computes_what_it_computed(case, kind, tmp_path):
    model, said, layout = CASES[case]
    file = tmp_path / f"net.{kind}"
    if kind == "safetensors":
        save_file(model.state_dict(), file)
    else:
        torch.save(model.state_dict(), file)
    x = torch.cat([torch.randn(7, 4, dtype=torch.float64), torch.zeros(1, 4, dtype=torch.float64)])
    plain = model["module"]["_orig_mod"] if isinstance(model, nn.ModuleDict) else model
    read = read_network(file, **said)
    with torch.no_grad():
        expected = plain.double().eval()(x)[:, 0]
        assert torch.allclose(read.network(x), expected, rtol=1e-12, atol=1e-14)
    plain.float()
    assert read.layout == layout
    assert read.value_at_zero == pytest.approx(float(expected[-1]), rel=1e-12)


def test_our_own_files_state_their_activation(tmp_path):
    model = MLP(3, (5,), "softplus")
    save_learner(tmp_path / "ours.safetensors", Perceptron(model))
    x = torch.randn(4, 3, dtype=torch.float64)
    read = read_network(tmp_path / "ours.safetensors")
    assert torch.equal(read.network(x), model(x))
    assert read.layout == "3 -> 5 softplus -> 1"
    with pytest.raises(InputError, match=r"--activation: .* states softplus, got tanh; leave it out"):
        read_network(tmp_path / "ours.safetensors", activation="tanh")


def test_names_that_safetensors_has_sorted(tmp_path):
    model = Sequential(Linear(4, 6), nn.Tanh(), Linear(6, 5), nn.Tanh(), Linear(5, 1))
    state = dict(zip(("in.weight", "in.bias", "a.weight", "a.bias", "b.weight", "b.bias"),
                     model.state_dict().values(), strict=True))  # fmt: skip
    save_file(state, tmp_path / "net.safetensors")
    x = torch.randn(3, 4, dtype=torch.float64)
    read = read_network(tmp_path / "net.safetensors", layers="4 -> 6 tanh -> 5 tanh -> 1")
    assert read.layers == ("in", "a", "b")  # by their shapes
    with torch.no_grad():
        assert torch.allclose(read.network(x), model.double()(x)[:, 0], rtol=1e-12)
    alike = nn.ModuleDict({"one": Linear(4, 4), "another": Linear(4, 4), "out": Linear(4, 1)})
    save_file(alike.state_dict(), tmp_path / "alike.safetensors")
    with pytest.raises(InputError, match="safetensors does not keep their order"):
        read_network(tmp_path / "alike.safetensors", layers="4 -> 4 tanh -> 4 tanh -> 1")


def test_layers_numbered_beyond_nine(tmp_path):
    net = Sequential(*[module for _ in range(11) for module in (Linear(4, 4), nn.Tanh())], Linear(4, 1))
    state = {}
    for n, linear in enumerate(net[::2], 1):
        state |= {f"fc{n}.weight": linear.weight, f"fc{n}.bias": linear.bias}
    save_file(state, tmp_path / "net.safetensors")
    x = torch.randn(3, 4, dtype=torch.float64)
    read = read_network(tmp_path / "net.safetensors", layers="4 -> " + "4 tanh -> " * 11 + "1")
    with torch.no_grad():
        assert torch.allclose(read.network(x), net.double()(x)[:, 0], rtol=1e-12)


NET = Sequential(Linear(4, 6), nn.Tanh(), Linear(6, 1))
CHECKPOINTS = {
    "state_dict": {"state_dict": NET.state_dict(), "epoch": 3},
    "model_state_dict": {
        "epoch": 3,
        "model_state_dict": NET.state_dict(),
        "optimizer_state_dict": torch.optim.AdamW(NET.parameters(), weight_decay=0.1).state_dict(),
        "args": {"weight_decay": 0.1},
    },
    "model": {"model": NET.state_dict(), "loss": torch.tensor(0.1)},
    "net": {"net": NET.state_dict()},
    "checkpoint.ema": {"checkpoint": {"ema": NET.state_dict(), "step": 1}},
}


@pytest.mark.parametrize("part", CHECKPOINTS)
def test_weights_in_a_checkpoint(part, tmp_path):
    torch.save(CHECKPOINTS[part], tmp_path / "net.ckpt")
    read = read_network(tmp_path / "net.ckpt", activation="tanh")
    assert read.part == part
    x = torch.randn(3, 4, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(read.network(x), NET(x.float())[:, 0].double(), atol=1e-6)


def test_two_networks_in_a_checkpoint(tmp_path):
    torch.save({"model": NET.state_dict(), "ema": NET.state_dict()}, tmp_path / "net.pt")
    with pytest.raises(InputError, match="got 2 of them: model, ema; save the one that is meant alone"):
        read_network(tmp_path / "net.pt", activation="tanh")


def test_the_activation_is_asked_for(tmp_path):
    torch.save(NET.state_dict(), tmp_path / "net.pt")
    with pytest.raises(InputError) as error:
        read_network(tmp_path / "net.pt")
    assert "give --activation, one of" in str(error.value)
    assert all(row.name in str(error.value) for row in ACTIVATIONS)


ASKED = {
    "list of modules": (Listed(4, 6, 1), "whether anything stands between linears.0 and linears.1"),
    "row in a sequence": (Sequential(Linear(4, 2), Linear(2, 1)), "whether anything stands between 0 and 1"),
    "square blocks": (
        nn.ModuleDict({"blocks": nn.ModuleList([block(4, 4), block(4, 1)])}),
        "whether blocks such as that of blocks.0.0 add their input",
    ),
    "a block that adds its input": (
        Sequential(
            block(4, 6), Sequential(Linear(6, 6), nn.Tanh(), Linear(6, 6)), nn.Sequential(Linear(6, 1))
        ),
        "whether blocks such as that of 1.2 add their input",
    ),
    "layer, then block": (
        Sequential(Linear(4, 6), Sequential(Linear(6, 3), nn.Tanh()), Linear(3, 1)),
        "whether anything stands between 0 and 1.0",
    ),
    "parts by name": (Named(), "how its parts fc1, fc2, out are joined"),
    "parts of a residual network": (
        nn.ModuleDict({"inp": Linear(4, 6), "blocks": nn.ModuleList([Linear(6, 6)]), "out": Linear(6, 1)}),
        "how its parts blocks, inp, out are joined",
    ),
    "blocks by name": (
        nn.ModuleList([nn.ModuleDict({"fc": Linear(4, 4)}), nn.ModuleDict({"fc": Linear(4, 1)})]),
        "how its parts 0, 1 are joined",
    ),
    "something first": (Sequential(nn.Tanh(), Linear(4, 6), nn.Tanh(), Linear(6, 1)), "stands before 1"),
}


@pytest.mark.parametrize("case", ASKED)
def test_what_the_names_leave_open_is_asked_for(case, tmp_path):
    model, message = ASKED[case]
    torch.save(model.state_dict(), tmp_path / "net.pt")
    with pytest.raises(InputError) as error:
        read_network(tmp_path / "net.pt", activation="gelu")
    assert message in str(error.value)
    assert 'by --layers, such as "4 -> ' in str(error.value)


SAID = {
    "other widths": ("4 -> 6 tanh -> 1", "are not the layers of"),
    "other order": ("4 -> 3 tanh -> 6 tanh -> 1", "are not the layers of"),
    "no number": ("4 -> tanh -> 1", "expected widths with activations"),
    "unknown activation": ("4 -> 6 tanhh -> 3 tanh -> 1", "got 'tanhh'"),
    "nothing": ("", "expected widths with activations"),
    "inputs alone": ("4", "expected inputs, layers and the output"),
    "activation of the inputs": ("4 tanh -> 6 tanh -> 3 tanh -> 1", "expected inputs, layers and the output"),
    "activation of the output": (
        "4 -> 6 tanh -> 3 tanh -> 1 softplus",
        "expected an output without activation",
    ),
    "two kinds": ("4 -> 6 tanh -> 3 gelu -> 1", "expected one kind of activation, got gelu and tanh"),
}


@pytest.mark.parametrize("case", SAID)
def test_layers_that_cannot_be(case, tmp_path):
    text, message = SAID[case]
    torch.save(Listed(4, 6, 3, 1).state_dict(), tmp_path / "net.pt")
    with pytest.raises(InputError) as error:
        read_network(tmp_path / "net.pt", layers=text)
    assert message in str(error.value)


def test_layers_name_the_activation_already(tmp_path):
    torch.save(NET.state_dict(), tmp_path / "net.pt")
    with pytest.raises(InputError, match="leave out --activation"):
        read_network(tmp_path / "net.pt", layers="4 -> 6 tanh -> 1", activation="tanh")


@pytest.fixture
def checked(tmp_path):
    """A network of GELUs, and its inputs and outputs in single precision."""
    model = Sequential(Linear(4, 6), nn.GELU(), Linear(6, 1))
    torch.save(model.state_dict(), tmp_path / "net.pt")
    x = torch.randn(9, 4)
    with torch.no_grad():
        np.savetxt(
            tmp_path / "check.csv", torch.cat([x, model(x)], dim=1).numpy(), delimiter=",", header="pairs"
        )
    return tmp_path


def test_a_check_proves_it(checked):
    read = read_network(checked / "net.pt", activation="gelu", check=checked / "check.csv")
    assert read.check.rows == 9
    assert read.check.deviation < 1e-6
    assert read.as_dict()["check"]["deviation"] == read.check.deviation


def test_a_check_fails(checked):
    with pytest.raises(InputError) as error:
        read_network(checked / "net.pt", activation="gelu-tanh", check=checked / "check.csv")
    assert "read as 4 -> 6 gelu-tanh -> 1, differs from these outputs by" in str(error.value)
    assert "With gelu (" in str(error.value)
    with pytest.raises(InputError, match=r"give --activation, .* With gelu \("):
        read_network(checked / "net.pt", check=checked / "check.csv")
    with pytest.raises(InputError, match="differs from these outputs"):
        read_network(checked / "net.pt", layers="4 -> 6 -> 1", check=checked / "check.csv")


def test_a_check_of_another_network(checked):
    np.savetxt(checked / "wide.csv", np.ones((2, 6)), delimiter=",")
    with pytest.raises(
        InputError, match="expected 5 columns, the 4 inputs of the network and its output, got 6"
    ):
        read_network(checked / "net.pt", activation="gelu", check=checked / "wide.csv")
