"""How far a perturbation series around a reference reaches.

Along U0 + lambda U the target has its poles where A(lambda) = 0 (see `distorted_waves`): the eigenvalues of

    -u'' - U0 u = lambda U u,    u(0) = 0,    u'(1) = 0 for a0,    u'(1) = u(1), which is a0 = 0, for 1 / a0.

The strength is 1 / |lambda| of the nearest one in the complex plane, so that the series in lambda converges
where |lambda| strength < 1. At U0 = 0 it is the largest modulus of the eigenvalues of the kernel
min(r, r') U(r'), and for U >= 0 the Weinberg eigenvalue eta (S. Weinberg, Phys. Rev. 131, 440 (1963)).

Eigenvalues are real where U has one sign, or where U0 alone binds nothing (u'(1) = 0: no bound state). With
U of both signs around a U0 that binds they may be complex pairs; for 1 / a0 already around a shallow
attractive U0, for then -u'' - U0 u with u'(1) = u(1) has a negative eigenvalue. The modulus is taken.
"""

from typing import Any

import numpy as np

from ...errors import InputError
from ..blocks import over_rows
from ..stumpff import compiled, kernel
from ..validation import as_potentials, is_tensor, refuse_nonfinite
from ..weinberg import weinberg_eigenvalue
from .series import denominators
from .waves import Target, as_reference, distortion

_ORDERS = (32, 96)
"""Where the power series of A is cut off: A is entire of order 1/2, and mostly the first is exact to
rounding. Where it is not, the second is taken."""

_SLACK = 1.25  # how far a root of the series at half the orders may be from the root of all of it


_LARGEST_SUM = 1e6  # of |terms| of the series at its zero: beyond, too many digits cancel there
_LEAST = float(np.finfo(float).tiny)


def strength(
    potentials: Any, at: Any = None, target: Target = "scattering_length", *, workers: int | None = None
) -> Any:
    """One over the distance, in multiples of U, from the reference to the nearest pole of the target.

    Args:
        potentials: `(..., cells)`, the displacements U from the reference, of any sign; or a torch tensor
            (the result carries no graph).
        at: the reference U0, `(cells,)`; U0 = 0 by default.
        target: `scattering_length`, or `inverse` for 1 / a0.
        workers: threads; all processors by default. The result does not depend on it.

    Returns:
        `(...)` float64, homogeneous of degree one in U for factors of both signs; 0 for U = 0. To rounding,
        unless two eigenvalues all but coincide, where it is to the square root of rounding. At U0 = 0 for
        U >= 0 it is `weinberg_eigenvalue`, bit for bit.

    Raises:
        InputError: bad potentials or a bad reference, an unknown target, or a target that is infinite at the
            reference.
    """
    if is_tensor(potentials):
        from ..autograd import to_numpy, to_tensor

        return to_tensor(strength(to_numpy(potentials), at, target, workers=workers), potentials)
    rows, batch = as_potentials(potentials)
    result = np.empty(len(rows))
    reference = np.zeros(rows.shape[1]) if at is None else as_reference(at, rows.shape[1])
    attractive: np.ndarray = np.zeros(len(rows), dtype=bool)
    if target == "scattering_length" and not reference.any():
        attractive = np.all(rows >= 0, axis=1)
        if not np.isfinite(rows).all():
            refuse_nonfinite(rows, batch)
        if attractive.any():
            result[attractive] = weinberg_eigenvalue(rows[attractive], workers=workers)
    pending = np.flatnonzero(~attractive)
    for order in _ORDERS:
        if not len(pending) and order > _ORDERS[0]:
            break
        chosen, shape = (rows, batch) if len(pending) == len(rows) else as_potentials(rows[pending])
        series, size = denominators(chosen, shape, distortion(reference, target, order), workers)
        moduli, sure = _largest_inverse_root(series, workers)
        result[pending] = moduli * size
        pending = pending[~sure]
    if len(pending):
        place = [int(k) for k in np.unravel_index(pending[0], batch)] if batch else ""
        raise InputError(
            f"potentials{place}: its nearest pole around this reference is too far off "
            "to be found in double precision (a displacement within a hard core); leave it out"
        )
    return result.reshape(batch)[()]


def _largest_inverse_root(series: np.ndarray, workers: int | None) -> tuple[np.ndarray, np.ndarray]:
    """1 / |lambda| at the smallest zero of each power series `(N, order + 1)` that starts with 1, and whether
    the series is exact to rounding there."""
    moduli, status = np.empty(len(series)), np.empty(len(series), dtype=np.int64)
    over_rows(lambda a, b: _dominant_kernel(series, a, b, moduli, status), series, workers)
    several = np.flatnonzero(status == _SEVERAL)
    for first in range(0, len(several), 1 << 12):
        part = several[first : first + (1 << 12)]
        _polish_kernel(series, part, _inverse_roots(series[part]), _SLACK, moduli, status)
    return moduli, status == _DONE


