"""Networks from elsewhere that are refused: each by its own sentence, and no code in a file is run."""

import argparse
import io
import pickle
import warnings
import zipfile

import pytest
import torch
from torch import nn
from torch.nn import Linear, Sequential

from bornnet.errors import InputError
from bornnet.learners.foreign.network import read_network

NET = Sequential(Linear(4, 6), nn.Tanh(), Linear(6, 1))


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


def written(state, **options):
    buffer = io.BytesIO()
    torch.save(state, buffer, **options)
    return buffer.getvalue()


def scripted():
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(NET, torch.ones(1, 4)), buffer)
    return buffer.getvalue()


def with_norm(norm):
    return written(Sequential(Linear(4, 6), norm, nn.Tanh(), Linear(6, 1)).state_dict())


def normalized_weight():
    return written(Sequential(nn.utils.parametrizations.weight_norm(Linear(4, 6)), Linear(6, 1)).state_dict())


def quantized():
    """As `torch.ao.quantization` leaves a network: its weights are packed, and have no name of their own."""
    with warnings.catch_warnings(action="ignore"):
        return torch.ao.quantization.quantize_dynamic(
            Sequential(*NET), {Linear}, dtype=torch.qint8
        ).state_dict()


ONES = torch.ones(1, 4)
LINEAR = {"0.weight": ONES, "0.bias": torch.ones(1)}
REFUSED = {
    "pickle that runs code": (lambda: written(Bomb()), "could run code"),
    "plain pickle": (lambda: pickle.dumps(Bomb()), "expected a state dict"),
    "quantized": (lambda: written(quantized()), "0 is quantized, its weights packed for whole numbers; save"),
    "quantized in a checkpoint": (
        lambda: written({"epoch": 3, "model": quantized()}),
        "model.0 is quantized, its weights packed for whole numbers",
    ),
    "whole module": (lambda: written(Linear(4, 1)), "could run code"),
    "arguments beside the weights": (
        lambda: written({"model": LINEAR, "args": argparse.Namespace(a=1)}),
        "got other objects (argparse.Namespace), which are not loaded",
    ),
    "no archive": (lambda: b"not a model", "expected a state dict"),
    "empty": (lambda: b"", "expected a state dict"),
    "truncated": (lambda: written(LINEAR)[:300], "expected a state dict"),
    "compressed": (lambda: compressed({"0.weight": torch.zeros(1, 100_000)}), "compressed archive"),
    "TorchScript": (scripted, "got a TorchScript program, whose code is not run"),
    "before PyTorch 1.6": (
        lambda: written(LINEAR, _use_new_zipfile_serialization=False),
        "written by PyTorch before 1.6",
    ),
    "list": (lambda: written([1, 2]), "got a list"),
    "nothing": (lambda: written({}), "got 0 of them"),
    "number": (lambda: written({"0.weight": 3.0}), "got '0.weight'"),
    "two networks": (
        lambda: written({"a.0.weight": torch.ones(4, 4), "b.0.weight": ONES}),
        "how its parts a, b are joined",
    ),
    "batch normalization": (lambda: with_norm(nn.BatchNorm1d(6)), "normalization layer"),
    "layer normalization": (lambda: with_norm(nn.LayerNorm(6)), "of a normalization layer or a PReLU"),
    "PReLU": (lambda: with_norm(nn.PReLU()), "of a normalization layer or a PReLU"),
    "weight normalization": (normalized_weight, "normalized or pruned weight; fold that in first"),
    "recurrent": (lambda: written(nn.LSTM(4, 3).state_dict()), "of a recurrent layer"),
    "attention": (lambda: written(nn.MultiheadAttention(4, 1).state_dict()), "of an attention layer"),
    "residual": (
        lambda: written(nn.ModuleDict({"res1": Linear(4, 4), "out": Linear(4, 1)}).state_dict()),
        "'res1.weight' is of a residual network",
    ),
    "skip": (lambda: written(LINEAR | {"blocks.0.skip.weight": ONES}), "of a residual network"),
    "scaling": (lambda: written(LINEAR | {"x_mean": torch.ones(4)}), "got 'x_mean'"),
    "convolution": (lambda: written({"0.weight": torch.ones(1, 4, 3)}), "expected 2 dimension"),
    "integers": (lambda: written({"0.weight": torch.ones(1, 4, dtype=torch.int64)}), "is of torch.int64"),
    "complex": (
        lambda: written({"0.weight": torch.ones(1, 4, dtype=torch.complex64)}),
        "is of torch.complex64",
    ),
    "float8": (lambda: written({"0.weight": ONES.to(torch.float8_e4m3fn)}), "is of torch.float8_e4m3fn"),
    "sparse": (lambda: written({"0.weight": ONES.to_sparse()}), "0.weight is sparse"),
    "meta": (lambda: written({"0.weight": ONES.to("meta")}), "0.weight has no numbers (device meta)"),
    "huge view": (lambda: written({"0.weight": torch.ones(1).expand(10**6, 10**6)}), "expected 2 dimension"),
    "no inputs": (lambda: written({"0.weight": torch.ones(1, 0)}), "expected 2 dimension"),
    "not a number": (lambda: written({"0.weight": torch.full((1, 4), float("nan"))}), "NaN or infinity"),
    "several outputs": (
        lambda: written({"0.weight": torch.ones(3, 4)}),
        "one output, the scattering length; got 3",
    ),
    "layers that do not fit": (
        lambda: written({"0.weight": torch.ones(5, 4), "2.weight": torch.ones(1, 6)}),
        "layer 2 takes 6 inputs where layer 0 gives 5",
    ),
    "bias that does not fit": (
        lambda: written(LINEAR | {"0.bias": torch.ones(2)}),
        "bias of 2 fits no weight",
    ),
    "bias alone": (lambda: written(LINEAR | {"3.bias": torch.ones(1)}), "bias of 1 fits no weight"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, tmp_path):
    make, message = REFUSED[case]
    (tmp_path / "net.pt").write_bytes(make())
    with pytest.raises(InputError, match=r"net\.pt: ") as error:
        read_network(tmp_path / "net.pt", activation="tanh")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_refused_by_name(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"x")
    (tmp_path / "net.safetensors").write_bytes(b"x" * 40)
    for name, message in (
        ("net.onnx", "ends in .safetensors, .pt, .pth"),
        ("nix.pt", "no such file"),
        ("net.safetensors", "damaged or no safetensors file"),
    ):
        with pytest.raises(InputError, match=message):
            read_network(tmp_path / name)
