"""Elementwise activations and their Taylor series at any point, to any order.

Over 300 lines: one table of rules, which are read side by side.

Every rule yields ``sigma^(k)(z) / k!`` for ``k = 0, 1, 2, ..`` without end. It uses arithmetic and the
functions of ``elementary`` alone, and so takes torch tensors, with autograd, and numpy arrays, whose calls
cost a third of torch's on small layers. The coefficients come from the differential equation that the
function obeys, solved as a power series: for ``y' = F(y)`` the coefficient of ``t^k`` is that of ``F(y)`` at
``t^(k-1)``, divided by k (Griewank & Walther, *Evaluating Derivatives*, ch. 13). No difference of nearly
equal numbers occurs: ``1 - tanh^2``, for example, is a series of its own, so that the tails keep their
relative accuracy.

To add an activation, write its rule and add one row to ``ACTIVATIONS``. The commonest ones have the same
terms to order 2 also in ``closed_forms``, for speed alone.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, count, islice, repeat
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import DerivativeWarning, InputError
from .closed_forms import closed_form
from .elementary import functions_of

Array = TypeVar("Array", Tensor, np.ndarray)
Series = list[Any]  # arrays of one kind
Rule = Callable[[Any, Any], Iterator[Any]]  # (module, z) -> its Taylor coefficients at z


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


def taylor_coefficients(module: nn.Module, z: Array, order: int) -> Array:
    """Taylor coefficients of an activation around every entry of ``z``.

    Returns ``(order + 1, *z.shape)``: entry k is ``sigma^(k)(z) / k!``; a tensor, differentiable in ``z``,
    for a tensor, and an array for an array.
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
    if order <= 2 and isinstance(z, np.ndarray) and z.ndim == 1:
        form = closed_form(module)
        if form is not None:
            return form(z)[: order + 1]
    return functions_of(z).stack(list(islice(row.rule(module, z), order + 1)))


def supported() -> list[str]:
    """Class names of the supported activation modules."""
    return sorted({kind.__name__ for kind in _BY_TYPE})


# --- rules ---


def _convolve(a: Series, b: Series, k: int) -> Any:
    """Coefficient k of the product of two series."""
    total = a[0] * b[k]
    for i in range(1, k + 1):
        total = total + a[i] * b[k - i]
    return total


def _logistic_of(inner: Sequence[Any]) -> Iterator[Any]:
    """Series of ``S = sigmoid(w(t))`` for a series ``w``: S' = q w', q = S (1 - S), q' = q (1 - 2S) w'."""
    start = inner[0]
    f = functions_of(start)
    slope = [j * inner[j] for j in range(1, len(inner))]  # w', a polynomial of few terms
    value = f.sigmoid(start)
    yield value
    product = [value * f.sigmoid(-start)]
    tilt = [f.tanh(-0.5 * start)]  # 1 - 2S without cancellation
    curl: Series = []  # q (1 - 2S)
    for k in count(1):
        value = _times_slope(slope, product, k) / k
        yield value
        curl.append(_convolve(product, tilt, k - 1))
        product.append(_times_slope(slope, curl, k) / k)
        tilt.append(-2 * value)


def _times_slope(slope: Sequence[Any], series: Series, k: int) -> Any:
    """Coefficient k - 1 of ``slope(t) series(t)`` with a short slope."""
    total = slope[0] * series[k - 1]
    for j in range(1, min(k, len(slope))):
        total = total + slope[j] * series[k - 1 - j]
    return total


def _times_z(z: Any, factor: Iterator[Any]) -> Iterator[Any]:
    """Series of ``(z + t) * factor(t)``."""
    before = next(factor)
    yield z * before
    for term in factor:
        yield z * term + before
        before = term


def _bell(z: Any, height: float, rate: float) -> Iterator[Any]:
    """Series of ``g = height exp(-rate z^2 / 2)``: g' = -rate z g, as for the Hermite polynomials."""
    before = height * functions_of(z).exp(z * z * (-0.5 * rate))
    yield before
    last = z * before * -rate
    for k in count(2):
        yield last
        before, last = last, (z * last + before) * (-rate / k)


def _integrated(value: Any, slope: Iterator[Any]) -> Iterator[Any]:
    yield value
    for k, term in enumerate(slope, start=1):
        yield term / k


def _exponential(z: Any, rate: float) -> Iterator[Any]:
    """Series of ``exp(rate z)`` where z <= 0; the other entries are harmless."""
    f = functions_of(z)
    first = f.exp(rate * f.clamp(z, max=0.0))
    return (first * (rate**k / math.factorial(k)) for k in count())


def _linear(z: Any, slope: float) -> Iterator[Any]:
    zero = functions_of(z).zeros_like(z)
    return chain((slope * z, zero + slope), repeat(zero))


def _piecewise(condition: Any, where_true: Iterator[Any], where_false: Iterator[Any]) -> Iterator[Any]:
    return map(partial(functions_of(condition).where, condition), where_true, where_false)


