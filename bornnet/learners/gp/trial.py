"""What a fit tries, and chooses among."""

from dataclasses import dataclass

import numpy as np

CHOSEN = ("factor", "length", "nugget", "bend", "amplitude", "smooth")


@dataclass(frozen=True)
class Trial:
    """A choice, and its held-out error; `amplitude` of the process, and whether it is `smooth` along r, are
    chosen where values have errors."""

    factor: float
    length: float
    nugget: float
    bend: float = 0.0
    error: float = np.inf
    amplitude: float = 1.0
    smooth: bool = False


def stated(error: float) -> float:
    """The largest number there is in place of infinity, which JSON does not have."""
    return float(np.nan_to_num(error, nan=np.finfo(float).max))
