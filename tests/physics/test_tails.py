"""How potentials end, and what continues them."""

import numpy as np
import pytest

from bornnet.errors import InputError
from bornnet.physics.radial.solver import RadialPotential, octaves, solve_radial
from bornnet.physics.radial.tails import (
    Tail,
    effective_range_exists,
    power_tail,
    refuse_tail,
    tail_of,
    with_tail,
)


def potential(U, end):
    return RadialPotential(U, octaves(end, end / 64))


@pytest.mark.parametrize("power", [1, 2, 3, 4, 5, 6, 8])
def test_powers_are_found(power):
    tail = tail_of(potential(lambda r: 0.5 / (1 + r**2) ** (power / 2), 40.0))
    assert tail.kind == "power"
    assert tail.exponent == pytest.approx(power, rel=0.02)
    assert effective_range_exists(tail) == (power > 5)
    if power <= 3:
        with pytest.raises(InputError, match="no scattering length"):
            refuse_tail(tail)
    else:
        refuse_tail(tail)


@pytest.mark.parametrize(
    ("U", "end"),
    [
        (lambda r: np.exp(-r), 10.0),
        (lambda r: -np.exp(-r) / (r + 0.1), 12.0),
        (lambda r: np.exp(-(r**2)), 3.0),
        (lambda r: np.exp(-((r / 1.6) ** 2)), 1.4),
    ],
)
def test_exponentials_are_not_powers(U, end):
    tail = tail_of(potential(U, end))
    assert tail.kind == "exponential"
    refuse_tail(tail)


def test_other_ends():
    assert tail_of(potential(lambda r: np.where(r < 1, 1.0, 0.0), 2.0)).kind == "none"
    assert tail_of(potential(lambda r: np.cos(9 * r), 6.0)).kind == "unclear"
    flat = tail_of(potential(lambda r: 3 - np.exp(-r), 20.0))
    with pytest.raises(InputError, match="does not fall off"):
        refuse_tail(flat)


def test_points_of_a_table_that_ends_in_zeros():
    r = np.linspace(0, 10, 101)
    table = potential(lambda x: np.interp(x, r, np.where(r < 9.05, np.exp(-r), 0.0)), 10.0)
    assert tail_of(table, r).kind == "none"


@pytest.mark.parametrize("power", [4, 5, 6, 9])
def test_a_tail_makes_the_potential_whole(power):
    """Cut off anywhere and continued by its own tail, a0 is that of the whole."""

    def U(r):
        return 3 / np.maximum(r, 1.0) ** power

    whole = solve_radial(potential(U, 1e9 if power > 4 else 1e13)).scattering_length
    for end in (2.0, 5.0):
        cut = potential(U, end)
        continued = with_tail(cut, power_tail(cut, power))
        assert solve_radial(continued).scattering_length == pytest.approx(whole, rel=1e-9)
        given = with_tail(cut, power_tail(cut, power, 3.0))
        assert solve_radial(given).scattering_length == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("power", [3, 0, -2, np.nan])
def test_powers_that_are_refused(power):
    with pytest.raises(InputError, match="expected a power above 3"):
        power_tail(potential(lambda r: np.exp(-r), 3.0), power)


def test_no_tail_changes_nothing():
    cut = potential(lambda r: np.exp(-r), 3.0)
    assert with_tail(cut, Tail("none", np.inf, 0.0, 3.0)) is cut
