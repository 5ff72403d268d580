"""Comparing learned terms with the Born series: the numbers behind the tables, figures and report.

Over 300 lines: what a comparison holds stands beside what fills it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config.schema import StudyConfig
from ..datasets.content import OBSERVABLE
from ..errors import InputError
from ..learners.foreign.network import ForeignNetwork
from ..runs.baselines import load_baselines
from ..runs.directory import Run, load_run
from ..series.learned import LearnedSeries
from ..series.terms import MemberSeries
from ..targets import Target
from .cautions import cautions
from .diagram_shares import DiagramRow, compare_diagrams, has_diagrams
from .document import document, html, line
from .held_out import configuration_of, held_out
from .known import Known, compare_known
from .law import LawComparison, compare_law
from .orders import (
    OrderRow,
    ProxyRow,
    Reference,
    compare_orders,
    compare_proxies,
    exact_reference,
    require_room,
)
from .outliers import Outliers, outliers_of_run, outliers_of_series
from .residuals import Measured, Residuals, residuals
from .words import Words, words

_DIAGRAM_ORDERS = 5  # order 6 alone has 33 diagrams: more than a page can show
_EXAMPLES = (0.2, 0.5, 0.8, 1.0)


@dataclass(frozen=True)
class Comparison:
    """Networks against the exact Born series; where no truth is known, what is known without it.

    Attributes:
        source: the run directory or model file, as the user named it.
        run: configuration, provenance and networks of a run; None for a network from elsewhere.
        strength: eta ``(N,)`` of the held-out potentials.
        reference: kernels, and held-out potentials with their exact terms and scattering lengths.
        learned: per member the learned series.
        single: per member the same of one network without iteration (that of round 1).
        baselines: by name, least-squares polynomials and a Gaussian process.
        residuals: held-out values less those learned.
        orders, single_network, baseline_orders, proxies: the tables; empty where no truth is known.
        known: what is known of each order where no truth is; None where one is.
        diagrams: by order, as far as a page can show them, the shares on the mean of the held-out potentials.
        examples: rows of four held-out potentials, from weak to strong.
        model: a network from elsewhere, and what was read of its file.
        outliers: rows that disagree most with what was learned; None where labels are exact.
        cautions: what training warned of, and what held-out residuals say of the stated errors.
        law: what drives a learner that steps along r; None for others.
    """

    source: str
    run: Run | None
    strength: np.ndarray
    reference: Reference
    learned: list[MemberSeries]
    single: list[MemberSeries]
    baselines: dict[str, MemberSeries]
    orders: list[OrderRow]
    single_network: list[OrderRow]
    baseline_orders: dict[str, list[OrderRow]]
    proxies: list[ProxyRow]
    diagrams: dict[int, list[DiagramRow]]
    examples: list[int]
    residuals: Residuals
    known: Known | None = None
    outliers: Outliers | None = None
    cautions: list[str] = field(default_factory=list)
    law: LawComparison | None = None
    series: LearnedSeries | None = None
    model: ForeignNetwork | None = None

    @property
    def cells(self) -> int:
        """Of the potentials compared on."""
        return self.reference.potentials.shape[1]

    @property
    def cells_fitted(self) -> int:
        """Of the potentials that were fitted, where a learner is compared on others."""
        return self.run.cells if self.run else self.series.cells if self.series else self.cells

    @property
    def learner(self) -> str:
        """What learned: the name of a learner, or several of a chain."""
        return ",".join(self.config.learner) if self.config else self.learned[0].learners[0].kind

    @property
    def noun(self) -> str:
        """What a member's learner of a round is called."""
        return "network" if self.learner in ("mlp", "flow") else "fit"

    @property
    def words(self) -> Words:
        """What things are called, for this target and reference."""
        return words(self.reference.target, self.config.at if self.config else None, self.observable)

    @property
    def truth(self) -> bool:
        """Whether there is an exact series to compare with."""
        return self.reference.known

    @property
    def observable(self) -> str:
        """What the labels are of."""
        return self.config.observable if self.config else OBSERVABLE

    @property
    def learned_series(self) -> LearnedSeries:
        """What all members have learned together."""
        return LearnedSeries(tuple(self.learned), self.config, target=self.reference.target)

    @property
    def order(self) -> int:
        """The highest that is compared."""
        return len(self.known.orders if self.known else self.orders)

    @property
    def config(self) -> StudyConfig | None:
        """The study; None for a network from elsewhere."""
        return self.run.config if self.run else self.series.config if self.series else None

    @property
    def rounds(self) -> int:
        """Rounds that every member has finished."""
        return len(self.learned[0].learners)

    @property
    def rounds_planned(self) -> int:
        """Rounds of the run once it is finished."""
        return self.config.rounds if self.config else self.rounds

    @property
    def labels(self) -> str | None:
        """What the networks were trained on, ``value`` or ``gradient``; None where that is not known."""
        return self.config.labels if self.config else None

    def to_dict(self) -> dict[str, Any]:
        """The comparison as ``compare-born --json`` prints it, with its ``schema_version``."""
        return {"schema_version": 1, **self.document()}

    def __repr__(self) -> str:
        return line(self)

    def _repr_html_(self) -> str:
        return html(self)

    def document(self) -> dict[str, Any]:
        """The comparison as ``compare-born --json`` prints it."""
        return document(self)

    def best_baseline(self, order: int) -> tuple[str, OrderRow] | None:
        """The baseline with the least kernel error at an order; None where there are no baselines."""
        rows = {name: orders[order - 1] for name, orders in self.baseline_orders.items()}
        return min(rows.items(), key=lambda item: item[1].kernel_error, default=None)


