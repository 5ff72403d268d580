"""Rows whose values are wrong: errors widened where a value contradicts all others.

A Gaussian likelihood lets one wrong row spoil what is around it. Of each row the process tells what it makes
of the value from all others, in closed form from the factor (Rasmussen & Williams, 2006, section 5.4.2):

    y_i - f_-i = alpha_i / (C^-1)_ii ,   variance 1 / (C^-1)_ii .

Where the two differ by more than `BEYOND` standard deviations, sigma_i becomes what explains the difference;
found anew until it settles, as wrong rows beside a right one lose their weight. Rows with Gaussian errors are
left as they are.
"""

import numpy as np
import torch

from ...training.problem import Batch
from .evidence import Prior, most_likely
from .kernels import Kernel
from .posterior import factorized
from .scales import scale_matrix

BEYOND = 4.0
"""Standard deviations: of 15,000 rows with Gaussian errors, one is off by more."""

_PASSES = 6
_CHOICES = 3
_BLOCK = 1024


def left_out(
    kernel: Kernel, x: np.ndarray, y: np.ndarray, nugget: float, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of each value its difference ``(N,)`` from what all others predict, and the variance of that ``(N,)``,
    in units of the kernel's.

    Args:
        x: ``(N, D)``, in the units of the kernel.
        noise: variance of each value ``(N,)``, in units of the kernel's.
    """
    factor, _ = factorized(kernel, x, nugget, noise)
    alpha = torch.cholesky_solve(torch.from_numpy(y)[:, None], factor)[:, 0].numpy()
    inverse = np.empty(len(x))  # its diagonal
    for start in range(0, len(x), _BLOCK):
        size = min(_BLOCK, len(x) - start)
        columns = torch.zeros(len(x) - start, size, dtype=torch.float64)
        columns[:size] = torch.eye(size, dtype=torch.float64)
        half = torch.linalg.solve_triangular(factor[start:, start:], columns, upper=False)
        inverse[start : start + size] = (half**2).sum(0).numpy()
    return alpha / inverse, 1 / inverse


def widened(kernel: Kernel, rows: Batch, scale: np.ndarray, nugget: float, amplitude: float) -> np.ndarray:
    """sigma ``(N,)`` of the rows, larger where a value contradicts all others.

    Args:
        scale: from their inputs to those of the kernel ``(D, D)``.
        amplitude: variance of the process in units of the kernel's.
    """
    assert rows.sigma is not None
    given, y = rows.sigma.numpy(), rows.targets.numpy()
    x, now = rows.inputs.numpy() @ scale, given
    for _ in range(_PASSES):
        difference, variance = left_out(kernel, x, y, nugget, now**2 / amplitude)
        others = np.maximum(amplitude * variance - now**2, 0.0)  # of what they predict
        off = np.abs(difference) > BEYOND * np.sqrt(others + given**2)
        former, now = now, np.where(off, np.sqrt(np.maximum(difference**2 - others, given**2)), given)
        if np.array_equal(former > given, now > given):
            break
    return now


def likely(kernel: Kernel, rows: Batch, profile: np.ndarray, nugget: float, robust: bool) -> Prior:
    """What the evidence chooses (`evidence.most_likely`), again as long as rows are found to be wrong."""
    assert rows.sigma is not None
    inputs, y, given = rows.inputs.numpy(), rows.targets.numpy(), rows.sigma.numpy()
    prior = most_likely(kernel, inputs, y, given, profile)
    sigma = given
    for _ in range(_CHOICES if robust else 0):
        scale = scale_matrix(profile, prior.length, prior.factor, prior.smooth)
        former, sigma = sigma, widened(kernel, rows, scale, nugget, prior.amplitude)
        if np.array_equal(former > given, sigma > given):
            break
        prior = most_likely(kernel, inputs, y, sigma, profile)
    return prior
