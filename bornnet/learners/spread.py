"""How far values over seeds or members lie apart: the sample standard deviation, everywhere the same."""

from collections.abc import Callable, Sequence

import numpy as np


def spread(values: Sequence[float] | np.ndarray) -> float | None:
    """The sample standard deviation (over n - 1) of n values; None for a single one, which has none."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def spreads(stack: np.ndarray) -> np.ndarray:
    """The same along the first axis of an array; NaN where there is a single row."""
    return np.std(stack, axis=0, ddof=1) if len(stack) > 1 else np.full(stack.shape[1:], np.nan)


def combined(
    own: Sequence[np.ndarray | None], values: Callable[[], Sequence[np.ndarray]], *, redrawn: bool
) -> np.ndarray | None:
    """One standard deviation of the mean of members: from what each states itself, and from their spread.

    What a member states is what the errors of the values leave open. The spread of members over seeds is what
    the fits leave open, since all see the same values: variances add. Members that were fitted to rows drawn
    anew (``redrawn``) spread by both, so that the two estimate the same, and the larger one holds. Where one
    of the two is not known, the other stands; None where neither is.

    Args:
        own: of each member its own standard deviations, or None.
        values: gives what each member has learned, where it is needed.
    """
    known = [std for std in own if std is not None]
    stated = np.sqrt(np.mean(np.square(known), axis=0)) if len(known) == len(own) else None
    if len(own) == 1:
        return stated
    apart = spreads(np.array(values()))
    if stated is None:
        return apart
    return np.maximum(stated, apart) if redrawn else np.hypot(stated, apart)
