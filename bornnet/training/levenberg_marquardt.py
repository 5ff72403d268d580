"""Levenberg-Marquardt: Gauss-Newton with a damping that adapts to how well the linear model predicts.

A step solves ``(J^T J + mu) d = -J^T r``; mu follows the gain ratio (Nielsen 1999; Madsen, Nielsen &
Tingleff, *Methods for non-linear least squares problems*, 2004, algorithm 3.16). The normal equations of a
few thousand weights are cheap, and double precision bears their condition number.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from .problem import Samples
from .remainder import TaylorRemainder

_BLOCK_VALUES = 1 << 25  # doubles of the Jacobian held at once: 256 MiB
_TRIALS = 16  # dampings tried before the step is given up


class LevenbergMarquardt:
    """Full-batch Levenberg-Marquardt on a weighted least-squares problem.

    Deterministic; its whole state is the weights, the damping and the damping's growth.
    """

    def __init__(self, model: TaylorRemainder, samples: Samples, *, damping: float = 1e-2) -> None:
        self.model = model
        self.samples = samples
        self.damping = damping
        self.growth = 2.0

    @torch.no_grad()
    def step(self) -> float | None:
        """One accepted step; the loss before it, or None where no damping brings the loss down."""
        loss, gradient, normal = self._normal_equations()
        if not math.isfinite(loss):
            return loss
        here = parameters_to_vector(self.model.parameters())
        diagonal = normal.diagonal()
        undamped = diagonal.clone()
        for _ in range(_TRIALS):
            diagonal.copy_(undamped + self.damping)
            factor, failed = torch.linalg.cholesky_ex(normal)
            if not failed:
                step = -torch.cholesky_solve(gradient[:, None], factor)[:, 0]
                # with (A + mu) d = -g the linear model's gain is d.(mu d - g)/2
                predicted = 0.5 * float(step @ (self.damping * step - gradient))
                vector_to_parameters(here + step, self.model.parameters())
                gain = 0.5 * (loss - self._loss())
                if gain > 0:
                    ratio = gain / predicted
                    self.damping = max(self.damping * max(0.2, 1 - (2 * ratio - 1) ** 3), 1e-16)
                    self.growth = 2.0
                    return loss
            self.damping *= self.growth
            self.growth *= 2
        vector_to_parameters(here, self.model.parameters())
        return None

    def state(self) -> dict[str, Any]:
        return {"damping": self.damping, "growth": self.growth}

    def load_state(self, state: dict[str, Any]) -> None:
        self.damping, self.growth = state["damping"], state["growth"]

    @torch.no_grad()
    def _loss(self) -> float:
        samples = self.samples
        residual = samples.weights * (self.model(samples.inputs) - samples.targets)
        return float(residual.square().mean())

    def _normal_equations(self) -> tuple[float, Tensor, Tensor]:
        """Mean loss, gradient ``J^T r`` and normal matrix ``J^T J`` (both over N), block of rows by block."""
        rows = block_rows(sum(parameter.numel() for parameter in self.model.parameters()))
        loss = 0.0
        gradient: Tensor | float = 0.0
        normal: Tensor | float = 0.0
        for start in range(0, len(self.samples), rows):
            block = self.samples.rows(slice(start, start + rows))
            value, jacobian = self.model.value_and_jacobian(block.inputs)
            residual = block.weights * (value - block.targets)
            jacobian *= block.weights[:, None]
            loss += float(residual.square().sum())
            gradient = gradient + jacobian.T @ residual
            normal = normal + gram(jacobian)
        count = len(self.samples)
        assert isinstance(gradient, Tensor)
        assert isinstance(normal, Tensor)
        return loss / count, gradient / count, normal.div_(count)


def block_rows(weights: int) -> int:
    """Rows of the Jacobian held at once."""
    return max(1, _BLOCK_VALUES // weights)


def step_bytes(rows: int, weights: int) -> int:
    """Memory of a step at its peak: a block of the Jacobian being built, and the normal matrix growing."""
    return 8 * (2 * min(rows, block_rows(weights)) * weights + 3 * weights**2)


def gram(jacobian: Tensor) -> Tensor:
    """``J^T J``; on the CPU by numpy, whose symmetric product is twice as fast as torch's general one."""
    if jacobian.is_cuda:
        return jacobian.T @ jacobian
    array = jacobian.numpy()
    return torch.from_numpy(array.T @ array)
