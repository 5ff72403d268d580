"""From physical to dimensionless numbers and back: depth in MeV, range in fm, reduced mass in MeV / c^2.

    U(r) = - 2 mu rho^2 V(rho r) / hbar^2 = - 2 (mu c^2) V rho^2 / (hbar c)^2,   a0 = rho * a0(dimensionless)

Units are known by their usual names and spellings, in capitals or not; `mev` alone is refused, since MeV and
meV differ by nine decades. Constants are those of CODATA that scipy ships.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Any

import numpy as np
from scipy import constants

from ..config.names import suggestion
from ..errors import InputError

HBAR_C = constants.hbar * constants.c / constants.e * 1e9
"""hbar c in MeV fm: 197.326 980 4.."""

_EV = 1e-6
_HARTREE = constants.physical_constants["Hartree energy in eV"][0] * _EV
_PER_CM = constants.h * constants.c * 100 / constants.e * _EV
_HERTZ = constants.h / constants.e * _EV
_PER_MOLE = 1 / (constants.N_A * constants.e) * _EV

LENGTHS: dict[str, float] = {
    "fm": 1.0,
    "pm": 1e3,
    "angstrom": 1e5,
    "nm": 1e6,
    "m": 1e15,
    "bohr": constants.physical_constants["Bohr radius"][0] * 1e15,
}
"""Units of length in fm."""

ENERGIES: dict[str, float] = {
    "MeV": 1.0,
    "eV": _EV,
    "meV": 1e-3 * _EV,
    "keV": 1e-3,
    "GeV": 1e3,
    "K": constants.k / constants.e * _EV,
    "mK": 1e-3 * constants.k / constants.e * _EV,
    "cm-1": _PER_CM,
    "hartree": _HARTREE,
    "rydberg": _HARTREE / 2,
    "J": _EV / constants.e,
    "MHz": 1e6 * _HERTZ,
    "GHz": 1e9 * _HERTZ,
    "kJ/mol": 1e3 * _PER_MOLE,
    "kcal/mol": 4184.0 * _PER_MOLE,
}
"""Units of energy in MeV."""

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "fm": ("fermi", "femtometer", "femtometre"),
    "pm": ("picometer", "picometre"),
    "angstrom": ("\u00e5", "\u212b", "a\u030a", "ang", "a", "angstroms", "\u00e5ngstr\u00f6m", "angstroem"),
    "nm": ("nanometer", "nanometre"),
    "m": ("meter", "metre"),
    "bohr": ("a0", "a_0", "a.u.", "au", "bohrs", "bohr radius"),
    "K": ("kelvin",),
    "mK": ("millikelvin",),
    "cm-1": ("cm^-1", "cm**-1", "1/cm", "cm\u207b\u00b9", "wavenumber", "wavenumbers", "invcm"),
    "hartree": ("eh", "e_h", "ha", "a.u.", "au", "hartrees"),
    "rydberg": ("ry", "ryd"),
    "J": ("joule", "joules"),
    "u": ("amu", "da", "dalton", "daltons"),
    "m_e": ("me", "m_el", "electron masses", "a.u.", "au"),
    "MeV": ("mev/c2", "mev/c^2"),
    "GeV": ("gev/c2", "gev/c^2"),
}
"""Other names, in lower case; the table in which a name is looked up says which kind of unit it is."""

MASS_UNITS: dict[str, float] = {
    "MeV": 1.0,
    "GeV": 1e3,
    "keV": 1e-3,
    "eV": _EV,
    "u": constants.physical_constants["atomic mass constant energy equivalent in MeV"][0],
    "m_e": constants.physical_constants["electron mass energy equivalent in MeV"][0],
    "kg": constants.c**2 / constants.e * _EV,
}
"""Units of mass, as m c^2 in MeV."""

MASSES: dict[str, float] = {
    name: constants.physical_constants[f"{name} mass energy equivalent in MeV"][0]
    for name in ("proton", "neutron", "deuteron", "triton", "helion", "alpha particle", "electron", "muon")
}
"""Masses m c^2 in MeV."""


@dataclass(frozen=True)
class Scale:
    """What turns dimensionless numbers into physical ones.

    Args:
        range_fm: rho, the range of the potential, in fm.
        reduced_mass_mev: mu c^2 of the two particles, in MeV.

    Raises:
        InputError: one of them not positive and finite.
    """

    range_fm: float
    reduced_mass_mev: float

    def __post_init__(self) -> None:
        for name, unit in (("range_fm", "fm"), ("reduced_mass_mev", "MeV")):
            _require_positive(name, getattr(self, name), unit)

    @property
    def unit_mev(self) -> float:
        """The depth in MeV of a potential of U = 1: hbar^2 / (2 mu rho^2)."""
        return HBAR_C**2 / (2 * self.reduced_mass_mev * self.range_fm**2)

    def dimensionless(self, potential_mev: Any) -> Any:
        """U of a potential V in MeV. V < 0 attracts; U > 0 does."""
        return -np.asarray(potential_mev, dtype=float)[()] / self.unit_mev

    def mev(self, potential: Any) -> Any:
        """V in MeV of a dimensionless U."""
        return -np.asarray(potential, dtype=float)[()] * self.unit_mev

    def fm(self, length: Any) -> Any:
        """A length in fm, from one in units of the range."""
        return np.asarray(length, dtype=float)[()] * self.range_fm


def reduced_mass(first_mev: float, second_mev: float) -> float:
    """m1 m2 / (m1 + m2), in the unit of both.

    Raises:
        InputError: a mass that is not positive and finite.
    """
    _require_positive("first mass", first_mev, "MeV")
    _require_positive("second mass", second_mev, "MeV")
    return first_mev * second_mev / (first_mev + second_mev)


def length_unit(name: str) -> float:
    """The unit of length `name` in fm; InputError for an unknown one."""
    return _unit("length", name, LENGTHS)


def energy_unit(name: str) -> float:
    """The unit of energy `name` in MeV; InputError for an unknown one."""
    return _unit("energy", name, ENERGIES)


def mass_mev(value: float | str) -> float:
    """A mass m c^2 in MeV, from a number of MeV or from text with its unit: "469.5", "2.0013 u", "0.5 m_e".

    Raises:
        InputError: no positive number, or an unknown unit.
    """
    if not isinstance(value, str):
        _require_positive("reduced mass", value, "MeV")
        return float(value)
    found = re.fullmatch(r"\s*([-+]?[0-9.]+(?:[eEdD][-+]?[0-9]+)?)\s*(.*?)\s*", value)
    try:
        number = float(re.sub("[dD]", "e", found[1])) if found else nan
    except ValueError:
        number = nan
    if found is None or not number > 0 or number == inf:
        raise InputError(
            f"reduced mass: expected a positive number of MeV, or one with its unit "
            f"({', '.join(MASS_UNITS)}), got {value!r}."
        )
    return number * (_unit("mass", found[2], MASS_UNITS) if found[2] else 1.0)


def _unit(kind: str, name: str, table: Mapping[str, float]) -> float:
    name = name.strip()
    if name in table:
        return table[name]
    lower = name.lower()
    alike = [known for known in table if known.lower() == lower or lower in _SPELLINGS.get(known, ())]
    if len(alike) > 1:
        # Mev is MeV; mev may be either
        alike = [known for known in alike if known[0] == name[0] and name[0].isupper()]
    if len(alike) == 1:
        return table[alike[0]]
    near = suggestion(name, table)
    if table is LENGTHS and (name in ENERGIES or lower in map(str.lower, ENERGIES)):
        near = " The length comes first, then the energy."
    elif lower == "mev":
        near = " It could be MeV or meV: write the capitals."
    raise InputError(f"unit of {kind}: expected one of {', '.join(table)}, got {name!r}.{near}")


def _require_positive(name: str, value: float, unit: str) -> None:
    if not (isinstance(value, (int, float, np.number)) and isfinite(value) and value > 0):
        raise InputError(f"{name}: expected a positive number of {unit}, got {value!r}")
