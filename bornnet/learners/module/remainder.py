"""A torch module minus its own lower Taylor orders, and the Jacobian of that in the weights."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap
from torch.nn import Parameter

from .forward import differentiable, taylor

_ROWS = 256  # whose Jacobian is made at once
_VALUES = 2048  # rows whose values are: attention holds much more than what comes out


class ModuleRemainder:
    """``r_n[f](x) = f(x) - sum_{m<n} T_m[f](x)``, for the optimizers (`training.model.Residual`).

    Args:
        module: f, row by row; weights that its values do not depend on, or that are frozen, are left alone.
        degree: the leading order n that is left, 1 or more (1 removes f(0) alone).
        cells: of its inputs.
    """

    def __init__(self, module: nn.Module, degree: int, cells: int) -> None:
        self.module = module
        self.degree = degree
        given = {name: weight for name, weight in module.named_parameters() if weight.requires_grad}
        if given:
            value = module(next(iter(given.values())).new_full((1, cells), 0.05)).sum()
            slopes = torch.autograd.grad(value, list(given.values()), allow_unused=True)
            given = {name: given[name] for name, g in zip(given, slopes, strict=True) if g is not None}
        self._weights = given

    @property
    def fitted(self) -> tuple[str, ...]:
        """Names of the weights that are fitted, in the order of `parameters`."""
        return tuple(self._weights)

    def parameters(self) -> Iterator[Parameter]:
        return iter(self._weights.values())

    def __call__(self, x: Tensor) -> Tensor:
        """``(batch, cells)`` to ``(batch,)``, with autograd where gradients are enabled."""
        with differentiable():
            return torch.cat([self._value(rows) for rows in x.split(_VALUES)])

    def _value(self, x: Tensor) -> Tensor:
        return self.module(x) - taylor(self.module, x, self.degree - 1).sum(0)

    def value_and_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(batch,)`` and ``(batch, weights)``: ``grad`` of a row's value, under ``vmap``."""
        with torch.no_grad():
            value = self(x)
        return value, torch.cat([self._jacobian(rows) for rows in x.split(_ROWS)])

    def slope_and_jacobian(self, x: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        """The derivative along a direction a sample, and its own Jacobian."""
        with torch.no_grad():
            slope = jvp(self, (x,), (direction,))[1]
            parts = [
                jvp(self._jacobian, (rows,), (along,))[1]
                for rows, along in zip(x.split(_ROWS), direction.split(_ROWS), strict=True)
            ]
        return slope, torch.cat(parts)

    def _jacobian(self, x: Tensor) -> Tensor:
        def row(weights: dict[str, Tensor], one: Tensor) -> Tensor:
            def function(rows: Tensor) -> Tensor:
                return functional_call(self.module, weights, (rows,))

            lower = taylor(function, one[None], self.degree - 1).sum(0)
            return (function(one[None]) - lower)[0]

        weights = {name: weight.detach() for name, weight in self._weights.items()}
        with differentiable():
            slopes = vmap(grad(row), (None, 0))(weights, x)
        return torch.cat([slopes[name].flatten(1) for name in weights], dim=1)
