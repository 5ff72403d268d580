"""Comparing learned terms with the Born series: the numbers behind the tables, figures and report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .files.foreign import load_network
from .files.run import Run, load_baselines, load_held_out, load_run
from .networks.diagram_shares import DiagramShare, diagram_shares
from .networks.memory import require_memory
from .perturbation.comparison import (
    OrderRow,
    ProxyRow,
    Reference,
    as_dicts,
    compare_orders,
    compare_proxies,
    exact_reference,
)
from .perturbation.least_squares import Polynomial
from .perturbation.series import LearnedSeries
from .physics.families import sample_potentials
from .physics.scattering import scattering_length
from .report.verdict import verdict

_DIAGRAM_ORDERS = 4
_SCANNED = 200  # held-out shapes in a scan over strengths: medians are steady


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
        diagrams: by order, the shares of the first member's network of that round, along the mean of the
            held-out potentials.
    """

    source: str
    run: Run | None
    strength: np.ndarray
    reference: Reference
    learned: list[LearnedSeries]
    single: list[LearnedSeries]
    baselines: dict[str, Polynomial]
    orders: list[OrderRow]
    single_network: list[OrderRow]
    baseline_orders: dict[str, list[OrderRow]]
    proxies: list[ProxyRow]
    diagrams: dict[int, list[DiagramShare]]

    @property
    def cells(self) -> int:
        return self.reference.potentials.shape[1]

    @property
    def rounds(self) -> int:
        """Rounds that every member has finished."""
        return len(self.learned[0].networks)

    @property
    def rounds_planned(self) -> int:
        return self.run.config.rounds if self.run else self.rounds

    def document(self) -> dict[str, Any]:
        """The comparison as ``compare-born --json`` prints it."""
        return {
            "source": self.source,
            "cells": self.cells,
            "members": len(self.learned),
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
                {
                    "order": order,
                    "shares": [
                        {
                            "diagram": share.diagram.notation,
                            "labelings": share.diagram.labelings,
                            "norm": share.norm,
                            "along": share.along,
                            "share": share_of(share, sum(part.along for part in shares)),
                        }
                        for share in shares
                    ],
                }
                for order, shares in self.diagrams.items()
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
    configs = [comparison.run.config.model_dump(mode="json") for comparison in comparisons if comparison.run]
    values = {key: [_shown(config[key]) for config in configs] for key in configs[0]}
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
    series = LearnedSeries((network,))
    return _tables(
        source=str(path),
        run=None,
        strength=eta,
        reference=exact_reference(potentials, scattering_length(potentials), order),
        learned=[series],
        single=[series],
        baselines={},
    )


def _with_rounds(path: str | Path) -> Run:
    run = load_run(path)
    if run.finished_rounds == 0:
        there = ", ".join(f"member {n} has {len(models)}" for n, models in enumerate(run.models, start=1))
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
        learned=[LearnedSeries(tuple(models[:rounds]), corrected) for models in run.models],
        single=[LearnedSeries(tuple(models[:1])) for models in run.models],
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
    learned: list[LearnedSeries],
    single: list[LearnedSeries],
    baselines: dict[str, Polynomial],
) -> Comparison:
    direction = reference.potentials.mean(axis=0)
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
            n: diagram_shares(learned[0].sources(n)[0], n, direction=direction)
            for n in range(1, min(reference.order, _DIAGRAM_ORDERS) + 1)
        },
    )


def share_of(share: DiagramShare, total: float) -> float | None:
    """A diagram's part of the term along the mean potential; None where the whole is zero."""
    return share.along / total if total else None


@dataclass(frozen=True)
class StrengthScan:
    """Median absolute relative errors of sums through each order, ``(order, strengths)``, against eta."""

    strength: np.ndarray
    learned_vs_exact: np.ndarray
    born_vs_exact: np.ndarray
    learned_vs_born: np.ndarray


def strength_scan(comparison: Comparison, points: int = 60, highest: float = 2.0) -> StrengthScan:
    """How learned and exact Born sums fare as held-out shapes are rescaled through eta = 1 to ``highest``.

    Terms are homogeneous, so that those of a rescaled potential follow from its own; a0 is solved anew.
    """
    chosen = np.unique(np.linspace(0, len(comparison.strength) - 1, _SCANNED).astype(int))
    eta, order = comparison.strength[chosen], comparison.reference.order
    potentials = comparison.reference.potentials[chosen]
    powers = eta ** np.arange(1, order + 1)[:, None]
    born = comparison.reference.terms[:, chosen] / powers
    learned = np.array([series.terms(potentials, order) / powers for series in comparison.learned])
    strengths = np.geomspace(comparison.strength.min(), highest, points)
    errors = np.empty((3, order, points))
    for column, strength in enumerate(strengths):
        exact = scattering_length(potentials * (strength / eta)[:, None])
        scale = strength ** np.arange(1, order + 1)[:, None]
        born_sum, learned_sum = np.cumsum(born * scale, axis=0), np.cumsum(learned * scale, axis=1)
        for kind, ratio in enumerate((learned_sum / exact, born_sum / exact, learned_sum / born_sum)):
            error = np.median(np.abs(ratio - 1), axis=-1)
            errors[kind, :, column] = error.mean(axis=0) if error.ndim == 2 else error
    return StrengthScan(strengths, *errors)
