"""Comparing learned terms with the Born series: the numbers behind the tables, figures and report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..compute.memory import require_memory
from ..config.schema import StudyConfig
from ..errors import InputError
from ..learners.foreign import load_network
from ..learners.mlp.perceptron import Perceptron
from ..learners.polynomial.least_squares import Polynomial
from ..physics.families import sample_potentials
from ..physics.scattering import scattering_length
from ..runs.directory import Run, load_baselines, load_held_out, load_run
from ..series.learned import LearnedSeries, MemberSeries
from .diagram_shares import DiagramRow, compare_diagrams, has_diagrams
from .orders import (
    OrderRow,
    ProxyRow,
    Reference,
    as_dicts,
    compare_orders,
    compare_proxies,
    exact_reference,
)
from .verdict import verdict

_DIAGRAM_ORDERS = 5  # order 6 alone has 33 diagrams: more than a page can show
_EXAMPLES = (0.2, 0.5, 0.8, 1.0)


@dataclass(frozen=True)
class Comparison:
    """Networks against the exact Born series.

    Attributes:
        source: the run directory or model file, as the user named it.
        run: configuration, provenance and networks of a run; None for a network from elsewhere.
        strength: eta ``(N,)`` of the held-out potentials.
        reference: kernels, and held-out potentials with their exact terms and scattering lengths.
        learned: per member the learned series.
        single: per member the same of one network without iteration (that of round 1).
        baselines: least-squares polynomials by name.
        orders, single_network, baseline_orders, proxies: the tables.
        diagrams: by order, as far as a page can show them, the shares on the mean of the held-out potentials.
        examples: rows of four held-out potentials, from weak to strong.
    """

    source: str
    run: Run | None
    strength: np.ndarray
    reference: Reference
    learned: list[MemberSeries]
    single: list[MemberSeries]
    baselines: dict[str, Polynomial]
    orders: list[OrderRow]
    single_network: list[OrderRow]
    baseline_orders: dict[str, list[OrderRow]]
    proxies: list[ProxyRow]
    diagrams: dict[int, list[DiagramRow]]
    examples: list[int]
    series: LearnedSeries | None = None

    @property
    def cells(self) -> int:
        return self.reference.potentials.shape[1]

    @property
    def learner(self) -> str:
        """What learned: the name of a learner, or several of a chain."""
        return ",".join(self.config.learner) if self.config else self.learned[0].learners[0].kind

    @property
    def noun(self) -> str:
        """What a member's learner of a round is called."""
        return "network" if self.learner in ("mlp", "flow") else "fit"

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
        return self.config.rounds if self.config else self.rounds

    @property
    def labels(self) -> str | None:
        """What the networks were trained on, ``value`` or ``gradient``; None where that is not known."""
        return self.config.labels if self.config else None

    def to_dict(self) -> dict[str, Any]:
        """The comparison as ``compare-born --json`` prints it, with its ``schema_version``."""
        return {"schema_version": 1, **self.document()}

    def __repr__(self) -> str:
        errors = ", ".join(f"order {row.order} {row.kernel_error:.1e}" for row in self.orders)
        return f"Comparison({self.learner}, {self.cells} cells; kernel errors: {errors})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{row.order}</td><td>{row.kernel_error:.1e}</td><td>{row.term_error:.1e}</td></tr>"
            for row in self.orders
        )
        head = "<tr><th>order</th><th>kernel error</th><th>term error</th></tr>"
        return f"<table><caption>{self.learner} against the Born series</caption>{head}{rows}</table>"

    def document(self) -> dict[str, Any]:
        """The comparison as ``compare-born --json`` prints it."""
        return {
            "source": self.source,
            "learner": self.learner,
            "noun": self.noun,
            "cells": self.cells,
            "members": len(self.learned),
            "labels": self.labels,
            "rounds": self.rounds,
            "rounds_planned": self.rounds_planned,
            "held_out_potentials": len(self.reference.potentials),
            "strength": [float(self.strength.min()), float(self.strength.max())],
            "orders": as_dicts(self.orders),
            "single_network": as_dicts(self.single_network),
            "baselines": [
                {"name": name, "orders": as_dicts(rows)} for name, rows in self.baseline_orders.items()
            ],
            "proxy": as_dicts(self.proxies),
            "diagrams": [
                {"order": order, "shares": [row.as_dict() for row in rows]}
                for order, rows in self.diagrams.items()
            ],
            "examples": [
                {
                    "row": row + 1,
                    "strength": float(self.strength[row]),
                    "scattering_length": float(self.reference.scattering_length[row]),
                }
                for row in self.examples
            ],
            "verdict": verdict(self),
        }

    def best_baseline(self, order: int) -> tuple[str, OrderRow] | None:
        """The baseline with the least kernel error at an order; None where there are no baselines."""
        rows = {name: orders[order - 1] for name, orders in self.baseline_orders.items()}
        return min(rows.items(), key=lambda item: item[1].kernel_error, default=None)


def compare_run(path: str | Path, order: int | None = None) -> Comparison:
    """Compare a run, finished or in progress, with the Born series through ``order`` (the configured one).

    Members count as far as all of them have come; orders beyond the last round are the last network's own.
    Raises `InputError` where the folder is no run, or no round is finished.
    """
    return _compare(path, _with_rounds(path), order)


