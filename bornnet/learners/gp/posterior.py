"""The posterior mean: a sum of kernels at the training rows (Rasmussen & Williams, 2006, algorithm 2.1)."""

import logging

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from .kernels import Kernel

_log = logging.getLogger(__name__)
_BLOCK_VALUES = 1 << 20  # entries of the kernel matrix made at once: 8 MiB, and some of it several times
LARGEST_NUGGET = 1e-4


def squares(x: np.ndarray) -> np.ndarray:
    """|x|^2 of every row."""
    return np.einsum("ij,ij->i", x, x)


def block_rows(columns: int) -> int:
    """Rows of the kernel matrix that are made at once."""
    return max(1, _BLOCK_VALUES // max(columns, 1))


def covariance(kernel: Kernel, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The kernel matrix ``(len(x), len(y))``, made block by block."""
    matrix = np.empty((len(x), len(y)))
    yy, rows = squares(y)[None], block_rows(len(y))
    for start in range(0, len(x), rows):
        part = x[start : start + rows]
        matrix[start : start + rows] = kernel(squares(part)[:, None], yy, part @ y.T)
    return matrix


def mean(kernel: Kernel, x: np.ndarray, alpha: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The posterior mean at `points`, of the training rows `x` and their coefficients."""
    values = np.empty(len(points))
    xx, rows = squares(x)[None], block_rows(len(x))
    for start in range(0, len(points), rows):
        part = points[start : start + rows]
        values[start : start + rows] = kernel(squares(part)[:, None], xx, part @ x.T) @ alpha
    return values


def coefficients(
    kernel: Kernel, x: np.ndarray, y: np.ndarray, nugget: float, noise: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """``(K + nugget diag K + diag noise)^-1 y``, and the nugget that it took; as `factorized`.

    Args:
        y: ``(N,)``.
    """
    factor, nugget = factorized(kernel, x, nugget, noise)
    half = torch.linalg.solve_triangular(factor, torch.from_numpy(y)[:, None], upper=False)
    return torch.linalg.solve_triangular(factor.T, half, upper=True)[:, 0].numpy(), nugget


def factorized(
    kernel: Kernel, x: np.ndarray, nugget: float, noise: np.ndarray | None = None
) -> tuple[Tensor, float]:
    """The Cholesky factor of ``K + nugget diag K + diag noise``, and the nugget that it took.

    The nugget is relative: it takes weight from rows whose kernel is large, and none from the shallow ones.
    It is raised tenfold where the matrix is not positive definite in double precision. The factor takes the
    place of the matrix: 8 N^2 bytes are all that is needed.

    Args:
        x: ``(N, D)``, in the units of the kernel.
        noise: variance of each target in units of the kernel's ``(N,)``, if any.

    Raises ``InputError`` where the kernel overflows, or no nugget makes the matrix positive definite.
    """
    while nugget <= LARGEST_NUGGET:
        # a transposed view has its columns in a row, as LAPACK takes it: nothing is copied
        matrix = torch.from_numpy(covariance(kernel, x, x)).T
        diagonal = torch.diagonal(matrix)
        require_usable(diagonal)
        diagonal.mul_(1 + nugget)
        if noise is not None:
            diagonal.add_(torch.from_numpy(noise))
        failed = torch.empty((), dtype=torch.int32)
        torch.linalg.cholesky_ex(matrix, out=(matrix, failed))
        if not int(failed):
            return matrix, nugget
        del matrix, diagonal  # before there is another
        nugget *= 10
        _log.info("the kernel matrix is not positive definite; relative nugget raised to %g", nugget)
    raise InputError(
        f"the kernel matrix of {len(x)} rows is not positive definite, not even with a relative nugget of "
        f"{LARGEST_NUGGET:g}; take another kernel or a larger scale."
    )


def require_usable(diagonal: Tensor) -> None:
    """``InputError`` where a kernel of a row with itself is none; it names the row."""
    good = torch.isfinite(diagonal) & (diagonal > 0)
    if not good.all():
        row = int(torch.argmin(good.int()))
        raise InputError(
            f"the kernel of training row {row} with itself is {float(diagonal[row]):g}; expected a positive, "
            "finite number: take a smaller scale, or leave out potentials that are zero."
        )
