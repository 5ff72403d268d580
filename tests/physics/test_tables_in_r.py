"""Tables of r and V as they come: other orders, noise, no true V(0), ends that are flat, few points."""

import numpy as np
import pytest

import bornnet
from bornnet.errors import InputError

NUCLEONS = {"units": "fm,MeV", "reduced_mass": 469.5}


def gaussian(r):
    return -35 * np.exp(-((r / 1.6) ** 2))


WELL = float(bornnet.solve(shape="gaussian", depth=35, range=1.6, **NUCLEONS).scattering_length)


def off(solution, exact):
    """How far a0 is off, over the printed error."""
    return abs(float(solution.scattering_length) - exact) / max(float(solution.error["total"]), 1e-11)


@pytest.mark.parametrize("way", ["as it is", "turned round", "a row twice", "turned round and twice"])
def test_order_of_the_rows(way):
    r = np.linspace(0, 10, 101)
    if "twice" in way:
        r = np.insert(r, 7, r[7])
    if "turned" in way:
        r = r[::-1]
    assert off(bornnet.solve(r=r, values=gaussian(r), **NUCLEONS), WELL) <= 1


@pytest.mark.parametrize(
    ("r", "values", "message"),
    [
        ([0, 1, 1, 2, 3, 4], [5, 4, 3, 2, 1, 0], "rows 2 and 3: expected one V at each r, got 4 and 3"),
        ([0, 1, 3, 2, 4, 5], [5, 4, 3, 2, 1, 0], "row 4, column 1: expected r to increase, got 2 after 3"),
        ([0, 1, 2, 3, 4], [5, np.inf, 3, 1, 0], "row 2, column 2: expected a finite number, got inf"),
        ([0, np.nan, 2, 3, 4], [5, 4, 3, 1, 0], "row 2, column 1: expected a finite number, got nan"),
        ([0, 0], [np.inf, np.inf], "at least two points"),
        ([0, 1], [np.inf, 3], "at least two points"),
    ],
)
def test_what_has_no_order(r, values, message):
    with pytest.raises(InputError, match=message):
        bornnet.solve(r=r, values=values)


@pytest.mark.parametrize("first", [-np.inf, np.inf, np.nan, 0.0, 1e30, -1e30, "the next"])
@pytest.mark.parametrize("depth", [57.2, -57.2])
def test_no_value_at_the_origin(first, depth):
    """What programs write at r = 0 where V goes like 1/r."""

    def V(r):
        return -depth * np.exp(-r / 1.43) / r

    exact = bornnet.solve(function=V, end=60, tail="none", **NUCLEONS).scattering_length
    r = np.arange(0, 42, 0.05)
    values = np.append(0.0, V(r[1:]))
    values[0] = values[1] if first == "the next" else first
    solution = bornnet.solve(r=r, values=values, **NUCLEONS)
    assert off(solution, exact) <= 1
    assert solution.error["total"] < 1e-5
    assert "at r = 0 is left out" in solution.warnings[0][0]


@pytest.mark.parametrize("spacing", [0.03, 0.1, 0.3])
@pytest.mark.parametrize("name", ["exp", "cosh", "soft"])
def test_a_true_value_at_the_origin_is_kept(name, spacing):
    U = {
        "exp": lambda r: 3 * np.exp(-r),
        "cosh": lambda r: 3 / np.cosh(r) ** 2,
        "soft": lambda r: 3 / (1 + r) ** 7,
    }[name]
    r = np.arange(0, 30, spacing)
    assert not any("left out" in note for note in bornnet.solve(r=r, values=U(r)).warnings[0])


@pytest.mark.parametrize("first", [1e-12, 1e-10, 1e-6])
def test_a_repulsive_one_over_r_from_very_near_the_origin(first):
    """The step from there to the second point is no wall."""

    def U(r):
        return -0.07 * np.exp(-r / 2) / r

    exact = bornnet.solve(function=U, end=90, tail="none").scattering_length
    r = np.linspace(first, 60, 700)
    assert off(bornnet.solve(r=r, values=U(r)), exact) <= 1


@pytest.mark.parametrize("noise", [1e-3, 1e-4, 1e-5])
def test_noise_counts_in_the_error(noise):
    r = np.arange(0, 20, 0.1)
    found = [
        off(
            bornnet.solve(r=r, values=gaussian(r) * (1 + noise * rng.standard_normal(len(r))), **NUCLEONS),
            WELL,
        )
        for rng in map(np.random.default_rng, range(6))
    ]
    assert np.mean(np.array(found) <= 1) >= 0.8
    assert max(found) < 3


