"""Comparing a run's learned terms with the Born series: the numbers behind the tables, figures and report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError
from .files.run import Run, load_baselines, load_held_out, load_run
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


@dataclass(frozen=True)
class Comparison:
    """One run against the exact Born series.

    Attributes:
        run: the networks and their provenance.
        reference: kernels, and held-out potentials with their exact terms and scattering lengths.
        learned: per member the learned series.
        single: per member the same of one network without iteration (that of round 1).
        baselines: least-squares polynomials by name.
        orders, single_network, baseline_orders, proxies: the tables.
    """

    run: Run
    strength: Any
    reference: Reference
    learned: list[LearnedSeries]
    single: list[LearnedSeries]
    baselines: dict[str, Polynomial]
    orders: list[OrderRow]
    single_network: list[OrderRow]
    baseline_orders: dict[str, list[OrderRow]]
    proxies: list[ProxyRow]

    def document(self) -> dict[str, Any]:
        """The comparison as `compare-born --json` prints it."""
        return {
            "run": str(self.run.path),
            "cells": self.run.cells,
            "members": len(self.learned),
            "rounds": len(self.learned[0].networks),
            "rounds_planned": self.run.config.rounds,
            "held_out_potentials": len(self.reference.potentials),
            "orders": as_dicts(self.orders),
            "single_network": as_dicts(self.single_network),
            "baselines": [
                {"name": name, "orders": as_dicts(rows)} for name, rows in self.baseline_orders.items()
            ],
            "proxy": as_dicts(self.proxies),
        }


def compare_run(path: str | Path, order: int | None = None) -> Comparison:
    """Compare a run, finished or in progress, with the Born series through ``order`` (the configured one).

    Members count as far as all of them have come. Raises `InputError` where no round is finished.
    """
    run = load_run(path)
    rounds = run.finished_rounds
    if rounds == 0:
        raise InputError(
            f"{path}: no round is finished yet (planned: {run.config.rounds} rounds of {run.config.members} "
            "member(s)); wait for the first, or go on with --resume."
        )
    held_out = load_held_out(path)
    reference = exact_reference(
        held_out["potentials"], held_out["scattering_length"], order or run.config.order
    )
    corrected = run.config.lower_orders == "corrected"
    learned = [LearnedSeries(tuple(models[:rounds]), corrected) for models in run.models]
    single = [LearnedSeries(tuple(models[:1])) for models in run.models]
    baselines = {
        f"least-squares-{degree}": polynomial
        for degree, polynomial in load_baselines(path, run.cells).items()
    }
    return Comparison(
        run=run,
        strength=held_out["strength"],
        reference=reference,
        learned=learned,
        single=single,
        baselines=baselines,
        orders=compare_orders(learned, reference),
        single_network=compare_orders(single, reference),
        baseline_orders={name: compare_orders([fit], reference) for name, fit in baselines.items()},
        proxies=compare_proxies(learned, reference),
    )


def verdict(comparison: Comparison) -> str:
    """What the numbers say, in a few sentences that hold for any of them."""
    members = len(comparison.learned)
    ensemble = "One network" if members == 1 else f"{members} networks"
    rounds = len(comparison.learned[0].networks)
    shares = [f"order {row.order} to {_percent(row.kernel_error)}" for row in comparison.orders]
    sentences = [
        f"{ensemble} a round, {rounds} round{'s' if rounds > 1 else ''}, potentials of "
        f"{comparison.run.cells} cells: the Born kernels are learned, {', '.join(shares)} (relative error)."
    ]
    if rounds > 1:
        for row, alone in zip(comparison.orders[1:], comparison.single_network[1:], strict=True):
            ratio = alone.kernel_error / row.kernel_error
            better = "smaller" if ratio >= 1 else "larger"
            factor = ratio if ratio >= 1 else 1 / ratio
            sentences.append(
                f"At order {row.order} the error is {factor:.2g} times {better} than without iteration."
            )
    sentences += _against_baselines(comparison)
    missing = [row.order for row in comparison.orders if row.order > rounds]
    if missing:
        sentences.append(
            f"Order {', '.join(map(str, missing))} lies beyond the last round and is the last network's own."
        )
    wrong = [row.order for row in comparison.orders if row.kernel_error > 0.5]
    if wrong:
        sentences.append(f"Order {', '.join(map(str, wrong))} has not been learned.")
    return " ".join(sentences)


def _against_baselines(comparison: Comparison) -> Sequence[str]:
    if not comparison.baseline_orders:
        return []
    beaten, unbeaten = [], []
    for index, row in enumerate(comparison.orders):
        best = min(rows[index].kernel_error for rows in comparison.baseline_orders.values())
        (beaten if row.kernel_error < best else unbeaten).append(str(row.order))
    sentences = []
    if beaten:
        sentences.append(f"The best least-squares polynomial does worse at order {', '.join(beaten)}.")
    if unbeaten:
        sentences.append(f"A least-squares polynomial does as well or better at order {', '.join(unbeaten)}.")
    return sentences


def _percent(error: float) -> str:
    return f"{100 * error:.2g} %"
