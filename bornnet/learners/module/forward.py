"""Derivatives of any order of functions in torch, by nested forward mode (``torch.func.jvp``).

Functions take rows ``(batch, inputs)`` to values ``(batch,)``, each row by itself, so that a batch may have a
direction of its own in every row. Order n takes some 2^n evaluations. Gradients of what comes out are
autograd's.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import factorial
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.func import jvp
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from .norms import instance_norm, layer_norm

Function = Callable[[Tensor], Tensor]
_Derivatives = Callable[[Tensor], tuple[Tensor, ...]]


@contextmanager
def differentiable() -> Iterator[None]:
    """Attention and norms by plain operations: fused attention has no forward derivatives, and those of
    fused norms are wrong from the second order on (torch 2.13)."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), _PlainNorms():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


class _PlainNorms(TorchFunctionMode):
    _PLAIN: ClassVar[dict[Callable, Callable]] = {
        functional.layer_norm: layer_norm,
        torch.layer_norm: layer_norm,
        functional.instance_norm: instance_norm,
    }

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._PLAIN.get(func, func)(*args, **(kwargs or {}))


def taylor(function: Function, x: Tensor, order: int, at: Tensor | None = None) -> Tensor:
    """Taylor terms ``(order + 1, batch)``: row n is ``D^n f(at)[x, .., x] / n!``."""
    base = torch.zeros_like(x[:1]) if at is None else at.reshape(1, -1)
    with differentiable():
        if order == 0:
            return function(base).expand(1, len(x))

        def value(point: Tensor) -> tuple[Tensor, ...]:
            return (function(point),)

        along: _Derivatives = value
        for _ in range(order):
            along = _with_next(along, x)
        derivatives = along(base.expand_as(x).clone())
    return torch.stack([d / factorial(n) for n, d in enumerate(derivatives)])


def _with_next(along: _Derivatives, x: Tensor) -> _Derivatives:
    """From derivatives of order 0 to n along x to those of order 0 to n + 1."""

    def further(point: Tensor) -> tuple[Tensor, ...]:
        values, rates, *_ = jvp(along, (point,), (x,))
        return (*values, rates[-1])

    return further


def mixed(function: Function, at: Tensor, along: Sequence[Tensor]) -> Tensor:
    """``D^n f(at)[v_1, .., v_n]`` for every row ``(batch,)``; ``at`` and each v are ``(batch, inputs)``."""
    for v in along:
        function = _derivative(function, v)
    with differentiable():
        return function(at)


def _derivative(function: Function, v: Tensor) -> Function:
    return lambda x: jvp(function, (x,), (v,))[1]
