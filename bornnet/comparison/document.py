"""A comparison as JSON holds it, and as a terminal and a notebook show it."""

from typing import TYPE_CHECKING, Any

from .diagram_shares import why_no_diagrams
from .held_out import configuration_of
from .known_verdict import known_verdict
from .orders import as_dicts
from .verdict import verdict

if TYPE_CHECKING:
    from .result import Comparison


def document(comparison: "Comparison") -> dict[str, Any]:
    """The comparison as ``compare-born --json`` prints it."""
    return {
        "source": comparison.source,
        **({"model": comparison.model.as_dict()} if comparison.model else {}),
        "learner": comparison.learner,
        "noun": comparison.noun,
        "cells": comparison.cells,
        "cells_fitted": comparison.cells_fitted,
        "members": len(comparison.learned),
        "labels": comparison.labels,
        "observable": comparison.observable,
        "truth": comparison.truth,
        "given": comparison.run is not None and "given" in configuration_of(comparison.run),
        "target": comparison.reference.target.name,
        "reference": None if (U0 := comparison.reference.target.reference) is None else U0.tolist(),
        "series": comparison.words.series,
        "rounds": comparison.rounds,
        "rounds_planned": comparison.rounds_planned,
        "held_out_potentials": len(comparison.reference.potentials),
        "strength": [float(comparison.strength.min()), float(comparison.strength.max())],
        **(comparison.known.as_dict() if comparison.known else _against_truth(comparison)),
        "held_out": comparison.residuals.as_dict(),
        "warnings": comparison.cautions,
        **(comparison.outliers.as_dict() if comparison.outliers else {"outliers": None}),
        "diagrams": [
            {"order": order, "shares": [row.as_dict() for row in rows]}
            for order, rows in comparison.diagrams.items()
        ],
        "no_diagrams": why_no_diagrams(comparison.learned),
        "law": comparison.law.as_dict() if comparison.law else None,
        "truncation": comparison.truncation,
        "examples": [
            {
                "row": row + 1,
                "strength": float(comparison.strength[row]),
                ("scattering_length" if comparison.truth else "value"): float(
                    comparison.reference.scattering_length[row]
                ),
            }
            for row in comparison.examples
        ],
        "verdict": verdict(comparison) if comparison.truth else known_verdict(comparison),
    }


def _against_truth(comparison: "Comparison") -> dict[str, Any]:
    return {
        "orders": as_dicts(comparison.orders),
        "single_network": as_dicts(comparison.single_network),
        "baselines": [
            {"name": name, "orders": as_dicts(rows)} for name, rows in comparison.baseline_orders.items()
        ],
        "proxy": as_dicts(comparison.proxies),
    }


def line(comparison: "Comparison") -> str:
    """The comparison in a line."""
    if comparison.known:
        norms = ", ".join(f"order {row.order} {row.shown}" for row in comparison.known.orders)
        return f"Comparison({comparison.learner}, {comparison.cells} cells; no truth known; norms: {norms})"
    errors = ", ".join(f"order {row.order} {row.kernel_error:.1e}" for row in comparison.orders)
    lacking = "; no diagrams" if why_no_diagrams(comparison.learned) else ""
    return f"Comparison({comparison.learner}, {comparison.cells} cells; kernel errors: {errors}{lacking})"


def html(comparison: "Comparison") -> str:
    """The comparison as a notebook shows it."""
    if comparison.known:
        return comparison.known.html(
            f"{comparison.learner} on {comparison.observable}, of which no truth is known"
        )
    rows = "".join(
        f"<tr><td>{row.order}</td><td>{row.kernel_error:.1e}</td><td>{row.term_error:.1e}</td></tr>"
        for row in comparison.orders
    )
    head = "<tr><th>order</th><th>kernel error</th><th>term error</th></tr>"
    lacking = why_no_diagrams(comparison.learned)
    note = f"<p>{lacking}</p>" if lacking else ""
    caption = f"<caption>{comparison.learner} against {comparison.words.series}</caption>"
    return f"<table>{caption}{head}{rows}</table>{note}"
