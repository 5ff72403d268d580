"""The integrators: explicit Runge-Kutta methods by their tableaus.

A step of length h from s at r takes K_i = F(s + h sum_j a_ij K_j, r + c_i h) and goes to s + h sum_i b_i K_i.
Inside a cell the potential is constant and the equation smooth, so that a method has its full order there;
steps never cross an edge.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.integrate import DOP853, RK45

from ...errors import InputError


@dataclass(frozen=True)
class Tableau:
    """``a (stages, stages)``, strictly lower triangular, ``b (stages,)``, ``c (stages,)``, and the order."""

    name: str
    a: np.ndarray
    b: np.ndarray
    order: int

    @property
    def c(self) -> np.ndarray:
        return self.a.sum(axis=1)

    @property
    def stages(self) -> int:
        return len(self.b)


INTEGRATORS: dict[str, Tableau] = {
    method.name: method
    for method in (
        # With one step a cell: a residual network whose layers are near the identity.
        Tableau("euler", np.zeros((1, 1)), np.ones(1), 1),
        Tableau("midpoint", np.array([[0.0, 0.0], [0.5, 0.0]]), np.array([0.0, 1.0]), 2),
        # Kutta, Z. Math. Phys. 46, 435 (1901)
        Tableau(
            "rk4",
            np.diag([0.5, 0.5, 1.0], -1),
            np.array([1.0, 2.0, 2.0, 1.0]) / 6,
            4,
        ),
        # Dormand & Prince, J. Comput. Appl. Math. 6, 19 (1980); the coefficients are SciPy's
        Tableau("dopri5", np.array(RK45.A), np.array(RK45.B), 5),
        # Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I, II.5 (1993)
        Tableau("dop853", np.array(DOP853.A)[:12, :12], np.array(DOP853.B), 8),
    )
}

DOPRI5_ERROR = Tableau(
    "dopri5-error", np.vstack([np.pad(RK45.A, ((0, 0), (0, 1))), RK45.B]), np.array(RK45.E), 5
)
"""dopri5 with a stage more, where its step ends; ``h sum_i b_i K_i`` is the error that it states."""


@cache
def tableau(name: str) -> Tableau:
    """The integrator of that name; ``InputError`` lists the known ones."""
    if name not in INTEGRATORS:
        raise InputError(f"integrator: expected one of {', '.join(INTEGRATORS)}; got {name!r}")
    return INTEGRATORS[name]
