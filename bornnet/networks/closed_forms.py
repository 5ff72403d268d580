"""The commonest activations to second order in closed form: there the series costs more than the products.

Each form takes ``z (n,)`` and gives ``(3, n)``: the value, the slope and half the curvature, which are what
the rules of ``activations`` give to order 2. As in those, no nearly equal numbers are subtracted.
"""

import math
from collections.abc import Callable

import numpy as np
from torch import nn

from ..compute.compiled import njit

ClosedForm = Callable[[np.ndarray], np.ndarray]


def closed_form(module: nn.Module) -> ClosedForm | None:
    """The activation's closed form, where it has one."""
    if type(module) is nn.GELU and module.approximate != "none":
        return None
    return _FORMS.get(type(module))


@njit(cache=True, nogil=True)
def tanh(z):
    terms = np.empty((3, len(z)))
    for i, x in enumerate(z):
        y = math.tanh(x)
        decay = math.exp(-2 * abs(x))
        slope = 4 * decay / (1 + decay) ** 2
        terms[0, i], terms[1, i], terms[2, i] = y, slope, -y * slope
    return terms


@njit(cache=True, nogil=True)
def sigmoid(z):
    terms = np.empty((3, len(z)))
    for i, x in enumerate(z):
        decay = math.exp(-abs(x))
        slope = decay / (1 + decay) ** 2
        terms[0, i] = (1.0 if x > 0 else decay) / (1 + decay)
        terms[1, i], terms[2, i] = slope, -0.5 * slope * math.tanh(0.5 * x)
    return terms


@njit(cache=True, nogil=True)
def silu(z):
    terms = sigmoid(z)
    for i, x in enumerate(z):
        value, slope, bend = terms[0, i], terms[1, i], terms[2, i]
        terms[0, i], terms[1, i], terms[2, i] = x * value, x * slope + value, x * bend + slope
    return terms


@njit(cache=True, nogil=True)
def gelu(z):
    """The exact one."""
    terms = np.empty((3, len(z)))
    for i, x in enumerate(z):
        normal = 0.5 * math.erfc(-math.sqrt(0.5) * x)
        density = math.sqrt(0.5 / math.pi) * math.exp(-0.5 * x * x)
        terms[0, i], terms[1, i] = x * normal, x * density + normal
        terms[2, i] = density * (1 - 0.5 * x * x)
    return terms


_FORMS: dict[type, ClosedForm] = {nn.Tanh: tanh, nn.Sigmoid: sigmoid, nn.SiLU: silu, nn.GELU: gelu}
