"""How strong a potential is: its largest zero-energy Weinberg eigenvalue, and the number of its bound states.

S. Weinberg, Phys. Rev. 131, 440 (1963): the Born series of lambda U converges exactly for |lambda| < 1 / eta,
where eta = 1 / lambda_c and lambda_c U is the first rescaling of U with a bound state at zero energy.
"""

from math import atan2, floor, pi, sqrt
from typing import Any

import numpy as np

from .blocks import LANES, load_block, over_rows
from .cells import LARGE, cross_deep, cross_shallow
from .scattering import NO_DIVISOR, edge_and_integrals
from .stumpff import SHALLOW, c6, c7, compiled, kernel
from .validation import as_potentials, is_tensor, refuse_negative, refuse_nonfinite

_MOST_STEPS = 100


def weinberg_eigenvalue(potentials: Any, *, workers: int | None = None) -> Any:
    """The strength eta = 1 / lambda_c of attractive potentials; 0 for U = 0.

    lambda_c is the smallest zero of `v(lambda) = u'(1; lambda U)`, an entire function of order 1/2 that has
    only real positive zeros when U >= 0. Laguerre's step in its limit for such functions, `lambda += v /
    sqrt(v'^2 - v v'')`, starts at 0, never oversteps the first zero, and converges cubically.

    Args:
        potentials: `(..., cells)`, U >= 0; or a torch tensor, through which autograd flows.
        workers: threads; all processors by default. The result does not depend on it.

    Returns:
        `(...)` float64, homogeneous of degree one in U, with a relative error of a few 1e-16 times
        sqrt(cells).

    Raises:
        InputError: not a real array with at least one cell, or an entry that is negative, NaN or infinite.
    """
    if is_tensor(potentials):
        from .autograd import differentiable

        return differentiable(
            potentials,
            lambda U: weinberg_eigenvalue(U, workers=workers),
            lambda U, grad: grad[..., None] * weinberg_gradient(U, workers=workers),
        )
    rows, batch = as_potentials(potentials)
    eta = np.empty(len(rows))
    if over_rows(lambda a, b: _eigenvalue_kernel(rows, a, b, eta), rows, workers):
        refuse_nonfinite(rows, batch)
        refuse_negative(rows, batch)
    return eta.reshape(batch)[()]


def weinberg_gradient(potentials: Any, *, workers: int | None = None) -> np.ndarray:
    """d eta / d U_i, `(..., cells)`, by first-order perturbation theory: proportional to the integral of the
    zero-energy bound state squared over cell i. Not defined at U = 0, where it is NaN."""
    rows, batch = as_potentials(potentials)
    eta = weinberg_eigenvalue(rows, workers=workers)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        critical = np.where(eta > 0, rows / eta, 0.0)
        weights = -edge_and_integrals(*as_potentials(critical), workers, NO_DIVISOR)[2]
        gradient = weights / (weights * critical).sum(axis=1, keepdims=True)
    return gradient.reshape(*batch, rows.shape[1])


def bound_states(potentials: Any, *, workers: int | None = None) -> Any:
    """The number of S-wave bound states: the zeros of the zero-energy u(r) at 0 < r < infinity.

    Args and errors are those of `bornnet.scattering_length`; a state exactly at threshold does not count.

    Returns:
        `(...)` int64.
    """
    if is_tensor(potentials):
        from .autograd import to_numpy, to_tensor

        return to_tensor(bound_states(to_numpy(potentials), workers=workers), potentials)
    rows, batch = as_potentials(potentials)
    count = np.empty(len(rows), dtype=np.int64)
    if over_rows(lambda a, b: _count_kernel(rows, a, b, count), rows, workers):
        refuse_nonfinite(rows, batch)
    return count.reshape(batch)[()]


@kernel
def _eigenvalue_kernel(potentials, start, stop, eta):
    """Returns the number of entries that are negative, NaN or infinite."""
    cells = potentials.shape[1]
    scale = 1.0 / (float(cells) * float(cells))
    y = np.empty((cells, LANES))
    trace = np.empty(LANES)
    coupling = np.empty(LANES)
    step = np.empty(LANES)
    state = np.empty((6, LANES))
    refused = 0
    for row in range(start, stop, LANES):
        lanes = min(LANES, stop - row)
        load_block(potentials, row, lanes, 0, cells, scale, y)
        refused += _divide_by_trace(y, trace)
        # The trace is the sum of all eigenvalues: in its units the first zero is at 1 or above.
        coupling[:] = 1.0
        step[:] = 1.0
        for _ in range(_MOST_STEPS):
            _slope_and_derivatives(y, coupling, state)
            if _laguerre_step(state[3], state[4], state[5], coupling, step) == 0:
                break
        for b in range(lanes):
            eta[row + b] = trace[b] / coupling[b]
    return refused


@compiled
def _divide_by_trace(y, trace):
    """Divide each lane by the integral of r U, written to `trace`; count the entries that are not U >= 0."""
    refused = 0
    trace[:] = 0.0
    for i in range(len(y)):
        for b in range(LANES):
            refused += not (y[i, b] >= 0.0 and y[i, b] < np.inf)
            trace[b] += (i + 0.5) * y[i, b]
    for i in range(len(y)):
        for b in range(LANES):
            y[i, b] /= trace[b] if trace[b] > 0.0 else 1.0
    return refused


