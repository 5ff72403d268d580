"""`bornnet.solve`: every way to give a potential, and what is refused."""

import numpy as np
import pytest

import bornnet
from bornnet.errors import InputError

NUCLEONS = {"units": "fm,MeV", "reduced_mass": 469.459}


def well(r):
    return -35 * np.exp(-((r / 1.6) ** 2))


def test_four_ways_to_one_potential():
    r = np.linspace(0, 12, 241)
    shape = bornnet.solve(shape="gaussian", depth=35, range=1.6, **NUCLEONS)
    table = bornnet.solve(r=r, values=well(r), **NUCLEONS)
    function = bornnet.solve(function=well, end=12, **NUCLEONS)
    plain = bornnet.solve(r=r, values=-well(r) * 2 * 469.459 / 197.3269804593025**2)
    for solution in (table, function, plain):
        assert abs(solution.scattering_length - shape.scattering_length) <= solution.error["total"] + 1e-12
        assert solution.effective_range == pytest.approx(shape.effective_range, rel=1e-8)
        assert solution.strength == pytest.approx(shape.strength, rel=1e-8)
        np.testing.assert_allclose(solution.born_terms, shape.born_terms, rtol=1e-8)
        assert solution.bound_states == shape.bound_states
    assert shape.unit == "fm"


def test_cells():
    U = np.random.default_rng(0).uniform(0, 3, (5, 8))
    many = bornnet.solve(cells=U, order=3)
    np.testing.assert_array_equal(many.scattering_length, bornnet.scattering_length(U))
    np.testing.assert_array_equal(many.born_terms, bornnet.born_terms(U, 3))
    assert many.error["total"].shape == (5,)
    one = bornnet.solve(cells=U[2])
    assert one.scattering_length == many.scattering_length[2]
    assert np.ndim(one.scattering_length) == 0
    assert 0 < one.error["total"] < 1e-13
    assert len(list(many.records())) == 5


def test_units_do_not_matter():
    nuclear = bornnet.solve(shape="gaussian", depth=35, range=1.6, **NUCLEONS)
    atomic = bornnet.solve(
        shape="gaussian",
        depth=35e3,
        range=1.6e-6,
        units="NM, KEV",
        reduced_mass=f"{469.459 / 931.49410242} u",
    )
    assert atomic.scattering_length * 1e6 == pytest.approx(nuclear.scattering_length, rel=1e-7)


def test_terms_add_up():
    one = bornnet.solve(shape="yukawa", terms=[(2.0, 1.0), (-1.0, 0.5)])
    two = bornnet.solve(shape="malfliet-tjon", depth=2.0, range=1.0, core_height=1.0, core_radius=0.5)
    three = bornnet.solve(shape="yukawa", depth=2.0, range=1.0, terms=[(-1.0, 0.5)])
    assert one.scattering_length == pytest.approx(two.scattering_length, rel=1e-12)
    assert one.scattering_length == pytest.approx(three.scattering_length, rel=1e-14)


def test_repr_shows_the_digits_that_survive():
    text = repr(bornnet.solve(shape="square", depth=2, range=1))
    assert text.startswith("<Solution: a0 = -3.47889861586 +- ")
    assert "0 bound" in text
    assert repr(bornnet.solve(cells=np.ones((3, 2)))) == "<Solution of 3 potentials, lengths in ranges>"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "expected one of cells, r, shape, function; got none"),
        ({"cells": [1.0], "shape": "square"}, "got cells, shape"),
        ({"cells": [[1.0, np.nan]]}, "cells: row 1, column 2"),
        ({"cells": np.zeros((2, 0))}, "cells: expected shape"),
        ({"cells": [1.0], "depth": 3}, "depth means nothing here"),
        ({"function": well}, "expected end with function"),
        ({"function": well, "end": -1}, "end: expected a positive number"),
        ({"r": [0, 1, 2], "values": [1, 2]}, "expected r and V of one length"),
        ({"r": [0, 2, 1], "values": [1, 2, 3]}, "row 3, column 1: expected r to increase, got 1 after 2"),
        ({"r": [0, 1, 2], "values": [1, 2, np.inf]}, "expected a finite number"),
        ({"r": [0, 1], "values": [1, 2], "tail": 2}, "tail: expected a power above 3"),
        ({"r": [0, 1], "values": [1, 2], "unit": "fm"}, "unit means nothing here.*Did you mean 'units'"),
        ({"shape": "gauss", "depth": 1, "range": 1}, "shape: expected one of square"),
        ({"shape": "gaussian", "depth": 1}, "expected depth and range with it"),
        ({"shape": "gaussian", "depth": 1, "range": 1, "units": "fm,MeV"}, "expected a reduced mass with it"),
    ],
)
def test_what_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        bornnet.solve(**given)


def test_at_the_unitary_limit_everything_is_finite_that_should_be():
    solution = bornnet.solve(shape="poschl-teller", depth=2, range=1)
    assert abs(solution.inverse_scattering_length) < 1e-11
    assert solution.effective_range == pytest.approx(2, abs=1e-10)
    assert solution.strength == pytest.approx(1, abs=1e-12)


def test_nothing_scatters_nothing():
    solution = bornnet.solve(r=[0, 1, 2], values=[0, 0, 0])
    assert solution.scattering_length == 0
    assert solution.strength == 0
    assert np.isnan(solution.effective_range)
    assert solution.error["total"] == 0