def _inverse_roots(series: np.ndarray) -> np.ndarray:
    """1 / lambda of all zeros of the series cut at half its orders, largest first: `(N, order / 2)`."""
    half = (series.shape[1] - 1) // 2
    # lambda in units in which the largest |a_n|^(1/n) is 1: entries of the companion matrix are then below 1
    powers = np.arange(1, half + 1)
    sizes = np.abs(series[:, 1 : half + 1]) ** (1 / powers)
    unit = sizes.max(axis=1, keepdims=True)
    companion = np.zeros((len(series), half, half))
    companion[:, 0] = -np.sign(series[:, 1 : half + 1]) * (sizes / unit) ** powers
    companion[:, powers[1:] - 1, powers[1:] - 2] = 1.0
    roots = np.linalg.eigvals(companion) * unit
    order = np.argsort(-np.abs(roots), axis=1, kind="stable")
    return np.take_along_axis(roots, order, axis=1).astype(np.complex128)


_DONE, _SEVERAL, _INEXACT = 0, 1, 2


@kernel
def _dominant_kernel(series, start, stop, moduli, status):
    """Rows whose largest 1 / lambda stands out, by power sums: s_m = sum_k lambda_k^-m is coefficient m - 1
    of -A' / A, and s_{m+1} / s_m tends to it. Others are _SEVERAL. Returns how many those are."""
    order = series.shape[1] - 1
    sums = np.empty(order + 1)
    several = 0
    for row in range(start, stop):
        a = series[row]
        moduli[row] = 0.0
        status[row] = _DONE
        largest = 0.0
        for n in range(1, order + 1):
            largest = max(largest, abs(a[n]) ** (1.0 / n))
        if largest == 0.0:
            continue
        for m in range(1, order + 1):  # Newton's identities, in units of `largest`
            sums[m] = -m * a[m] / largest**m
            for k in range(1, m):
                sums[m] -= sums[k] * a[m - k] / largest ** (m - k)
        ratio = sums[order] / sums[order - 1]
        before = sums[order - 1] / sums[order - 2]
        if abs(ratio - before) <= 1e-7 * abs(ratio):
            root, exact = _polished(a, complex(1.0 / (ratio * largest)))
            moduli[row] = 1.0 / abs(root)
            if abs(moduli[row] - abs(ratio * largest)) <= 1e-5 * moduli[row]:
                status[row] = _DONE if exact else _INEXACT
                continue
        status[row] = _SEVERAL
        several += 1
    return several


@kernel
def _polish_kernel(series, rows, inverse_roots, slack, moduli, status):
    """The largest modulus among the roots that may be the largest, each brought to rounding."""
    for j in range(len(rows)):
        a = series[rows[j]]
        best = 0.0
        exact = True
        top = abs(inverse_roots[j, 0])
        for k in range(inverse_roots.shape[1]):
            mu = inverse_roots[j, k]
            if abs(mu) * slack < top:
                break
            if mu.imag < 0.0:
                continue
            root, sure = _polished(a, 1.0 / mu)
            change = abs(root * mu)
            modulus = 1.0 / abs(root)
            if not (change * slack > 1.0 and change < slack):
                modulus, sure = abs(mu), False  # led astray by a root of the shorter series alone
            exact = exact and sure
            best = max(best, modulus)
        moduli[rows[j]] = best
        status[rows[j]] = _DONE if exact else _INEXACT
    return 0


@compiled
def _polished(a, root):
    """The zero of the power series next to `root`, by Newton's method, and whether the series is exact there,
    with nothing to speak of cut off or cancelled."""
    last = np.inf
    for _ in range(30):
        value = complex(0.0)
        slope = complex(0.0)
        for n in range(len(a) - 1, -1, -1):
            slope = slope * root + value
            value = value * root + a[n]
        if slope == 0.0:
            break
        step = value / slope
        if not (abs(step) < 0.5 * last):  # nothing but rounding is left
            break
        root -= step
        last = abs(step)
    value = complex(0.0)
    for n in range(len(a) - 1, -1, -1):
        value = value * root + a[n]
    size = 0.0
    power = 1.0
    for n in range(len(a)):
        size += abs(a[n]) * power
        power *= abs(root)
    last_two = max(abs(a[-1]), abs(a[-2]) / abs(root), _LEAST)  # coefficients below the least underflowed
    exact = last_two * power / abs(root) < 1e-17 * size
    return root, exact and abs(value) < 1e-13 * size and size < _LARGEST_SUM
