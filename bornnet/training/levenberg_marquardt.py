"""Levenberg-Marquardt along curved paths: every step follows a Taylor polynomial of the path to the minimum.

The plain method solves ``(J^T J + mu) d = -J^T r`` and moves the weights by d, in a straight line. The
valleys of a network's loss are narrow and bent, so that mu must stay large and steps short. Transtrum and
Sethna (arXiv:1201.5885) add the second order of the path ("geodesic acceleration"); here it has any order:

    w(t) = w + c_1 t + c_2 t^2 + .. + c_q t^q,   (J^T J + mu) c_p = -J^T r_p,

c_1 = d, and r_p for p > 1 the order-p Taylor coefficient of the residuals along the path through order p - 1:
each order takes out what the residuals' curvature brings in at that order. An order costs some forward passes
and one solve with the factor that is there already, a small part of the normal equations.

mu starts at a hundredth of the loss (near a solution mu must fall as the squared residuals for steps that
converge fast: Yamashita & Fukushima, Computing Suppl. 15, 239, 2001), so that a round that starts from the
weights of the one before takes long steps at once. Then it follows the gain ratio (Nielsen 1999; Madsen,
Nielsen & Tingleff, *Methods for non-linear least squares problems*, 2004, algorithm 3.16). The normal
equations of a few thousand weights are cheap; how they are solved, and to which digits, is in `normal`.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ..compute.group import agreed, total
from .cost import ROWS, timed, weights_of
from .model import Residual
from .normal import FEW, Normal, Solve, Solver, normal_of
from .problem import Batch, Samples
from .residuals import (
    BLOCK,
    followed,
    linearized,
    mean_square,
    pulled_back,
    residuals,
    reweighted,
    total_rows,
)

BLOCK_VALUES = 1 << 23  # doubles of the Jacobian held at once: 64 MiB
_FIRST_DAMPING = 1e-2  # over the loss
_LEAST_DAMPING = 1e-26  # below the squares of singular values that double precision tells
_TRIALS = 16  # dampings tried before the step is given up
_PATH_ORDER = 5  # of the path in t; beyond it trials gained little
_REACH = 0.25  # t up to which residuals are taken for their Taylor coefficients
_LENGTHS = (1.0, 0.7, 0.5)  # t tried along the path
_PASSES = 12  # forward and backward, about, that a step takes beside its normal equations
_TIMED_COLUMNS = 1024  # of matrices; products go with the square of the weights, factors with the cube


class LevenbergMarquardt:
    """Full-batch Levenberg-Marquardt on a weighted least-squares problem.

    Deterministic; its whole state is the weights, the damping and the damping's growth.

    Args:
        damping: to start with; None for a hundredth of the loss where the first step starts.
        path_order: order of the path; 1 is the plain method.
        robust: weigh the residuals anew before every step (`residuals.reweighted`), of those samples that
            the model finds exactly enough (`residuals.followed`).
    """

    keeps_last: bool = False

    def __init__(
        self,
        model: Residual,
        samples: Samples,
        *,
        damping: float | None = None,
        path_order: int = _PATH_ORDER,
        robust: bool = False,
    ) -> None:
        self.model = model
        self.given = self.samples = samples
        self.robust = robust
        self.damping = damping
        self.growth = 2.0
        self.path_order = path_order
        self.count = total_rows(samples)
        self.jacobian: Tensor | None = None  # of the step, where it is in one piece

    @torch.no_grad()
    def step(self) -> float | None:
        """One accepted step; the mean square before it, or None where no damping brings the loss down."""
        error = None
        if self.robust:
            error, self.samples = reweighted(self.model, followed(self.model, self.given))
            self.count = total_rows(self.samples)
        loss, gradient, solver = self.linearize()
        error = loss if error is None else error
        if not math.isfinite(loss):
            return loss
        if self.damping is None:
            self.damping = _FIRST_DAMPING * min(loss, 1.0)
        here = parameters_to_vector(self.model.parameters())
        for _ in range(_TRIALS):
            solve = solver(self.damping)
            if solve is not None:
                path = self.path(here, gradient, solve)
                reached, length = self._along(here, path, loss)
                if length:
                    # with (A + mu) d = -g the linear model's gain is d.(mu d - g)/2
                    predicted = 0.5 * float(path[0] @ (self.damping * path[0] - gradient))
                    ratio = 0.5 * (loss - reached) / predicted
                    change = max(0.2, 1 - (2 * ratio - 1) ** 3)
                    if length < 1:  # the path was left before its end: it was too long
                        change = max(change, 2.0)
                    self.damping = max(self.damping * change, _LEAST_DAMPING)
                    self.growth = 2.0
                    self._place(here, path, length)
                    return error
            self.damping *= self.growth
            self.growth *= 2
        self._place(here, [], 0.0)
        return None

    def state(self) -> dict[str, Any]:
        return {"damping": self.damping, "growth": self.growth}

    def load_state(self, state: dict[str, Any]) -> None:
        self.damping, self.growth = state["damping"], state["growth"]

    @classmethod
    def step_bytes(
        cls, rows: int, weights: int, *, kept: int = 0, batch: int = 0, slopes: bool = False
    ) -> int:
        """A block of the Jacobian being built, and the normal matrix growing. The Jacobian of slopes is made
        together with that of the values; a root is taken of two copies more."""
        copies = (5 if slopes else 2) + (2 if weights <= FEW else 0)
        return 8 * (copies * min(rows, block_rows(weights)) * weights + 3 * weights**2)

    def step_seconds(self) -> float:
        """The Jacobian, the normal equations, their solution, and passes forward and backward."""
        weights = weights_of(self.model)
        block = self.given.rows(slice(0, max(1, min(ROWS, BLOCK_VALUES // weights))))
        share = len(block) / len(self.given)
        residual, jacobian = next(linearized(self.model, block))
        part = jacobian[:, :_TIMED_COLUMNS].contiguous()
        scale = weights / part.shape[1]
        normal = self._normal(part[0])

        def added() -> Tensor:
            normal.add(part)
            return residual

        def solved() -> Tensor:
            solve = normal.solver()(1.0)
            assert solve is not None  # nothing is singular with such a damping
            return solve(part[0])

        return (
            timed(lambda: sum((r.sum() for r, _ in linearized(self.model, block)), residual.sum())) / share
            + block.residuals_each * timed(added) / share * scale**2
            + timed(solved) * scale**3
            + _PASSES * timed(lambda: pulled_back(self.model, block)[0]) / share
        )

    def linearize(self) -> tuple[float, Tensor, Solver]:
        """The loss, ``J^T r / N``, and what solves ``(J^T J / N + mu) x = b`` for a damping mu."""
        loss, gradient, normal = self.normal_equations()
        return loss, gradient, normal.solver()

    def path(self, here: Tensor, right: Tensor, solve: Solve) -> list[Tensor]:
        """``c_1, c_2, ..`` of the path, as far as they grow smaller; `right` is the first right side."""
        path = [agreed(-solve(right))]
        for order in range(2, self.path_order + 1):
            coefficient = agreed(-solve(self._curvature(here, path, order)))
            if not coefficient.norm() < path[-1].norm():
                break
            path.append(coefficient)
        return path

    def _curvature(self, here: Tensor, path: Sequence[Tensor], order: int) -> Tensor:
        """``J^T r_p``: order p of the residuals along the path, pulled back to its start."""
        pulled = torch.zeros_like(here)
        for block, coefficient in self._bent(here, path, order):
            if self.jacobian is not None:
                pulled += self.jacobian.T @ coefficient
                continue
            pulled += pulled_back(self.model, block, coefficient)[1]
        return total(pulled) / self.count

    def _bent(self, here: Tensor, path: Sequence[Tensor], order: int) -> Iterator[tuple[Batch, Tensor]]:
        """``r_p``, order p of the residuals along the path, block by block.

        The coefficient is that of the polynomial through the residuals at points on both sides of the start.
        It need not be exact: a step is taken only where it brings the loss down.
        """
        lengths, shares = interpolation(order)
        for block in self.samples.blocks(BLOCK):
            coefficient: Tensor | float = 0.0
            for length, share in zip(lengths, shares, strict=True):
                self._place(here, path, length)
                coefficient = coefficient + share * residuals(self.model, block)
            self._place(here, [], 0.0)
            assert isinstance(coefficient, Tensor)
            yield block, coefficient

    def _along(self, here: Tensor, path: Sequence[Tensor], loss: float) -> tuple[float, float]:
        """The least loss along the path and where, 0 where there is none below that of the start."""
        best = loss, 0.0
        for length in _LENGTHS:
            self._place(here, path, length)
            reached = self._loss()
            if reached < best[0]:
                best = reached, length
            elif best[1]:
                break
        return best

    def _loss(self) -> float:
        return mean_square(self.model, self.samples)

    def _place(self, here: Tensor, path: Sequence[Tensor], length: float) -> None:
        """Move the model's weights along the path."""
        step = sum((c * length**p for p, c in enumerate(path, start=1)), torch.zeros_like(here))
        vector_to_parameters(here + step, self.model.parameters())

    def normal_equations(self) -> tuple[float, Tensor, Normal]:
        """Mean loss, gradient ``J^T r / N`` and the normal matrix, block of rows by block."""
        weights = parameters_to_vector(self.model.parameters())
        loss = weights.new_zeros(())
        gradient = torch.zeros_like(weights)
        normal = self._normal(weights)
        self.jacobian = None
        for block in self.samples.blocks(min(BLOCK, block_rows(len(weights)))):
            for residual, jacobian in linearized(self.model, block):
                loss += residual.square().sum()
                gradient += jacobian.T @ residual
                normal.add(jacobian)
                if len(residual) == len(self.samples) * self.samples.residuals_each:
                    self.jacobian = jacobian
        normal.share(self.count)
        return float(total(loss)) / self.count, total(gradient) / self.count, normal

    def _normal(self, weights: Tensor) -> Normal:
        return normal_of(weights)


@cache
def interpolation(order: int) -> tuple[list[float], list[float]]:
    """Points and their shares in the coefficient of ``t^order`` of the polynomial through them."""
    half = (order + 1) // 2
    points = np.arange(-half, half + 1) * (_REACH / half)
    shares = np.linalg.inv(np.vander(points, increasing=True))[order]
    used = [(float(t), float(share)) for t, share in zip(points, shares, strict=True) if share]
    return [t for t, _ in used], [share for _, share in used]


def block_rows(weights: int) -> int:
    """Rows of the Jacobian held at once."""
    return max(1, BLOCK_VALUES // weights)
