"""Small fits that the tests share, and how they are stopped."""

import io
from typing import Any

import torch
from torch.func import functional_call, jvp

from bornnet.learners.mlp.remainder import TaylorRemainder
from bornnet.networks.mlp import MLP
from bornnet.training.fit import OPTIMIZERS, Settings
from bornnet.training.normal import NormalMatrix, NormalRoot
from bornnet.training.problem import Problem, Samples
from bornnet.training.residuals import mean_square

SETTINGS = {
    "levenberg-marquardt": Settings("levenberg-marquardt", steps=8, patience=100),
    "levenberg-marquardt-rows": Settings("levenberg-marquardt-rows", steps=8, patience=100),
    "gauss-newton": Settings("gauss-newton", steps=6, patience=100),
    "l-bfgs": Settings("l-bfgs", steps=4, patience=100),
    "adam": Settings("adam", steps=12, patience=100, batch=16, learning_rate=1e-2, seed=5),
}


def uniform(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) - 0.5


def squared(normal: NormalMatrix | NormalRoot) -> torch.Tensor:
    """The normal matrix, of either kind."""
    return normal.squared if isinstance(normal, NormalMatrix) else normal.root.T @ normal.root


def model(degree: int = 1, activation: str = "tanh", hidden: tuple[int, ...] = (5, 4), seed: int = 1):
    generator = torch.Generator().manual_seed(seed)
    return TaylorRemainder(MLP(3, hidden, activation, generator=generator), degree)


def samples(count: int = 60, seed: int = 0) -> Samples:
    """A smooth function that vanishes at 0, and weights that are not all the same."""
    x = uniform(count, 3, seed=seed)
    return Samples(x, torch.sin(x.sum(1)) + x[:, 0] * x[:, 1], 1 + x[:, 2].abs())


def fall_of_loss(name: str, fitted: TaylorRemainder, data: Samples) -> float:
    """By which factor an optimizer brings the loss down."""
    before = mean_square(fitted, data)
    optimizer = OPTIMIZERS[name](fitted, data, SETTINGS[name])
    for _ in range(SETTINGS[name].steps):
        optimizer.step()
    return before / mean_square(fitted, data)


def problem() -> Problem:
    return Problem(samples(), samples(20, seed=9))


ACTIVATIONS = ["tanh", "gelu", "softplus", "sin", "sigmoid", "silu", "erf"]


def taylor_remainder(network, degree, parameters, row):
    """``f(x) - sum_{m<n} d^m/dt^m f(t x)|_0 / m!`` by nested forward-mode autodiff."""

    def along(t):
        return functional_call(network, parameters, ((t * row)[None],))[0]

    value = along(torch.ones((), dtype=row.dtype))
    derivative, zero, factorial = along, torch.zeros((), dtype=row.dtype), 1
    for order in range(degree):
        factorial *= max(order, 1)
        value = value - derivative(zero) / factorial
        derivative = _derivative(derivative)
    return value


def _derivative(function):
    return lambda t: jvp(function, (t,), (torch.ones_like(t),))[1]


def through_a_file(state: Any) -> Any:
    """As a checkpoint does it: nothing but tensors and plain values survives."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


class _Stop(Exception):
    pass


def stopped(fit: Any, calls: int) -> Any:
    """The state, through a file, of a fit that is stopped in that call between steps; 0: not begun."""
    left = calls

    def stop(progress: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise _Stop

    if calls:
        try:
            fit.run(stop)
        except _Stop:
            pass
        else:
            raise AssertionError(f"the fit ended before call {calls}")
    return through_a_file(fit.state())