def compare_run(path: str | Path, order: int | None = None, cells: int | None = None) -> Comparison:
    """Compare a run, finished or in progress, with the Born series through ``order`` (the configured one).

    Members count as far as all of them have come; orders beyond the last round are the last network's own.
    A learner that takes any number of cells can be compared on others than it was fitted on (`held_out`).
    Raises `InputError` where the folder is no run, no round is finished, or the learner is tied to its cells.
    """
    return _compare(path, _with_rounds(path), order, cells)


def compare_runs(
    paths: Sequence[str | Path], order: int | None = None, cells: int | None = None
) -> list[Comparison]:
    """Several runs as `compare_run` has each; `InputError` where their potentials differ in cells."""
    runs = [_with_rounds(path) for path in paths]
    if cells is None and len({run.cells for run in runs}) > 1:
        found = ", ".join(f"{path} has {run.cells}" for path, run in zip(paths, runs, strict=True))
        raise InputError(
            f"runs side by side need potentials of equally many cells: {found}. Compare them one by one, or "
            "give the number of cells to compare them on, which learners such as flow can be."
        )
    _require_one_observable(paths, runs)
    orders = [order or run.config.order for run in runs]
    return [_compare(path, run, max(orders), cells) for path, run in zip(paths, runs, strict=True)]


def _require_one_observable(paths: Sequence[str | Path], runs: Sequence[Run]) -> None:
    if len({(run.config.observable, run.target.name) for run in runs}) > 1:
        found = ", ".join(f"{path} of {run.config.observable}" for path, run in zip(paths, runs, strict=True))
        raise InputError(f"runs side by side need the same observable: {found}. Compare them one by one.")


def differing_settings(comparisons: Sequence[Comparison]) -> dict[str, list[str]]:
    """Keys of the configuration in which runs differ, with the value in each."""
    configs = [comparison.run.config.flat("json") for comparison in comparisons if comparison.run]
    common = [key for key in configs[0] if all(key in config for config in configs)]  # of any learner
    values = {key: [_shown(config[key]) for config in configs] for key in common}
    return {key: found for key, found in values.items() if len(set(found)) > 1}


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else "-" if value is None else str(value)


def compare(series: LearnedSeries, order: int = 3) -> Comparison:
    """Compare a learned series with the exact Born series, as ``compare-born`` does.

    Raises `InputError` where the series has kept no held-out potentials.
    """
    if series.held_out is None:
        raise InputError(
            "series: expected one with held-out potentials, as fit_series gives; got none in it."
        )
    if order < 1:
        raise InputError(f"order: expected a whole number of at least 1; got {order}.")
    require_room(series.cells, order)
    rows = series.held_out
    measured = Measured(rows.values, rows.sigma)
    found = tables(
        source="series",
        run=None,
        strength=rows.strength,
        reference=_reference(rows.potentials[:], measured, order, series.target, exact=False),
        measured=measured,
        learned=list(series.members),
        single=[MemberSeries(member.learners[:1], cells=member.cells) for member in series.members],
        baselines={},
        series=series,
        order=order,
    )
    if series.config is None:
        return found
    noted = cautions(series.config, series.cells, series.rounds, found.residuals)
    return replace(found, outliers=outliers_of_series(series), cautions=noted)


