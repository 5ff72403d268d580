"""What members have learned, evaluated once: coefficients and terms, for tables and figures alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..learners.spread import combined, spreads
from ..series.terms import MemberSeries, Series


@dataclass(frozen=True)
class Coefficients:
    """The learned tensors of one order.

    Attributes:
        members: ``(members, cells, ..)``, the symmetric tensor of each member.
        own: per member the norm of the standard deviations that it states itself; None where it states none.
        std: ``(cells, ..)``, what all together state of their mean (`learners.spread.combined`), or None.
    """

    members: np.ndarray
    own: tuple[float | None, ...]
    std: np.ndarray | None

    @property
    def mean(self) -> np.ndarray:
        """``(cells, ..)``: over the members."""
        return np.asarray(np.mean(self.members, axis=0))

    @property
    def spread(self) -> np.ndarray:
        """``(cells, ..)``: the sample standard deviation over the members; NaN for one, which has none."""
        return spreads(self.members)


@dataclass(frozen=True)
class Evaluation:
    """Orders 1, 2, .. of what members have learned, on N held-out potentials.

    Attributes:
        coefficients: of each order.
        terms: ``(members, order, N)``.
        terms_std: ``(order, N)``, what all members together state of the mean of their terms; None where they
            state nothing, or were not asked.
    """

    coefficients: tuple[Coefficients, ...]
    terms: np.ndarray
    terms_std: np.ndarray | None = None


def evaluated(
    members: Sequence[Series],
    potentials: np.ndarray,
    order: int,
    *,
    redrawn: bool = False,
    terms_std: bool = False,
) -> Evaluation:
    """The coefficients through ``order``, and the terms of displacements ``potentials (N, cells)``.

    ``redrawn``: members were fitted to rows drawn anew. ``terms_std``: whether the members are asked for it.
    """
    terms = np.stack([member.terms(potentials, order) for member in members])
    std = None
    if terms_std:
        own = [member.terms_std(potentials, order) for member in members if isinstance(member, MemberSeries)]
        std = combined(own, lambda: list(terms), redrawn=redrawn)
    return Evaluation(tuple(_coefficients(members, n, redrawn) for n in range(1, order + 1)), terms, std)


def _coefficients(members: Sequence[Series], order: int, redrawn: bool) -> Coefficients:
    first = members[0].kernel(order)
    kernels = np.empty((len(members), *first.shape))  # filled in place: tensors of high orders are large
    kernels[0] = first
    for number, member in enumerate(members[1:], start=1):
        kernels[number] = member.kernel(order)
    stds = [member.kernel_std(order) if isinstance(member, MemberSeries) else None for member in members]
    return Coefficients(
        kernels,
        tuple(None if std is None else float(np.linalg.norm(std)) for std in stds),
        combined(stds, lambda: list(kernels), redrawn=redrawn),
    )
