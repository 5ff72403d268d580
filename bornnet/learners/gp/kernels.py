"""Kernels: covariances of f(x) and f(y), as functions of |x|^2, |y|^2 and x.y, zero where x or y is.

Orders below `degree` of the Taylor series at x = 0 are left out.

The infinite networks: Williams, Neural Computation 10, 1203 (1998), for erf; Lee et al.,
arXiv:1711.00165, for the recursion over layers; Jacot et al., arXiv:1806.07572, for the tangent
kernel; Tsuchida et al., arXiv:2002.08517, for gelu. Their value at 0 is conditioned away:
``k(x, y) - k(x, 0) k(0, y) / k(0, 0)``.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from ...errors import InputError
from .config import Config
from .taylor import arcsin, exp_tail, power

Kernel = Callable[[Any, Any, Any], Any]
"""(|x|^2, |y|^2, x.y) -> covariance: of arrays that broadcast, or of a `Series` in the first and the last."""


def exponential(degree: int) -> Kernel:
    """``exp(x.y)`` without its first orders: independent normal coefficients of every monomial."""
    return lambda xx, yy, xy: exp_tail(xy, degree)


def graded(degree: int, amplitudes: Sequence[float]) -> Kernel:
    """``sum_n amplitudes[n - 1] (x.y)^n / n!`` without its first orders: the exponential with an amplitude
    for every order (`graded.most_likely_orders`), and an end."""

    def kernel(xx: Any, yy: Any, xy: Any) -> Any:
        total: Any = amplitudes[-1]
        for n in range(len(amplitudes) - 1, degree - 1, -1):  # Horner
            total = xy * total * (1 / (n + 1)) + amplitudes[n - 1]
        for n in range(degree, 0, -1):
            total = xy * total * (1 / n)
        return total

    return kernel


def ball(degree: int, radius: float) -> Kernel:
    """The exponential of inputs drawn into a ball, ``x / sqrt(1 + |x|^2 / radius^2)``: it is bounded."""

    def kernel(xx: Any, yy: Any, xy: Any) -> Any:
        shrunk = power(1.0 + xx * radius**-2, -0.5) * power(1.0 + yy * radius**-2, -0.5)
        return exp_tail(xy * shrunk, degree)

    return kernel


Expectation = Callable[[Any, Any, Any], Any]
"""(k_xx, k_yy, k_xy) -> E[g(u) g(v)] of normal u, v with these covariances."""


def _erf(kxx: Any, kyy: Any, kxy: Any) -> Any:
    norm = power(1.0 + 2.0 * kxx, -0.5) * power(1.0 + 2.0 * kyy, -0.5)
    return (2 / math.pi) * arcsin(2.0 * kxy * norm)


def _erf_slope(kxx: Any, kyy: Any, kxy: Any) -> Any:
    return (4 / math.pi) * power((1.0 + 2.0 * kxx) * (1.0 + 2.0 * kyy) - 4.0 * kxy * kxy, -0.5)


def _sin(kxx: Any, kyy: Any, kxy: Any) -> Any:
    half = -0.5 * (kxx + kyy)
    return 0.5 * (exp_tail(half + kxy, 0) - exp_tail(half - kxy, 0))


def _sin_slope(kxx: Any, kyy: Any, kxy: Any) -> Any:
    half = -0.5 * (kxx + kyy)
    return 0.5 * (exp_tail(half + kxy, 0) + exp_tail(half - kxy, 0))


def _gelu(kxx: Any, kyy: Any, kxy: Any) -> Any:
    """``E[u v Phi(u) Phi(v)]``, by Stein's lemma from that of erf."""
    angle, spread, inverse, _ = _gelu_parts(kxx, kyy, kxy)
    return 0.25 * kxy + (0.5 / math.pi) * (kxy * angle + spread * inverse)


def _gelu_slope(kxx: Any, kyy: Any, kxy: Any) -> Any:
    """The derivative of `_gelu` by the covariance."""
    angle, spread, inverse, bent = _gelu_parts(kxx, kyy, kxy)
    steep = (1.0 + 2.0 * bent) * inverse * kxy + spread * kxy * inverse * inverse * inverse
    return 0.25 + (0.5 / math.pi) * (angle + steep)


def _gelu_parts(kxx: Any, kyy: Any, kxy: Any) -> tuple[Any, Any, Any, Any]:
    x, y = power(1.0 + kxx, -1.0), power(1.0 + kyy, -1.0)
    angle = arcsin(kxy * power(1.0 + kxx, -0.5) * power(1.0 + kyy, -0.5))
    bent = x + y - 1.0  # 1 - kxx / (1 + kxx) - kyy / (1 + kyy)
    inverse = power((1.0 + kxx) * (1.0 + kyy) - kxy * kxy, -0.5)
    return angle, kxx * kyy + kxy * kxy * bent, inverse, bent


ACTIVATIONS: dict[str, tuple[Expectation, Expectation]] = {
    "erf": (_erf, _erf_slope),
    "sin": (_sin, _sin_slope),
    "gelu": (_gelu, _gelu_slope),
}
"""E[g g] and E[g' g'] of an activation g."""


def infinite_network(activation: str, depth: int, weight: float, bias: float, tangent: bool) -> Kernel:
    """The covariance of a wide perceptron of so many hidden layers, or its tangent kernel."""
    value, slope = ACTIVATIONS[activation]

    def kernel(xx: Any, yy: Any, xy: Any) -> Any:
        kxx, kyy, kxy = (bias + weight * k for k in (xx, yy, xy))
        total = kxy
        for _ in range(depth):
            slopes = slope(kxx, kyy, kxy) if tangent else None
            kxx, kyy, kxy = (
                bias + weight * value(kxx, kxx, kxx),
                bias + weight * value(kyy, kyy, kyy),
                bias + weight * value(kxx, kyy, kxy),
            )
            total = kxy + weight * total * slopes if tangent else kxy
        return total

    return kernel


def conditioned(kernel: Kernel) -> Kernel:
    """That kernel, given that f(0) = 0."""

    def zero_at_zero(xx: Any, yy: Any, xy: Any) -> Any:
        at_zero = kernel(0.0, 0.0, 0.0)
        if at_zero == 0.0:
            return kernel(xx, yy, xy)
        return kernel(xx, yy, xy) - kernel(xx, 0.0, 0.0 * xx) * kernel(0.0, yy, 0.0 * yy) * (1 / at_zero)

    return zero_at_zero


def build(config: Config, degree: int, amplitudes: Sequence[float] = ()) -> Kernel:
    """The kernel of a configuration, with an amplitude for every order where there are some; ``InputError``
    where it cannot leave out the lower orders."""
    if len(amplitudes):
        return graded(degree, amplitudes)
    parts = [_one(name, config, degree) for name in config.kernel.split("+")]
    return lambda xx, yy, xy: sum((part(xx, yy, xy) for part in parts[1:]), parts[0](xx, yy, xy))


def _one(name: str, config: Config, degree: int) -> Kernel:
    if name == "exponential":
        return exponential(degree)
    if name == "ball":
        return ball(degree, config.radius)
    if degree > 1:
        raise InputError(
            f"kernel {name!r}: only the value at 0 can be left out, got a round that starts at "
            f"order {degree}; take one round, or the kernel 'exponential' or 'ball'."
        )
    family, activation = name.split("-")
    return conditioned(
        infinite_network(
            activation, config.depth, config.weight_variance, config.bias_variance, family == "ntk"
        )
    )
