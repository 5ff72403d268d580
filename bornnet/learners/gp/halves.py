"""Standard deviations of what was learned from values without errors: fits to halves of the rows.

The posterior's own variance is of no use there: it is below the rounding of the prior's, and speaks of a
prior that nobody believes. Fits to halves of the rows differ from the fit to all by their own errors, for
those of the whole are far smaller. From a half to the whole errors shrink about as they did from a quarter
to a half, for learning curves are near powers of the number of rows; and they are not taken to shrink more
than those of held-out values are seen to. So what is stated is more often too large than too small.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...networks.packed import multisets, unpack
from .kernels import Kernel
from .posterior import coefficients, squares
from .uncertainty import permanent

if TYPE_CHECKING:
    from .learner import GaussianProcess

LEAST_ROWS = 80
_HALVES = ((0, 1), (2, 3), (0, 2), (1, 3))  # of quarters
_HIGHEST = 4  # orders whose coefficients are compared with their prior; above, the time is not worth it
_PROBES = 200
_DIRECTIONS = 500


def parts_of(count: int) -> list[np.ndarray]:
    """Which of so many rows make up four halves, each row in two, and four quarters."""
    quarters = np.array_split(np.arange(count), 4)
    return [np.concatenate([quarters[i], quarters[j]]) for i, j in _HALVES] + quarters


def fits(kernel: Kernel, x: np.ndarray, y: np.ndarray, nugget: float) -> np.ndarray:
    """Coefficients of the rows ``(N, 8)``: of fits to `parts_of` the rows."""
    parts = parts_of(len(x))
    alphas = np.zeros((len(x), len(parts)))
    for part, column in zip(parts, alphas.T, strict=True):
        column[part], _ = coefficients(kernel, x[part], y[part], nugget)
    return alphas


def value_ratios(whole: np.ndarray, halves: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """By how much errors of held-out values shrink from halves to the whole: typically, and so that 95 % of
    them are within twice the deviation of the halves from the whole.

    Args:
        whole, values: predictions and held-out values ``(N,)``.
        halves: predictions ``(4, N)``.
    """
    deviation = np.sqrt(np.mean((halves - whole) ** 2, axis=0))
    ratios = np.abs(whole - values) / np.maximum(deviation, np.finfo(float).tiny)
    ratios = ratios[np.isfinite(ratios)]
    if not len(ratios):
        return 1.0, 1.0
    return float(np.median(ratios)), float(np.quantile(ratios, 0.95)) / 2


@dataclass(frozen=True)
class Halves:
    """What fits to parts of the rows say of the fit to all: one standard deviation of each quantity.

    Attributes:
        typical, of_values: what `value_ratios` found.
    """

    whole: "GaussianProcess"
    halves: Sequence["GaussianProcess"]
    quarters: Sequence["GaussianProcess"]
    typical: float
    of_values: float

    def coefficients(self, order: int) -> np.ndarray | None:
        """Of all partial derivatives of that order at 0 by the cells, ``(D,) * order``; None for high orders.

        Four halves tell each coefficient's deviation but roughly: the mean square of it and of what the prior
        makes of all coefficients together is taken.
        """
        if order > _HIGHEST:
            return None
        cells = len(self.whole.scale)
        tensor = self.whole.derivative_tensor(order, packed=True)
        own = np.mean(
            [(half.derivative_tensor(order, packed=True) - tensor) ** 2 for half in self.halves], axis=0
        )
        prior = permanent(self.whole.scale @ self.whole.scale.T, multisets(cells, order))
        pooled = np.mean(own / prior) * prior
        return unpack(self._ratio(order) * np.sqrt((own + pooled) / 2), cells, order)

    def terms(self, U: np.ndarray, order: int) -> np.ndarray:
        """Of the Taylor terms of orders up to that one at 0, ``(order + 1, N)``."""
        own = self._spread(self.halves, U, order)
        prior = self._prior(U, order)
        probes = self._probes()
        pooled = np.mean(self._spread(self.halves, probes, order) / self._prior(probes, order), axis=1)
        rows = np.sqrt((own + pooled[:, None] * prior) / 2)
        first = max(self.whole.degree, 1)
        return np.array([self._ratio(n) * rows[n] if n >= first else 0 * rows[n] for n in range(order + 1)])

    def values(self, U: np.ndarray) -> np.ndarray:
        """Of the values, ``(N,)``."""
        value = self.whole(U)
        own = np.mean([(half(U) - value) ** 2 for half in self.halves], axis=0)
        return self.of_values * np.sqrt(own)

    def _ratio(self, order: int) -> float:
        """By how much deviations of that order shrink from halves to the whole: over all coefficients, which
        terms along random directions sample."""
        directions = np.random.default_rng(order).normal(size=(_DIRECTIONS, len(self.whole.scale)))
        directions /= np.linalg.norm(directions, axis=1)[:, None]
        probes = np.linalg.solve(self.whole.scale.T, directions.T).T
        halves = np.mean(self._spread(self.halves, probes, order)[order])
        quarters = np.mean(self._spread(self.quarters, probes, order)[order])
        shrunk = float(np.sqrt(halves / quarters)) if quarters > 0 else 1.0
        return min(max(shrunk, np.sqrt(self.typical * self.of_values)), 1.0)

    def _spread(self, parts: Sequence["GaussianProcess"], U: np.ndarray, order: int) -> np.ndarray:
        """Mean squares of the terms' deviations from the whole's ``(order + 1, N)``."""
        terms = self.whole.taylor_terms(U, order)
        return np.mean([(part.taylor_terms(U, order) - terms) ** 2 for part in parts], axis=0)

    def _prior(self, U: np.ndarray, order: int) -> np.ndarray:
        """Prior variances of the terms, but for one factor an order, ``(order + 1, N)``."""
        return squares(U @ self.whole.scale) ** np.arange(order + 1.0)[:, None]

    def _probes(self) -> np.ndarray:
        """Some of the rows that were fitted, as potentials."""
        return np.linalg.solve(self.whole.scale.T, self.whole.rows[:_PROBES].T).T
