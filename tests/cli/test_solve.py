"""`bornnet solve`: closed forms, tables and files of the user's own potentials."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.sparse.linalg import eigs
from scipy.special import digamma

from bornnet import (
    born_terms,
    bound_states,
    inverse_scattering_length,
    scattering_length,
    weinberg_eigenvalue,
)
from bornnet.physics.shapes import SHAPES

OWN = np.array([[1.0, 2.0, 0.5], [30.0, 20.0, 25.0], [-1.0, 3.0, 0.0], [-5.0, -3.0, -9.0], [0.0, 0.0, 0.0]])


@pytest.fixture
def own(run):
    np.savetxt("own.csv", OWN, delimiter=",")
    return "own.csv"


def test_square_well_by_hand(run):
    """a0 = 1 - tan(sqrt U) / sqrt U, eta = U / (pi/2)^2, Born terms -1/3, -2/15, -17/315 times U^n."""
    Path("well.csv").write_text("2,2,2,2\n")
    (solved,) = run("solve", "well.csv", "--order", 3, "--json").json["potentials"]
    a0 = 1 - np.tan(np.sqrt(2)) / np.sqrt(2)
    assert solved["scattering_length"] == pytest.approx(a0, rel=1e-13)
    assert solved["inverse_scattering_length"] == pytest.approx(1 / a0, rel=1e-13)
    assert solved["strength"] == pytest.approx(2 / (np.pi / 2) ** 2, rel=1e-13)
    assert solved["born_series_converges"] is True
    assert solved["bound_states"] == 0
    terms = np.array([-2 / 3, -4 * 2 / 15, -8 * 17 / 315])
    np.testing.assert_allclose(solved["born_terms"], terms, rtol=1e-13)
    np.testing.assert_allclose(solved["born_sums"], np.cumsum(terms), rtol=1e-13)
    np.testing.assert_allclose(solved["born_errors"], np.cumsum(terms) / a0 - 1, rtol=1e-12)


def test_json_of_many(run, own):
    document = run("solve", own, "--json").json
    assert document["schema_version"] == 1
    assert (document["source"], document["cells"], document["order"]) == ("own.csv", 3, 4)
    solved = document["potentials"]
    assert [one["row"] for one in solved] == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal([one["scattering_length"] for one in solved], scattering_length(OWN))
    np.testing.assert_array_equal([one["bound_states"] for one in solved], bound_states(OWN))
    np.testing.assert_array_equal([one["born_terms"] for one in solved], born_terms(OWN, 4).T)
    eta = [one["strength"] for one in solved]
    np.testing.assert_array_equal(np.delete(eta, 2), weinberg_eigenvalue(np.abs(np.delete(OWN, 2, axis=0))))
    assert eta[2] == pytest.approx(largest_eigenvalue(OWN[2]), rel=1e-4)


def largest_eigenvalue(cells, points=300):
    """The slow twin of eta: the largest modulus of the eigenvalues of min(r, r') U(r'), on a grid."""
    r = (np.arange(len(cells) * points) + 0.5) / (len(cells) * points)
    kernel = np.minimum.outer(r, r) * np.repeat(cells, points) / len(r)
    return np.abs(eigs(kernel, k=1, return_eigenvectors=False))[0]


def test_what_is_known_of_the_born_series(run):
    """It converges where eta, the largest modulus of the kernel's eigenvalues, is below 1."""
    rows = {
        (2.0, 2.0): True,
        (3.0, 3.0): False,
        (-2.0, -2.0): True,
        (-3.0, -3.0): False,
        (-1, 1): True,
        (-9, 9): False,
    }
    np.save("own.npy", np.array(list(rows)))
    solved = run("solve", "own.npy", "--json").json["potentials"]
    assert [one["born_series_converges"] for one in solved] == list(rows.values())
    for row, one in zip(rows, solved, strict=True):
        assert one["strength"] == pytest.approx(largest_eigenvalue(np.array(row)), rel=1e-4)


