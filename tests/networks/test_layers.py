"""The MLP and the normal form of a user's network."""

import pytest
import torch
from network_cases import point, several_outputs, small_network
from torch import nn

from bornnet.errors import InputError
from bornnet.networks.layers import read_layers
from bornnet.networks.mlp import MLP


def evaluate(model, x):
    layers = read_layers(model)
    y = x
    for layer in layers.hidden:
        y = layer.activation(layer.weight @ y + layer.bias)
    return layers.weight @ y + layers.bias


@pytest.mark.parametrize(
    "model",
    [
        several_outputs(),
        small_network(),
        nn.Sequential(nn.Tanh(), nn.Linear(3, 4), nn.SiLU(), nn.Tanh(), nn.Linear(4, 2), nn.Sigmoid()),
        nn.Sequential(nn.Linear(3, 2)),
        nn.Linear(3, 1),
        nn.Sequential(nn.ELU(), nn.Mish(), nn.Linear(3, 3), nn.Linear(3, 1)),
    ],
    ids=["own", "mlp", "activations-at-both-ends", "linear", "bare-linear", "leading-activations"],
)
def test_the_normal_form_is_the_same_function(model):
    x = point()
    expected = model.double()(x[None])[0]
    torch.testing.assert_close(evaluate(model, x).reshape(expected.shape), expected, rtol=1e-13, atol=1e-14)


def test_single_precision_weights_are_taken_in_double():
    layers = read_layers(several_outputs())
    assert all(layer.weight.dtype == torch.float64 for layer in layers.hidden)
    assert [layer.weight.shape for layer in layers.hidden] == [(4, 3), (5, 4)]
    assert not layers.scalar


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 3))

    def forward(self, x):
        return x + self.layers(x)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1)), "LayerNorm"),
        (nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1)), "Dropout"),
        (nn.Sequential(nn.Conv1d(1, 1, 3)), "Conv1d"),
        (Residual(), "Residual"),
    ],
)
def test_unsupported_modules_are_named_with_the_supported(model, name):
    with pytest.raises(InputError, match=rf"{name}.*Linear.*Tanh"):
        read_layers(model)


def test_layers_that_do_not_fit_and_missing_ones():
    with pytest.raises(InputError, match="takes 5 inputs"):
        read_layers(nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 1)))
    with pytest.raises(InputError, match="no Linear"):
        read_layers(nn.Sequential(nn.Tanh()))


def test_an_mlp_is_double_scalar_and_seeded():
    first, second = (MLP(3, 4, "gelu", generator=torch.Generator().manual_seed(5)) for _ in range(2))
    x = torch.randn(6, 3, dtype=torch.float64)
    assert first(x).shape == (6,)
    assert torch.equal(first(x), second(x))
    assert (first.inputs, first.hidden, first.activation) == (3, (4,), "gelu")


def test_rescaled_folds_the_scales_into_the_weights():
    model = small_network()
    scale = torch.tensor([2.0, 0.5, -1.0], dtype=torch.float64)
    x = torch.randn(6, 3, dtype=torch.float64)
    expected = 3.0 * model(scale * x) + 1.0
    torch.testing.assert_close(model.rescaled(scale, 3.0, 1.0)(x), expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("arguments", [(0, 4), (3, [4, 0]), (3, 2.5), (-1, 4), (True, 4)])
def test_sizes_must_be_positive_integers(arguments):
    with pytest.raises(InputError, match="positive integers"):
        MLP(*arguments)


def test_an_input_scale_of_another_size_is_refused():
    with pytest.raises(InputError, match="input_scale"):
        small_network().rescaled(torch.ones(2))
