"""One learned function expanded along a path of potentials s U1, against the exact series at each point.

How far from where it was fitted does a learner know the derivatives? The path starts at U = 0 and may pass
the first bound state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np

from ..errors import InputError
from ..physics.distorted.strength import strength
from ..physics.weinberg import weinberg_eigenvalue
from ..series.terms import MemberSeries
from ..targets import Target, target


@dataclass(frozen=True)
class PathScan:
    """Learned against exact coefficients at S points of a path; NaN where the target is infinite.

    Attributes:
        along: the path's end as the user named it.
        eta: ``(S,)``, Weinberg's eigenvalue of the points; 1 is the first bound state.
        radius: ``(S,)``, how far the exact series at a point reaches along the path, in units of eta.
        kernel_error: ``(order, S)``, relative, mean over the members.
    """

    along: str
    eta: np.ndarray
    radius: np.ndarray
    kernel_error: np.ndarray

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""

        def plain(values: np.ndarray) -> list[float | None]:
            return [float(value) if np.isfinite(value) else None for value in values]

        return {
            "along": self.along,
            "eta": plain(self.eta),
            "radius": plain(self.radius),
            "kernel_error": [plain(row) for row in self.kernel_error],
        }


def path_scan(
    members: Sequence[MemberSeries],
    learned: Target,
    end: np.ndarray,
    order: int,
    *,
    along: str = "",
    points: int = 25,
) -> PathScan:
    """Expand what the members have learned at ``points`` potentials from U = 0 to ``end (cells,)``, U >= 0.

    Args:
        learned: the target, around the reference that the members' displacements are from.

    Raises:
        InputError: an ``end`` that is zero everywhere or not attractive, or of other cells.
    """
    base = learned.base(len(end))
    whole = float(weinberg_eigenvalue(end))
    if not whole > 0:
        raise InputError("path: expected a potential that is not zero everywhere.")
    multiples = np.linspace(0.0, 1.0, points)
    radius, errors = np.full(points, np.nan), np.full((order, points), np.nan)
    for column, s in enumerate(multiples):
        try:
            here = target(learned.name, s * end)
        except InputError:  # the target is infinite there
            continue
        radius[column] = 1 / float(strength(end / whole, s * end, here.name))  # type: ignore[arg-type]
        for n in range(1, order + 1):
            exact = here.kernel(n, len(end))
            found = [coefficients(member, n, s * end - base) for member in members]
            apart = [np.linalg.norm(tensor - exact) for tensor in found]
            errors[n - 1, column] = np.mean(apart) / np.linalg.norm(exact)
    return PathScan(along, multiples * whole, radius, errors)


def coefficients(member: MemberSeries, order: int, at: np.ndarray) -> np.ndarray:
    """The order's Taylor coefficients at ``at (cells,)`` of all that a member predicts, ``(cells,) * order``.

    What it predicts is its last learner, with the terms of the orders below the one that was due there taken
    from the rounds before. Those are polynomials, whose expansion elsewhere is contraction.
    """
    last, due = member.learners[-1], len(member.learners)
    total = last.derivative_tensor(order, at=at) / factorial(order)
    if due == 1:
        return total
    earlier = MemberSeries(member.learners[:-1], member.corrected, len(at))
    for n in range(order, due):
        kernel = earlier.kernel(n)
        if not member.corrected:
            kernel = kernel - last.derivative_tensor(n, cells=len(at)) / factorial(n)
        ways = factorial(n) // (factorial(order) * factorial(n - order))
        for _ in range(n - order):
            kernel = kernel @ at
        total = total + ways * kernel
    return total
