"""The variable-phase equation at zero energy: the scattering length of a potential that is cut off at r.

    da/dr = -U (r - a)^2,   a(0) = 0,   a0 = a(1)

F. Calogero, Variable Phase Approach to Potential Scattering (1967). With a(r) = r - u/u', the conjugate
momentum p(r) = d a0 / d a(r) is (u'(r)/u'(1))^2, and -(r - a)^2 p the functional derivative of a0 by U(r),
-(u(r)/u'(1))^2. Lengths are in units of the range.
"""

import numpy as np

from .scattering import scattering_length
from .wave import wave_function


def rate(a: np.ndarray, r: np.ndarray) -> np.ndarray:
    """``da/dr`` over U."""
    return -((r - a) ** 2)


def rate_coefficient(power: int, r: np.ndarray) -> np.ndarray:
    """The coefficient of ``a**power`` in the rate, at every r."""
    exact = {0: -(r**2), 1: 2 * r, 2: -np.ones_like(r)}
    return exact.get(power, np.zeros_like(r))


def cut_off_lengths(potentials: np.ndarray) -> np.ndarray:
    """``(N, cells)``: the scattering length of every potential ``(N, cells)`` cut off behind each cell."""
    cells = potentials.shape[1]
    within = np.tri(cells)
    return scattering_length(potentials[:, None, :] * within)


def momentum_and_response(potentials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``(u'(r)/u'(1))^2`` and ``-(u(r)/u'(1))^2`` behind every cell, each ``(N, cells)``."""
    cells = potentials.shape[1]
    r = np.arange(1, cells + 1) / cells
    outside = wave_function(potentials, np.array([1.0, 2.0]))  # a straight line, whose slope is u'(1)
    u = wave_function(potentials, r) / (outside[:, 1:] - outside[:, :1])
    return (u / (r - cut_off_lengths(potentials))) ** 2, -(u**2)
