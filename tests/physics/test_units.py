"""Units: CODATA constants, round trips, and the deuteron as a square well."""

import numpy as np
import pytest

import bornnet
from bornnet.errors import InputError
from bornnet.physics.units import HBAR_C, MASSES, Scale, energy_unit, length_unit, reduced_mass

NUCLEONS = reduced_mass(MASSES["proton"], MASSES["neutron"])


def test_constants():
    """hbar c is exact in the SI of 2019; masses as CODATA gives them."""
    assert pytest.approx(197.326_980_459_302_5, rel=1e-12) == HBAR_C
    assert MASSES["proton"] == pytest.approx(938.272, abs=1e-3)
    assert MASSES["neutron"] == pytest.approx(939.565, abs=1e-3)
    assert pytest.approx(469.459, abs=1e-3) == NUCLEONS


def test_depth_of_the_first_bound_state():
    """V = pi^2 hbar^2 / (8 mu rho^2): 102.4 MeV fm^2 / rho^2 for two nucleons, as in every textbook."""
    scale = Scale(range_fm=2.0, reduced_mass_mev=NUCLEONS)
    depth = np.pi**2 * HBAR_C**2 / (8 * NUCLEONS * 2.0**2)
    assert depth * 4 == pytest.approx(102.3, abs=0.1)
    assert bornnet.weinberg_eigenvalue([scale.dimensionless(-depth)]) == pytest.approx(1, rel=1e-14)


def test_triplet_square_well():
    """A well of 2.1 fm that binds the deuteron by 2.2246 MeV has a triplet scattering length near 5.4 fm."""
    scale = Scale(2.1, NUCLEONS)
    kappa = np.sqrt(2.2246 / scale.unit_mev)
    depths = np.linspace(30, 40, 100_001)
    k = np.sqrt(depths / scale.unit_mev - kappa**2)
    depth = depths[np.argmin(np.abs(k / np.tan(k) + kappa))]
    potential = [scale.dimensionless(-depth)]
    assert bornnet.bound_states(potential) == 1
    assert scale.fm(bornnet.scattering_length(potential)) == pytest.approx(5.4, abs=0.1)


def test_round_trips():
    scale = Scale(1.4, 500.0)
    potential = np.array([-30.0, 0.0, 12.0])
    np.testing.assert_allclose(scale.mev(scale.dimensionless(potential)), potential, rtol=1e-15)
    assert (scale.dimensionless(potential) > 0).tolist() == [True, False, False]


def test_units():
    assert energy_unit("keV") * 1000 == pytest.approx(energy_unit("MeV"))
    assert energy_unit("hartree") == pytest.approx(27.2114e-6, rel=1e-5)
    assert length_unit("bohr") == pytest.approx(0.529177 * length_unit("angstrom"), rel=1e-6)
    with pytest.raises(
        InputError, match=r"unit of energy: expected one of MeV, .*got 'Mev'. Did you mean 'MeV'"
    ):
        energy_unit("Mev")
    with pytest.raises(InputError, match=r"unit of length: expected one of fm, .*got 'furlong'\.$"):
        length_unit("furlong")


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, "2"])
def test_bad_scales(value):
    with pytest.raises(InputError, match="range_fm: expected a positive number of fm"):
        Scale(value, 500.0)
    with pytest.raises(InputError, match="reduced_mass_mev"):
        Scale(1.0, value)
    with pytest.raises(InputError, match="first mass"):
        reduced_mass(value, 1.0)
