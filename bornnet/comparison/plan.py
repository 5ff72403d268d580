"""How many more potentials, and of which strengths, would halve the error of each order.

The study is fitted anew to random subsets, two of 1/8, of 1/4 and of 1/2 of its rows each that share none.
The error of an order at n rows is the root mean square over the two of

- the kernel error, where a truth is known,
- else the stated error of the coefficients, where the learner states one,
- else the distance of the two fits over sqrt(2), since their errors are independent (what both have wrong
  alike does not show).

A straight line through the logarithms, ``e = c n^-p``, then says how many rows halve the error. Of which
strengths the new ones should be is seen from fits to the weaker and the stronger half of the rows, beside a
random half: by the same errors, or, of the last kind, by the distances to the fit of all rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from ..datasets.labelled import Labelled, split
from ..errors import InputError
from ..runs.directory import Run
from ..series.iteration import choose_scaling
from ..series.member import Member, device_of, learner_of, rounds_of
from ..series.terms import MemberSeries
from .outliers import dataset_rows

SHARES = (1 / 8, 1 / 4, 1 / 2)
_FEWEST = 80
_FLATTEST = 0.1  # power of n: below, more of the same do not help
_BETTER = 0.8  # ratio of errors from which one half is said to be better than a random half


Measure = Literal["kernel error", "stated", "distance"]


@dataclass(frozen=True)
class Fitted:
    """Coefficients of every order from some rows, and their stated errors."""

    kernels: list[np.ndarray]
    stds: list[np.ndarray | None]


@dataclass(frozen=True)
class OrderPlan:
    """What halves the error of an order.

    Attributes:
        order: the order.
        rows: of the subsets, and of all.
        errors: relative errors of the coefficients at so many rows; the last, of all, may be
            that of the line.
        power: p of ``e = c n^-p``.
        rows_to_halve: potentials in all, of the same strengths; None where more do not help.
        weaker, stronger, random: the errors of the weaker half, the stronger half and a random half.
        strengths: ``"weaker"``, ``"stronger"`` or ``"any"``: of which new potentials should be.
    """

    order: int
    rows: tuple[int, ...]
    errors: tuple[float, ...]
    power: float
    rows_to_halve: int | None
    weaker: float
    stronger: float
    random: float
    strengths: str


@dataclass(frozen=True)
class Plan:
    """The plan of every order; `middle` is the strength that parts the weaker half from the stronger;
    `errors` says what kind those of `OrderPlan` are."""

    orders: tuple[OrderPlan, ...]
    middle: float
    errors: Measure

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "errors": self.errors,
            "middle_strength": self.middle,
            "orders": [asdict(row) for row in self.orders],
        }


def plan(run: Run, order: int, report: Callable[[], Any] = lambda: None) -> Plan:
    """The plan of a finished run, whose dataset must be where it was; ``report`` is called after every fit.

    It takes about as long as three members of the run. Raises ``InputError`` where the dataset is gone, or
    has too few rows to be cut.
    """
    rows = dataset_rows(run)
    if rows is None:
        raise InputError(
            f"{run.path}: the plan needs the dataset {run.provenance.get('dataset', {}).get('file')!r} as it "
            "was, of at most 20,000 potentials, and it is not there."
        )
    training, held_out = split(rows, run.config.holdout, run.config.seed)
    count = len(training)
    if count < _FEWEST:
        raise InputError(f"{run.path}: {count} potentials are too few for a plan; expected {_FEWEST} to fit.")
    series = run.series
    orders = range(1, order + 1)
    whole = Fitted([series.kernel(n) for n in orders], [series.kernel_std(n) for n in orders])
    exact = [run.target.kernel(n, run.cells) for n in orders]

    def fitted(index: np.ndarray) -> Fitted:
        found = _fitted(run, training.rows(np.sort(index)), held_out)
        report()
        return Fitted([found.kernel(n) for n in orders], [found.kernel_std(n) for n in orders])

    shuffled = np.random.default_rng([run.config.seed, 29]).permutation(count)
    sizes = [round(share * count) for share in SHARES]
    pairs = [(fitted(shuffled[:size]), fitted(shuffled[size : 2 * size])) for size in sizes]
    by_strength = np.argsort(training.strength, kind="stable")
    halves = (fitted(by_strength[: sizes[-1]]), fitted(by_strength[-sizes[-1] :]), pairs[-1][0])
    every = [whole, *halves, *(fit for pair in pairs for fit in pair)]
    measure: Measure = "distance"
    if exact[0] is not None:
        measure = "kernel error"
    elif all(std is not None for fit in every for std in fit.stds):
        measure = "stated"
    found = []
    for n in range(order):
        off = partial(_error, measure, n, exact[n], whole)
        errors = [float(np.hypot(off(one, other), off(other, one)) / np.sqrt(2)) for one, other in pairs]
        last = [] if measure == "distance" else [off(whole, whole)]
        found.append(
            order_plan(
                n + 1, [*sizes, count], [*errors, *last], *(off(half, whole, np.sqrt(2)) for half in halves)
            )
        )
    return Plan(tuple(found), float(training.strength[by_strength[count // 2]]), measure)


def _error(
    measure: Measure,
    n: int,
    exact: np.ndarray | None,
    whole: Fitted,
    fit: Fitted,
    other: Fitted,
    apart: float = 1.0,
) -> float:
    """The relative error of order n + 1 of a fit; by distance, that to another over ``sqrt(2)``, times
    ``apart``."""
    if exact is not None:
        return _distance(fit.kernels[n], exact)
    size = float(np.linalg.norm(whole.kernels[n]))
    std = fit.stds[n]
    if measure == "stated" and std is not None:
        return float(np.linalg.norm(std)) / size if size else 0.0
    off = float(np.linalg.norm(fit.kernels[n] - other.kernels[n])) * apart / np.sqrt(2)
    return off / size if size else 0.0


def order_plan(
    order: int, rows: Sequence[int], errors: Sequence[float], weaker: float, stronger: float, random: float
) -> OrderPlan:
    """The plan of an order from errors of fits to so many rows, that of the last of which may be missing."""
    logs = np.log(np.maximum(errors, 1e-300))
    slope, constant = np.polyfit(np.log(rows[: len(errors)]), logs, 1)
    line = [float(np.exp(constant + slope * np.log(n))) for n in rows[len(errors) :]]
    best = min(weaker, stronger)
    return OrderPlan(
        order=order,
        rows=tuple(rows),
        errors=(*map(float, errors), *line),
        power=float(-slope),
        rows_to_halve=round(rows[-1] * 2 ** (-1 / slope)) if -slope > _FLATTEST else None,
        weaker=weaker,
        stronger=stronger,
        random=random,
        strengths="any" if best > _BETTER * random else "weaker" if weaker < stronger else "stronger",
    )


def _fitted(run: Run, training: Labelled, held_out: Labelled) -> MemberSeries:
    """What the study learns of those rows, in memory."""
    study = run.config
    scaling = choose_scaling(training, *learner_of(study))
    member = Member(study, 0, training, held_out, scaling, device_of(study).type, run.target)
    finished: list[Any] = []
    for number in range(1, study.rounds + 1):
        fit = member.begin(number, member.problem(number, finished).loaded(), finished)
        fit.run()
        finished.append(member.learned(fit))
    return rounds_of(study).series(finished, run.cells)


def _distance(learned: np.ndarray, against: np.ndarray) -> float:
    size = float(np.linalg.norm(against))
    return float(np.linalg.norm(learned - against)) / size if size else 0.0
