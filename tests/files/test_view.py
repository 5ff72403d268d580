"""Rows of a view are those that numpy selects, displaces and scales in memory, and no others are read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bornnet.files.view import View, view

ROWS, CELLS = 12, 3
DATA = np.random.default_rng(0).normal(size=(ROWS, CELLS))
ORIGIN, SCALE = np.array([0.5, -1.0, 2.0]), np.array([3.0, 0.1, -7.0])

indices = st.lists(st.integers(0, 5), min_size=6, max_size=9).map(np.array)
shares = st.tuples(st.integers(0, 2), st.integers(1, 3)).map(lambda pair: slice(pair[0], None, pair[1]))


class Counted:
    """A source that notes which of its rows were asked for."""

    def __init__(self, rows):
        self.rows, self.shape, self.asked = rows, rows.shape, []

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, rows):
        self.asked.append(np.arange(len(self))[rows])
        return self.rows[rows]


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(indices | shares, max_size=3),
    displaced=st.integers(0, 3),
    scaled=st.integers(0, 3),
    asked=indices | shares,
)
def test_any_chain_is_what_it_is_in_memory(steps, displaced, scaled, asked):
    """Selected before, between and after; displaced before it is scaled."""
    found, expected = view(DATA), DATA
    for place in range(4):
        if place == displaced and displaced <= scaled:
            found, expected = found.displaced(ORIGIN), expected - ORIGIN
        if place == scaled:
            found, expected = found.scaled(SCALE), expected * SCALE
        if place < len(steps) and (isinstance(steps[place], slice) or len(expected) > 5):
            found, expected = found.rows(steps[place]), expected[steps[place]]
    assert found.shape == expected.shape
    assert len(found) == len(expected)
    assert isinstance(found.source, np.ndarray)  # a view of views is one
    if isinstance(asked, slice) or len(expected) > 5:
        np.testing.assert_array_equal(found[asked], expected[asked])
    np.testing.assert_array_equal(found[:], expected)


def test_only_the_rows_asked_for_are_read():
    source = Counted(DATA)
    part = view(source).displaced(ORIGIN).scaled(SCALE).rows(np.array([7, 2, 9, 4])).rows(slice(1, None, 2))
    assert part.shape == (2, CELLS)
    assert not source.asked
    np.testing.assert_array_equal(part[1:], (DATA[[4]] - ORIGIN) * SCALE)
    (asked,) = source.asked
    assert asked.tolist() == [4]


def test_rows_with_further_axes():
    """Directions (N, K, cells) are scaled cell by cell."""
    directions = np.random.default_rng(1).choice([-1.0, 1.0], (ROWS, 2, CELLS))
    np.testing.assert_array_equal(view(directions).scaled(SCALE)[3:5], directions[3:5] * SCALE)


def test_a_part_does_not_keep_the_whole_index():
    part = view(DATA).rows(np.arange(ROWS)).rows(slice(0, 2))
    assert part.index is not None
    assert part.index.base is None


def test_order_of_displacing_and_scaling_is_kept():
    with pytest.raises(AssertionError, match="before they are scaled"):
        view(DATA).scaled(SCALE).displaced(ORIGIN)
    with pytest.raises(AssertionError, match="displaced once"):
        view(DATA).displaced(ORIGIN).displaced(ORIGIN)
    with pytest.raises(AssertionError, match="scaled once"):
        view(DATA).scaled(SCALE).scaled(SCALE)


def test_a_view_of_a_view_is_that_view():
    first = View(DATA)
    assert view(first) is first
