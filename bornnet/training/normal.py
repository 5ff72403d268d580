"""The normal matrix ``J^T J / N``, summed block by block of J's rows, and solved with a damping.

As a matrix it is cheap, but rounding leaves of it what J does by more than 1e-8 of its largest singular
value alone. A network's Jacobian has singular values down to 1e-16 of that (most weights move the output in
ways that others undo), and at the end of a long fit these are what is left to learn. Its root R, with
``R^T R = J^T J`` and found from J itself by Householder's reflections, keeps them all:

    J = Q R,   (R^T R + mu) x = b   by the triangle of [R; sqrt(mu)]

(Golub & Van Loan, *Matrix Computations*, 2013, chapters 5.2, 5.3 and 6.1). Right sides ``J^T r`` lose nothing
that matters: residuals are small where J's smallest singular values count.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from ..compute.group import processes, rank, total

Solve = Callable[[Tensor], Tensor]
Solver = Callable[[float], Solve | None]
"""From a damping to a solver of the damped system; None where it cannot be solved."""

FEW = 512
"""Weights up to which a root is taken: flows have so few, and their Jacobians cost far more than its root. In
trials a flow's error fell to a half by it, a perceptron's not at all: its valleys bend before that."""


class Normal(Protocol):
    """``J^T J / N`` of W weights."""

    def add(self, rows: Tensor) -> None:
        """Rows of J ``(B, W)``."""
        ...

    def share(self, count: int) -> None:
        """Sum over all processes, and divide by N."""
        ...

    def solver(self) -> Solver:
        """Of ``(J^T J / N + mu) x = b``."""
        ...


class NormalMatrix:
    """As a matrix ``squared``, by Cholesky's factor."""

    def __init__(self, weights: Tensor) -> None:
        self.squared = weights.new_zeros(len(weights), len(weights))

    def add(self, rows: Tensor) -> None:
        self.squared += gram(rows)

    def share(self, count: int) -> None:
        self.squared = total(self.squared).div_(count)

    def solver(self) -> Solver:
        diagonal = self.squared.diagonal()
        undamped = diagonal.clone()

        def solver(damping: float) -> Solve | None:
            diagonal.copy_(undamped + damping)
            factor, failed = torch.linalg.cholesky_ex(self.squared)
            return None if failed else lambda b: torch.cholesky_solve(b[:, None], factor)[:, 0]

        return solver


class NormalRoot:
    """By its ``root`` R."""

    def __init__(self, weights: Tensor) -> None:
        self.root = weights.new_zeros(len(weights), len(weights))

    def add(self, rows: Tensor) -> None:
        self.root = _triangle(self.root, rows)

    def share(self, count: int) -> None:
        if processes() > 1:
            roots = self.root.new_zeros(processes(), *self.root.shape)
            roots[rank()] = self.root
            self.root = _triangle(*total(roots))
        self.root = self.root / count**0.5

    def solver(self) -> Solver:
        identity = torch.eye(len(self.root)).to(self.root)

        def solver(damping: float) -> Solve | None:
            factor = _triangle(self.root, damping**0.5 * identity)
            if not torch.isfinite(factor).all() or (factor.diagonal() == 0).any():
                return None
            return lambda b: torch.cholesky_solve(b[:, None], factor, upper=True)[:, 0]

        return solver


def normal_of(weights: Tensor) -> Normal:
    """The kind that suits so many weights where they are."""
    few = len(weights) <= FEW and weights.dtype == torch.float64 and not weights.is_cuda
    return NormalRoot(weights) if few else NormalMatrix(weights)


def gram(jacobian: Tensor) -> Tensor:
    """``J^T J``; on the CPU by numpy, whose symmetric product is twice as fast as torch's general one."""
    if jacobian.is_cuda:
        return jacobian.T @ jacobian
    array = jacobian.numpy()
    return torch.from_numpy(array.T @ array)


def _triangle(*rows: Tensor) -> Tensor:
    return torch.linalg.qr(torch.cat(rows), mode="r").R