def compare_runs(paths: Sequence[str | Path], order: int | None = None) -> list[Comparison]:
    """Several runs as `compare_run` has each; `InputError` where their potentials differ in cells."""
    runs = [_with_rounds(path) for path in paths]
    cells = {run.cells for run in runs}
    if len(cells) > 1:
        found = ", ".join(f"{path} has {run.cells}" for path, run in zip(paths, runs, strict=True))
        raise InputError(
            f"runs side by side need potentials of equally many cells: {found}. Compare them one by one."
        )
    orders = [order or run.config.order for run in runs]
    return [_compare(path, run, max(orders)) for path, run in zip(paths, runs, strict=True)]


def differing_settings(comparisons: Sequence[Comparison]) -> dict[str, list[str]]:
    """Keys of the configuration in which runs differ, with the value in each."""
    configs = [comparison.run.config.flat("json") for comparison in comparisons if comparison.run]
    common = [key for key in configs[0] if all(key in config for config in configs)]  # of any learner
    values = {key: [_shown(config[key]) for config in configs] for key in common}
    return {key: found for key, found in values.items() if len(set(found)) > 1}


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else "-" if value is None else str(value)


def compare_model(
    path: str | Path,
    cells: int,
    *,
    activation: str | None = None,
    order: int = 3,
    samples: int = 2000,
    strength: tuple[float, float] = (1e-3, 0.5),
    seed: int = 0,
) -> Comparison:
    """Compare a network from anywhere, U ``(cells,)`` in and a0 out, on freshly drawn potentials.

    The file is read as `load_network` does, with its ``activation``; the potentials are of the family
    mixture. Raises `InputError` also where the network has not ``cells`` inputs, or eta reaches 1.
    """
    network = load_network(path, activation)
    if network.inputs != cells:
        raise InputError(
            f"{path}: the network has {network.inputs} inputs, the potentials have {cells} cells; give "
            f"--cells {network.inputs}, or a network for {cells}."
        )
    if not 0 < strength[0] <= strength[1] < 1:
        raise InputError(
            f"--strength: expected 0 < LO <= HI < 1, where the Born series converges; got {strength[0]:g} "
            f"{strength[1]:g}."
        )
    if samples < 1:
        raise InputError(f"--samples: expected a whole number of at least 1; got {samples}.")
    _require_memory(cells, order)
    potentials, eta = sample_potentials(
        "mixture", samples, cells, strength=strength, spacing="log", seed=seed
    )
    series = MemberSeries((Perceptron(network),))
    return _tables(
        source=str(path),
        run=None,
        strength=eta,
        reference=exact_reference(potentials, scattering_length(potentials), order),
        learned=[series],
        single=[series],
        baselines={},
    )


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
    _require_memory(series.cells, order)
    held_out = series.held_out
    return _tables(
        source="series",
        run=None,
        strength=held_out.strength,
        reference=exact_reference(held_out.potentials, held_out.values, order),
        learned=list(series.members),
        single=[MemberSeries(member.learners[:1], cells=member.cells) for member in series.members],
        baselines={},
        series=series,
    )


def _with_rounds(path: str | Path) -> Run:
    run = load_run(path)
    if run.finished_rounds == 0:
        there = ", ".join(f"member {n} has {len(models)}" for n, models in enumerate(run.learners, start=1))
        raise InputError(
            f"{path}: no round is finished by all members yet ({there}; planned: {run.config.rounds} each). "
            "Wait for the first, or go on with --resume."
        )
    return run


def _compare(path: str | Path, run: Run, order: int | None) -> Comparison:
    _require_memory(run.cells, order or run.config.order)
    held_out = load_held_out(path)
    reference = exact_reference(
        held_out["potentials"], held_out["scattering_length"], order or run.config.order
    )
    corrected = run.config.lower_orders == "corrected"
    rounds = run.finished_rounds
    return _tables(
        source=str(path),
        run=run,
        strength=held_out["strength"],
        reference=reference,
        learned=[MemberSeries(tuple(learners[:rounds]), corrected, run.cells) for learners in run.learners],
        single=[MemberSeries(tuple(learners[:1]), cells=run.cells) for learners in run.learners],
        baselines={
            f"least-squares-{degree}": polynomial
            for degree, polynomial in load_baselines(path, run.cells).items()
        },
    )


def _require_memory(cells: int, order: int) -> None:
    """`InputError`, before the lower orders take their time, where the highest one would not fit."""
    tensors = 6  # exact, learned and their difference, and what making them takes
    require_memory(
        8.0 * tensors * float(cells) ** order, f"comparing order {order} at {cells} cells", "lower --order."
    )


def _tables(
    *,
    source: str,
    run: Run | None,
    strength: np.ndarray,
    reference: Reference,
    learned: list[MemberSeries],
    single: list[MemberSeries],
    baselines: dict[str, Polynomial],
    series: LearnedSeries | None = None,
) -> Comparison:
    mean = reference.potentials.mean(axis=0)
    weak_to_strong = np.argsort(strength, kind="stable")
    return Comparison(
        source=source,
        run=run,
        strength=strength,
        reference=reference,
        learned=learned,
        single=single,
        baselines=baselines,
        orders=compare_orders(learned, reference),
        single_network=compare_orders(single, reference),
        baseline_orders={name: compare_orders([fit], reference) for name, fit in baselines.items()},
        proxies=compare_proxies(learned, reference),
        diagrams={
            n: compare_diagrams(learned, n, mean)
            for n in range(1, min(reference.order, _DIAGRAM_ORDERS) + 1)
            if has_diagrams(learned)
        },
        series=series,
        examples=[int(weak_to_strong[int(q * (len(strength) - 1))]) for q in _EXAMPLES],
    )