def test_csv_out_holds_the_same_numbers(run, own):
    outcome = run("solve", own, "--csv", "out.csv", "--order", 2, "--json")
    assert outcome.err == "Wrote out.csv.\n"
    with open("out.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 5
    for line, one in zip(lines, outcome.json["potentials"], strict=True):
        for name in ("scattering_length", "strength"):
            assert line[name] == ("" if one[name] is None else repr(one[name]))
        assert [float(line["born_term_1"]), float(line["born_term_2"])] == one["born_terms"]


def test_zero_potential_in_json_is_strict(run):
    Path("zero.csv").write_text("0,0\n")
    (solved,) = run("solve", "zero.csv", "--json").json["potentials"]
    assert solved["scattering_length"] == 0
    assert solved["inverse_scattering_length"] is None
    assert solved["born_errors"] == [None] * 4


def test_unitary_limit(run):
    """As close as doubles come: 1/a0 is 0 to rounding, and nothing is noisy about it."""
    depth = (np.pi / 2) ** 2
    Path("unitary.csv").write_text(f"{depth!r}\n")
    outcome = run("solve", "unitary.csv", "--json")
    (solved,) = outcome.json["potentials"]
    assert outcome.err == ""
    assert solved["inverse_scattering_length"] == pytest.approx(inverse_scattering_length([depth]), abs=1e-15)
    assert abs(solved["inverse_scattering_length"]) < 1e-15


def test_row(run, own):
    (solved,) = run("solve", own, "--row", 3, "--json").json["potentials"]
    assert solved["row"] == 3
    assert solved["scattering_length"] == scattering_length(OWN[2])


def test_tables(run, own):
    assert "5 potentials" in run("solve", own).out
    one = run("solve", own, "--row", 1).out
    assert f"{scattering_length(OWN[0]):.12g} ranges" in one
    assert "converges" in one


def test_terminal_shows_the_first_of_many(run):
    np.save("own.npy", np.full((5000, 4), 0.5))
    outcome = run("solve", "own.npy")
    assert "and 4,980 more: --csv OUT.csv writes all" in outcome.out
    assert outcome.out.count("-0.19") < 100


def test_blocks_do_not_matter(run, own, monkeypatch):
    whole = run("solve", own, "--json").out
    monkeypatch.setattr("bornnet.solving.solve.BLOCK", 6)
    assert run("solve", own, "--json", "--workers", 1).out == whole


@pytest.mark.parametrize(("l", "a0"), [(2, 1 + 1 / 2), (4, 1 + 1 / 2 + 1 / 3 + 1 / 4)])
def test_poschl_teller_by_hand(run, l, a0):
    """U = l (l+1) / cosh^2 r, l even: u is the Legendre function Q_l(tanh r), a0 = 1 + 1/2 + .. + 1/l, with
    l/2 bound states; here stretched three times, so U is a ninth."""
    flags = ("--shape", "poschl-teller", "--depth", l * (l + 1) / 9, "--range", 3)
    document = run("solve", *flags, "--json").json
    (solved,) = document["potentials"]
    assert solved["scattering_length"] == pytest.approx(3 * a0, rel=1e-11)
    assert solved["bound_states"] == l // 2
    assert abs(solved["scattering_length"] - 3 * a0) < solved["error"]["total"] < 1e-11
    assert document["cells"] is None
    document = run("solve", *flags, "--cells", 1000, "--json").json
    change = document["discretization_error"]
    assert document["potentials"][0]["error"]["discretization"] == change
    assert abs(document["potentials"][0]["scattering_length"] - 3 * a0) == pytest.approx(change, abs=1e-11)
    assert document["cells"] == 1000


def test_poschl_teller_at_unitarity(run):
    """U = 2 / cosh^2 r: u = tanh r."""
    flags = ("--shape", "poschl-teller", "--depth", 2, "--range", 1)
    (solved,) = run("solve", *flags, "--json").json["potentials"]
    assert solved["inverse_scattering_length"] == pytest.approx(0, abs=1e-11)
    assert solved["strength"] == pytest.approx(1, abs=1e-11)
    assert solved["effective_range"] == pytest.approx(2, abs=1e-10)


def integrated(U, end):
    """The slow twin: a0 of U(r), r < end, by scipy's integrator."""
    u, slope = solve_ivp(
        lambda r, y: [y[1], -U(r) * y[0]], (0, end), (0, 1), method="DOP853", rtol=1e-13, atol=1e-15
    ).y[:, -1]
    return end - u / slope


@pytest.mark.parametrize(
    ("shape", "profile", "end"),
    [
        ("gaussian", lambda x: np.exp(-(x**2)), 7),
        ("exponential", lambda x: np.exp(-x), 40),
        ("poschl-teller", lambda x: np.cosh(x) ** -2.0, 22),
    ],
)
@pytest.mark.parametrize("depth", [-3.0, 0.7, 9.0])
def test_shapes_against_an_integrator(run, shape, profile, end, depth):
    flags = ("--shape", shape, "--depth", depth, "--range", 1)
    (solved,) = run("solve", *flags, "--json").json["potentials"]
    a0 = integrated(lambda r: depth * profile(r), end)
    assert solved["scattering_length"] == pytest.approx(a0, rel=1e-9)


@pytest.mark.parametrize("diffuseness", [0.6, 0.1, 0.01])
@pytest.mark.parametrize("depth", [-3.0, 1.5, 6.0])
def test_woods_saxon_against_an_integrator(run, depth, diffuseness):
    flags = ("--shape", "woods-saxon", "--depth", depth, "--range", 1.3, "--diffuseness", diffuseness)
    (solved,) = run("solve", *flags, "--json").json["potentials"]
    a0 = integrated(lambda r: depth / (1 + np.exp((r - 1.3) / diffuseness)), 1.3 + 37 * diffuseness)
    assert solved["scattering_length"] == pytest.approx(a0, rel=1e-9)


@pytest.mark.parametrize("radius", [0.4, 1 / np.sqrt(3), 1.3])
@pytest.mark.parametrize("height", [1e4, 60.0, 0.0, -3.0])
def test_a_core_by_hand(run, radius, height):
    """tanh or tan up to the edge of the core, then on to that of the well."""
    flags = ("--core-radius", radius, "--core-height", height, "--depth", 7, "--range", 1.3)
    (solved,) = run("solve", "--shape", "square-core", *flags, "--json").json["potentials"]
    k, root = np.sqrt(7), np.emath.sqrt(-height)
    inside = radius if height == 0 else (np.tan(root * radius) / root).real
    u = inside * np.cos(k * (1.3 - radius)) + np.sin(k * (1.3 - radius)) / k
    slope = np.cos(k * (1.3 - radius)) - k * inside * np.sin(k * (1.3 - radius))
    assert solved["scattering_length"] == pytest.approx(1.3 - u / slope, rel=1e-8)
    assert abs(solved["scattering_length"] - (1.3 - u / slope)) < 2 * solved["error"]["total"] + 1e-14


@pytest.mark.parametrize("strength", [0.5, 2.0, 7.0])
def test_hulthen_by_hand(run, strength):
    """a0 / R = 2 gamma + psi(1 + s) + psi(1 - s), s^2 = V0 R^2; it binds from s = 1 on."""
    flags = ("--shape", "hulthen", "--depth", strength / 9, "--range", 3)
    (solved,) = run("solve", *flags, "--json").json["potentials"]
    s = np.sqrt(strength)
    a0 = 3 * (2 * np.euler_gamma + digamma(1 + s) + digamma(1 - s))
    assert abs(solved["scattering_length"] - a0) < 2 * solved["error"]["total"] < 1e-11
    assert solved["strength"] == pytest.approx(strength, rel=1e-12)
    assert solved["bound_states"] == int(s)


def test_yukawa_binds_where_it_should(run):
    """The first bound state is at V0 R^2 = 1.6798077 (Hulthen and Laurikainen, 1951)."""
    flags = ("--shape", "yukawa", "--range", 2, "--depth", 1.6798077 / 4)
    assert run("solve", *flags, "--json").json["potentials"][0]["strength"] == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_explained(run, shape):
    assert f" {shape} " in run("solve", "--help").out


NUCLEONS = ("--units", "fm,MeV", "--reduced-mass", 469.459)


def test_square_well_in_physical_units(run):
    """The depth of the first bound state, pi^2 (hbar c)^2 / (8 mu c^2 R^2), is at eta = 1."""
    depth = np.pi**2 * 197.3269804593025**2 / (8 * 469.459 * 2.1**2)
    flags = ("--shape", "square", "--depth", depth / 2, "--range", 2.1, *NUCLEONS)
    document = run("solve", *flags, "--json").json
    (solved,) = document["potentials"]
    assert document["unit_of_length"] == "fm"
    assert solved["strength"] == pytest.approx(0.5, rel=1e-12)
    k = np.pi / 2 / np.sqrt(2)
    assert solved["scattering_length"] == pytest.approx(2.1 * (1 - np.tan(k) / k), rel=1e-12)
    assert solved["born_terms"][0] == pytest.approx(-2.1 * k**2 / 3, rel=1e-12)


def test_units_do_not_matter(run):
    """One well, once in fm and MeV and once in pm and keV."""
    flags = ("--shape", "gaussian", "--range")
    nuclear = run("solve", *flags, 1.6, "--depth", 35, *NUCLEONS, "--json").json["potentials"][0]
    other = ("--units", "pm,keV", "--reduced-mass", 469.459)
    atomic = run("solve", *flags, 1.6e-3, "--depth", 35e3, *other, "--json").json["potentials"][0]
    assert atomic["scattering_length"] * 1e3 == pytest.approx(nuclear["scattering_length"], rel=1e-12)
    assert atomic["effective_range"] * 1e3 == pytest.approx(nuclear["effective_range"], rel=1e-12)
    assert atomic["strength"] == pytest.approx(nuclear["strength"], rel=1e-12)


def test_radial_grid_is_the_shape_it_samples(run):
    """V < 0 attracts in MeV; U > 0 attracts without units."""
    r = np.linspace(0, 10, 201)
    np.savetxt("V.csv", np.c_[r, -35 * np.exp(-((r / 1.6) ** 2))], header="r (fm) V (MeV)")
    np.savetxt("U.txt", np.c_[r[1:], 0.4 * np.exp(-((r[1:] / 1.6) ** 2))])
    for flags, shape in (
        (("V.csv", "--radial", *NUCLEONS), ("--depth", 35, *NUCLEONS)),
        (("U.txt", "--radial"), ("--depth", 0.4)),
    ):
        sampled = run("solve", *flags, "--json").json["potentials"][0]
        exact = run("solve", "--shape", "gaussian", "--range", 1.6, *shape, "--json").json["potentials"][0]
        for name in ("scattering_length", "effective_range", "strength"):
            assert sampled[name] == pytest.approx(exact[name], rel=1e-6)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_plot(run, own, kind):
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    outcome = run("solve", own, "--row", 2, "--plot", f"one.{kind}")
    assert outcome.err == f"Wrote one.{kind}.\n"
    assert Path(f"one.{kind}").read_bytes().startswith(starts[kind])
    run("solve", own, "--row", 2, "--plot", f"two.{kind}")
    assert Path(f"one.{kind}").read_bytes() == Path(f"two.{kind}").read_bytes()


def test_plot_of_nothing_and_of_a_unitary_well(run):
    Path("own.csv").write_text(f"0\n{(np.pi / 2) ** 2!r}\n-1e6\n")
    for row in (1, 2, 3):
        assert run("solve", "own.csv", "--row", row, "--plot", f"{row}.svg").code == 0


def test_json_is_one_object(run, own):
    json.loads(run("solve", own, "--json", "--quiet").out)
