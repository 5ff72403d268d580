"""All that is known of potentials on cells: exact, but for rounding."""

import numpy as np

from .born import born_terms
from .radial.series import radial_strength
from .radial.solver import RadialPotential
from .scattering import inverse_scattering_length, scattering_length, scattering_length_and_gradient
from .solution import Solution
from .wave import effective_range
from .weinberg import bound_states, weinberg_eigenvalue


def solve_cells(
    potentials: np.ndarray,
    order: int = 4,
    *,
    length: float = 1.0,
    unit: str = "ranges",
    workers: int | None = None,
) -> Solution:
    """Solve potentials on cells `(N, cells)`, exactly but for rounding; one range is `length` times `unit`.

    Where U has both signs, eta is found by the solver in r, potential by potential.
    """
    potentials = np.asarray(potentials, dtype=float)
    one_sign = np.all(potentials >= 0, axis=1) | np.all(potentials <= 0, axis=1)
    eta = np.empty(len(potentials))
    eta[one_sign] = weinberg_eigenvalue(np.abs(potentials[one_sign]), workers=workers)
    for row in np.flatnonzero(~one_sign):
        eta[row] = radial_strength(_steps(potentials[row]))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        a0, gradient = scattering_length_and_gradient(potentials, workers=workers)
        rounding = 4 * np.finfo(float).eps * (np.abs(a0) + np.abs(potentials * gradient).sum(axis=1))
        inverse = inverse_scattering_length(potentials, workers=workers) / length
        return Solution(
            scattering_length=length * scattering_length(potentials, workers=workers),
            inverse_scattering_length=inverse,
            effective_range=length * effective_range(potentials, workers=workers),
            strength=eta,
            converges=[bool(value < 1) for value in eta],
            bound_states=bound_states(potentials, workers=workers),
            born_terms=length * born_terms(potentials, order, workers=workers),
            error={
                "total": length * rounding,
                "integration": length * rounding,
                "interpolation": np.full(len(eta), np.nan),
                "cut_off": np.full(len(eta), np.nan),
            },
            warnings=[[] for _ in eta],
            unit=unit,
        )


def _steps(cells: np.ndarray) -> RadialPotential:
    count = len(cells)
    return RadialPotential(
        lambda r: cells[np.minimum((r * count).astype(int), count - 1)], np.arange(count + 1) / count
    )
