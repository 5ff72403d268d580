"""A reference potential U0 as the perturbation around it sees it: its waves, and how cells perturb them.

Two solutions of `u'' = -U0 u` carry everything: psi, regular at r = 0, and chi, for which the denominator of
the target vanishes at r = 1 (u' for a0; r u' - u for 1 / a0). A solution for another potential is written
A psi + B chi at every edge of a cell. There the cell of depth U0_i + U_i acts as a matrix that is entire in
x = U_i h^2, and is the identity at x = 0. A starts as 1 and B as 0; at r = 1

    target(U0 + U) = target(U0) + factor B / A,

so nothing of order zero is left to cancel, and A = 0 is the pole of the target. At U0 = 0, psi = r and
chi = 1. (Distorted waves: R. G. Newton, Scattering Theory of Waves and Particles, chapter 9.)

Lengths are in cells, as in `cells`. The waves are carried in decimal arithmetic, long enough for u'(1) to be
known to its last double digit however close U0 is to unitarity.
"""

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import lru_cache
from typing import Any, get_args

import numpy as np

from ...config.names import TargetName
from ...errors import InputError
from ..validation import is_tensor

Target = TargetName
Pair = tuple[Decimal, Decimal]

_DEEPEST = 3000.0
_UNRESOLVED = 16 * float(np.finfo(float).eps)
_OWN_DIGITS = 55  # of the 60 that the waves are carried with at least
_LARGE_EXPONENT = 30  # psi is kept below 10 to this power


@dataclass(frozen=True)
class Distortion:
    """What the perturbation series around a reference is made of.

    Attributes:
        matrices: `(cells, order + 1, 4)`; entry k holds the coefficients of x^k in the matrix of a cell, as
            AA, AB, BA, BB: what the new A takes from A and B, and the new B. Entry 0 is (1, 0, 0, b).
        weights: `(cells,)`, about what x_i is multiplied by in A. At U0 = 0 the r of the cell.
        factor: of B / A in the target, in powers of the range.
        value: the target at the reference.
    """

    matrices: np.ndarray
    weights: np.ndarray
    factor: float
    value: float


def as_reference(at: Any, cells: int) -> np.ndarray:
    """The reference as a float64 array `(cells,)`; `InputError` where it is no such potential."""
    if is_tensor(at):
        from ..autograd import to_numpy

        at = to_numpy(at)
    try:
        reference = np.asarray(at)
    except ValueError:
        reference = np.empty((0, 0))
    if reference.dtype.kind not in "fiub" or reference.ndim != 1:
        raise InputError(
            f"at: expected one reference potential of shape ({cells},), got shape {reference.shape} of "
            f"{reference.dtype}"
        )
    if len(reference) != cells:
        raise InputError(f"at: expected {cells} cells, as many as the potentials have, got {len(reference)}")
    reference = reference.astype(np.float64)
    if not np.isfinite(reference).all():
        i = int(np.argmin(np.isfinite(reference)))
        raise InputError(f"at[{i}]: expected a finite number, got {reference[i]}")
    return reference


def distortion(at: np.ndarray, target: Target, order: int) -> Distortion:
    """The matrices of all cells through `order` around the reference `at`, `(cells,)`.

    Raises:
        InputError: an unknown target; a target that is infinite at the reference, to within the rounding of
            U0; or a reference so deep that the integral of sqrt |U0| is above 3000.
    """
    if target not in get_args(Target):
        raise InputError(f"target: expected one of {', '.join(get_args(Target))}, got {target!r}")
    phase = float(np.sqrt(np.abs(at)).mean())
    if phase > _DEEPEST:
        raise InputError(
            f"at: expected a reference whose integral of sqrt |U0| is at most {_DEEPEST:g}, got {phase:g}; "
            "take a shallower reference"
        )
    return _distortion(at.tobytes(), target, order)


@lru_cache(maxsize=16)
def _distortion(reference: bytes, target: Target, order: int) -> Distortion:
    depths = np.frombuffer(reference)
    digits = (
        _OWN_DIGITS + 5 + int(np.sqrt(np.abs(depths)).mean())
    )  # waves grow and fall by exp(integral of sqrt |U0|)
    with localcontext(Context(prec=digits, Emax=999999, Emin=-999999)):
        return _in_decimals(depths, target, order)


