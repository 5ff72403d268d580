"""Units: CODATA constants, round trips, and the deuteron as a square well."""

import numpy as np
import pytest

import bornnet
from bornnet.errors import InputError
from bornnet.physics.units import HBAR_C, MASSES, Scale, energy_unit, length_unit, mass_mev, reduced_mass

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
    with pytest.raises(InputError, match=r"unit of energy: expected one of MeV, .*got 'mev'. It could be"):
        energy_unit("mev")
    with pytest.raises(InputError, match=r"unit of length: expected one of fm, .*got 'furlong'\.$"):
        length_unit("furlong")


@pytest.mark.parametrize(
    ("names", "unit", "factor"),
    [
        ("FM fermi", length_unit, 1.0),
        ("Angstrom \u00e5 \u00c5 \u212b A ang", length_unit, 1e5),
        ("Bohr a0 a_0 au a.u.", length_unit, 52917.721),
        ("nm NM", length_unit, 1e6),
        ("MEV Mev MeV", energy_unit, 1.0),
        ("kev KeV", energy_unit, 1e-3),
        ("meV", energy_unit, 1e-9),
        ("ev EV", energy_unit, 1e-6),
        ("k Kelvin", energy_unit, 8.617333e-11),
        ("cm^-1 CM-1 1/cm wavenumber", energy_unit, 1.23984198e-10),
        ("Eh E_h HARTREE ha au", energy_unit, 2.72113862e-5),
        ("j Joule", energy_unit, 6.24150907e12),
    ],
)
def test_usual_spellings(names, unit, factor):
    """The factors are those of CODATA 2018."""
    for name in names.split():
        assert unit(name) == pytest.approx(factor, rel=1e-7)


@pytest.mark.parametrize(
    ("text", "mev"),
    [
        ("469.459", 469.459),
        (469.459, 469.459),
        ("469.459 MeV", 469.459),
        ("2.0013 u", 2.0013 * 931.49410242),
        ("2.0013amu", 2.0013 * 931.49410242),
        ("1e3 m_e", 510.99895),
        ("1.5D3 me", 1.5 * 510.99895),
        ("3e-27 kg", 1682.8765),
    ],
)
def test_masses(text, mev):
    assert mass_mev(text) == pytest.approx(mev, rel=1e-7)


@pytest.mark.parametrize("text", ["", "u", "-3 u", "0", "nan", "2 lb", "1.2.3 u"])
def test_bad_masses(text):
    with pytest.raises(InputError, match=r"(reduced mass|unit of mass): expected"):
        mass_mev(text)


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, "2"])
def test_bad_scales(value):
    with pytest.raises(InputError, match="range_fm: expected a positive number of fm"):
        Scale(value, 500.0)
    with pytest.raises(InputError, match="reduced_mass_mev"):
        Scale(1.0, value)
    with pytest.raises(InputError, match="first mass"):
        reduced_mass(value, 1.0)
