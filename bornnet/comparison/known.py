"""What is known of learned terms where no truth is: their sizes with errors, and who agrees with them.

For order n, with T the learned coefficient tensor (mean over the members):

- its norm, and as its error the norm of the stated standard deviations of all coefficients, which is how far
  T is expected to be from what it should be: the learner's own statement, else that of the members,
- between members: the root mean square (over m - 1) of ``||T_m - T||_F``, over ``||T||_F``,
- between learners: ``||T - T'||_F / ||T||_F`` for another's T', and the cosine of the angle between the two,
- on held-out potentials the RMS of ``T_n(U)``, and that of its stated standard deviation.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from html import escape
from itertools import combinations
from typing import Any

import numpy as np

from .evaluation import Evaluation

UNKNOWN = ("kernel_error", "kernel_error_spread", "kernel_cosine", "term_error", "term_error_spread")
"""Of a row of a comparison with a truth, what has no meaning without one."""


@dataclass(frozen=True)
class Agreement:
    """How far another's coefficients of an order are from the learned ones, relative to these; None where it
    has no such order, as a polynomial beyond its degree."""

    name: str
    distance: float | None
    cosine: float | None


@dataclass(frozen=True)
class KnownRow:
    """One order of what was learned; None where there is no estimate.

    Attributes:
        norm: of the coefficients, mean over the members.
        norm_std: the norm of their standard deviations: the learner's own, else over the members.
        kernel_std: the learner's own, relative to the norm.
        member_spread: how far members are from their mean, relative to its norm.
        term_rms, term_std: of the terms of held-out potentials, and of their standard deviations.
        agreement: with each other learner of the same rows.
    """

    order: int
    norm: float
    norm_std: float | None
    kernel_std: float | None
    member_spread: float | None
    term_rms: float
    term_std: float | None
    agreement: tuple[Agreement, ...] = ()

    @property
    def shown(self) -> str:
        """The norm with its error, as text."""
        return f"{self.norm:.3g}" + ("" if self.norm_std is None else f" ± {self.norm_std:.1g}")

    @property
    def relative(self) -> float | None:
        """The error over the norm; None where there is no estimate."""
        return None if self.norm_std is None or not self.norm else self.norm_std / self.norm

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it: a row like that of a comparison with a truth, whose errors are null."""
        own = asdict(self)
        own["agreement"] = [asdict(other) for other in self.agreement]
        return {
            "order": own.pop("order"),
            **dict.fromkeys(UNKNOWN),
            "born_norm": None,
            "taylor_norm": own.pop("norm"),
            "kernel_std": own.pop("kernel_std"),
            "coverage": None,
            **own,
        }


@dataclass(frozen=True)
class Known:
    """What is known of every order: of what was learned, without iteration, and by each baseline.

    Attributes:
        orders, single, baselines: the tables.
        others: by name ``(cells,)``, what other learners of the same rows find at order 1.
    """

    orders: list[KnownRow]
    single: list[KnownRow]
    baselines: dict[str, list[KnownRow]]
    others: dict[str, np.ndarray]

    def as_dict(self) -> dict[str, Any]:
        """The tables as JSON holds them."""
        return {
            "orders": [row.as_dict() for row in self.orders],
            "single_network": [row.as_dict() for row in self.single],
            "baselines": [
                {"name": name, "orders": [row.as_dict() for row in rows]}
                for name, rows in self.baselines.items()
            ],
            "proxy": [
                {"order": row.order, "vs_born": None, "vs_exact": None, "born_vs_exact": None}
                for row in self.orders
            ],
        }

    def html(self, caption: str) -> str:
        """A table of the norms."""
        rows = "".join(f"<tr><td>{row.order}</td><td>{row.shown}</td></tr>" for row in self.orders)
        head = "<tr><th>order</th><th>norm of the coefficients</th></tr>"
        return f"<table><caption>{escape(caption)}</caption>{head}{rows}</table>"


def compare_known(
    learned: Evaluation, single: Evaluation, baselines: Mapping[str, Evaluation], witnesses: Collection[str]
) -> Known:
    """What is known of each order, from what members, one fit of each, and the baselines have learned.

    ``witnesses`` names the baselines that agreement is asked with.
    """
    others = {name: fit for name, fit in baselines.items() if name in witnesses}
    return Known(
        _orders(learned, others),
        _orders(single, {}),
        {name: _orders(fit, {}) for name, fit in baselines.items()},
        {name: fit.coefficients[0].mean for name, fit in others.items()},
    )


def _orders(evaluation: Evaluation, others: Mapping[str, Evaluation]) -> list[KnownRow]:
    terms_std = evaluation.terms_std
    terms = np.mean(evaluation.terms, axis=0)
    rows = []
    for n, coefficients in enumerate(evaluation.coefficients, start=1):
        mean, std = coefficients.mean, coefficients.std
        norm = float(np.mean([np.linalg.norm(kernel) for kernel in coefficients.members]))
        stated = [one for one in coefficients.own if one is not None]
        all_stated = len(stated) == len(coefficients.own)
        rows.append(
            KnownRow(
                order=n,
                norm=norm,
                norm_std=None if std is None else float(np.linalg.norm(std)),
                kernel_std=float(np.mean(stated)) / norm if norm and all_stated else None,
                member_spread=_member_spread(coefficients.members, mean),
                term_rms=_rms(terms[n - 1]),
                term_std=None if terms_std is None else _rms(terms_std[n - 1]),
                agreement=tuple(
                    agreement(name, mean, other.coefficients[n - 1].mean) for name, other in others.items()
                ),
            )
        )
    return rows


@dataclass(frozen=True)
class Apart:
    """How far the coefficients of two runs are apart, order by order, relative to the mean of their norms."""

    runs: tuple[str, str]
    distances: tuple[float, ...]

    @property
    def name(self) -> str:
        return " and ".join(self.runs)


def apart(learned: Mapping[str, Evaluation]) -> list[Apart]:
    """Of every two of the runs, which are given by name with what their members have learned."""
    kernels = {name: [order.mean for order in own.coefficients] for name, own in learned.items()}
    return [
        Apart((one, other), tuple(map(_apart, kernels[one], kernels[other])))
        for one, other in combinations(kernels, 2)
    ]


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    size = float(np.linalg.norm(one) + np.linalg.norm(other)) / 2
    return float(np.linalg.norm(one - other)) / size if size else 0.0


def agreement(name: str, learned: np.ndarray, other: np.ndarray) -> Agreement:
    """How far the other tensor is from the learned one, relative to this."""
    norm, theirs = float(np.linalg.norm(learned)), float(np.linalg.norm(other))
    if not (norm and theirs):
        return Agreement(name, None, None)
    distance = float(np.linalg.norm(learned - other))
    return Agreement(name, distance / norm, float(np.vdot(learned, other)) / (norm * theirs))


def _member_spread(kernels: np.ndarray, mean: np.ndarray) -> float | None:
    if len(kernels) < 2:
        return None
    squares = sum(float(np.sum((kernel - mean) ** 2)) for kernel in kernels)
    norm = float(np.linalg.norm(mean))
    return float(np.sqrt(squares / (len(kernels) - 1))) / norm if norm else None


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
