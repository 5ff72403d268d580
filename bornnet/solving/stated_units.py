"""Units that a table states in its headings, and those that its user gives."""

from collections.abc import Callable
from pathlib import Path

from ..errors import InputError
from ..files.potentials import radial_units
from ..physics.units import energy_unit, length_unit


def agreed_units(path: str | Path, units: str | None, reduced_mass: float | str | None) -> str | None:
    """The units given, or those that the table states; `InputError` where these contradict each other."""
    stated = radial_units(path)
    factors = _factor(length_unit, stated[0]), _factor(energy_unit, stated[1])
    if factors == (None, None):
        return units
    text = ",".join(stated)
    if units is None:
        if None in factors or reduced_mass is None:
            raise InputError(
                f"{path}: its headings state units, {text}: expected --units and --reduced-mass with them, "
                "or, where r and U are dimensionless, headings without units."
            )
        return text
    given = [part.strip() for part in units.split(",")]
    if len(given) == 2:
        others = _factor(length_unit, given[0]), _factor(energy_unit, given[1])
        for factor, other in zip(factors, others, strict=True):
            if factor is not None and other is not None and factor != other:
                raise InputError(f"--units: expected {text}, as the headings of {path} state; got {units}.")
    return units


def _factor(unit: Callable[[str], float], name: str) -> float | None:
    """What the unit is in fm or MeV; None where it is unknown."""
    try:
        return unit(name)
    except InputError:
        return None
