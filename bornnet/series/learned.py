"""A learned Born series: terms of every order that predict, contract and compare like the exact ones."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..config.load import document_layer, resolved, to_toml
from ..config.schema import StudyConfig
from ..config.toml import parse_toml
from ..datasets.labelled import Labelled
from ..files.arrays import load_arrays, save_arrays
from ..learners.base import Learner, State
from ..learners.mlp.perceptron import Perceptron
from ..learners.spread import combined
from ..learners.states import packed_states, unpacked_states
from ..learners.store import SERIES_FORM, damage
from ..targets import Target, target
from .noise import LearnedNoise
from .reach import without_value
from .rows import as_rows
from .shown import counted, rounds_table
from .terms import MemberSeries


@dataclass(frozen=True)
class LearnedSeries:
    """What all members of an ensemble have learned: means over them, and what is known of their errors.

    Attributes:
        members: the series of each.
        config: the study; None where it is not known.
        held_out: rows that no member was fitted to, as displacements from the reference, without gradients;
            None where they were not kept.
        rounds: per member and round what the fit reached.
        target: what was learned, around its reference.
        noise: what was learned of the values' errors, where that was asked for.

    Potentials given to its methods are full ones; terms are of their displacements from the reference, which
    the value there does not count among. Methods raise ``InputError`` for potentials of another shape than
    ``(N, cells)`` and for an order that is no whole number, or too low.
    """

    members: tuple[MemberSeries, ...]
    config: StudyConfig | None = None
    held_out: Labelled | None = None
    rounds: list[list[dict[str, Any]]] = field(default_factory=list)
    target: Target = field(default_factory=lambda: target("scattering_length"))
    noise: LearnedNoise | None = None

    @cached_property
    def cells(self) -> int:
        """Of the potentials it was fitted to."""
        if self.held_out is not None:
            return self.held_out.cells
        return len(self.members[0].kernel(1))

    def kernel(self, order: int) -> np.ndarray:
        """The symmetric coefficient tensor of that order, ``(cells,) * order``: mean over the members."""
        return np.mean([member.kernel(order) for member in self.members], axis=0)

    def kernel_std(self, order: int) -> np.ndarray | None:
        """One standard deviation of each coefficient, of the learner's own statement and the spread over
        the members (`spread.combined`); None for one member that states none."""
        own = [member.kernel_std(order) for member in self.members]
        return self._std(own, lambda: [member.kernel(order) for member in self.members])

    def terms(self, potentials: np.ndarray, order: int) -> np.ndarray:
        """``(order, N)``: row n-1 is the order-n term of each potential, mean over the members."""
        U = self.displacements(potentials)
        return np.mean([member.terms(U, order) for member in self.members], axis=0)

    def terms_std(self, potentials: np.ndarray, order: int) -> np.ndarray | None:
        """One standard deviation of each term ``(order, N)``, as `kernel_std`."""
        U = self.displacements(potentials)
        own = [member.terms_std(U, order) for member in self.members]
        return self._std(own, lambda: [member.terms(U, order) for member in self.members])

    def predict(self, potentials: np.ndarray, order: int | None = None) -> np.ndarray:
        """The value at the reference and the sum of the learned terms through ``order`` ``(N,)``; None: the
        learner's own value, NaN where it has none (`without_value` says why)."""
        if order is not None:
            U = self.displacements(potentials)
            return self.target.value + np.mean([one.predict(U, order) for one in self.members], axis=0)
        value = self.target.value
        found = self._where_valued(
            potentials, lambda U: value + np.mean([one.predict(U) for one in self.members], axis=0)
        )
        assert found is not None
        return found

    def predict_std(self, potentials: np.ndarray) -> np.ndarray | None:
        """One standard deviation of the learner's own value ``(N,)``, as `kernel_std`; NaN where there is
        no value."""

        def stated(U: np.ndarray) -> np.ndarray | None:
            own = [member.predict_std(U) for member in self.members]
            return self._std(own, lambda: [member.predict(U) for member in self.members])

        return self._where_valued(potentials, stated)

    def without_value(self, potentials: np.ndarray) -> list[str | None]:
        """Of each potential, why the learner has no value for it; None where it has one."""
        own = [member.learners for member in self.members]
        return without_value(own, self.target, self._rows(potentials))

    def _where_valued(
        self, potentials: np.ndarray, numbers: Callable[[np.ndarray], np.ndarray | None]
    ) -> np.ndarray | None:
        """``numbers`` of the displacements, NaN for those without a value."""
        kept = np.array([note is None for note in self.without_value(potentials)], dtype=bool)
        U = self.displacements(potentials)
        if kept.all():
            return numbers(U)
        whole = np.full(len(U), np.nan)
        if kept.any():
            found = numbers(U[kept])
            if found is None:
                return None
            whole[kept] = found
        return whole

    def displacements(self, potentials: np.ndarray) -> np.ndarray:
        """The potentials ``(N, cells)`` less the reference."""
        return self.target.displacements(self._rows(potentials))

    def _rows(self, potentials: np.ndarray) -> np.ndarray:
        tied = not all(learner.any_cells for member in self.members for learner in member.learners)
        return as_rows(potentials, self.cells if tied else None)

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the series into one file without pickle, which `load_series` reads. `InputError` where there
        is a file, unless ``force``."""
        arrays: dict[str, np.ndarray] = {}
        members = []
        for number, member in enumerate(self.members, start=1):
            own, stated = packed_states(member.learners, f"member-{number}.")
            arrays |= own
            members.append(stated)
        if self.held_out is not None:
            kept = {name: array for name, array in vars(self.held_out).items() if array is not None}
            arrays |= {f"held_out.{name}": array for name, array in kept.items()}
        facts = {
            "members": members,
            "corrected": self.members[0].corrected,
            "cells": self.members[0].cells,
            "config": None if self.config is None else to_toml(self.config),
            "rounds": self.rounds,
            "target": self.target.name,
            "noise": None if self.noise is None else asdict(self.noise),
        }
        if self.target.reference is not None:
            arrays["reference"] = self.target.reference
        save_arrays(path, arrays, form=SERIES_FORM, facts=facts, force=force)

    def _std(self, own: Sequence[np.ndarray | None], values: Any) -> np.ndarray | None:
        return combined(own, values, redrawn=self.config is not None and self.config.bootstrap)

    def __repr__(self) -> str:
        kinds = ",".join(self.config.learner) if self.config else self.members[0].learners[0].kind
        rounds = counted(len(self.members[0].learners), "round")
        return f"LearnedSeries({kinds}: {counted(len(self.members), 'member')}, {rounds}, {self.cells} cells)"

    def _repr_html_(self) -> str:
        return rounds_table(repr(self), self.rounds)


def save_series(path: str | Path, series: LearnedSeries | MemberSeries, *, force: bool = False) -> None:
    """Write a learned series into one file. `InputError` where one exists."""
    whole = LearnedSeries((series,)) if isinstance(series, MemberSeries) else series
    whole.save(path, force=force)


def load_series(path: str | Path, *, learner: Any = None) -> LearnedSeries:
    """The learned series of a file that `LearnedSeries.save` wrote: it predicts as it did.

    ``learner``: for the series of a torch module, a module of the same architecture with any weights; files
    hold weights and no code. `InputError` where the file is none, or damaged, or holds other weights.
    """
    arrays, facts = load_arrays(path, form=SERIES_FORM)
    with damage(path, "series"):
        corrected = bool(facts["corrected"])
        if "architectures" in facts:  # written before there were other learners than the perceptron
            members: tuple[MemberSeries, ...] = (MemberSeries(_perceptrons(arrays, facts), corrected),)
        else:
            members = tuple(
                MemberSeries(
                    tuple(unpacked_states(arrays, stated, f"member-{number}.", module=learner)),
                    corrected,
                    facts["cells"],
                )
                for number, stated in enumerate(facts["members"], start=1)
            )
        if not members or not all(member.learners for member in members):
            raise ValueError("it holds no network")
        held = {n.removeprefix("held_out."): a for n, a in arrays.items() if n.startswith("held_out.")}
        text = facts.get("config")
        config = None if text is None else resolved([document_layer(parse_toml(text, str(path)), str(path))])
        learned = target(facts.get("target", "scattering_length"), arrays.get("reference"))
        kept = Labelled(**held) if held else None
        noise = LearnedNoise(**facts["noise"]) if facts.get("noise") else None
        return LearnedSeries(members, config, kept, facts.get("rounds", []), learned, noise)


def _perceptrons(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> tuple[Learner, ...]:
    found = []
    for number, architecture in enumerate(facts["architectures"], start=1):
        own = {n.removeprefix(f"{number}."): a for n, a in arrays.items() if n.startswith(f"{number}.")}
        found.append(Perceptron.from_state(State(own, {"architecture": architecture})))
    return tuple(found)
