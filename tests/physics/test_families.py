"""Families: the strength asked for, the same numbers however they are cut, and errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bornnet
from bornnet.config import names as vocabulary
from bornnet.errors import InputError
from bornnet.physics.families import FAMILIES, sample_potentials

families = pytest.mark.parametrize("family", FAMILIES)


@families
@pytest.mark.parametrize("cells", [1, 2, 16, 64, 1000])
@pytest.mark.parametrize("spacing", ["log", "uniform"])
def test_strength_is_exactly_what_was_asked_for(family, cells, spacing):
    potentials, eta = sample_potentials(family, 300, cells, strength=(1e-5, 3.0), spacing=spacing, seed=7)
    assert potentials.shape == (300, cells)
    assert (potentials >= 0).all()
    assert ((eta >= 1e-5) & (eta <= 3.0)).all()
    np.testing.assert_allclose(bornnet.weinberg_eigenvalue(potentials), eta, rtol=1e-12, atol=1e-12)


@families
def test_strengths_fill_their_range(family):
    """Kolmogorov-Smirnov distance of 4000 draws below 0.04: a right law fails once in 1e5 seeds."""
    _, eta = sample_potentials(family, 4000, 4, strength=(1e-3, 0.5), seed=11)
    position = np.sort(np.log(eta / 1e-3) / np.log(500))
    assert np.abs(position - (np.arange(4000) + 0.5) / 4000).max() < 0.04
    _, eta = sample_potentials(family, 4000, 4, strength=(0.1, 0.5), spacing="uniform", seed=11)
    assert np.abs(np.sort(eta - 0.1) / 0.4 - (np.arange(4000) + 0.5) / 4000).max() < 0.04


@settings(max_examples=25, deadline=None)
@given(
    family=st.sampled_from(sorted(FAMILIES)),
    start=st.integers(0, 5000),
    count=st.integers(0, 3000),
    workers=st.integers(1, 4),
)
def test_any_cut_and_any_workers_give_the_same_numbers(family, start, count, workers):
    whole, _ = sample_potentials(family, 8000, 40, strength=(0.01, 1.0), seed=5, workers=2)
    part, _ = sample_potentials(family, count, 40, strength=(0.01, 1.0), seed=5, start=start, workers=workers)
    np.testing.assert_array_equal(part, whole[start : start + count])


@families
def test_seeds_differ(family):
    one, _ = sample_potentials(family, 50, 8, strength=(0.1, 0.2), seed=1)
    two, _ = sample_potentials(family, 50, 8, strength=(0.1, 0.2), seed=2)
    assert not np.isclose(one, two).all(axis=1).any()


def test_commands_know_every_family():
    assert tuple(FAMILIES) == vocabulary.FAMILIES


def test_shapes_do_not_depend_on_the_strength():
    weak, weak_eta = sample_potentials("mixture", 100, 16, strength=(1e-3, 1e-2), seed=4)
    strong, strong_eta = sample_potentials("mixture", 100, 16, strength=(0.5, 2.0), seed=4)
    np.testing.assert_allclose(weak / weak_eta[:, None], strong / strong_eta[:, None], rtol=1e-13)


def test_rough_goes_from_single_spikes_to_all_cells_with_spikes_everywhere():
    potentials, _ = sample_potentials("rough", 20_000, 16, strength=(0.1, 0.1), seed=0)
    weights = potentials / potentials.sum(axis=1, keepdims=True)
    occupied = 1 / (weights**2).sum(axis=1)
    assert (occupied > 12).mean() > 0.05
    spikes = weights[occupied < 1.1].argmax(axis=1)
    assert len(spikes) > 1000
    counts = np.bincount(spikes, minlength=16)
    assert (np.abs(counts - counts.mean()) < 5 * np.sqrt(counts.mean())).all()


def _marks(family: str) -> dict[str, float]:
    """How often the potentials of a family look like wide squares, exponentials, or noise."""
    potentials, _ = sample_potentials(family, 6000, 32, strength=(0.1, 0.1), seed=0)
    logs = np.log(np.maximum(potentials, 1e-300))
    highest = (potentials > 0.999999 * potentials.max(axis=1, keepdims=True)).sum(axis=1)
    between = (potentials > 0).sum(axis=1) - highest
    steps = np.diff(logs, axis=1)
    turns = (steps[:, 1:] * steps[:, :-1] < 0).sum(axis=1)
    marks = {
        "square": (highest > 3) & (between <= 2),
        "exponential": (np.abs(np.diff(steps, axis=1)) < 1e-9).all(axis=1) & (steps < -1e-3).all(axis=1),
        "rough": turns > 14,
    }
    return {name: float(mark.mean()) for name, mark in marks.items()}


def test_mixture_is_half_rough_and_holds_the_others_equally():
    mixed = _marks("mixture")
    for family, share in {"square": 0.1, "exponential": 0.1, "rough": 0.5}.items():
        marks = _marks(family)
        assert marks[family] > 0.3
        assert all(frequency < 0.01 for name, frequency in marks.items() if name != family)
        assert mixed[family] == pytest.approx(share * marks[family], abs=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "gausian"}, "family: .* rough, smooth, .*Did you mean 'gaussian'"),
        ({"spacing": "linear"}, "spacing"),
        ({"strength": (0.5, 0.1)}, "strength: .*low <= high"),
        ({"strength": (0.0, 0.1)}, "strength"),
        ({"strength": (0.1, np.nan)}, "strength"),
        ({"strength": (0.1, np.inf)}, "strength"),
        ({"strength": 0.1}, "strength"),
        ({"samples": -1}, "samples"),
        ({"samples": 1.5}, "samples"),
        ({"cells": 0}, "cells"),
        ({"seed": -1}, "seed"),
        ({"start": -1}, "start"),
    ],
)
def test_wrong_arguments(change, message):
    arguments = {"family": "rough", "samples": 3, "cells": 4, "strength": (0.1, 0.2), "seed": 0} | change
    with pytest.raises(InputError, match=message):
        sample_potentials(**arguments)
