"""Scattering lengths of the literature and of closed forms, each with its source: data/reference."""

import csv
import json
from importlib.resources import files

import numpy as np
import pytest
from published_potentials import FUNCTIONS

import bornnet

with (files("bornnet.data") / "reference/scattering_lengths.csv").open(encoding="utf-8", newline="") as lines:
    PUBLISHED = list(csv.DictReader(lines))


@pytest.mark.parametrize("row", PUBLISHED, ids=[row["name"] for row in PUBLISHED])
def test_published_value(row):
    """Within the printed error, and what the published digits leave open."""
    given = json.loads(row["given"])
    if "function" in given:
        given["function"] = FUNCTIONS[given["function"]]
    solution = bornnet.solve(**given)
    inverse = row["quantity"] == "inverse_scattering_length"
    error = solution.errors["inverse_scattering_length"] if inverse else solution.error["total"]
    found = getattr(solution, row["quantity"])
    assert row["source"]
    assert abs(found - float(row["value"])) <= error + float(row["uncertainty"])
    assert error < max(1e-3 * abs(found), 1e-6)


def test_there_are_enough_with_a_source():
    assert len(PUBLISHED) >= 12
    assert all(row["source"] and float(row["uncertainty"]) > 0 for row in PUBLISHED)


@pytest.mark.parametrize(("name", "eta"), [("minnesota-triplet", 1.446), ("minnesota-singlet", 0.888)])
def test_strength_of_a_potential_with_a_core(name, eta):
    """The largest modulus of the eigenvalues of the zero-energy kernel, for neutron and proton."""
    solution = bornnet.solve(function=FUNCTIONS[name], end=12, units="fm,MeV", reduced_mass=469.459)
    assert solution.strength == pytest.approx(eta, abs=5e-4)
    assert solution.converges == [eta < 1]
    assert solution.bound_states == int(eta > 1)
    terms = np.cumsum(bornnet.solve(
        function=FUNCTIONS[name], end=12, units="fm,MeV", reduced_mass=469.459, order=50
    ).born_terms)  # fmt: skip
    assert (abs(terms[-1] / solution.scattering_length - 1) < 0.01) == (eta < 1)
