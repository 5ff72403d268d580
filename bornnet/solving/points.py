"""The points of a table of r and V: in order, each once, without what stands for an infinite V at r = 0."""

from typing import Any

import numpy as np

from ..errors import InputError
from ..files.potentials import require_finite
from ..physics.radial.interpolation import Interpolant, goes_like_one_over_r

_PLACEHOLDER = 1e3
"""Times the largest |V| of the other points: more than that at r = 0 stands for infinity."""


def ordered_points(source: str, r: Any, V: Any) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """r and V `(points,)` with r >= 0 increasing, and notes on points that were left out.

    A table in decreasing order is turned round, and a row that is there twice is taken once. What is infinite
    or NaN at r = 0, or stands there in the place of an infinite V, is left out.

    Raises:
        InputError: not two arrays of one length, numbers that are not finite, r < 0 or in no order.
    """
    r, V = np.asarray(r, dtype=float), np.asarray(V, dtype=float)
    if r.ndim != 1 or V.shape != r.shape or len(r) < 2:
        raise InputError(
            f"{source}: expected r and V of one length, at least 2; got shapes {r.shape} and {V.shape}."
        )
    require_finite(source, np.stack([r, np.where(r == 0, 0.0, V)], axis=1))
    if r.min() < 0:
        raise InputError(f"{source}: row {np.argmin(r) + 1}, column 1: expected r >= 0, got {r.min():g}.")
    rows = np.arange(len(r))
    if (np.diff(r) <= 0).all() and r[0] > r[-1]:
        rows = rows[::-1]
    twice = np.flatnonzero((np.diff(r[rows]) == 0) & (V[rows][1:] == V[rows][:-1]))
    rows = np.delete(rows, twice + 1)
    _require_order(source, r, V, rows)
    r, V = r[rows], V[rows]
    notes = []
    if r[0] == 0 and _no_value_at_origin(r, V):
        notes.append(f"V = {V[0]:g} at r = 0 is left out: there V is taken to go on as at the next points.")
        r, V = r[1:], V[1:]
    if len(r) < 2:
        raise InputError(f"{source}: expected at least two points, at different r, where V is finite.")
    return r, V, tuple(notes)


def _require_order(source: str, r: np.ndarray, V: np.ndarray, rows: np.ndarray) -> None:
    wrong = np.flatnonzero(np.diff(r[rows]) <= 0)
    if not wrong.size:
        return
    before, row = rows[wrong[0]], rows[wrong[0] + 1]
    first, second = sorted((int(before) + 1, int(row) + 1))
    if r[before] == r[row]:
        raise InputError(
            f"{source}: rows {first} and {second}: expected one V at each r, got {V[before]:g} and "
            f"{V[row]:g} at r = {r[row]:g}. Put a jump between two r next to each other."
        )
    raise InputError(
        f"{source}: row {row + 1}, column 1: expected r to increase, got {r[row]:g} after {r[before]:g}; "
        "sort the rows."
    )


def _no_value_at_origin(r: np.ndarray, V: np.ndarray) -> bool:
    """Whether V(0), the first point, is no value of a V that goes on smoothly to r = 0."""
    if not np.isfinite(V[0]):
        return True
    if len(r) < 6:
        return False
    if abs(V[0]) > _PLACEHOLDER * np.abs(V[1:]).max():
        return True
    if not goes_like_one_over_r(r[1:], V[1:]):
        return False
    # what the others say of the second point, with V(0) and, as 1/r, without it
    with_it = Interpolant(np.delete(r, 1), np.delete(V, 1))(r[1:2])[0]
    without = Interpolant(r[2:], V[2:])(r[1:2])[0]
    return bool(abs(without - V[1]) < 0.2 * abs(with_it - V[1]))
