"""The posterior's standard deviations of Taylor coefficients, terms and values, for values with errors.

The process has covariance ``A k``; order n of the power-series kernel is ``A (x.y)^n / n!``. A linear
functional of the process with prior variance v, and covariances b with the values at the rows, keeps the
variance ``v - b^T C^-1 b``, C = A (K + noise): Rasmussen & Williams (2006), equation 2.26.

Without errors of the values the difference is below the rounding of v: nothing is stated.
"""

from math import factorial

import numpy as np
import torch
from torch import Tensor

from ...networks.packed import multisets, unpack
from .kernels import Kernel
from .posterior import covariance

_LARGEST = 4e12  # operations from which on a coefficient's deviation is not worth its time
_SYMMETRIZED = 5  # orders up to which prior variances of coefficients are summed over permutations
_BLOCK = 2048


class Posterior:
    """What the rows leave unknown of the process.

    Args:
        rows: training inputs ``(N, D)`` in the units of the kernel, or those that carry them.
        factor: lower triangular F ``(N, N)`` with ``C = F F^T``: `posterior.factorized`, or
            `low_rank.Basis.posterior_factor`.
    """

    def __init__(self, rows: np.ndarray, factor: Tensor) -> None:
        self.rows = rows
        self.factor = factor

    def left(self, prior: np.ndarray, covariances: np.ndarray) -> np.ndarray:
        """Variances ``(P,)`` left of functionals with `prior` ``(P,)`` and `covariances` ``(N, P)``."""
        half = torch.linalg.solve_triangular(self.factor, torch.from_numpy(covariances), upper=False)
        return np.maximum(prior - (half**2).sum(0).numpy(), 0.0)

    def coefficients(self, order: int, scale: np.ndarray) -> np.ndarray | None:
        """Variances of all partial derivatives of that order at 0 by the cells, ``(D,) * order``; None where
        that would take too long. `scale` ``(D, D)`` leads from cells to the kernel's inputs."""
        cells = len(scale)
        places = multisets(cells, order)
        if order > _SYMMETRIZED or len(places) * len(self.rows) ** 2 > _LARGEST:
            return None
        seen, metric = self.rows @ scale.T, scale @ scale.T
        packed = np.empty(len(places))
        for start in range(0, len(places), _BLOCK):
            part = places[start : start + _BLOCK]
            prior = permanent(metric, part)
            packed[start : start + _BLOCK] = self.left(prior, np.prod(seen[:, part], axis=2))
        return unpack(packed, cells, order)

    def terms(self, order: int, x: np.ndarray) -> np.ndarray:
        """Variances ``(P,)`` of the order's Taylor terms at 0 along ``x (P, D)``, in the kernel's units."""
        prior = (x**2).sum(axis=1) ** order / factorial(order)
        return self.left(prior, (self.rows @ x.T) ** order / factorial(order))

    def values(self, kernel: Kernel, x: np.ndarray) -> np.ndarray:
        """Variances ``(P,)`` of the process at ``x (P, D)``."""
        squares = (x**2).sum(axis=1)
        return self.left(kernel(squares, squares, squares), covariance(kernel, self.rows, x))


def permanent(metric: np.ndarray, places: np.ndarray) -> np.ndarray:
    """``sum over permutations p of prod_k metric[i_k, i_p(k)]``: the prior variance of a derivative."""
    if places.shape[1] == 1:
        return metric[places[:, 0], places[:, 0]]
    rest = [np.delete(places, k, axis=1) for k in range(places.shape[1])]
    others = places[:, 1:]
    return sum(metric[places[:, 0], places[:, k]] * _mixed(metric, others, rest[k]) for k in range(len(rest)))


def _mixed(metric: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    if left.shape[1] == 1:
        return metric[left[:, 0], right[:, 0]]
    return sum(
        metric[left[:, 0], right[:, k]] * _mixed(metric, left[:, 1:], np.delete(right, k, axis=1))
        for k in range(right.shape[1])
    )
