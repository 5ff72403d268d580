"""Deviations from a reference: strengths, signs, the same numbers however they are cut, and errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bornnet
from bornnet.errors import InputError
from bornnet.physics.distorted.deviations import sample_deviations
from bornnet.physics.families import FAMILIES

CELLS = 8
AROUND = {
    "none": (None, "scattering_length"),
    "eta 0.5": (bornnet.reference("square:eta=0.5", CELLS), "scattering_length"),
    "unitary": (bornnet.reference("gaussian:a0=inf", CELLS), "inverse"),
    "one bound state": (bornnet.reference("square:eta=1.5", CELLS), "scattering_length"),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("around", AROUND)
def test_strengths_are_what_was_asked_for_and_fill_the_range(family, around):
    at, target = AROUND[around]
    deviations, strength = sample_deviations(
        family, 600, CELLS, at=at, target=target, strength=(1e-3, 0.3), seed=7
    )
    np.testing.assert_allclose(bornnet.strength(deviations, at, target), strength, rtol=1e-7)
    position = np.sort(np.log(strength / 1e-3) / np.log(300))
    assert np.abs(position - (np.arange(600) + 0.5) / 600).max() < 0.1
    kinds = [(deviations >= 0).all(axis=1), (deviations <= 0).all(axis=1)]
    kinds.append(~kinds[0] & ~kinds[1])
    for kind in kinds:  # a third each are asked for; of differences some have one sign after all
        assert 0.1 < kind.mean() < 0.5


@settings(max_examples=15, deadline=None)
@given(
    family=st.sampled_from(sorted(FAMILIES)),
    start=st.integers(0, 5000),
    count=st.integers(0, 1500),
    workers=st.integers(1, 3),
)
def test_any_cut_and_any_workers_give_the_same_numbers(family, start, count, workers):
    at, target = AROUND["unitary"]
    at = np.repeat(at, 5)
    given = {"at": at, "target": target, "strength": (0.01, 0.3), "seed": 5}
    part, own = sample_deviations(family, count, 40, start=start, workers=workers, **given)
    first = start // 1000 * 1000
    whole, strength = sample_deviations(family, start + count - first, 40, start=first, workers=1, **given)
    np.testing.assert_array_equal(part, whole[start - first :])
    np.testing.assert_array_equal(own, strength[start - first :])


def test_the_same_shapes_for_every_reference_range_and_spacing():
    one, _ = sample_deviations("mixture", 50, CELLS, strength=(0.01, 0.1), seed=1)
    two, _ = sample_deviations(
        "mixture", 50, CELLS, at=AROUND["eta 0.5"][0], strength=(0.1, 0.3), spacing="uniform", seed=1
    )
    ratio = one / np.where(two == 0, 1, two)
    largest = np.abs(ratio).max(axis=1, keepdims=True)
    assert np.all((two == 0) | np.isclose(ratio, largest, rtol=1e-9))


def test_seeds_differ_and_a_single_cell_is_enough():
    one, _ = sample_deviations("smooth", 20, CELLS, strength=(0.1, 0.2), seed=1)
    two, _ = sample_deviations("smooth", 20, CELLS, strength=(0.1, 0.2), seed=2)
    assert not np.isclose(one, two).all(axis=1).any()
    single, strength = sample_deviations("rough", 200, 1, at=[1.0], strength=(0.1, 0.2), seed=2)
    np.testing.assert_allclose(bornnet.strength(single, [1.0]), strength, rtol=1e-12)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"family": "squar"}, "Did you mean 'square'"),
        ({"strength": (0.0, 0.3)}, "0 < low <= high"),
        ({"strength": 3}, "a range"),
        ({"spacing": "linear"}, "log or uniform"),
        ({"samples": -1}, "samples"),
        ({"at": np.ones(3)}, "at: expected 8 cells"),
        ({"target": "inverse", "at": None}, "1/a0 is infinite"),
        ({"at": AROUND["unitary"][0], "target": "scattering_length"}, "unitary limit"),
    ],
)
def test_refused(changed, expected):
    given = {"family": "rough", "samples": 3, "cells": CELLS, "strength": (0.1, 0.3)} | changed
    with pytest.raises(InputError, match=expected):
        sample_deviations(given.pop("family"), given.pop("samples"), given.pop("cells"), **given)
