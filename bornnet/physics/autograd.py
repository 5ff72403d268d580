"""The physics for torch tensors: the same kernels, with exact derivatives handed to autograd.

Imported only where a tensor was given. All is computed on the CPU in double precision; results are float64
tensors on the device of the argument. First derivatives only.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

Value = Callable[[np.ndarray], Any]
Pullback = Callable[[np.ndarray, np.ndarray], np.ndarray]


def differentiable(potentials: torch.Tensor, value: Value, pullback: Pullback) -> torch.Tensor:
    """`value(potentials)` as a tensor; its derivative is `pullback(potentials, gradient of the output)`."""
    return _Exact.apply(potentials, value, pullback)


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def to_tensor(values: Any, like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values), device=like.device)


class _Exact(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, potentials: torch.Tensor, value: Value, pullback: Pullback) -> torch.Tensor:
        ctx.save_for_backward(potentials)
        ctx.pullback = pullback
        return to_tensor(value(to_numpy(potentials)), potentials)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (potentials,) = ctx.saved_tensors
        pulled = ctx.pullback(to_numpy(potentials), to_numpy(grad))
        return to_tensor(pulled, potentials).to(potentials.dtype), None, None
