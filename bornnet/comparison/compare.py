"""Comparing learned terms with the Born series: runs, series in memory, and whatever else has terms."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..learners.foreign.network import ForeignNetwork
from ..runs.baselines import load_baselines
from ..runs.directory import Run, load_run
from ..series.learned import LearnedSeries
from ..series.terms import MemberSeries
from ..targets import Target
from .cautions import cautions
from .diagram_shares import compare_diagrams, has_diagrams
from .evaluation import evaluated
from .held_out import configuration_of, held_out
from .known import compare_known
from .law import compare_law, truncation
from .orders import Reference, compare_orders, compare_proxies, exact_reference, require_room
from .outliers import outliers_of_run, outliers_of_series
from .residuals import Measured, residuals
from .result import Comparison

_DIAGRAM_ORDERS = 5  # order 6 alone has 33 diagrams: more than a page can show
_EXAMPLES = (0.2, 0.5, 0.8, 1.0)


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

    Raises `InputError` where it is none, or has kept no held-out potentials.
    """
    if not isinstance(series, LearnedSeries):
        raise InputError(
            "series: expected a LearnedSeries, as fit_series and load_run(..).series give; "
            f"got {type(series).__name__}."
        )
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
    """All that a `Comparison` holds, from what was learned and what it is held against."""
    target, potentials = reference.target, reference.potentials
    order = order or reference.order
    measured = measured or Measured(reference.scattering_length)
    config = run.config if run else series.config if series else None
    redrawn = config is not None and config.bootstrap
    whole = LearnedSeries(tuple(learned), config, target=target)
    evaluate = partial(evaluated, potentials=potentials, order=order, terms_std=not reference.known)
    own = evaluate(learned, redrawn=redrawn)
    once = all(len(member.learners) == 1 for member in learned) and not redrawn
    alone = own if once else evaluate(single)
    fits = {name: evaluate([fit]) for name, fit in baselines.items()}
    kinds = {learner.kind for member in learned for learner in member.learners}
    # the learner itself once more is no witness
    witnesses = [name for name, fit in baselines.items() if fit.learners[0].kind not in kinds]
    mean = potentials.mean(axis=0)
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
        evaluation=own,
        orders=compare_orders(own, reference),
        known=None if reference.known else compare_known(own, alone, fits, witnesses),
        single_network=compare_orders(alone, reference),
        baseline_orders={name: compare_orders(fit, reference) for name, fit in fits.items()},
        proxies=compare_proxies(own.terms, reference) if reference.known else [],
        diagrams={
            n: compare_diagrams(learned, n, mean)
            for n in range(1, min(order, _DIAGRAM_ORDERS) + 1)
            if has_diagrams(learned)
        },
        examples=examples,
        law=compare_law(single, potentials, examples, reference.target) if reference.known else None,
        truncation=truncation(single, potentials, measured.values),
        series=series,
        model=model,
    )