def _tanh(module: nn.Module, z: Any) -> Iterator[Any]:
    """y' = q, q' = -2 y q, with q = 1 - y^2 = 4 sigmoid(2z) sigmoid(-2z)."""
    f = functions_of(z)
    y = [f.tanh(z)]
    yield y[0]
    twice = z + z
    q = [4 * f.sigmoid(twice) * f.sigmoid(-twice)]
    for k in count(1):
        y.append(q[k - 1] / k)
        yield y[k]
        q.append(_convolve(y, q, k - 1) * (-2 / k))


def _sigmoid(module: nn.Module, z: Any) -> Iterator[Any]:
    return _logistic_of([z, 1.0])


def _softplus(module: nn.Softplus, z: Any) -> Iterator[Any]:
    """softplus' = sigmoid(beta z); linear beyond torch's threshold, as torch evaluates it."""
    beta = float(module.beta)
    value = module(z) if isinstance(z, Tensor) else module(torch.from_numpy(z)).numpy()
    smooth = _integrated(value, _logistic_of([beta * z, beta]))
    return _piecewise(beta * z > module.threshold, _linear(z, 1.0), smooth)


def _silu(module: nn.Module, z: Any) -> Iterator[Any]:
    return _times_z(z, _sigmoid(module, z))


def _gelu(module: nn.GELU, z: Any) -> Iterator[Any]:
    """z Phi(z) with the normal distribution Phi, or torch's tanh form of it: z sigmoid(2u), u a cubic."""
    if module.approximate == "tanh":
        a, b = 2 * math.sqrt(2 / math.pi), 0.044715
        cubic: Series = [a * (z + b * z**3), a * (1 + 3 * b * z**2), 3 * a * b * z, a * b]
        return _times_z(z, _logistic_of(cubic))
    f = functions_of(z)
    normal = 0.5 * f.erfc(z * -math.sqrt(0.5))
    return _times_z(z, _integrated(normal, _bell(z, math.sqrt(0.5 / math.pi), 1.0)))


def _elu(module: nn.ELU, z: Any) -> Iterator[Any]:
    return _scaled_elu(z, 1.0, float(module.alpha), 1.0)


def _celu(module: nn.CELU, z: Any) -> Iterator[Any]:
    return _scaled_elu(z, 1.0, float(module.alpha), 1 / float(module.alpha))


def _selu(module: nn.SELU, z: Any) -> Iterator[Any]:
    scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    return _scaled_elu(z, scale, scale * alpha, 1.0)


def _scaled_elu(z: Any, slope: float, height: float, rate: float) -> Iterator[Any]:
    """``slope z`` for z > 0, ``height (exp(rate z) - 1)`` otherwise."""
    f = functions_of(z)
    value = height * f.expm1(rate * f.clamp(z, max=0.0))
    higher = (height * c for c in islice(_exponential(z, rate), 1, None))
    return _piecewise(z > 0, _linear(z, slope), chain((value,), higher))


def _mish(module: nn.Module, z: Any) -> Iterator[Any]:
    return _times_z(z, _tanh_of_softplus(z))


def _tanh_of_softplus(z: Any) -> Iterator[Any]:
    """y = tanh(softplus z), q = 1 - y^2, s = sigmoid z; y' = q s and q' = -2 y q s."""
    r = functions_of(z).sigmoid(-z)
    logistic = _logistic_of([z, 1.0])
    s = [next(logistic)]
    y = [s[0] * (1 + r) / (1 + r * r)]
    yield y[0]
    q = [4 * r * r / (1 + r * r) ** 2]
    q_s: Series = []
    for k in count(1):
        q_s.append(_convolve(q, s, k - 1))
        y.append(q_s[k - 1] / k)
        yield y[k]
        q.append(-2 * _convolve(y, q_s, k - 1) / k)
        s.append(next(logistic))


def _softsign(module: nn.Module, z: Any) -> Iterator[Any]:
    a, sign = 1 / (1 + abs(z)), functions_of(z).sign(z)
    return chain((z * a,), (a ** (k + 1) * (1.0 if k % 2 else -sign) for k in count(1)))


def _sine(module: nn.Module, z: Any) -> Iterator[Any]:
    f = functions_of(z)
    sine, cosine = f.sin(z), f.cos(z)
    cycle = (sine, cosine, -sine, -cosine)
    return (cycle[k % 4] / math.factorial(k) for k in count())


def _erf(module: nn.Module, z: Any) -> Iterator[Any]:
    return _integrated(functions_of(z).erf(z), _bell(z, 2 / math.sqrt(math.pi), 2.0))


def _identity(module: nn.Module, z: Any) -> Iterator[Any]:
    return _linear(z, 1.0)


def _relu(module: nn.Module, z: Any) -> Iterator[Any]:
    return _piecewise(z > 0, _linear(z, 1.0), _linear(z, 0.0))


def _leaky_relu(module: nn.LeakyReLU, z: Any) -> Iterator[Any]:
    return _piecewise(z > 0, _linear(z, 1.0), _linear(z, float(module.negative_slope)))


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
