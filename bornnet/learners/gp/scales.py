"""From cells to inputs of the kernel: a scale for every cell, and how far cells belong together along r."""

import numpy as np

from ..base import Scaling

_LARGEST = 30.0  # square of a scaled input that is large; around U = 0 most are below 25
_LARGEST_CELL = 5.0  # what one cell may add to an input
_JITTER = 1e-9  # relative variance of each cell by itself: smooth correlations are near singular
_SPIKES = 0.01  # share of large inputs from which on another scale is taken


def scale_matrix(profile: np.ndarray, length: float, factor: float, smooth: bool = False) -> np.ndarray:
    """``(D, D)``: inputs of the kernel are ``U @ scale``.

    ``scale @ scale.T`` is the prior covariance of the first-order coefficients: ``profile`` squared on its
    diagonal, and a correlation ``exp(-|r - r'| / length)`` of cells, which is that of functions of r that are
    continuous and have kinks, as Born kernels do. With ``smooth`` it is that of functions which are twice
    differentiable (Matern 5/2; Rasmussen & Williams, 2006, equation 4.17): of values with errors little but
    the smooth part of a kernel can be seen, and they are far more likely under it (16 cells, 500 values with
    errors of 1 %: factors of e^36 and e^32 in two draws of the errors). It is normalized so that a constant
    potential has the same size with every length. Length 0: cells by themselves.
    """
    cells = len(profile)
    r = (np.arange(cells) + 0.5) / cells
    if length == 0:
        return np.diag(factor * profile)
    apart = np.abs(r[:, None] - r) / length
    correlation = np.exp(-apart)
    if smooth:
        apart *= np.sqrt(5)
        correlation = (1 + apart + apart**2 / 3) * np.exp(-apart) + _JITTER * np.eye(cells)
    correlation /= cells * correlation.mean()
    return factor * profile[:, None] * np.linalg.cholesky(correlation)


def linear_profile(inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``sqrt |k|`` of each cell, k the coefficients of a linear fit, its residuals weighted by ``weights^2``.

    Shallow potentials are almost linear: the weights are squared so that they decide.
    """
    k = np.linalg.lstsq(inputs * weights[:, None] ** 2, targets * weights**2, rcond=None)[0]
    return profile_of(k, inputs)


def profile_of(k: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """``sqrt |k|`` of each cell, of first-order coefficients k.

    A potential that is one spike near r = 0 is large and yet not strong: a cell adds no more than
    `_LARGEST_CELL`, so that a row in thousands does not decide for all. Around a reference, where the waves
    have a node, many potentials are so, with which the kernel would overflow: then each cell is scaled by
    the RMS of its potentials instead.
    """
    size = np.abs(k)
    profile = np.sqrt(np.maximum(size, 1e-4 * size.max()))
    if (((inputs * profile) ** 2).sum(axis=1) > _LARGEST).mean() <= _SPIKES:
        largest = np.abs(inputs).max(axis=0)
        return np.minimum(profile, _LARGEST_CELL / np.where(largest > 0, largest, 1.0))
    spread = np.sqrt(np.mean(inputs**2, axis=0))
    return 1 / (np.sqrt(len(spread)) * np.where(spread > 0, spread, spread.max()))


def profile_behind(slopes: np.ndarray, inputs: np.ndarray, scaling: Scaling | None) -> np.ndarray:
    """Scale of every cell behind others, whose units are no guide: a cell's is that of physical units."""
    if scaling is None:
        return profile_of(slopes, inputs)
    return profile_of(slopes * scaling.inputs * scaling.output, inputs / scaling.inputs) / scaling.inputs
