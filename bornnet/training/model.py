"""What the optimizers need to know of the model that they fit."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from torch import Tensor
from torch.nn import Parameter


class Residual(Protocol):
    """A function of inputs ``(B, inputs)`` and P weights: a network, or one without its lower Taylor
    orders."""

    def parameters(self) -> Iterator[Parameter]:
        """The weights, in the order in which the Jacobian has them."""
        ...

    def __call__(self, x: Tensor, /) -> Tensor:
        """``(B,)``, with autograd where gradients are enabled."""
        ...

    def value_and_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(B,)`` and the derivatives by every weight ``(B, P)``."""
        ...

    def slope_and_jacobian(self, x: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        """The derivative along a direction a sample ``(B,)``, and its own derivatives ``(B, P)``."""
        ...


@runtime_checkable
class Inexact(Protocol):
    """A model that finds its own values only to within an error, such as one that is integrated in steps."""

    def truncation(self, x: Tensor) -> Tensor:
        """``(B,)``: an estimate of that error, in units of the values; not finite where there is no value."""
        ...
