"""How far values over seeds or members lie apart: the sample standard deviation, everywhere the same."""

from collections.abc import Sequence

import numpy as np


def spread(values: Sequence[float] | np.ndarray) -> float | None:
    """The sample standard deviation (over n - 1) of n values; None for a single one, which has none."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def spreads(stack: np.ndarray) -> np.ndarray:
    """The same along the first axis of an array; NaN where there is a single row."""
    return np.std(stack, axis=0, ddof=1) if len(stack) > 1 else np.full(stack.shape[1:], np.nan)
