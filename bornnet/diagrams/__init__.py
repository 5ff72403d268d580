"""The Feynman-like diagrams of a network's Taylor coefficients: rules, trees, amplitudes, the share of each,
and their drawing. May import: networks.
"""

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """This room has the name of its main function, `bornnet.diagrams(order)`. Importing the room puts it
    where the function stood, so the room can be called too."""

    def __call__(self, order: int) -> Any:
        from .diagram import diagrams

        return diagrams(order)


sys.modules[__name__].__class__ = _Callable
