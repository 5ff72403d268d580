"""The settings of a torch module, with the module itself."""

from collections.abc import Callable
from typing import Any

from pydantic import PrivateAttr
from torch import nn

from ...errors import InputError
from ...training.settings import Stepwise


class Config(Stepwise):
    """A torch module, and how it is fitted."""

    _module: nn.Module | None = PrivateAttr(None)

    def holding(self, module: nn.Module) -> "Config":
        """The same settings, of this module."""
        copy = self.model_copy()
        copy._module = module
        return copy

    @property
    def held(self) -> bool:
        """Whether there is a module: configurations of what was fitted once have none."""
        return self._module is not None

    @property
    def module(self) -> nn.Module:
        """The module as it was given; `InputError` where none was."""
        if self._module is None:
            raise InputError(
                "learner: a torch module is given as an object, from Python: "
                "fit_series(potentials, values, learner=module)."
            )
        return self._module

    def require_ready(self, members: int) -> None:
        """`InputError` without a module, or where members could not start from weights of their own."""
        for layer in self.module.modules():
            own = any(True for _ in layer.parameters(recurse=False))
            if members > 1 and own and redraw(layer) is None:
                raise InputError(
                    f"members: expected modules that can start from other weights; {class_name(layer)} has "
                    "weights of its own and no reset_parameters() that draws them anew. Give it one, or fit "
                    "one member."
                )


def class_name(module: nn.Module) -> str:
    """Where the module's class stands, for messages and files."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


def redraw(layer: nn.Module) -> Callable[[], object] | None:
    """What draws a layer's own weights anew; None where it has no such method."""
    found: Any = getattr(layer, "reset_parameters", None) or getattr(layer, "_reset_parameters", None)
    return found