def _in_decimals(depths: np.ndarray, target: Target, order: int) -> Distortion:
    cells = len(depths)
    known: dict[float, list[list[Decimal]]] = {}
    for depth in depths.tolist():
        if depth not in known:
            known[depth] = _cell_series(Decimal(depth) / (cells * cells), order)
    series = [known[depth] for depth in depths.tolist()]

    psi: list[Pair] = [(Decimal(0), Decimal(1))]
    for matrix in series:
        psi.append(_apply(matrix, 0, psi[-1]))
    u, v = psi[-1]
    d = cells * v - u
    length = (d * d + (cells * v) ** 2).sqrt()
    # d and v turn by blur / length^2 when U0 changes in its last digits
    blur = sum(
        (
            abs(Decimal(depth)) / (cells * cells) * abs(_entry(psi[i + 1], _apply(series[i], 1, psi[i])))
            for i, depth in enumerate(depths.tolist())
        ),
        Decimal(0),
    ) * Decimal(_UNRESOLVED)
    blur += length * length * Decimal(10) ** -_OWN_DIGITS
    if target == "scattering_length":
        if abs(v) * length <= blur:
            raise InputError(
                "at: the scattering length is infinite at this reference (the unitary limit); take "
                "target inverse, 1/a0"
            )
        chi: Pair = (1 / v, Decimal(0))
        factor, value = -1 / (v * v * cells), d / (v * cells)
    else:
        if abs(d) * length <= cells * blur:
            raise InputError(
                "at: 1/a0 is infinite at this reference, where a0 = 0, as at U = 0; take "
                "target scattering_length, or another reference"
            )
        chi = (cells / d, 1 / d)
        factor, value = cells / (d * d), v * cells / d

    matrices, weights = np.zeros((cells, order + 1, 4)), np.empty(cells)
    squares = _scales_squared(psi)
    after = chi
    for i in range(cells - 1, -1, -1):
        (c, s), (minus_q, _) = series[i][0][:2], series[i][0][2:]
        before = (c * after[0] - s * after[1], -minus_q * after[0] + c * after[1])  # the inverse matrix
        matrices[i, 0] = 1.0, 0.0, 0.0, float(squares[i + 1] / squares[i])
        for k in range(1, order + 1):
            of_psi, of_chi = _apply(series[i], k, psi[i]), _apply(series[i], k, before)
            AA, AB = -_entry(after, of_psi), -_entry(after, of_chi)
            BA, BB = _entry(psi[i + 1], of_psi), _entry(psi[i + 1], of_chi)
            scaled = AA, AB / squares[i], BA * squares[i + 1], BB * squares[i + 1] / squares[i]
            matrices[i, k] = [float(entry) for entry in scaled]
        weights[i] = abs(matrices[i, 1, 0]) + np.sqrt(abs(matrices[i, 1, 1] * matrices[i, 1, 2]))
        after = before
    matrices.flags.writeable = weights.flags.writeable = False
    return Distortion(matrices, weights, float(factor / squares[-1]), float(value))


def _cell_series(x: Decimal, order: int) -> list[list[Decimal]]:
    """`series[k]`: the coefficients of y^k in c_0, c_1, -z c_1, c_0 at z = x + y, the matrix of one cell.

    The k-th derivative of c_1 is (-1/2)^k e_k, where e_k(x) = j_k(sqrt x) / sqrt(x)^k is entire (NIST DLMF
    10.51.3) and `e_{k-1} = (2k + 1) e_k - x e_{k+1}` is stable downwards; e_{-1} = c_0.
    """
    entire = [_bessel(x, order + 1), _bessel(x, order)]
    for k in range(order, -1, -1):
        entire.append((2 * k + 1) * entire[-1] - x * entire[-2])
    entire.reverse()  # from k = -1
    c0, c1, zc1 = [entire[0]], [entire[1]], [x * entire[1]]
    half = Decimal("0.5")
    scale = Decimal(1)
    for k in range(1, order + 1):
        scale *= -half / k
        c1.append(scale * entire[k + 1])
        c0.append(-half * c1[k - 1] / k)
        zc1.append(half * (c0[k - 1] + c1[k - 1]) / k)
    return [[a, b, -q, a] for a, b, q in zip(c0, c1, zc1, strict=True)]


def _bessel(x: Decimal, k: int) -> Decimal:
    """e_k(x) = sum_m (-x / 2)^m / (m! (2k + 2m + 1)!!)."""
    term = Decimal(1)
    for j in range(3, 2 * k + 2, 2):
        term /= j
    total, m = Decimal(0), 0
    while total + term != total:
        total += term
        m += 1
        term *= -x / (2 * m * (2 * k + 2 * m + 1))
    return total


def _apply(series: list[list[Decimal]], k: int, wave: Pair) -> Pair:
    a, b, c, d = series[k]
    return a * wave[0] + b * wave[1], c * wave[0] + d * wave[1]


def _entry(wave: Pair, image: Pair) -> Decimal:
    """wave' image - wave image': minus the part of `image` along the other wave (the Wronskian is -1)."""
    return wave[1] * image[0] - wave[0] * image[1]


def _scales_squared(psi: list[Pair]) -> list[Decimal]:
    """The squares of the powers of two that psi is multiplied by (and chi divided) at every edge."""
    squares = [Decimal(1)]
    bits = 0
    for u, v in psi[1:]:
        size = (abs(u) + abs(v)).adjusted()
        if size - bits * 0.30103 > _LARGE_EXPONENT:
            bits = int(size / 0.30103)
        squares.append(Decimal(2) ** (-2 * bits))
    return squares
