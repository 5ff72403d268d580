"""Values as a bent function of the process: ``f = h / (1 + t h)``, h the process, t chosen by the data.

Where values grow as near a pole, h can be the straighter function: the Taylor coefficients of order n of
``a / (1 - a)``, a the scattering length, fall faster with n than those of a, since it is not infinite where
a state is just bound. Warped Gaussian processes: Snelson, Rasmussen and Ghahramani, NIPS 16 (2003); this map
has an inverse and Taylor coefficients in closed form.
"""

import numpy as np

from .tensors import times

LEAST = 0.1
"""``1 - t y`` of every value y is at least that: the map has a pole at ``y = 1 / t``."""


def unbent(y: np.ndarray, t: float) -> np.ndarray:
    """h of values y."""
    return y / (1 - t * y)


def bent(h: np.ndarray, t: float) -> np.ndarray:
    """Values of h."""
    return h / (1 + t * h)


def _outer(h: np.ndarray, t: float, order: int) -> list[np.ndarray]:
    """Taylor coefficients of `bent` at h."""
    slopes = 1 / (1 + t * h)
    return [bent(h, t)] + [(-t) ** (m - 1) * slopes ** (m + 1) for m in range(1, order + 1)]


def bent_terms(terms: np.ndarray, t: float) -> np.ndarray:
    """Taylor terms of the values ``(order + 1, N)`` from those of h."""
    order = len(terms) - 1
    if t == 0:
        return terms
    result = np.zeros_like(terms)
    for coefficient in _outer(terms[0], t, order)[::-1]:
        for n in range(order, -1, -1):
            result[n] = np.sum([result[n - m] * terms[m] for m in range(1, n + 1)], axis=0)
        result[0] = coefficient
    return result


def bent_polynomial(parts: list[np.ndarray], t: float, inputs: int) -> np.ndarray:
    """The homogeneous part of highest degree of the values' Taylor polynomial, packed, from all parts of h's,
    of degrees 0, 1, .. at one point."""
    order = len(parts) - 1
    outer = _outer(parts[0][0], t, order)
    if order == 0:
        return np.array([outer[0]])
    total = outer[1] * parts[order]
    powers = {n: parts[n] for n in range(1, order + 1)}  # of (h - h(point))^m by degree
    for m in range(2, order + 1 if t else 0):
        powers = {
            n: np.sum(
                [times(powers[n - k], parts[k], inputs, (n - k, k)) for k in range(1, n - m + 2)], axis=0
            )
            for n in range(m, order + 1)
        }
        total = total + outer[m] * powers[order]
    return total
