"""The posterior mean where the kernel matrix does not fit in memory: on the rows that carry it.

A smooth kernel's matrix has a rank far below its size, to double precision. A pivoted Cholesky factorization
finds rows S whose kernels span the others', block by block, the largest remainders first (Harbrecht, Peters
and Schneider, Appl. Numer. Math. 62, 428, 2012; in blocks: Epperly, Tropp and Webber, arXiv:2410.03969), and
the function ``sum_S beta_s k(x, x_s)`` is fitted to all rows by regularized least squares. What S leaves of
a row's kernel with itself is noise of that row (Snelson & Ghahramani, *Sparse Gaussian processes using
pseudo-inputs*, NIPS 2005; Rasmussen & Williams, 2006, section 8.3.4): without that, rows which S cannot
follow bend all others (30,000 rows on 2,000: 2e-8 in order 1, with it 5e-11). Memory is 8 N m bytes for m
such rows, time N m^2.

Where not all rows can be followed, the largest remainders are those of the strangest rows, and a basis of
them follows no other. So rows are chosen among the first `_AMONG` m, which are in random order, and among
the others when those are spanned.

The least squares have the root of the kernel matrix's condition number. They are solved by conjugate
gradients (CGLS: Bjorck, Numerical Methods for Least Squares Problems, 1996, section 7.4), preconditioned by
the Cholesky factor of their normal equations, whose own digits do not suffice. Conjugate gradients on the
kernel matrix itself, with the same rows as preconditioner, took a thousand iterations in trials: what they
leave of it is near rounding.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .kernels import Kernel
from .posterior import covariance, require_usable, squares

_BATCH = 128  # rows tried together
_AMONG = 1.5  # times as many rows as may be chosen
_SPANNED = 1e-12  # of their diagonal
_FALL = 0.1  # of the largest remainder in a batch, below which the others wait
_ROUNDING = 1e-15  # remainders below it, relative to the diagonal, are rounding
_BELOW = 1e-2  # of the variance of a value's error: a remainder as small teaches nothing
_ITERATIONS = 300
TOLERANCE = 1e-13
"""Of the gradient of the least squares, over that at the start."""


class Basis:
    """Rows that carry the kernel of all rows, chosen step by step, and the factor that goes with them.

    Args:
        x: rows ``(N, D)`` in the units of the kernel.
        nugget: relative variance added to the diagonal.
        noise: variance of each value in units of the kernel's ``(N,)``, if any.
        most: rows chosen at most.

    Attributes:
        chosen: indices of the rows so far, in order.
        left: of each row, what the chosen ones leave of its kernel with itself, relative.
    """

    def __init__(
        self, kernel: Kernel, x: np.ndarray, nugget: float, noise: np.ndarray | None, most: int
    ) -> None:
        self.kernel, self.x = kernel, x
        xx = squares(x)
        diagonal = kernel(xx, xx, xx)
        require_usable(torch.from_numpy(diagonal))
        self.size = np.sqrt(diagonal)
        self.variance = nugget + (np.zeros(len(x)) if noise is None else noise / diagonal)
        self.most = min(most, len(x))
        self.among = min(round(_AMONG * most), len(x))
        self.factor = torch.empty(self.most, len(x), dtype=torch.float64)  # transposed; relative, as `left`
        self.left = np.ones(len(x))
        self.chosen: list[int] = []
        self.finished = False

    def grow(self, batches: int = 8) -> None:
        """Choose some more rows; `finished` once the others teach nothing, or there are as many as may be."""
        for _ in range(batches):
            if not self.finished:
                self._add_batch()

    def _add_batch(self) -> None:
        wanted = np.where(self.left > np.maximum(_ROUNDING, _BELOW * self.variance), self.left, 0.0)
        if wanted[: self.among].max() > _SPANNED:
            wanted[self.among :] = 0.0
        count = min(_BATCH, int((wanted > 0).sum()))
        if not count or len(self.chosen) == self.most:
            self.finished = True
            return
        batch = np.argpartition(-wanted, count - 1)[:count]
        before = self.factor[: len(self.chosen)]
        block = covariance(self.kernel, self.x[batch], self.x) / self.size[batch, None] / self.size
        rest = torch.from_numpy(block) - before[:, batch].T @ before
        order, own = _pivoted(rest[:, batch].numpy(), self.most - len(self.chosen))
        if not order:
            self.left[batch] = 0.0  # what is left of them was rounding
            return
        new = torch.linalg.solve_triangular(torch.from_numpy(own), rest[order], upper=False)
        new[:, self.chosen] = 0.0
        taken = batch[order]
        new[:, taken] = torch.from_numpy(np.ascontiguousarray(own.T))
        self.factor[len(before) : len(before) + len(order)] = new
        self.chosen += [int(row) for row in taken]
        self.left -= (new**2).sum(0).numpy()
        self.left[self.chosen] = 0.0

    @property
    def _variance(self) -> np.ndarray:
        """Of each row, with what the chosen ones do not follow, relative ``(N,)``."""
        return self.variance + np.maximum(self.left, 0.0)

    def fitted(self, y: np.ndarray, subsets: Sequence[np.ndarray]) -> tuple[np.ndarray, list[float]]:
        """Coefficients of the kernels at the chosen rows ``(m, len(subsets))``, each fitted to the values
        ``y (N,)`` of a subset of the rows; and by how much the gradient of each has fallen."""
        count = len(self.chosen)
        factor = self.factor[:count]
        own = factor[:, self.chosen].T  # lower triangular
        variance = self._variance
        least = float(variance.min())
        weights = np.sqrt(least / variance)
        found, reached = np.empty((count, len(subsets))), []
        for column, rows in zip(found.T, subsets, strict=True):
            w = torch.from_numpy(weights[rows])
            part = factor if len(rows) == len(self.x) else factor[:, rows]
            right = w * torch.from_numpy(y[rows] / self.size[rows])
            z, residual = least_squares(part, w, right, least)
            reached.append(residual)
            beta = torch.linalg.solve_triangular(own.T, z[:, None], upper=True)[:, 0]
            column[:] = beta.numpy() / self.size[self.chosen]
        return found, reached

    def posterior_factor(self) -> Tensor:
        """What all rows tell of the process, by its covariances b with the chosen ones: lower triangular F
        ``(m, m)``, of which a functional's variance falls by ``|F^-1 b|^2``.

        With weights of the basis that have the covariance ``A^-1 = (1 + Z V^-1 Z^T)^-1`` after the fit (Z the
        factor, V the variances; Rasmussen & Williams, 2006, equation 8.14), ``F F^T`` is that of the chosen
        rows as ``own (1 - A^-1)^-1 own^T``.
        """
        count = len(self.chosen)
        factor, own = self.factor[:count], self.factor[:count, self.chosen].T
        precision = torch.eye(count, dtype=torch.float64)
        weights = torch.from_numpy(1 / np.sqrt(self._variance))
        size = max(1, (1 << 23) // count)
        for start in range(0, factor.shape[1], size):
            block = factor[:, start : start + size] * weights[start : start + size]
            precision.addmm_(block, block.T)
        told = -torch.cholesky_inverse(torch.linalg.cholesky(precision))
        told.diagonal().add_(1 + count * torch.finfo(told.dtype).eps)
        upper = torch.linalg.cholesky(told.flip(0, 1)).flip(0, 1)  # upper @ upper.T is what was told
        found = torch.linalg.solve_triangular(upper.T, own, upper=False, left=False)
        return (found * torch.from_numpy(self.size[self.chosen])[:, None]).contiguous()


def _pivoted(matrix: np.ndarray, most: int) -> tuple[list[int], np.ndarray]:
    """The rows of a small matrix whose remainders stay near the largest, in order, and their Cholesky factor;
    no rows where all is rounding."""
    rest, own = matrix.copy(), matrix.diagonal().copy()
    least = max(_FALL * own.max(), _ROUNDING)
    columns: list[np.ndarray] = []
    order: list[int] = []
    while own.max() >= least and len(order) < most:
        i = int(own.argmax())
        column = rest[:, i] / np.sqrt(own[i])
        column[order] = 0.0
        columns.append(column)
        order.append(i)
        rest -= np.outer(column, column)
        own = rest.diagonal().copy()
        own[order] = -1.0
    return order, np.array(columns).T[order] if order else rest[:0, :0]


def least_squares(rows: Tensor, weights: Tensor, right: Tensor, ridge: float) -> tuple[Tensor, float]:
    """The least of ``|w (A^T z) - b|^2 + ridge |z|^2``, and the gradient there over that at z = 0.

    Args:
        rows: A ``(m, N)``.
        weights, right: w and b ``(N,)``.
    """
    normal = torch.zeros(len(rows), len(rows), dtype=rows.dtype)
    size = max(1, (1 << 23) // len(rows))
    for start in range(0, rows.shape[1], size):
        block = rows[:, start : start + size] * weights[start : start + size]
        normal.addmm_(block, block.T)
    more = max(ridge, torch.finfo(rows.dtype).eps * float(normal.diagonal().sum()))
    while True:
        shifted = normal + more * torch.eye(len(normal), dtype=normal.dtype)
        factor, failed = torch.linalg.cholesky_ex(shifted)
        if not int(failed):
            break
        more *= 10

    def solved(v: Tensor, upper: bool) -> Tensor:
        return torch.linalg.solve_triangular(factor.T if upper else factor, v[:, None], upper=upper)[:, 0]

    z, r = rows.new_zeros(len(rows)), right.clone()
    gradient = solved(rows @ (weights * r), upper=False)
    direction = gradient.clone()
    square = first = float(gradient @ gradient)
    best, kept = square, z
    for _ in range(_ITERATIONS):
        if best <= TOLERANCE**2 * first:
            break
        step = solved(direction, upper=True)
        image = weights * (step @ rows)
        length = square / float(image @ image + ridge * (step @ step))
        z = z + length * step
        r -= length * image
        gradient = solved(rows @ (weights * r) - ridge * z, upper=False)
        square, former = float(gradient @ gradient), square
        direction = gradient + (square / former) * direction
        if square < best:
            best, kept = square, z
    return kept, float(np.sqrt(best / first)) if first else 0.0
