"""Where the series converges: errors of learned and exact Born sums against the strength eta."""

from dataclasses import dataclass

import numpy as np

from .orders import Reference

_SCANNED = 200  # held-out shapes: medians are steady


@dataclass(frozen=True)
class StrengthScan:
    """Median absolute relative errors of sums through each order, ``(order, strengths)``, against eta."""

    strength: np.ndarray
    learned_vs_exact: np.ndarray
    born_vs_exact: np.ndarray
    learned_vs_born: np.ndarray


def strength_scan(
    terms: np.ndarray,
    reference: Reference,
    strength: np.ndarray,
    points: int = 60,
    highest: float = 2.0,
) -> StrengthScan:
    """How sums fare as held-out shapes of strength ``(N,)`` are rescaled through 1 to ``highest``.

    Terms are homogeneous, so that those of a rescaled potential follow from its own, of which the learned
    ``terms (members, order, N)`` are given; values are solved anew. Errors of what was
    learned are means over the members.
    """
    chosen = np.unique(np.linspace(0, len(strength) - 1, _SCANNED).astype(int))
    eta, order = strength[chosen], reference.order
    potentials = reference.potentials[chosen]
    powers = eta ** np.arange(1, order + 1)[:, None]
    born = reference.terms[:, chosen] / powers
    learned = terms[:, :, chosen] / powers
    strengths = np.geomspace(strength.min(), highest, points)
    errors = np.empty((3, order, points))
    for column, eta_now in enumerate(strengths):
        exact = reference.values(potentials * (eta_now / eta)[:, None])
        scale = eta_now ** np.arange(1, order + 1)[:, None]
        born_sum, learned_sum = np.cumsum(born * scale, axis=0), np.cumsum(learned * scale, axis=1)
        for kind, ratio in enumerate((learned_sum / exact, born_sum / exact, learned_sum / born_sum)):
            error = np.median(np.abs(ratio - 1), axis=-1)
            errors[kind, :, column] = error.mean(axis=0) if error.ndim == 2 else error
    return StrengthScan(strengths, *errors)
