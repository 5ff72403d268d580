"""Right answers of `solve` for potentials as people have them: walls, coarse tables, tails, wrong zeros."""

import numpy as np
import pytest
from published_potentials import hfdhe2, lm2m2, minnesota_singlet, minnesota_triplet

import bornnet

HELIUM = ("--units", "angstrom,K", "--reduced-mass", "1864 MeV")
NUCLEONS = ("--units", "fm,MeV", "--reduced-mass", 469.5)


def lennard_jones(r):
    return 4 * 10.22 * ((2.556 / r) ** 12 - (2.556 / r) ** 6)


@pytest.fixture
def solved(run):
    """Write r and V to a file, solve it, and give the one potential of the JSON."""

    def solved(r, V, *flags, code=0):
        np.savetxt("V.csv", np.c_[r, V], delimiter=",")
        outcome = run("solve", "V.csv", "--radial", *flags, "--json")
        assert outcome.code == code, outcome.err
        return outcome.json["potentials"][0] if code == 0 else outcome.err

    return solved


def test_a_steep_wall_in_a_table(solved):
    """Values of V from 1e22 K down, where a spline swings to -3e20 between the points."""
    r = 0.05 * np.arange(1, 601)
    cut = solved(r, lennard_jones(r), *HELIUM, "--tail", "none")
    assert cut["bound_states"] == 0
    assert cut["scattering_length"] == pytest.approx(-176.2754, abs=1e-4)
    assert cut["error"]["cut_off"] is None
    exact = bornnet.solve(
        shape="lennard-jones", depth=10.22, range=2.556, units="angstrom,K", reduced_mass=1864
    )
    for flags in ((), ("--tail", 6), ("--tail", 6, "--tail-coefficient", 4 * 10.22 * 2.556**6)):
        one = solved(r, lennard_jones(r), *HELIUM, *flags)
        true = abs(one["scattering_length"] - exact.scattering_length)
        assert true <= one["error"]["total"] < (1e-3 if flags else 1.0)


@pytest.mark.parametrize("cells", [20, 50, 100, 400])
def test_a_steep_repulsion_on_cells_repels(run, cells):
    """U = -1e7 exp(-100 r) at r < 1: no bound state, a0 = 0.0806."""
    r = np.linspace(0, 1, 201)
    np.savetxt("U.csv", np.c_[r, -1e7 * np.exp(-100 * r)])
    exact = run("solve", "U.csv", "--radial", "--json").json["potentials"][0]
    assert exact["scattering_length"] == pytest.approx(0.0806218660878520, rel=1e-9)
    document = run("solve", "U.csv", "--radial", "--cells", cells, "--json").json
    one = document["potentials"][0]
    assert one["bound_states"] == 0
    assert 0 < one["scattering_length"] < 0.2
    assert abs(one["scattering_length"] - exact["scattering_length"]) == pytest.approx(
        document["discretization_error"], rel=1e-6
    )
    assert one["error"]["total"] >= document["discretization_error"]


