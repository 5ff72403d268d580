"""The user's own values: potentials and numbers from a code or an experiment, as a dataset like any other.

Strengths are Weinberg's eigenvalue eta of |U|. Where a potential has both signs, the largest modulus of its
own eigenvalues is at most that: the Born series converges for eta < 1, and sometimes beyond.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..files.atomic import check_new_file
from .content import OBSERVABLE
from .labelled import Labelled
from .writer import write_rows


@dataclass(frozen=True)
class Deviation:
    """How far given scattering lengths are from bornnet's own, relative to these; rows count from 1.

    Attributes:
        median, largest: of the moduli.
        row: where the largest is.
        in_sigma: the root mean square in units of the stated errors; None where none are stated.
    """

    median: float
    largest: float
    row: int
    in_sigma: float | None


def own_rows(
    potentials: Any,
    values: Any,
    *,
    sigma: Any = None,
    gradients: Any = None,
    observable: str = OBSERVABLE,
) -> Labelled:
    """The arrays as rows of a dataset, all checked.

    Args:
        potentials: ``(N, cells)``, of any sign.
        values: ``(N,)``, of the scattering length in units of the range, or of any other observable.
        sigma: one standard deviation of the values' errors, ``(N,)`` or one for all; None: they are exact.
        gradients: ``(N, cells)``, the derivatives of the values.
        observable: its name; for ``"scattering_length"`` the Born series is what is learned.

    Raises:
        InputError: arrays that do not fit together, numbers that are not finite, a sigma that is not
            positive, a potential that is zero, or one given twice with values that do not agree.
    """
    if not observable.strip():
        raise InputError("observable: expected a name, got none.")
    try:
        U, y = np.asarray(potentials, dtype=float), np.asarray(values, dtype=float)
    except ValueError as error:
        raise InputError(
            "potentials: expected an array (N, cells), got rows of different lengths; potentials of "
            "different cells come onto common ones by bornnet.equal_cells."
        ) from error
    if U.ndim != 2 or not U.size:
        raise InputError(f"potentials: expected an array (N, cells), got shape {U.shape}.")
    if y.shape != (len(U),):
        raise InputError(f"values: expected one for each of {len(U)} potentials, got shape {y.shape}.")
    arrays = {"potentials": U, "values": y}
    errors = slopes = None
    if sigma is not None:
        errors = np.asarray(sigma, dtype=float)
        if errors.ndim == 0:
            errors = np.full(len(U), float(errors))
        if errors.shape != y.shape:
            raise InputError(f"sigma: expected one, or one for each of {len(U)} values, got {errors.shape}.")
        arrays["sigma"] = errors
    if gradients is not None:
        slopes = np.asarray(gradients, dtype=float)
        if slopes.shape != U.shape:
            raise InputError(
                f"gradients: expected the shape of the potentials, {U.shape}, got {slopes.shape}."
            )
        arrays["gradients"] = slopes
    for name, array in arrays.items():
        strange = np.argwhere(~np.isfinite(array))
        if len(strange):
            index = [int(i) for i in strange[0]]
            raise InputError(
                f"{name}: row {index[0] + 1}"
                + (f", cell {index[1] + 1}" if len(index) > 1 else "")
                + f": expected a finite number, got {array[tuple(index)]}."
            )
    if errors is not None and not (errors > 0).all():
        row = int(np.argmin(errors))
        raise InputError(f"sigma: row {row + 1}: expected a positive number, got {errors[row]:g}.")
    _require_consistent(U, y, errors)
    return Labelled(U, y, _strength(U), slopes, errors)


def write_dataset(
    path: str | Path,
    potentials: Any,
    values: Any,
    *,
    sigma: Any = None,
    gradients: Any = None,
    observable: str = OBSERVABLE,
    force: bool = False,
) -> str:
    """Write the user's own values as a dataset, and return the SHA-256 of its content.

    Arguments and errors are those of `own_rows`; also ``InputError`` where ``path`` exists, unless ``force``.
    """
    given = {"sigma": sigma, "gradients": gradients, "observable": observable}
    return write_own(Path(path), potentials, values, force=force, **given)[1]


def write_own(
    path: Path, potentials: Any, values: Any, *, force: bool, observable: str, **given: Any
) -> tuple[Labelled, str]:
    """The rows that `write_dataset` has written, and the SHA-256 of their content."""
    check_new_file(path, force=force)
    rows = own_rows(potentials, values, observable=observable, **given)
    return rows, write_rows(path, rows, configuration=_configuration(rows, observable), force=force)


def _configuration(rows: Labelled, observable: str) -> dict[str, Any]:
    """What a dataset of own values records of its making."""
    return {
        "given": "values",
        "labels": "value" if rows.gradient is None else "gradient",
        "observable": observable,
    }


def deviation(rows: Labelled) -> Deviation:
    """How far the values are from exact scattering lengths of the same potentials."""
    from ..physics.scattering import scattering_length

    exact = scattering_length(rows.potentials[:])
    apart = np.abs(rows.values - exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(apart == 0, 0.0, apart / np.abs(exact))
    in_sigma = None if rows.sigma is None else float(np.sqrt(np.mean((apart / rows.sigma) ** 2)))
    row = int(np.argmax(relative))
    return Deviation(float(np.median(relative)), float(relative[row]), row + 1, in_sigma)


def _strength(U: np.ndarray) -> np.ndarray:
    from ..physics.weinberg import weinberg_eigenvalue

    strength = np.asarray(weinberg_eigenvalue(np.abs(U)))
    if not (strength > 0).all():
        row = int(np.argmin(strength))
        raise InputError(
            f"potentials: row {row + 1}: it is zero everywhere, so it has no leading order; leave it out."
        )
    return strength


def _require_consistent(U: np.ndarray, y: np.ndarray, sigma: np.ndarray | None) -> None:
    """``InputError`` where a potential stands twice with values that differ beyond five of their errors."""
    order = np.lexsort(U.T[::-1])
    same = np.flatnonzero((U[order[1:]] == U[order[:-1]]).all(axis=1))
    first, second = order[same], order[same + 1]
    allowed = np.zeros(len(same)) if sigma is None else 5 * np.hypot(sigma[first], sigma[second])
    wrong = np.flatnonzero(np.abs(y[first] - y[second]) > allowed)
    if len(wrong):
        one, other = sorted((int(first[wrong[0]]), int(second[wrong[0]])))
        told = "and no errors are given" if sigma is None else "more than five of their errors apart"
        raise InputError(
            f"potentials: rows {one + 1} and {other + 1} are the same, but their values are {y[one]:.10g} "
            f"and {y[other]:.10g}, {told}: leave one out, or state larger errors (sigma)."
        )
