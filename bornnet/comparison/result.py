"""What a comparison holds: plain numbers, computed once, of which tables, figures and reports are made."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..config.schema import StudyConfig
from ..datasets.content import OBSERVABLE
from ..learners.foreign.network import ForeignNetwork
from ..runs.directory import Run, read_metrics
from ..series.learned import LearnedSeries
from ..series.terms import MemberSeries
from .diagram_shares import DiagramRow
from .document import document, html, line
from .evaluation import Evaluation
from .known import Known
from .law import LawComparison
from .orders import OrderRow, ProxyRow, Reference
from .outliers import Outliers
from .residuals import Residuals
from .strength_scan import StrengthScan, strength_scan
from .waves import Waves, waves
from .words import Words, words


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
        evaluation: coefficients and held-out terms of what was learned.
        residuals: held-out values less those learned.
        orders, single_network, baseline_orders, proxies: the tables; empty where no truth is known.
        known: what is known of each order where no truth is; None where one is.
        diagrams: by order, as far as a page can show them, the shares on the mean of the held-out potentials.
        examples: rows of four held-out potentials, from weak to strong.
        model: a network from elsewhere, and what was read of its file.
        outliers: rows that disagree most with what was learned; None where labels are exact.
        cautions: what training warned of, and what held-out residuals say of the stated errors.
        law: what drives a learner that steps along r; None for others.
        truncation: how far its steps put values off, over their RMS (`law.truncation`); None for others.
    """

    source: str
    run: Run | None
    strength: np.ndarray
    reference: Reference
    learned: list[MemberSeries]
    single: list[MemberSeries]
    baselines: dict[str, MemberSeries]
    evaluation: Evaluation
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
    truncation: float | None = None
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

    @cached_property
    def scan(self) -> StrengthScan:
        """Errors of the sums as held-out shapes are rescaled; where a truth is known."""
        return strength_scan(self.evaluation.terms, self.reference, self.strength)

    @cached_property
    def waves(self) -> Waves:
        """The examples with their zero-energy wave functions."""
        return waves(self.reference, self.examples)

    @cached_property
    def learning(self) -> list[dict[str, Any]]:
        """The learning curves of a run, an entry a step, as far as it has come; empty without one."""
        return read_metrics(self.run.path) if self.run else []

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
