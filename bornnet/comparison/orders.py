"""How far learned terms are from Born terms: the numbers of `compare-born`.

For order n, with T_n the learned coefficient tensor, K_n the Born kernel and a^(n) the Born term:

- kernel error ``||T_n - K_n||_F / ||K_n||_F`` and cosine ``<T_n, K_n> / (||T_n|| ||K_n||)``,
- term error: RMS of ``T_n(U) - a^(n)(U)`` over held-out potentials, over the RMS of ``a^(n)(U)``,
- proxy: median absolute relative error of ``sum_{m<=n} T_m(U)`` against the Born sum and against a0.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..compute.memory import require_memory
from ..learners.spread import spread
from ..targets import Target
from ..targets import target as make_target
from .evaluation import Coefficients, Evaluation


@dataclass(frozen=True)
class OrderRow:
    """One order of a comparison; errors are means over the members, spread their sample
    standard deviation (None for one member).

    ``kernel_std`` is what the learner itself states as one standard deviation of the kernel, relative to the
    learned norm, and ``coverage`` the share of the exact coefficients within two of the stated deviations;
    None where it states none."""

    order: int
    kernel_error: float
    kernel_error_spread: float | None
    kernel_cosine: float
    term_error: float
    term_error_spread: float | None
    born_norm: float
    taylor_norm: float
    kernel_std: float | None = None
    coverage: float | None = None


@dataclass(frozen=True)
class ProxyRow:
    """Median absolute relative errors of the learned sum through an order, and of the Born sum."""

    order: int
    vs_born: float
    vs_exact: float
    born_vs_exact: float


@dataclass(frozen=True)
class Reference:
    """The exact side of a comparison: kernels, and terms and values on held-out potentials.

    ``potentials (N, cells)``, ``scattering_length (N,)``, ``kernels[n-1]`` and ``terms (order, N)``. Around a
    reference, potentials are displacements from it, and the values, of whatever target, are less the value
    there. Where no truth is known there are no kernels and no terms, and the values are the given ones.
    """

    potentials: np.ndarray
    scattering_length: np.ndarray
    kernels: tuple[np.ndarray, ...]
    terms: np.ndarray
    target: Target = field(default_factory=lambda: make_target("scattering_length"))

    @property
    def order(self) -> int:
        return len(self.kernels)

    @property
    def known(self) -> bool:
        """Whether there is a truth to compare with."""
        return bool(self.kernels)

    def values(self, displacements: np.ndarray) -> np.ndarray:
        """The exact values there ``(N,)``, less that at the reference."""
        values = self.target.labels(self.target.base(displacements.shape[1]) + displacements)
        assert values is not None
        return values - self.target.value


def exact_reference(
    potentials: np.ndarray, values: np.ndarray, order: int, target: Target | None = None
) -> Reference:
    """The series through ``order`` on held-out potentials ``(N, cells)`` and their values ``(N,)``: that of
    a0 around U = 0, unless another ``target`` is given; then both are displacements, as in `Reference`."""
    target = target or make_target("scattering_length")
    if target.terms(potentials[:1], 1) is None:
        return Reference(potentials, values, (), np.empty((0, len(values))), target)
    kernels = tuple(target.kernel(n, potentials.shape[1]) for n in range(1, order + 1))
    return Reference(potentials, values, kernels, target.terms(potentials, order), target)


def compare_orders(learned: Evaluation, reference: Reference) -> list[OrderRow]:
    """Learned against exact, order by order."""
    rows = []
    for order, kernel in enumerate(reference.kernels, start=1):
        born_norm = float(np.linalg.norm(kernel))
        exact = reference.terms[order - 1]
        coefficients = learned.coefficients[order - 1]
        errors, cosines, norms = [], [], []
        for own in coefficients.members:
            norm = float(np.linalg.norm(own))
            errors.append(float(np.linalg.norm(own - kernel)) / born_norm)
            cosines.append(float(np.vdot(own, kernel)) / (norm * born_norm) if norm else 0.0)
            norms.append(norm)
        term_errors = [_rms(terms[order - 1] - exact) / _rms(exact) for terms in learned.terms]
        rows.append(
            OrderRow(
                order=order,
                kernel_error=float(np.mean(errors)),
                kernel_error_spread=spread(errors),
                kernel_cosine=float(np.mean(cosines)),
                term_error=float(np.mean(term_errors)),
                term_error_spread=spread(term_errors),
                born_norm=born_norm,
                taylor_norm=float(np.mean(norms)),
                **_stated(coefficients, kernel),
            )
        )
    return rows


def _stated(coefficients: Coefficients, kernel: np.ndarray) -> dict[str, float | None]:
    """What the members state of the error of their mean, and whether it holds."""
    std = coefficients.std
    if std is None:
        return {"kernel_std": None, "coverage": None}
    learned = coefficients.mean
    return {
        "kernel_std": float(np.linalg.norm(std) / np.linalg.norm(learned)),
        "coverage": float(np.mean(np.abs(learned - kernel) <= 2 * std)),
    }


def compare_proxies(terms: np.ndarray, reference: Reference) -> list[ProxyRow]:
    """Sums of learned ``terms (members, order, N)`` against Born sums and exact scattering lengths."""
    learned = np.cumsum(terms, axis=1)
    born = np.cumsum(reference.terms, axis=0)
    exact = reference.scattering_length
    return [
        ProxyRow(
            order=n + 1,
            vs_born=float(np.mean([_median_relative(sums[n], born[n]) for sums in learned])),
            vs_exact=float(np.mean([_median_relative(sums[n], exact) for sums in learned])),
            born_vs_exact=_median_relative(born[n], exact),
        )
        for n in range(reference.order)
    ]


def as_dicts(rows: Sequence[OrderRow | ProxyRow]) -> list[dict[str, Any]]:
    """The rows as JSON holds them."""
    return [asdict(row) for row in rows]


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _median_relative(values: np.ndarray, exact: np.ndarray) -> float:
    return float(np.median(np.abs(values / exact - 1)))


def require_room(cells: int, order: int) -> None:
    """`InputError`, before the lower orders take their time, where the highest one would not fit."""
    tensors = 12  # exact, learned and its deviations, one network's, baselines', and what making them takes
    require_memory(
        8.0 * tensors * float(cells) ** order, f"comparing order {order} at {cells} cells", "lower --order."
    )
