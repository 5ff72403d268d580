"""The perturbation series of the inverse scattering length: what stays finite at the unitary limit.

1 / a0 has its pole where a0 = 0, so that there is no series of it at U = 0; around a reference at unitarity
it is the natural one, and the strength of a displacement there is that of 1 / a0.
"""

from typing import Any

import numpy as np

from .distorted.series import kernel_around, terms_around


def inverse_born_terms(potentials: Any, order: int, at: Any = None, *, workers: int | None = None) -> Any:
    """The terms 1 .. order of 1 / a0(U0 + lambda U) in lambda, in units of the inverse range.

    Args:
        potentials: `(..., cells)`, the displacements U from the reference: any finite real numbers; or a
            torch tensor, through which autograd flows.
        order: the highest order, at least 1.
        at: the reference U0, `(cells,)`.
        workers: threads; all processors by default. The result does not depend on it.

    Returns:
        `(order, ...)` float64; row n-1 is homogeneous of degree n in U.

    Raises:
        InputError: what `born_terms` refuses, no reference, or one at which a0 = 0.
    """
    reference = _zero(potentials) if at is None else at
    return terms_around(potentials, order, reference, "inverse", workers)


def inverse_born_kernel(order: int, cells: int, at: Any = None) -> np.ndarray:
    """The kernel of `inverse_born_terms`: the symmetric tensor `(cells,) * order` that gives term n as
    `sum K_n[i1, .., in] U[i1] .. U[in]`, exact to rounding relative to its largest entry.

    Raises:
        InputError: what `born_kernel` refuses, no reference, or one at which a0 = 0.
    """
    return kernel_around(order, cells, np.zeros(max(int(cells), 0)) if at is None else at, "inverse")


def _zero(potentials: Any) -> np.ndarray:
    shape = np.shape(potentials)
    return np.zeros(shape[-1] if shape else 0)
