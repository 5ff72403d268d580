"""The marginal likelihood of noisy values, and where it is largest (Rasmussen & Williams, 2006, ch. 5)."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize

from .kernels import Kernel
from .posterior import covariance
from .scales import scale_matrix

_STARTS = np.log([[0.05, 2.0, 0.4], [0.2, 2.0, 0.4], [0.05, 4.0, 0.4], [0.05, 2.0, 1.0]])
_CALLS = 90
_SHORTEST = 1e-3  # in ranges: shorter lengths are no other than cells by themselves
_JITTER = 1e-12


@dataclass(frozen=True)
class Prior:
    """What the evidence has chosen: values have the covariance ``amplitude * k`` of inputs scaled by
    `factor`, `length` and `smooth` (`scales.scale_matrix`); and the log evidence there."""

    amplitude: float
    factor: float
    length: float
    smooth: bool
    log_evidence: float


def log_evidence(K: np.ndarray, y: np.ndarray, sigma: np.ndarray) -> float:
    """``log p(y)`` of ``y ~ N(0, K + diag sigma^2)``; minus infinity where that is no covariance."""
    if not np.isfinite(K).all():
        return -np.inf
    matrix = torch.from_numpy(K + np.diag(sigma**2 + _JITTER * np.diag(K)))
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if int(failed):
        return -np.inf
    half = torch.linalg.solve_triangular(factor, torch.from_numpy(y)[:, None], upper=False)
    logarithms = torch.log(torch.diagonal(factor)).sum()
    return float(-0.5 * (half**2).sum() - logarithms) - 0.5 * len(y) * math.log(2 * math.pi)


def most_likely(
    kernel: Kernel, inputs: np.ndarray, y: np.ndarray, sigma: np.ndarray, profile: np.ndarray
) -> Prior:
    """Amplitude, factor and length with the largest evidence, by Nelder and Mead's simplex, and whether
    coefficients are smooth along r.

    Args:
        inputs: ``(N, D)``; about a thousand rows are enough.
        y, sigma: values and one standard deviation of their errors ``(N,)``.
        profile: scale of every cell.
    """

    found = [_most_likely(kernel, inputs, y, sigma, profile, smooth) for smooth in (False, True)]
    return max(found, key=lambda prior: prior.log_evidence)


def _most_likely(
    kernel: Kernel, inputs: np.ndarray, y: np.ndarray, sigma: np.ndarray, profile: np.ndarray, smooth: bool
) -> Prior:
    def loss(parameters: np.ndarray) -> float:
        amplitude, factor, length = np.exp(np.clip(parameters, -30.0, 30.0))
        x = inputs @ scale_matrix(profile, length if length > _SHORTEST else 0.0, factor, smooth)
        with np.errstate(over="ignore", invalid="ignore"):
            found = log_evidence(amplitude * covariance(kernel, x, x), y, sigma)
        return -found if np.isfinite(found) else 1e300

    options = {"maxfev": _CALLS, "initial_simplex": _STARTS, "xatol": 0.03, "fatol": 0.1}
    found = minimize(loss, _STARTS[0], method="Nelder-Mead", options=options)
    amplitude, factor, length = (float(value) for value in np.exp(found.x))
    return Prior(amplitude, factor, length if length > _SHORTEST else 0.0, smooth, -float(found.fun))
