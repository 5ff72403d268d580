"""The Born series of a potential in r: its terms, and eta, which says where it converges.

eta is the largest modulus of the eigenvalues of the zero-energy kernel min(r, r') U(r'): 1 / |lambda| of the
multiple lambda U, of either sign, that first binds (S. Weinberg, Phys. Rev. 131, 440 (1963)). A potential
that repels like 1/r^2 or more at the origin has no finite one, nor has a hard core: its series diverges.
"""

import numpy as np

from .panels import WEIGHTS, cross_orders, cross_panels, halved, points_of, refined
from .solver import RadialPotential, Wave, solve_radial

_STEPS = 60
_NOTHING = 1e-200  # strength: below it the multiple that binds would overflow


def has_series(potential: RadialPotential) -> bool:
    """Whether the kernel is bounded: no hard core, and U weaker than 1/r^2 at the origin."""
    if potential.start > 0.0:
        return False
    r = potential.edges[1] * np.geomspace(1e-9, 1e-7, 3)
    size = np.abs(potential.values(r)) * r**2
    return not (size[0] > 0 and size[0] >= 0.99 * size[2])


def radial_strength(potential: RadialPotential) -> float:
    """eta, homogeneous of degree one in |U|; inf where there is no finite one, 0 for U = 0 and nearly so."""
    if not has_series(potential):
        return np.inf
    panels = _resolved(potential)
    r = points_of(*panels)
    U = potential.values(r)
    bound = float((panels[1][:, None] * WEIGHTS * r * np.abs(U)).sum())
    if bound < _NOTHING:
        return 0.0
    low = 0.0
    for step in range(-1, 200):
        high = 2.0**step / bound  # V. Bargmann: the bound states are at most the integral of r |U|
        found = [sign for sign in (1, -1) if _crossed(sign * high * U, panels).bound_states]
        if found:
            break
        low = high
    else:
        return 0.0
    return 1 / min(_threshold(potential, sign, U, panels, low, high) for sign in found)


def _threshold(
    potential: RadialPotential,
    sign: int,
    U: np.ndarray,
    panels: tuple[np.ndarray, np.ndarray],
    low: float,
    high: float,
) -> float:
    """The lambda at which sign lambda U first binds, between one that does not and one that does.

    Newton's method for 1/a0 = 0, whose slope is the integral of U (u / d)^2, within the bracket: first on
    panels that resolve U, then on those that resolve u.
    """
    factor, step, exact = high, np.inf, False
    for _ in range(_STEPS):
        if exact:
            wave = solve_radial(potential.scaled(sign * factor))
        else:
            wave = _crossed(sign * factor * U, panels)
            low, high = (low, factor) if wave.bound_states else (factor, high)
        slope = sensitivity(wave) / wave.numerator**2 / factor if wave.numerator else np.inf
        step = wave.inverse_scattering_length / slope if slope else np.inf
        following = factor - step
        if abs(step) < 1e-6 * factor:
            if exact and abs(step) < 1e-10 * factor:
                return following
            exact = True
        elif not exact and not (low < following < high and wave.bound_states < 2):
            following = (low + high) / 2
        factor = following
    return factor


def _crossed(U: np.ndarray, panels: tuple[np.ndarray, np.ndarray]) -> Wave:
    """The wave on given panels, from u = r on; nothing is known of its error."""
    state, logs, u = np.empty((len(U) + 1, 3)), np.empty(len(U) + 1), np.empty(U.shape)
    zeros = cross_panels(U, *panels, np.array([0.0, 1.0, 0.0]), state, logs, u)
    return Wave(*panels, u, U, u, state, logs, int(zeros), np.nan)


def sensitivity(wave: Wave, change: np.ndarray | None = None) -> float:
    """The integral of U u^2, or of `change` u^2: what -u'(end)^2 a0 changes by where U does by `change`."""
    scale = np.exp(np.clip(wave.logs[:-1] - wave.logs[-1], -300.0, 300.0))[:, None]
    felt = (wave.U if change is None else change) * (wave.u * scale) ** 2
    return float((wave.width[:, None] * WEIGHTS * felt).sum())


def radial_born_terms(potential: RadialPotential, order: int) -> np.ndarray:
    """a^(1) .. a^(order) `(order,)`, in the unit of r; infinite or NaN where there is no series."""
    if not has_series(potential):
        return np.full(order, np.nan)
    left, width = _resolved(potential)
    v, d = np.empty(order + 1), np.empty(order + 1)
    with np.errstate(all="ignore"):
        cross_orders(potential.values(points_of(left, width)), left, width, order, v, d)
    terms = np.zeros(order + 1)
    for n in range(1, order + 1):  # d = a v, as power series
        terms[n] = d[n] - terms[1:n] @ v[n - 1 : 0 : -1]
    return terms[1:]


def _resolved(potential: RadialPotential) -> tuple[np.ndarray, np.ndarray]:
    """Panels on which the integral of r |U| is right to rounding, and U times a polynomial with it."""
    left, width = potential.edges[:-1], np.diff(potential.edges)
    whole = potential.values(points_of(left, width))
    for _ in range(50):
        halves = halved(left, width)
        r = points_of(*halves)
        U = potential.values(r)
        felt = halves[1][:, None] * WEIGHTS * r * U
        coarse = (width[:, None] * WEIGHTS * points_of(left, width) * whole).sum(axis=1)
        defects = np.abs(felt.sum(axis=1).reshape(-1, 2).sum(axis=1) - coarse)
        bad = (defects > 1e-14 * np.abs(felt).sum()) & (width > 1e-13 * (left + width))
        if not bad.any() or len(left) > 50_000:
            break
        left, width, whole = refined((left, width, whole), (*halves, U), bad)
    return halves
