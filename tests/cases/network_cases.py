"""Shared cases of the network tests: slow twins, small networks, one way to compare."""

from collections.abc import Callable

import mpmath as mp
import numpy as np
import torch
from torch import Tensor, nn

from bornnet.networks.activations import ACTIVATIONS
from bornnet.networks.mlp import MLP

SMOOTH = [row.name for row in ACTIVATIONS if not row.piecewise_linear]
KINKED = [row.name for row in ACTIVATIONS if row.piecewise_linear]

# The definition of each activation in arbitrary precision, as its paper or torch's manual states it.
DEFINITIONS: dict[str, Callable] = {
    "tanh": mp.tanh,
    "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
    "softplus": lambda z: mp.log(1 + mp.exp(z)),
    "silu": lambda z: z / (1 + mp.exp(-z)),
    "gelu": lambda z: z * mp.erfc(-z / mp.sqrt(2)) / 2,
    "gelu-tanh": lambda z: z / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (z + mp.mpf(0.044715) * z**3))),
    "elu": lambda z: z if z > 0 else mp.exp(z) - 1,
    "celu": lambda z: z if z > 0 else mp.exp(z) - 1,
    "selu": lambda z: (
        mp.mpf("1.0507009873554804934193349852946")
        * (z if z > 0 else mp.mpf("1.6732632423543772848170429916717") * (mp.exp(z) - 1))
    ),
    "mish": lambda z: z * mp.tanh(mp.log(1 + mp.exp(z))),
    "softsign": lambda z: z / (1 + abs(z)),
    "sin": mp.sin,
    "erf": mp.erf,
    "identity": lambda z: z,
}


def small_network(activation: str = "tanh", hidden: tuple[int, ...] = (5, 4, 3), inputs: int = 3) -> MLP:
    return MLP(inputs, hidden, activation, generator=torch.Generator().manual_seed(7))


def several_outputs() -> nn.Sequential:
    """A user's own network: nested, single precision, two Linear in a row, one without bias, two outputs."""
    torch.manual_seed(11)
    return nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(3, 4, bias=False), nn.GELU()),
        nn.Linear(4, 6),
        nn.Linear(6, 5),
        nn.Identity(),
        nn.Softplus(beta=2.0),
        nn.Linear(5, 2),
    )


def point(inputs: int = 3, seed: int = 3) -> Tensor:
    return torch.randn(inputs, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def mpmath_network(model: MLP, activation: str) -> Callable:
    """The same function of a list of numbers in arbitrary precision."""
    weights = [(m.weight.detach().numpy(), m.bias.detach().numpy()) for m in model.linears]

    def f(*x):
        y = list(x)
        for i, (weight, bias) in enumerate(weights):
            y = [
                mp.fsum([mp.mpf(w) * v for w, v in zip(row, y, strict=True)]) + mp.mpf(b)
                for row, b in zip(weight, bias, strict=True)
            ]
            if i < len(weights) - 1:
                y = [DEFINITIONS[activation](z) for z in y]
        return y[0]

    return f


def nested_jacobians(f: Callable, at: Tensor, order: int) -> list[Tensor]:
    """Derivatives of orders 1..order by nested forward-mode autodiff."""
    tensors = []
    for _ in range(order):
        f = torch.func.jacfwd(f)
        tensors.append(f(at).detach())
    return tensors


def assert_close(actual, expected, tolerance: float) -> None:
    """Frobenius distance relative to the expected norm."""
    actual, expected = (
        v.detach().numpy() if isinstance(v, Tensor) else np.asarray(v) for v in (actual, expected)
    )
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    distance, norm = np.linalg.norm(actual - expected), np.linalg.norm(expected)
    assert distance <= tolerance * norm, (
        f"relative distance {distance / norm if norm else np.inf:.2e} > {tolerance}"
    )
