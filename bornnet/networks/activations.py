"""Elementwise activations and their Taylor series at any point, to any order.

Every rule gives ``sigma^(k)(z) / k!`` for ``k = 0..order`` and is written with torch operations only, so
that autograd flows through it. The coefficients come from the differential equation that the function obeys,
solved as a power series: for ``y' = F(y)`` the coefficient of ``t^k`` is that of ``F(y)`` at ``t^(k-1)``,
divided by k (Griewank & Walther, *Evaluating Derivatives*, ch. 13). No difference of nearly equal numbers
occurs: ``1 - tanh^2``, for example, is a series of its own, so that the tails keep their relative accuracy.

To add an activation, write its rule and add one row to ``ACTIVATIONS``.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import DerivativeWarning, InputError

Series = list[Tensor]
Rule = Callable[[Any, Tensor, int], Series]  # (module, z, order)


class Sine(nn.Module):
    """The activation ``sin(z)``."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.sin(z)


class Erf(nn.Module):
    """The activation ``erf(z)``."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.erf(z)


@dataclass(frozen=True)
class Activation:
    """A row of the table: name, maker of the module, Taylor rule, and whether it is piecewise linear."""

    name: str
    make: Callable[[], nn.Module]
    rule: Rule
    piecewise_linear: bool = False


def make_activation(name: str) -> nn.Module:
    """The activation module of that name; ``InputError`` lists the known names."""
    row = next((row for row in ACTIVATIONS if row.name == name), None)
    if row is None:
        raise InputError(f"unknown activation {name!r}; known: {', '.join(row.name for row in ACTIVATIONS)}")
    return row.make()


def is_activation(module: nn.Module) -> bool:
    """Whether the module is one of the supported elementwise activations."""
    return type(module) in _BY_TYPE


def taylor_coefficients(module: nn.Module, z: Tensor, order: int) -> Tensor:
    """Taylor coefficients of an activation around every entry of ``z``.

    Returns ``(order + 1, *z.shape)``: entry k is ``sigma^(k)(z) / k!``, differentiable in ``z``.
    Where a function is piecewise (ELU, CELU, SELU, softplus beyond torch's threshold), the coefficients are
    those of the piece that holds ``z``; softsign at exactly 0 takes the mean of both sides.

    Raises ``InputError`` for an unsupported module; warns with ``DerivativeWarning`` where ReLU or
    LeakyReLU is expanded beyond order 1: away from the kinks those derivatives are exactly zero.
    """
    row = _BY_TYPE.get(type(module))
    if row is None:
        raise InputError(
            f"unsupported module {type(module).__name__}; supported: Linear, {', '.join(supported())}"
        )
    if row.piecewise_linear and order >= 2:
        warnings.warn(
            f"{type(module).__name__} is piecewise linear: away from its kinks every derivative above "
            "order 1 is zero, and so are the network's; take a smooth activation to expand further",
            DerivativeWarning,
            stacklevel=2,
        )
    series = row.rule(module, z, order) if order else [module(z)]
    return torch.stack(series[: order + 1])


def supported() -> list[str]:
    """Class names of the supported activation modules."""
    return sorted({kind.__name__ for kind in _BY_TYPE})


# --- rules: each returns at least order + 1 coefficients ---


def _convolve(a: Series, b: Series, k: int) -> Tensor:
    """Coefficient k of the product of two series."""
    total = a[0] * b[k]
    for i in range(1, k + 1):
        total = total + a[i] * b[k - i]
    return total


def _logistic_of(inner: Sequence[Tensor | float], order: int) -> Series:
    """Series of ``S = sigmoid(w(t))`` for a series ``w``: S' = q w', q = S (1 - S), q' = q (1 - 2S) w'."""
    start = torch.as_tensor(inner[0])
    slope = [j * inner[j] for j in range(1, len(inner))]  # w', a polynomial of few terms
    value = [torch.sigmoid(start)]
    product = [value[0] * torch.sigmoid(-start)]
    tilt = [torch.tanh(-0.5 * start)]  # 1 - 2S without cancellation
    curl: Series = []  # q (1 - 2S)
    for k in range(1, order + 1):
        value.append(_times_slope(slope, product, k) / k)
        if k < order:
            curl.append(_convolve(product, tilt, k - 1))
            product.append(_times_slope(slope, curl, k) / k)
            tilt.append(-2 * value[k])
    return value


def _times_slope(slope: Sequence[Tensor | float], series: Series, k: int) -> Tensor:
    """Coefficient k - 1 of ``slope(t) series(t)`` with a short slope."""
    total = slope[0] * series[k - 1]
    for j in range(1, min(k, len(slope))):
        total = total + slope[j] * series[k - 1 - j]
    return total


def _times_z(z: Tensor, factor: Series) -> Series:
    """Series of ``(z + t) * factor(t)``."""
    return [z * factor[0], *(z * factor[k] + factor[k - 1] for k in range(1, len(factor)))]


def _gaussian(z: Tensor, first: Tensor, rate: float, order: int) -> Series:
    """Series of ``g`` with ``g' = -rate z g``, the three-term recurrence of the Hermite polynomials."""
    g = [first, -rate * z * first]
    for k in range(2, order + 1):
        g.append(-(rate / k) * (z * g[k - 1] + g[k - 2]))
    return g


def _integrated(value: Tensor, slope: Series, order: int) -> Series:
    return [value, *(slope[k - 1] / k for k in range(1, order + 1))]


def _exponential(z: Tensor, rate: float, order: int) -> Series:
    """Series of ``exp(rate z)`` where z <= 0; the other entries are harmless."""
    first = torch.exp(rate * z.clamp(max=0.0))
    return [first * (rate**k / math.factorial(k)) for k in range(order + 1)]


def _linear(z: Tensor, slope: float, order: int) -> Series:
    zero = torch.zeros_like(z)
    return [slope * z, zero + slope, *(zero for _ in range(2, order + 1))]


def _piecewise(condition: Tensor, where_true: Series, where_false: Series) -> Series:
    return [torch.where(condition, a, b) for a, b in zip(where_true, where_false, strict=False)]


def _tanh(module: nn.Module, z: Tensor, order: int) -> Series:
    """tanh z = 2 sigmoid(2z) - 1."""
    s = _logistic_of([2 * z, 2.0], order)
    return [torch.tanh(z), *(2 * s[k] for k in range(1, order + 1))]


def _sigmoid(module: nn.Module, z: Tensor, order: int) -> Series:
    return _logistic_of([z, 1.0], order)


def _softplus(module: nn.Softplus, z: Tensor, order: int) -> Series:
    """softplus' = sigmoid(beta z); linear beyond torch's threshold, as torch evaluates it."""
    beta = float(module.beta)
    slope = _logistic_of([beta * z, beta], order)
    smooth = _integrated(module(z), slope, order)
    return _piecewise(beta * z > module.threshold, _linear(z, 1.0, order), smooth)


def _silu(module: nn.Module, z: Tensor, order: int) -> Series:
    return _times_z(z, _sigmoid(module, z, order))


def _gelu(module: nn.GELU, z: Tensor, order: int) -> Series:
    """z Phi(z) with the normal distribution Phi, or torch's tanh form of it: z sigmoid(2u), u a cubic."""
    if module.approximate == "tanh":
        a, b = 2 * math.sqrt(2 / math.pi), 0.044715
        cubic: list[Tensor | float] = [a * (z + b * z**3), a * (1 + 3 * b * z**2), 3 * a * b * z, a * b]
        return _times_z(z, _logistic_of(cubic, order))
    density = _gaussian(z, torch.exp(-0.5 * z**2) / math.sqrt(2 * math.pi), 1.0, order)
    return _times_z(z, _integrated(0.5 * torch.erfc(-z / math.sqrt(2)), density, order))


def _elu(module: nn.ELU, z: Tensor, order: int) -> Series:
    return _scaled_elu(z, order, 1.0, float(module.alpha), 1.0)


def _celu(module: nn.CELU, z: Tensor, order: int) -> Series:
    return _scaled_elu(z, order, 1.0, float(module.alpha), 1 / float(module.alpha))


def _selu(module: nn.SELU, z: Tensor, order: int) -> Series:
    scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    return _scaled_elu(z, order, scale, scale * alpha, 1.0)


def _scaled_elu(z: Tensor, order: int, slope: float, height: float, rate: float) -> Series:
    """``slope z`` for z > 0, ``height (exp(rate z) - 1)`` otherwise."""
    decay = [height * c for c in _exponential(z, rate, order)]
    decay[0] = height * torch.expm1(rate * z.clamp(max=0.0))
    return _piecewise(z > 0, _linear(z, slope, order), decay)


def _mish(module: nn.Module, z: Tensor, order: int) -> Series:
    """z tanh(softplus z): y = tanh(softplus z), q = 1 - y^2, s = sigmoid z; y' = q s and q' = -2 y q s."""
    s = _logistic_of([z, 1.0], order)
    r = torch.sigmoid(-z)
    y = [s[0] * (1 + r) / (1 + r * r)]
    q = [4 * r * r / (1 + r * r) ** 2]
    q_s: Series = []
    for k in range(1, order + 1):
        q_s.append(_convolve(q, s, k - 1))
        y.append(q_s[k - 1] / k)
        q.append(-2 * _convolve(y, q_s, k - 1) / k)
    return _times_z(z, y)


def _softsign(module: nn.Module, z: Tensor, order: int) -> Series:
    a = 1 / (1 + z.abs())
    return [z * a, *(a ** (k + 1) * (1.0 if k % 2 else -torch.sign(z)) for k in range(1, order + 1))]


def _sine(module: nn.Module, z: Tensor, order: int) -> Series:
    sine, cosine = torch.sin(z), torch.cos(z)
    cycle = (sine, cosine, -sine, -cosine)
    return [cycle[k % 4] / math.factorial(k) for k in range(order + 1)]


def _erf(module: nn.Module, z: Tensor, order: int) -> Series:
    bell = _gaussian(z, (2 / math.sqrt(math.pi)) * torch.exp(-(z**2)), 2.0, order)
    return _integrated(torch.erf(z), bell, order)


def _identity(module: nn.Module, z: Tensor, order: int) -> Series:
    return _linear(z, 1.0, order)


def _relu(module: nn.Module, z: Tensor, order: int) -> Series:
    return _piecewise(z > 0, _linear(z, 1.0, order), _linear(z, 0.0, order))


def _leaky_relu(module: nn.LeakyReLU, z: Tensor, order: int) -> Series:
    return _piecewise(z > 0, _linear(z, 1.0, order), _linear(z, float(module.negative_slope), order))


ACTIVATIONS: Sequence[Activation] = (
    Activation("tanh", nn.Tanh, _tanh),
    Activation("sigmoid", nn.Sigmoid, _sigmoid),
    Activation("softplus", nn.Softplus, _softplus),
    Activation("silu", nn.SiLU, _silu),
    Activation("gelu", nn.GELU, _gelu),
    Activation("gelu-tanh", lambda: nn.GELU(approximate="tanh"), _gelu),
    Activation("elu", nn.ELU, _elu),
    Activation("celu", nn.CELU, _celu),
    Activation("selu", nn.SELU, _selu),
    Activation("mish", nn.Mish, _mish),
    Activation("softsign", nn.Softsign, _softsign),
    Activation("sin", Sine, _sine),
    Activation("erf", Erf, _erf),
    Activation("identity", nn.Identity, _identity),
    Activation("relu", nn.ReLU, _relu, piecewise_linear=True),
    Activation("leaky-relu", nn.LeakyReLU, _leaky_relu, piecewise_linear=True),
)

_BY_TYPE: dict[type, Activation] = {type(row.make()): row for row in ACTIVATIONS}
