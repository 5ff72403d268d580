"""A learned Born series: terms of every order that predict, contract and compare like the exact ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import factorial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..config.load import document_layer, resolved, to_toml
from ..config.schema import StudyConfig
from ..config.toml import parse_toml
from ..errors import InputError
from ..files.arrays import load_arrays, save_arrays
from ..learners.base import Learner, State
from ..learners.mlp.perceptron import Perceptron
from ..learners.states import packed_states, unpacked_states
from ..learners.store import SERIES_FORM, damage
from .spread import spreads


class Series(Protocol):
    """Terms homogeneous in the potential, order by order."""

    def kernel(self, order: int) -> np.ndarray:
        """The symmetric coefficient tensor of that order at U = 0, ``(cells,) * order``."""
        ...

    def terms(self, potentials: np.ndarray, order: int) -> np.ndarray:
        """``(order, N)``: row n-1 is the order-n term of each potential ``(N, cells)``."""
        ...


@dataclass(frozen=True)
class MemberSeries:
    """The Born series that one member has learned, in units of the range.

    Order n is the order-n Taylor term, at U = 0, of what was learned in round n; orders beyond the last round
    are those of the last one. Where later rounds correct (``corrected``), the same term of every later round
    is added.

    Attributes:
        learners: of round 1, 2, .. in physical units: U in, scattering length out.
        corrected: whether later rounds correct the earlier orders.
        cells: of the kernels, for learners that take any number; None: the learners say.
    """

    learners: tuple[Learner, ...]
    corrected: bool = False
    cells: int | None = None

    def sources(self, order: int) -> Sequence[Learner]:
        """The learners whose order-n Taylor terms make up order n."""
        first = min(order, len(self.learners)) - 1
        return self.learners[first:] if self.corrected else self.learners[first : first + 1]

    def kernel(self, order: int) -> np.ndarray:
        tensors = [learner.derivative_tensor(order, cells=self.cells) for learner in self.sources(order)]
        return np.sum(tensors, axis=0) / factorial(order)

    def kernel_std(self, order: int) -> np.ndarray | None:
        """One standard deviation of each coefficient, ``(cells,) * order``; None where it is not known."""
        stds = [learner.uncertainty(order, cells=self.cells) for learner in self.sources(order)]
        if any(std is None for std in stds):
            return None
        return np.sqrt(np.sum([np.square(std) for std in stds if std is not None], axis=0)) / factorial(order)

    def terms(self, potentials: np.ndarray, order: int) -> np.ndarray:
        potentials = np.asarray(potentials, dtype=float)
        rows = np.zeros((order, len(potentials)))
        for learner, orders in self._orders(order):
            taylor = learner.taylor_terms(potentials, max(orders))
            for n in orders:
                rows[n - 1] += taylor[n]
        return rows

    def terms_std(self, potentials: np.ndarray, order: int) -> np.ndarray | None:
        """One standard deviation of each term, ``(order, N)``; None where it is not known."""
        potentials = np.asarray(potentials, dtype=float)
        squares = np.zeros((order, len(potentials)))
        for learner, orders in self._orders(order):
            std = learner.terms_uncertainty(potentials, max(orders))
            if std is None:
                return None
            for n in orders:
                squares[n - 1] += std[n] ** 2
        return np.sqrt(squares)

    def gradient(self, potentials: np.ndarray, order: int) -> np.ndarray:
        """``(N, cells)``: the gradient in the potential of the sum of the terms through ``order``."""
        potentials = np.asarray(potentials, dtype=float)
        total = np.zeros_like(potentials)
        for learner, orders in self._orders(order):
            total += learner.terms_gradient(potentials, orders)
        return total

    def through(self, order: int) -> "MemberSeries":
        """The learned Born approximation of that order as a series of its own, one learner an order.

        Raises ``InputError`` where there are fewer rounds.
        """
        if not 1 <= order <= len(self.learners):
            raise InputError(f"there are {len(self.learners)} rounds, so orders 1 to that; got {order}.")
        return MemberSeries(self.learners[:order], self.corrected, self.cells)

    def predict(self, potentials: np.ndarray, order: int | None = None) -> np.ndarray:
        """The sum of the learned terms through ``order``, ``(N,)``; without it the last round's own value:
        the terms of the orders below the one that was due, and all that the round's model says beyond
        them."""
        potentials = np.asarray(potentials, dtype=float)
        if order is not None:
            return self.terms(potentials, order).sum(axis=0)
        last, due = self.learners[-1], len(self.learners)
        removed = last.taylor_terms(potentials, 0 if self.corrected else due - 1).sum(axis=0)
        own = last(potentials) - removed
        if due == 1:
            return own
        return own + MemberSeries(self.learners[:-1], self.corrected).terms(potentials, due - 1).sum(axis=0)

    def _orders(self, order: int) -> list[tuple[Learner, list[int]]]:
        """Each learner that is a source, with its orders."""
        found = [
            (learner, [n for n in range(1, order + 1) if any(learner is s for s in self.sources(n))])
            for learner in self.learners
        ]
        return [(learner, orders) for learner, orders in found if orders]


@dataclass(frozen=True)
class HeldOut:
    """Rows that were not fitted: ``potentials (N, cells)``, ``values (N,)``, ``strength (N,)``."""

    potentials: np.ndarray
    values: np.ndarray
    strength: np.ndarray


@dataclass(frozen=True)
class LearnedSeries:
    """What all members of an ensemble have learned: means over them, and what is known of their errors.

    Attributes:
        members: the series of each.
        config: the study; None where it is not known.
        held_out: rows that no member was fitted to; None where they were not kept.
        rounds: per member and round what the fit reached.
    """

    members: tuple[MemberSeries, ...]
    config: StudyConfig | None = None
    held_out: HeldOut | None = None
    rounds: list[list[dict[str, Any]]] = field(default_factory=list)

    @cached_property
    def cells(self) -> int:
        if self.held_out is not None:
            return int(self.held_out.potentials.shape[1])
        return len(self.members[0].kernel(1))

    def kernel(self, order: int) -> np.ndarray:
        """The symmetric coefficient tensor of that order, ``(cells,) * order``: mean over the members."""
        return np.mean([member.kernel(order) for member in self.members], axis=0)

    def kernel_std(self, order: int) -> np.ndarray | None:
        """One standard deviation of each coefficient: the learner's own where it states one, else the sample
        standard deviation over the members; None for one member that states none."""
        own = [member.kernel_std(order) for member in self.members]
        return self._std(own, lambda: [member.kernel(order) for member in self.members])

    def terms(self, potentials: np.ndarray, order: int) -> np.ndarray:
        """``(order, N)``: row n-1 is the order-n term of each potential, mean over the members."""
        return np.mean([member.terms(potentials, order) for member in self.members], axis=0)

    def terms_std(self, potentials: np.ndarray, order: int) -> np.ndarray | None:
        """One standard deviation of each term ``(order, N)``, as `kernel_std`."""
        own = [member.terms_std(potentials, order) for member in self.members]
        return self._std(own, lambda: [member.terms(potentials, order) for member in self.members])

    def predict(self, potentials: np.ndarray, order: int | None = None) -> np.ndarray:
        """The sum of the learned terms through ``order`` ``(N,)``; None: the learner's own value."""
        return np.mean([member.predict(potentials, order) for member in self.members], axis=0)

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
            arrays |= {f"held_out.{name}": array for name, array in vars(self.held_out).items()}
        facts = {
            "members": members,
            "corrected": self.members[0].corrected,
            "cells": self.members[0].cells,
            "config": None if self.config is None else to_toml(self.config),
            "rounds": self.rounds,
        }
        save_arrays(path, arrays, form=SERIES_FORM, facts=facts, force=force)

    def _std(self, own: Sequence[np.ndarray | None], values: Any) -> np.ndarray | None:
        known = [std for std in own if std is not None]
        if len(known) == len(self.members):
            return np.sqrt(np.mean(np.square(known), axis=0))
        return spreads(np.array(values())) if len(self.members) > 1 else None

    def __repr__(self) -> str:
        kinds = ",".join(self.config.learner) if self.config else self.members[0].learners[0].kind
        rounds = len(self.members[0].learners)
        return (
            f"LearnedSeries({kinds}: {len(self.members)} member{'s' if len(self.members) > 1 else ''}, "
            f"{rounds} round{'s' if rounds > 1 else ''}, {self.cells} cells)"
        )


