"""Activations and their slopes in compiled code, for one long row of neurons at a time.

tanh and its kin come without calls or branches, so that the processor's vectors take several neurons at once.
"""

import math

import numpy as np

from ...compute.compiled import njit

inlined = njit(nogil=True, fastmath={"contract"}, error_model="numpy")

KINDS = {
    name: kind
    for kind, name in enumerate(
        (
            "tanh",
            "sigmoid",
            "silu",
            "sin",
            "softplus",
            "gelu",
            "gelu-tanh",
            "elu",
            "celu",
            "selu",
            "mish",
            "softsign",
            "erf",
            "identity",
            "relu",
            "leaky-relu",
        )
    )
}
"""The number of every activation of ``bornnet.networks.activations`` in compiled code."""

_C11, _C12 = 1 / 39916800, 1 / 479001600
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


@inlined
def activate(kind, z, slope):
    """The activation of z, in its place, and its slope."""
    if kind == 0:
        for n in range(len(z)):
            t = tanh(z[n])
            z[n] = t
            slope[n] = 1.0 - t * t
    elif kind == 1:
        for n in range(len(z)):
            t = tanh(0.5 * z[n])
            z[n] = 0.5 * (1.0 + t)
            slope[n] = 0.25 * (1.0 - t * t)
    elif kind == 2:
        for n in range(len(z)):
            t = tanh(0.5 * z[n])
            logistic = 0.5 * (1.0 + t)
            slope[n] = logistic + z[n] * 0.25 * (1.0 - t * t)
            z[n] *= logistic
    elif kind == 3:
        for n in range(len(z)):
            slope[n] = np.cos(z[n])
            z[n] = np.sin(z[n])
    else:
        for n in range(len(z)):
            z[n], slope[n] = _other(kind, z[n])


@inlined
def tanh(z):
    """By the series of expm1 at -|z|/64 and seven doublings, which lose no accuracy and need no branches."""
    size = abs(z)
    y = -(size if size < 20.0 else 20.0) / 64
    high = 1 / 5040 + y * (1 / 40320 + y * (1 / 362880 + y * (1 / 3628800 + y * (_C11 + y * _C12))))
    m = y * (1 + y * (1 / 2 + y * (1 / 6 + y * (1 / 24 + y * (1 / 120 + y * (1 / 720 + y * high))))))
    for _ in range(7):
        m = m * (2 + m)
    t = m / (2 + m)
    return t if z < 0.0 else -t


@inlined
def _other(kind, z):
    """Value and slope of the activations that need the mathematical library."""
    value, slope = z, 1.0  # identity
    if kind == 4:  # softplus, linear beyond torch's threshold
        value = z if z > 20.0 else math.log1p(math.exp(z))
        slope = 1.0 if z > 20.0 else 1.0 / (1.0 + math.exp(-z))
    elif kind == 5:
        normal = 0.5 * math.erfc(-z * math.sqrt(0.5))
        value = z * normal
        slope = normal + z * math.sqrt(0.5 / math.pi) * math.exp(-0.5 * z * z)
    elif kind == 6:
        t = math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))
        value = 0.5 * z * (1.0 + t)
        inner = math.sqrt(2 / math.pi) * (1.0 + 3 * 0.044715 * z * z)
        slope = 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * inner
    elif kind == 7 or kind == 8:
        value = z if z > 0.0 else math.expm1(z)
        slope = 1.0 if z > 0.0 else math.exp(z)
    elif kind == 9:
        value = _SELU_SCALE * (z if z > 0.0 else _SELU_ALPHA * math.expm1(z))
        slope = _SELU_SCALE * (1.0 if z > 0.0 else _SELU_ALPHA * math.exp(z))
    elif kind == 10:
        t = math.tanh(math.log1p(math.exp(z)) if z < 20.0 else z)
        value = z * t
        slope = t + z * (1.0 - t * t) / (1.0 + math.exp(-z))
    elif kind == 11:
        value = z / (1.0 + abs(z))
        slope = 1.0 / (1.0 + abs(z)) ** 2
    elif kind == 12:
        value = math.erf(z)
        slope = 2 / math.sqrt(math.pi) * math.exp(-z * z)
    elif kind == 14 or kind == 15:
        slope = 1.0 if z > 0.0 else (0.0 if kind == 14 else 0.01)
        value = slope * z
    return value, slope
