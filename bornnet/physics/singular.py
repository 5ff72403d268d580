"""Potentials that go like 1/r at the origin, as Yukawa's does, brought onto cells.

U itself has no averages that mean much there, but u is proportional to r, so what is felt is r^2 U, which is
smooth. As in `discretize`, a cell's constant is a weighted average of U over its neighbourhood, with weights
that are exact against polynomials, here r^2 times a polynomial of degree below 3:

    U_i = sum_j integral over cell j of U r^2 L_ij / integral over cell i of r^2

What is left is the square of U_cells - U in the first few cells, so a0, Born terms and eta all converge as
`cells ** -3`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .discretize import finite_values, gauss
from .validation import as_count


def discretize_singular(potential: Callable[[np.ndarray], Any], cells: int) -> np.ndarray:
    """Bring U(r), 0 < r <= 1, with `r U(r)` smooth, onto cells; it stays attractive where it is.

    Args:
        potential: a function of an array of r > 0, vectorized.
        cells: how many.

    Returns:
        `(cells,)` float64. 10,000 cells give a0 of a Yukawa potential of range 1/33 to 1e-7 or better up to
        twice the strength that binds; what is left grows as U^2.

    Raises:
        InputError: cells below 1, or a potential that is not finite somewhere.
    """
    cells = as_count("cells", cells)
    width = min(3, cells)
    nodes, weights = gauss(4)
    power = np.arange(width)
    cell = np.arange(cells)
    r = cell[:, None] + 0.5 + nodes  # in cells
    measure = r**2 * weights
    volume = measure.sum(axis=1)
    stencil = np.clip(cell - width // 2, 0, cells - width)[:, None] + power
    # The polynomials L of (r - centre of the cell) whose averages over the cells of its stencil are 0, 1, 0.
    away = r[stencil] - (cell[:, None, None] + 0.5)
    averages = (measure[stencil, :, None] * away[..., None] ** power).sum(axis=2) / volume[stencil, None]
    L = (nodes[:, None] ** power) @ np.linalg.inv(averages)
    shares = ((finite_values(potential, r / cells) * measure)[:, None] @ L)[:, 0]
    return np.bincount(stencil.ravel(), shares.ravel(), cells) / volume
