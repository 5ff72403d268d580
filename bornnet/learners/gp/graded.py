"""An amplitude for every order: a power-series kernel whose prior does not presume how orders compare.

``exp(x.y)`` gives all orders coefficients of about the same size, in the units of its inputs. What another
learner leaves of a function is not so: from one order to the next its errors grow by factors, and a prior
that expects them alike takes what belongs to high orders for low ones. The amplitudes ``a_n`` of

    k(x, y) = sum_n a_n (x.y)^n / n!

and the relative nugget are chosen where the values are most likely (Rasmussen & Williams, 2006, section
5.4.1): the kernel matrix is linear in them, so that the gradient of the evidence takes one inverse.
Orders follow one another: second differences of ``log a_n`` are expected within `_BEND`. Data decide that
prior away where they tell, by hundreds in the logarithm; but an amplitude that a search has let fall to
nothing, where the evidence is flat, comes back.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from ...errors import InputError
from .config import Config
from .posterior import LARGEST_NUGGET

ROWS = 2000
"""Rows that decide."""

HIGHEST = 12
"""Orders with an amplitude; those above are no part of the kernel."""

_FEW = 500  # rows that lead near the optimum
_STEPS = (80, 30)  # with few rows, and from there with all
_FIRST_NUGGET = 1e-6
_BEND = 2.0
_BOUND = 60.0  # of the logarithm of an amplitude, either way
_NOWHERE = 1e20  # in place of the evidence where the matrix is not positive definite


@dataclass(frozen=True)
class Orders:
    """What the evidence has chosen: amplitudes of orders 1 to `HIGHEST`, in units of the values squared, and
    the relative nugget; and the log evidence of the rows it was chosen with."""

    amplitudes: list[float]
    nugget: float
    log_evidence: float


def of_every_order(config: Config, exact: bool, *, behind: bool) -> bool:
    """Whether every order has an amplitude of its own; ``InputError`` where it is to and cannot."""
    can = exact and config.kernel == "exponential"
    if config.amplitudes == "orders" and not can:
        raise InputError(
            "amplitudes: one for every order needs the kernel 'exponential' and values without errors, got "
            f"the kernel {config.kernel!r} and values {'without' if exact else 'with'} errors; take auto."
        )
    return can and (config.amplitudes == "orders" or (config.amplitudes == "auto" and behind))


def most_likely_orders(x: np.ndarray, y: np.ndarray, degree: int, nugget: float) -> Orders:
    """Amplitudes and nugget with the largest evidence of values ``y (N,)`` at ``x (N, D)``, in the units of
    the kernel, of which the first `ROWS` are taken.

    Args:
        degree: the lowest order of the kernel; the amplitudes of those below are 0.
        nugget: the smallest to be taken.
    """
    x, y = x[:ROWS], y[:ROWS]
    unit = float(np.sqrt(np.mean(y**2))) or 1.0
    nuggets = math.log(min(nugget, LARGEST_NUGGET)), math.log(LARGEST_NUGGET)
    bounds = [(-_BOUND, _BOUND)] * (HIGHEST + 1 - degree) + [nuggets]
    found = None
    for rows, steps in zip((_FEW, len(x)), _STEPS, strict=True):
        evidence = Evidence(x[:rows], y[:rows] / unit, degree)
        start = evidence.start() if found is None else found.x
        options = {"maxiter": steps, "maxls": 30}
        found = minimize(evidence, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    assert found is not None
    amplitudes = np.concatenate([np.zeros(degree - 1), unit**2 * np.exp(found.x[:-1])])
    bends = _bends(found.x[:-1])
    log_evidence = (
        0.5 * float(bends @ bends)
        - float(found.fun)
        - len(y) * (math.log(unit) + 0.5 * math.log(2 * math.pi))
    )
    return Orders(amplitudes.tolist(), float(np.exp(found.x[-1])), log_evidence)


def _bends(logarithms: np.ndarray) -> np.ndarray:
    """Second differences of the logarithms of amplitudes, in what is expected of them."""
    return np.diff(logarithms, n=2) / _BEND


class Evidence:
    """Minus the log evidence of ``y (N,)`` and minus the log prior of the amplitudes, but for constants, and
    the gradient by the logarithms of the amplitudes and of the nugget."""

    def __init__(self, x: np.ndarray, y: np.ndarray, degree: int) -> None:
        self.y = torch.from_numpy(y)
        gram = torch.from_numpy(x @ x.T)
        power = torch.ones_like(gram)
        self.parts: list[Tensor] = []
        for n in range(1, HIGHEST + 1):
            power = power * gram / n
            if n >= degree:
                self.parts.append(power)
        self.diagonals = torch.stack([part.diagonal() for part in self.parts])

    def start(self) -> np.ndarray:
        """Amplitudes with which each order alone, a little more the higher it is, gives a typical value."""
        typical = torch.median(self.y**2) / self.diagonals.median(dim=1).values
        rising = torch.arange(len(self.parts), dtype=torch.float64)
        logarithms = torch.log(typical).clamp(-_BOUND / 2, _BOUND / 2) + rising
        return np.append(logarithms.numpy(), math.log(_FIRST_NUGGET))

    def __call__(self, logarithms: np.ndarray) -> tuple[float, np.ndarray]:
        amplitudes, nugget = np.exp(logarithms[:-1]), math.exp(logarithms[-1])
        matrix = torch.zeros_like(self.parts[0])
        for amplitude, part in zip(amplitudes, self.parts, strict=True):
            matrix.add_(part, alpha=float(amplitude))
        own = matrix.diagonal().clone()
        matrix.diagonal().mul_(1 + nugget)
        factor, failed = torch.linalg.cholesky_ex(matrix)
        if int(failed) or not bool(torch.isfinite(own).all()):
            return _NOWHERE, np.zeros(len(logarithms))
        alpha = torch.cholesky_solve(self.y[:, None], factor)[:, 0]
        minus = 0.5 * float(self.y @ alpha) + float(factor.diagonal().log().sum())
        slope = torch.cholesky_inverse(factor).sub_(torch.outer(alpha, alpha))  # by the matrix, twice
        on_diagonal = slope.diagonal()
        of_parts = [float(torch.tensordot(slope, part)) for part in self.parts]
        of_nugget = (self.diagonals @ on_diagonal).numpy() * nugget
        by_amplitudes = 0.5 * amplitudes * (np.array(of_parts) + of_nugget)
        gradient = np.append(by_amplitudes, 0.5 * nugget * float(on_diagonal @ own))
        bends = _bends(logarithms[:-1])
        for place, share in enumerate((1.0, -2.0, 1.0)):
            gradient[place : place + len(bends)] += share * bends / _BEND
        return minus + 0.5 * float(bends @ bends), gradient