@pytest.mark.parametrize("spacing", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("potential", [lm2m2, hfdhe2])
def test_helium_in_a_coarse_table(solved, potential, spacing):
    exact = bornnet.solve(function=potential, end=2e4, units="angstrom,K", reduced_mass=1864)
    r = np.arange(1.6, 40, spacing)
    one = solved(r, potential(r), *HELIUM)
    true = abs(one["scattering_length"] - exact.scattering_length)
    assert true <= one["error"]["total"]
    assert one["error"]["interpolation"] > 0
    assert one["error"]["cut_off"] > 0
    assert spacing > 0.3 or one["error"]["total"] < 4


@pytest.mark.parametrize(("end", "least"), [(1.4, 1.0), (3.0, 1e-2), (8.0, 1e-9)])
def test_a_well_that_is_cut_off(run, solved, end, least):
    """A Gaussian of 35 MeV and 1.6 fm: at 1.4 fm V is still -16 MeV."""
    exact = bornnet.solve(shape="gaussian", depth=35, range=1.6, units="fm,MeV", reduced_mass=469.5)
    r = np.linspace(0, end, 141)
    one = solved(r, -35 * np.exp(-((r / 1.6) ** 2)), *NUCLEONS)
    true = abs(one["scattering_length"] - exact.scattering_length)
    assert min(least, true) <= one["error"]["cut_off"]
    assert true <= one["error"]["total"]
    assert ("cut off at r = 1.4" in " ".join(one["warnings"])) == (end == 1.4)


@pytest.mark.parametrize("end", [12.0, 20.0])
def test_lennard_jones_cut_off(solved, end):
    exact = bornnet.solve(
        shape="lennard-jones", depth=10.22, range=2.556, units="angstrom,K", reduced_mass=1864
    )
    r = np.arange(1.5, end, 0.05)
    one = solved(r, lennard_jones(r), *HELIUM)
    true = abs(one["scattering_length"] - exact.scattering_length)
    assert true <= one["error"]["total"] < 3 * true
    tailed = solved(r, lennard_jones(r), *HELIUM, "--tail", 6)
    assert (
        abs(tailed["scattering_length"] - exact.scattering_length) <= tailed["error"]["total"] < 0.01 * true
    )


@pytest.mark.parametrize("points", [np.linspace(1e-6, 30, 1501), np.linspace(0.02, 30, 1500)])
def test_one_over_r_at_the_origin(solved, points):
    one = solved(points, -40 * 1.43 * np.exp(-points / 1.43) / points, *NUCLEONS)
    assert one["bound_states"] == 1
    assert one["strength"] == pytest.approx(1.174262, abs=1e-6)
    assert one["scattering_length"] == pytest.approx(12.276386, abs=1e-6)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_tails_without_a_scattering_length(solved, power):
    r = np.linspace(0.05, 40, 800)
    U = 0.3 / (1 + r) ** power
    error = solved(r, U, code=2)
    assert "no scattering length" in error
    assert "--tail none" in error
    assert solved(r, U, "--tail", "none")["scattering_length"] is not None


@pytest.mark.parametrize("power", [4, 5])
def test_tails_without_an_effective_range(solved, power):
    r = np.linspace(0, 60, 1200)
    one = solved(r, 2 / (1 + r**2) ** (power / 2))
    assert one["effective_range"] is None
    assert any("no effective range" in warning for warning in one["warnings"])
    assert solved(r, 2 / (1 + r**2) ** 3)["effective_range"] is not None


def test_a_curve_that_counts_from_the_bottom_of_its_well(solved):
    r = np.linspace(1.5, 40, 800)
    morse = 30 * (1 - np.exp(-(r - 3) / 0.6)) ** 2
    error = solved(r, morse, *HELIUM, code=2)
    assert "V counts from its value at infinity: subtract that" in error
    right = solved(r, morse - 30, *HELIUM)
    assert right["bound_states"] > 0


def test_two_columns_are_r_and_V(run):
    r = np.linspace(0, 10, 201)
    np.savetxt("V.csv", np.c_[r, 0.4 * np.exp(-((r / 1.6) ** 2))])
    plain, radial = (run("solve", "V.csv", *flags, "--json").json for flags in ((), ("--radial",)))
    assert plain["potentials"][0]["scattering_length"] == radial["potentials"][0]["scattering_length"]
    assert "taken as r and V(r)" in plain["potentials"][0]["warnings"][0]
    assert "taken as r and V(r)" in run("solve", "V.csv").err
    assert len(run("solve", "V.csv", "--no-radial", "--json").json["potentials"]) == 201
    np.savetxt("cells.csv", np.random.default_rng(0).uniform(0, 1, (20, 2)))
    assert len(run("solve", "cells.csv", "--json").json["potentials"]) == 20


@pytest.mark.parametrize(("V", "eta"), [(minnesota_triplet, 1.446), (minnesota_singlet, 0.888)])
def test_eta_of_a_potential_with_a_core(solved, V, eta):
    r = np.linspace(0, 12, 601)
    one = solved(r, V(r), "--units", "fm,MeV", "--reduced-mass", 469.459)
    assert one["strength"] == pytest.approx(eta, abs=5e-4)
    assert one["born_series_converges"] is (eta < 1)


def test_only_digits_that_survive_are_printed(run):
    r = np.arange(1.6, 40, 0.4)
    np.savetxt("V.csv", np.c_[r, lm2m2(r)])
    out = run("solve", "V.csv", "--radial", *HELIUM).out
    a0 = next(line.split()[1] for line in out.splitlines() if line.strip().startswith("a0 "))
    assert len(a0.replace(".", "").lstrip("-")) <= 3


def test_a_table_that_starts_at_a_wall(solved):
    """From 2.2 angstrom on, with V = 130 K: what is below is assumed, said, and bounded."""
    exact = bornnet.solve(function=lm2m2, end=2e4, units="angstrom,K", reduced_mass=1864)
    r = np.arange(2.2, 60, 0.1)
    one = solved(r, lm2m2(r), *HELIUM, "--tail", 6)
    assert any("below the first point, r = 2.2" in warning for warning in one["warnings"])
    assert one["error"]["inside"] > 0
    assert abs(one["scattering_length"] - exact.scattering_length) <= one["error"]["total"]
    deep = solved(r := np.arange(1.2, 60, 0.1), lm2m2(r), *HELIUM, "--tail", 6)
    assert deep["error"]["inside"] < 1e-6