@pytest.mark.parametrize("end", [0.4, 0.6, 0.7])
def test_a_well_cut_off_where_it_is_flat(end):
    r = np.linspace(0, end, 100)
    U = 2 / (1 + np.exp((r - 1) / 0.2))
    with pytest.raises(InputError, match="does not fall off towards its end"):
        bornnet.solve(r=r, values=U)
    cut = bornnet.solve(r=r, values=U, tail="none")
    assert cut.error["total"] < 1e-6


@pytest.mark.parametrize("rise", [2.0, 3.0, 8.0])
def test_zero_of_energy_at_the_bottom(rise):
    """However near the bottom the curve ends."""
    r = np.linspace(0.02, rise, 200)
    with pytest.raises(InputError, match="subtract that"):
        bornnet.solve(r=r, values=30 * (1 - np.exp(-1.5 * (r - 1.5))) ** 2, **NUCLEONS)


def test_a_floor_of_rounding_is_no_flat_end():
    r = np.arange(0, 12, 0.05)
    solution = bornnet.solve(r=r, values=gaussian(r) + 1e-10, **NUCLEONS)
    assert abs(solution.scattering_length - WELL) < 1e-5


@pytest.mark.parametrize("points", [2, 3, 4])
def test_few_points_tell_no_error(points):
    r = np.linspace(0.1, 3, points)
    U = 5 * np.exp(-(r**2))
    exact = bornnet.solve(function=lambda r: 5 * np.exp(-(r**2)), end=9).scattering_length
    solution = bornnet.solve(r=r, values=U)
    assert abs(solution.scattering_length - exact) <= solution.error["total"] * 5
    assert solution.error["total"] >= abs(solution.scattering_length)
    assert any("points do not tell" in note for note in solution.warnings[0])


@pytest.mark.parametrize("power", [4, 5, 6])
@pytest.mark.parametrize("end", [6, 20])
def test_a_tail_that_is_asked_for_before_it_is_one(power, end):
    """C / (1 + r)^n is r^-n from far out on only."""

    def U(r):
        return 0.3 / (1 + r) ** power

    far = 1e8 if power == 4 else 1e5
    exact = bornnet.solve(function=U, end=far, tail="none").scattering_length
    r = np.arange(0, end, 0.05)
    assert off(bornnet.solve(r=r, values=U(r), tail=power), exact) <= 1


def test_a_coefficient_of_the_wrong_sign_is_noticed():
    r = np.arange(0.6, 15, 0.05)
    V = 4 * (r**-12 - r**-6)
    right, wrong = (
        bornnet.solve(r=r, values=-V, tail=6, tail_coefficient=C).warnings[0] for C in (4.0, -4.0)
    )
    assert not any("coefficient" in note for note in right)
    assert any("are its sign and its unit right?" in note for note in wrong)


def test_another_power_than_the_table_has_is_noticed():
    r = np.arange(0.6, 15, 0.05)
    U = -4 * (r**-12 - r**-6)
    notes = bornnet.solve(r=r, values=U, tail=8).warnings[0]
    assert any("ends like r^-6, not r^-8" in note for note in notes)
    with pytest.raises(InputError, match="tail coefficient: expected a finite number"):
        bornnet.solve(r=r, values=U, tail=6, tail_coefficient=np.nan)


@pytest.mark.parametrize("units", ["MeV,fm", "mev,fm", "K,angstrom"])
def test_units_the_wrong_way_round(units):
    with pytest.raises(InputError, match="The length comes first"):
        bornnet.solve(r=[0, 1, 2, 3, 4], values=[1, 1, 1, 1, 0], units=units, reduced_mass=469.5)


def test_a_hole_inside_a_wall_is_named():
    """exp-6 attracts without bound near r = 0, behind a barrier: states there are none of the well's."""
    r = np.arange(0.1, 15, 0.02)
    U = -(2e6 * np.exp(-10 * r) - 8 / r**6)
    solution = bornnet.solve(r=r, values=U, tail=6)
    inner = r > 0.4
    outer = bornnet.solve(r=r[inner], values=U[inner], tail=6)
    assert any("V turns over within its wall" in note for note in solution.warnings[0])
    assert not any("turns over" in note for note in outer.warnings[0])
    assert abs(solution.scattering_length - outer.scattering_length) <= solution.error["total"]
