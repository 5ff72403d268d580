"""From physical to dimensionless numbers and back: depth in MeV, range in fm, reduced mass in MeV / c^2.

    U(r) = - 2 mu rho^2 V(rho r) / hbar^2 = - 2 (mu c^2) V rho^2 / (hbar c)^2,   a0 = rho * a0(dimensionless)

Constants are those of CODATA that scipy ships.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from scipy import constants

from ..config.names import suggestion
from ..errors import InputError

HBAR_C = constants.hbar * constants.c / constants.e * 1e9
"""hbar c in MeV fm: 197.326 980 4.."""

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
    "eV": 1e-6,
    "keV": 1e-3,
    "GeV": 1e3,
    "K": constants.k / constants.e * 1e-6,
    "hartree": constants.physical_constants["Hartree energy in eV"][0] * 1e-6,
}
"""Units of energy in MeV."""

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


def _unit(kind: str, name: str, table: Mapping[str, float]) -> float:
    if name not in table:
        near = suggestion(name, table)
        raise InputError(f"unit of {kind}: expected one of {', '.join(table)}, got {name!r}.{near}")
    return table[name]


def _require_positive(name: str, value: float, unit: str) -> None:
    if not (isinstance(value, (int, float, np.number)) and isfinite(value) and value > 0):
        raise InputError(f"{name}: expected a positive number of {unit}, got {value!r}")
