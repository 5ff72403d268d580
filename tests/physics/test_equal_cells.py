"""Potentials of uneven and different cells on common equal ones: the same functions, and what scatters from
them against SciPy's solver on the uneven cells themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import bornnet
from bornnet.errors import InputError
from bornnet.physics.equal_cells import MOST, equal_cells


@settings(max_examples=50, deadline=None)
@given(st.data(), st.integers(2, 30), st.integers(1, 12), st.integers(0, 1000))
def test_potentials_are_the_same_functions(data, unit, cells, seed):
    inner = data.draw(st.sets(st.integers(1, unit - 1), max_size=5))
    edges = np.array([0, *sorted(inner), unit]) / unit
    generator = np.random.default_rng(seed)
    uneven, even = generator.normal(size=(2, len(edges) - 1)), generator.normal(size=(3, cells))
    table = equal_cells([uneven, even], [edges, None])
    common = table.shape[1]
    assert table.shape[0] == 5
    assert common <= np.lcm(unit, cells)
    r = generator.uniform(0, 1, 50)
    every = np.concatenate([edges, np.arange(common + 1) / common])
    r = r[np.abs(r[:, None] - every).min(axis=1) > 1e-9]

    def at(rows, grid):
        return rows[:, np.searchsorted(grid, r) - 1]

    np.testing.assert_array_equal(at(table[:2], np.arange(common + 1) / common), at(uneven, edges))
    np.testing.assert_array_equal(
        at(table[2:], np.arange(common + 1) / common), at(even, np.arange(cells + 1) / cells)
    )


def test_scattering_length_of_uneven_cells():
    edges, U = [0, 0.1, 0.3, 0.6, 1], [2.0, 0.3, 1.1, 0.2]
    wave = [0.0, 1.0]
    for left, right, depth in zip(edges[:-1], edges[1:], U, strict=True):
        found = solve_ivp(
            lambda r, y, d=depth: [y[1], -d * y[0]], (left, right), wave, rtol=1e-12, atol=1e-14
        )
        wave = found.y[:, -1]
    assert equal_cells([U], edges).shape == (1, 10)
    assert bornnet.scattering_length(equal_cells([U], edges))[0] == pytest.approx(
        1 - wave[0] / wave[1], abs=1e-10
    )


def test_equal_cells_stay_as_they_are():
    U = np.random.default_rng(0).random((3, 7))
    np.testing.assert_array_equal(bornnet.equal_cells(U), U)
    np.testing.assert_array_equal(bornnet.equal_cells([U, U]), np.concatenate([U, U]))
    # edges as programs print them
    np.testing.assert_array_equal(equal_cells(U, np.linspace(0, 1, 8)), U)


@pytest.mark.parametrize(
    ("potentials", "edges", "words"),
    [
        (
            [[1, 2, 3]],
            [0, 0.5, 0.3, 1],
            r"edges\[2\]: expected an edge beyond edges\[1\] = 0.5, got 0.3: sort",
        ),
        ([[1, 2, 3]], [0, 0.5, 0.5, 1], r"edges\[2\]"),
        ([[1, 2, 3]], [0.1, 0.5, 0.6, 1], r"edges\[0\]: expected 0"),
        ([[1, 2, 3]], [0, 1, 2, 3], r"edges\[3\]: expected 1, .* got 3. Divide edges by R"),
        ([[1, 2, 3]], [0, 0.5, np.nan, 1], "finite"),
        ([[1, 2, 3]], [0, 0.5, 1], "expected 4 for 3 cells"),
        ([[1, 2]], [0, 0.3333, 1], r"3 come near, with one at 0\.333333333333333 in place of 0\.3333"),
        ([[1, 2], [3]], None, "rows differ in length"),
        ([1, 2], None, r"shape \(2,\)"),
        ([[1, np.inf]], None, "row 1, cell 2"),
        ([np.ones((1, 2)), np.ones((1, 3))], [[0, 0.5, 1]], "each of 2 tables, got 1"),
    ],
)
def test_bad_input(potentials, edges, words):
    with pytest.raises(InputError, match=words):
        equal_cells(potentials, edges)


def test_cells_beyond_all_bounds_are_refused():
    with pytest.raises(InputError, match=f"up to {MOST}"):
        equal_cells([np.ones((1, 31)), np.ones((1, 37))])