def _with_rounds(path: str | Path) -> Run:
    run = load_run(path)
    if run.finished_rounds == 0:
        there = ", ".join(f"member {n} has {len(models)}" for n, models in enumerate(run.learners, start=1))
        raise InputError(
            f"{path}: no round is finished by all members yet ({there}; planned: {run.config.rounds} each). "
            "Wait for the first, or go on with --resume."
        )
    return run


def _compare(path: str | Path, run: Run, order: int | None, cells: int | None) -> Comparison:
    cells = run.cells if cells is None else cells
    order = order or run.config.order
    require_room(max(1, cells), order)
    rows = held_out(run, cells)
    measured = Measured(rows["scattering_length"], rows.get("sigma"))
    exact = measured.sigma is None and "given" not in configuration_of(run)
    reference = _reference(rows["potentials"], measured, order, run.target, exact=exact)
    corrected = run.config.lower_orders == "corrected"
    rounds = run.finished_rounds
    found = tables(
        source=str(path),
        run=run,
        strength=rows["strength"],
        reference=reference,
        measured=measured,
        learned=[MemberSeries(tuple(learners[:rounds]), corrected, cells) for learners in run.learners],
        single=[MemberSeries(tuple(learners[:1]), cells=cells) for learners in run.learners],
        baselines={
            name: MemberSeries((learner,))
            for name, learner in load_baselines(path, run.cells).items()
            if cells == run.cells  # they are tied to theirs
        },
        order=order,
    )
    noted = cautions(run.config, run.cells, [facts[:rounds] for facts in run.scaling], found.residuals)
    doubtful = not exact and cells == run.cells
    return replace(found, outliers=outliers_of_run(run) if doubtful else None, cautions=noted)


def _reference(
    potentials: np.ndarray, measured: Measured, order: int, target: Target, *, exact: bool
) -> Reference:
    """The exact side, with exact values even where the labels have errors; the labels where no truth is
    known."""
    labelled = exact_reference(potentials, measured.values, order, target)
    if exact or not labelled.known:
        return labelled
    return replace(labelled, scattering_length=labelled.values(potentials))


def tables(
    *,
    source: str,
    run: Run | None,
    strength: np.ndarray,
    reference: Reference,
    learned: list[MemberSeries],
    single: list[MemberSeries],
    baselines: dict[str, MemberSeries],
    measured: Measured | None = None,
    series: LearnedSeries | None = None,
    model: ForeignNetwork | None = None,
    order: int | None = None,
) -> Comparison:
    target, potentials = reference.target, reference.potentials
    order = order or reference.order
    measured = measured or Measured(reference.scattering_length)
    config = run.config if run else series.config if series else None
    whole = LearnedSeries(tuple(learned), config, target=target)
    mean = reference.potentials.mean(axis=0)
    weak_to_strong = np.argsort(strength, kind="stable")
    examples = [int(weak_to_strong[int(q * (len(strength) - 1))]) for q in _EXAMPLES]
    return Comparison(
        source=source,
        run=run,
        strength=strength,
        reference=reference,
        learned=learned,
        single=single,
        baselines=baselines,
        residuals=residuals(whole, potentials, measured, strength, order, baselines),
        orders=compare_orders(learned, reference, redrawn=config is not None and config.bootstrap),
        known=None
        if reference.known
        else compare_known(learned, single, baselines, reference, order, config),
        single_network=compare_orders(single, reference),
        baseline_orders={name: compare_orders([fit], reference) for name, fit in baselines.items()},
        proxies=compare_proxies(learned, reference) if reference.known else [],
        diagrams={
            n: compare_diagrams(learned, n, mean)
            for n in range(1, min(order, _DIAGRAM_ORDERS) + 1)
            if has_diagrams(learned)
        },
        examples=examples,
        law=compare_law(single, potentials, examples, reference.target) if reference.known else None,
        series=series,
        model=model,
    )