def save_series(path: str | Path, series: LearnedSeries | MemberSeries, *, force: bool = False) -> None:
    """Write a learned series into one file. `InputError` where one exists."""
    whole = LearnedSeries((series,)) if isinstance(series, MemberSeries) else series
    whole.save(path, force=force)


def load_series(path: str | Path) -> LearnedSeries:
    """The learned series of a file that `LearnedSeries.save` wrote: it predicts as it did.

    `InputError` where it is none, or damaged.
    """
    arrays, facts = load_arrays(path, form=SERIES_FORM)
    with damage(path, "series"):
        corrected = bool(facts["corrected"])
        if "architectures" in facts:  # written before there were other learners than the perceptron
            members: tuple[MemberSeries, ...] = (MemberSeries(_perceptrons(arrays, facts), corrected),)
        else:
            members = tuple(
                MemberSeries(
                    tuple(unpacked_states(arrays, stated, f"member-{number}.")), corrected, facts["cells"]
                )
                for number, stated in enumerate(facts["members"], start=1)
            )
        if not members or not all(member.learners for member in members):
            raise ValueError("it holds no network")
        held = {n.removeprefix("held_out."): a for n, a in arrays.items() if n.startswith("held_out.")}
        text = facts.get("config")
        config = None if text is None else resolved([document_layer(parse_toml(text, str(path)), str(path))])
        return LearnedSeries(members, config, HeldOut(**held) if held else None, facts.get("rounds", []))


def _perceptrons(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> tuple[Learner, ...]:
    found = []
    for number, architecture in enumerate(facts["architectures"], start=1):
        own = {n.removeprefix(f"{number}."): a for n, a in arrays.items() if n.startswith(f"{number}.")}
        found.append(Perceptron.from_state(State(own, {"architecture": architecture})))
    return tuple(found)