@compiled
def _slope_and_derivatives(y, coupling, state):
    """u and v = u' at the edge for the potentials coupling * y, each with two derivatives by the coupling.

    No cell gets deep: alone it would bind at x = (pi / 2)^2 < SHALLOW, and the coupling stays below the first
    bound state of all cells together.
    """
    state[:] = 0.0
    state[3] = 1.0
    u0, u1, u2, v0, v1, v2 = state[0], state[1], state[2], state[3], state[4], state[5]
    for i in range(len(y)):
        yi = y[i]
        for b in range(LANES):
            z = yi[b]
            g = coupling[b]
            x = g * z
            s7 = c7(x)
            s6 = c6(x)
            s5 = 1 / 120 - x * s7
            s4 = 1 / 24 - x * s6
            s3 = 1 / 6 - x * s5
            s2 = 1 / 2 - x * s4
            s1 = 1.0 - x * s3
            p1 = 0.5 * z * (s3 - s2)  # derivatives by the coupling
            p2 = 0.5 * z * (2.0 * s4 - s3)
            p3 = 0.5 * z * (3.0 * s5 - s4)
            p4 = 0.5 * z * (4.0 * s6 - s5)
            p5 = 0.5 * z * (5.0 * s7 - s6)
            q1 = 0.5 * z * (p3 - p2)
            q2 = 0.5 * z * (2.0 * p4 - p3)
            q3 = 0.5 * z * (3.0 * p5 - p4)
            area0 = s1 * u0[b] + s2 * v0[b]
            area1 = s1 * u1[b] + s2 * v1[b] + p1 * u0[b] + p2 * v0[b]
            area2 = s1 * u2[b] + s2 * v2[b] + 2.0 * (p1 * u1[b] + p2 * v1[b]) + q1 * u0[b] + q2 * v0[b]
            lever0 = s2 * u0[b] + s3 * v0[b]
            lever1 = s2 * u1[b] + s3 * v1[b] + p2 * u0[b] + p3 * v0[b]
            lever2 = s2 * u2[b] + s3 * v2[b] + 2.0 * (p2 * u1[b] + p3 * v1[b]) + q2 * u0[b] + q3 * v0[b]
            u0[b] += v0[b] - x * lever0
            u1[b] += v1[b] - z * lever0 - x * lever1
            u2[b] += v2[b] - 2.0 * z * lever1 - x * lever2
            v0[b] -= x * area0
            v1[b] -= z * area0 + x * area1
            v2[b] -= 2.0 * z * area1 + x * area2


@compiled
def _laguerre_step(value, slope, curvature, coupling, step):
    """Move each lane towards its zero; returns how many lanes are not there yet.

    Convergence is cubic: behind a step of 1e-7 nothing but rounding is left.
    """
    unfinished = 0
    for b in range(LANES):
        if abs(step[b]) > 1e-7 * coupling[b]:
            step[b] = (
                value[b] / sqrt(slope[b] * slope[b] - value[b] * curvature[b]) if slope[b] < 0.0 else 0.0
            )
            coupling[b] += step[b]
            unfinished += abs(step[b]) > 1e-7 * coupling[b]
    return unfinished


@kernel
def _count_kernel(potentials, start, stop, count):
    """Returns the number of entries that are NaN or infinite."""
    cells = potentials.shape[1]
    scale = 1.0 / (float(cells) * float(cells))
    nonfinite = 0
    for row in range(start, stop):
        u, v, d = 0.0, 1.0, 0.0
        sign = 1.0  # of u at the left edge, or just behind it where u = 0 there
        nodes = 0
        for i in range(cells):
            x = scale * potentials[row, i]
            nonfinite += not np.isfinite(x)
            if x > SHALLOW and np.isfinite(x):
                phase = sqrt(x) + atan2(sqrt(x) * u * sign, v * sign)
                u, v, d, _, _ = cross_deep(x, float(i), u, v)
                crossed = _crossings(phase, u * sign)
            else:
                if x >= -SHALLOW:
                    u, v, d = cross_shallow(x, float(i), u, v, d)
                else:
                    u, v, d, _, _ = cross_deep(x, float(i), u, v)
                crossed = 1 if u * sign <= 0.0 else 0
            nodes += crossed
            if crossed % 2 == 1:
                sign = -sign
            if abs(u) + abs(v) > LARGE:
                u /= LARGE
                v /= LARGE
        count[row] = nodes + (1 if u * v < 0.0 else 0)
    return nonfinite


@compiled
def _crossings(phase, u):
    """Multiples of pi that the phase passed; where rounding leaves a doubt, the sign of u decides."""
    turns = floor(phase / pi)
    rest = phase / pi - turns
    odd = turns % 2 == 1
    if (u < 0.0) != odd and u != 0.0:
        return int(turns) + (1 if rest > 0.5 else -1)
    if u == 0.0 and rest > 0.5:
        return int(turns) + 1
    return int(turns)
