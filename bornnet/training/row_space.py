"""Levenberg-Marquardt in the space of the rows, for networks with more weights than there are rows.

    (J^T J / N + mu)^-1 J^T r  =  J^T (J J^T / N + mu)^-1 r

The matrix on the right is of the rows: a network of a million weights on a few hundred rows takes no more
time for its factor than one of a few hundred weights. It is the tangent kernel of the network, so that a
step with little damping is a kernel fit (Jacot et al., arXiv:1806.07572). J itself is never formed.
"""

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor

from ..compute.group import processes
from ..errors import InputError
from .cost import ROWS, autograd_bytes, timed, weights_of
from .levenberg_marquardt import _PASSES, LevenbergMarquardt
from .model import Residual
from .normal import Solve, Solver
from .problem import Samples
from .residuals import pulled_back

NAME = "levenberg-marquardt-rows"


class HasGram(Protocol):
    """A `Residual` that knows products of rows of its Jacobian."""

    def value_and_gram(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(B,)`` and ``J J^T`` ``(B, B)``."""
        ...


class RowSpace(LevenbergMarquardt):
    """The steps of Levenberg-Marquardt, solved among the rows where these are fewer than the weights."""

    def __init__(self, model: Residual, samples: Samples, *, robust: bool = False) -> None:
        super().__init__(model, samples, robust=robust)
        if not hasattr(model, "value_and_gram") or samples.slopes is not None or processes() > 1:
            raise InputError(
                f"optimizer: {NAME} is for a perceptron that one process fits to values alone; take "
                "levenberg-marquardt, or gauss-newton where its normal matrix does not fit."
            )
        self.among_rows = len(samples) < weights_of(model)

    @classmethod
    def step_bytes(
        cls, rows: int, weights: int, *, kept: int = 0, batch: int = 0, slopes: bool = False
    ) -> int:
        """The Gram matrix, what it is summed of, and a backward pass over all rows."""
        if rows >= weights:
            return super().step_bytes(rows, weights, kept=kept, batch=batch, slopes=slopes)
        return 8 * 4 * rows**2 + autograd_bytes(rows, weights, kept, history=10)

    def step_seconds(self) -> float:
        """The Gram matrix, its factor, and passes forward and backward."""
        if not self.among_rows:
            return super().step_seconds()
        block = self.given.rows(slice(0, ROWS))
        scale = len(self.given) / len(block)
        model = cast(HasGram, self.model)
        matrix = torch.eye(len(block), dtype=block.targets.dtype, device=block.targets.device)
        return (
            timed(lambda: model.value_and_gram(block.inputs)[0]) * scale**2
            + timed(lambda: torch.linalg.cholesky(matrix)) * scale**3
            + _PASSES * timed(lambda: pulled_back(self.model, block)[0]) * scale
        )

    def linearize(self) -> tuple[float, Tensor, Solver]:
        """The loss, ``J^T r / N``, and what solves ``(J^T J + N mu) x = J^T r`` for residuals r."""
        if not self.among_rows:
            return super().linearize()
        every = self.samples.rows(slice(None))
        value, gram = cast(HasGram, self.model).value_and_gram(every.inputs)
        self.residual = every.weights * (value - every.targets)
        gram *= every.weights[:, None]
        gram *= every.weights / self.count
        diagonal = gram.diagonal()
        undamped = diagonal.clone()

        def solver(damping: float) -> Solve | None:
            diagonal.copy_(undamped + damping)
            factor, failed = torch.linalg.cholesky_ex(gram)
            if failed:
                return None
            return lambda r: self._pulled(torch.cholesky_solve(r[:, None], factor)[:, 0])

        return float(self.residual.square().mean()), self._pulled(self.residual), solver

    def path(self, here: Tensor, right: Tensor, solve: Solve) -> list[Tensor]:
        if not self.among_rows:
            return super().path(here, right, solve)
        self._place(here, [], 0.0)  # solutions are pulled back there, wherever the last trial has ended
        return super().path(here, self.residual, solve)

    def _curvature(self, here: Tensor, path: Sequence[Tensor], order: int) -> Tensor:
        if not self.among_rows:
            return super()._curvature(here, path, order)
        return torch.cat([coefficient for _, coefficient in self._bent(here, path, order)])

    def _pulled(self, r: Tensor) -> Tensor:
        """``J^T r / N``."""
        return pulled_back(self.model, self.samples.rows(slice(None)), r)[1] / self.count
