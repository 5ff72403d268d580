"""How large the errors of values are, where nobody says: by the evidence of a Gaussian process.

What a smooth function of the potential cannot follow is noise. The evidence tells the two apart without a
fit that has to be trusted first: amplitude, factor and length of the process (`evidence.most_likely`) and the
size of the errors are chosen together where the values are most likely (Rasmussen & Williams, 2006, section
5.4). Errors are taken as relative, or as the same for all rows, whichever is more likely.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize

from .evidence import log_evidence
from .kernels import Kernel
from .posterior import coefficients, covariance, mean
from .scales import linear_profile, scale_matrix

Kind = Literal["relative", "absolute"]

_STARTS = np.log(
    [
        [0.05, 2.0, 0.4, 1e-2],
        [0.2, 2.0, 0.4, 1e-2],
        [0.05, 4.0, 0.4, 1e-2],
        [0.05, 2.0, 1.0, 1e-2],
        [0.05, 2.0, 0.4, 1e-4],
    ]
)
_CALLS = 150
_FEW = 150  # rows that lead near the optimum
_AGAIN = 60  # calls with all rows from there
_SHORTEST = 1e-3
_TINY = 1e-300


@dataclass(frozen=True)
class Noise:
    """Errors of values as the evidence has them.

    Attributes:
        kind: relative to each value, or the same for all.
        level: their standard deviation: relative, or in the unit of the values.
        log_evidence: of the values with them.
    """

    kind: Kind
    level: float
    log_evidence: float


class Estimate:
    """The noise of values ``y (N,)`` at ``inputs (N, D)``; a few hundred rows tell it to 3 or 4 %.

    Args:
        weights: ``(N,)``, one over the size of the leading order, as far as that is known.
        offset: what the values lack of the numbers whose errors are relative to them.
    """

    def __init__(
        self, kernel: Kernel, inputs: np.ndarray, y: np.ndarray, weights: np.ndarray, offset: float = 0.0
    ) -> None:
        self.kernel, self.inputs, self.offset = kernel, inputs, offset
        self.unit = float(np.sqrt(np.mean((y * weights) ** 2)))
        self.y = y / self.unit
        self.profile = linear_profile(inputs, self.y, weights)
        self.linear = np.linalg.lstsq(inputs * weights[:, None], y * weights, rcond=None)[0]
        self.sizes = np.abs(inputs @ self.linear + offset)
        kinds: tuple[Kind, Kind] = ("relative", "absolute")
        found = {kind: self._most_likely(kind, _STARTS, _FEW, _CALLS) for kind in kinds}
        self.kind: Kind = max(kinds, key=lambda kind: found[kind][1])
        self.parameters, _ = found[self.kind]
        if self.kind == "relative":
            # errors are relative to the true values, of which the process knows more than the linear fit
            self.sizes = self.sizes_of(inputs, y)
        near = np.log(self.parameters) + 0.2 * np.eye(5, 4, k=-1)
        self.parameters, likelihood = self._most_likely(self.kind, near, len(y), _AGAIN)
        level = self.parameters[3] * (1.0 if self.kind == "relative" else self.unit)
        self.noise = Noise(self.kind, float(level), likelihood)

    def sigma(self, inputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """One standard deviation of the errors of any values ``y (M,)`` at ``inputs (M, D)``."""
        if self.kind == "absolute":
            return np.full(len(y), self.noise.level)
        return self.noise.level * self.sizes_of(inputs, y)

    def sizes_of(self, inputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Moduli of the true values ``(M,)``, by the process; it is no guide far from its rows, so within
        some factors of the linear fit and of the value itself."""
        x, scale, sigma = self._scaled(self.parameters)
        alpha, _ = coefficients(
            self.kernel, x, self.y, 1e-13, np.maximum(sigma, _TINY) ** 2 / self.parameters[0]
        )
        with np.errstate(over="ignore", invalid="ignore"):
            learned = np.abs(self.unit * mean(self.kernel, x, alpha, inputs @ scale) + self.offset)
        near = np.abs(inputs @ self.linear + self.offset)
        given = np.abs(y + self.offset)
        learned = np.where(np.isfinite(learned), learned, near)
        return np.clip(learned, np.maximum(near / 2, given / 3), np.maximum(near * 5, given * 2))

    def _scaled(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs of the kernel, the matrix that leads there, and sigma in units of `unit`."""
        _, factor, length, level = parameters
        scale = scale_matrix(self.profile, length if length > _SHORTEST else 0.0, factor)
        sizes = self.sizes / self.unit if self.kind == "relative" else np.ones(len(self.y))
        return self.inputs @ scale, scale, level * sizes

    def _most_likely(self, kind: Kind, starts: np.ndarray, rows: int, calls: int) -> tuple[np.ndarray, float]:
        """The parameters with the largest evidence of the first `rows` values, and its logarithm."""
        self.kind = kind

        def loss(logarithms: np.ndarray) -> float:
            parameters = np.exp(np.clip(logarithms, -40.0, 30.0))
            x, _, sigma = (part[:rows] for part in self._scaled(parameters))
            with np.errstate(over="ignore", invalid="ignore"):
                matrix = parameters[0] * covariance(self.kernel, x, x)
                found = log_evidence(matrix, self.y[:rows], np.maximum(sigma, _TINY))
            return -found if np.isfinite(found) else 1e300

        options = {"maxfev": calls, "initial_simplex": starts, "xatol": 0.02, "fatol": 0.1}
        found = minimize(loss, starts[0], method="Nelder-Mead", options=options)
        return np.exp(np.clip(found.x, -40.0, 30.0)), -float(found.fun)
