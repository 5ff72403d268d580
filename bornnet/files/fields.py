"""The fields of a line of a table: how they are parted, and which of them are numbers."""

import csv
import re
from collections.abc import Sequence

MISSING = frozenset(
    {"", "na", "n/a", "nan", "null", "none", "nil", "missing", "-", "--", "---", "?", ".", "*"}
)
"""What stands, in lower case, for a number that is not known; nan among them is a number to Python."""

_FORTRAN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))[dD]([+-]?\d+)")  # 1.0D-03
_LETTERLESS = re.compile(r"([+-]?\d*\.\d+|[+-]?\d+\.)([+-]\d{3})")  # 1.0-103, where E has no room
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eEdD][+-]?\d+)?")
_PADDED = re.compile(r"\d+,0\d+(?![\d.eEdD])")  # 0,05: no other program writes 05 for a whole number
_WITH_UNIT = re.compile(  # `r [fm]` is one heading, and `[fm] [MeV]` are two units
    r"[\[(][^\])]*[\])]|\S+(?:[ \t]+[\[(][^\])]*[\])])?"
)
_UNIT = re.compile(r"(?P<name>.*?)\s*(?:[\[(](?P<inside>[^\[\]()]*)[\])]|/\s*(?P<after>[^\W\d][\w^*-]*))")
_LENGTHS = (
    "fm",
    "fermi",
    "pm",
    "nm",
    "um",
    "mm",
    "cm",
    "m",
    "å",
    "angstrom",
    "bohr",
    "a0",
    "range",
    "ranges",
)
_ENERGIES = ("ev", "mev", "kev", "gev", "k", "mk", "uk", "µk", "nk", "hartree", "eh", "ha", "ry", "j", "erg")
_OTHERS = ("hz", "khz", "mhz", "ghz", "au", "a.u.", "1", "-", "none", "dimensionless", "")
_UNITS = frozenset(_LENGTHS + _ENERGIES + _OTHERS)
"""Words, in lower case, that units are made of."""

_BRACKETS = "[](){} \t"


def delimiter(line: str) -> str | None:
    """Of a line of numbers: `;`, `,`, or None for blanks and tabs."""
    return next((mark for mark in ";," if mark in line), None)


def fields(line: str, mark: str | None) -> list[str]:
    """The line's fields, without blanks and quotes around them."""
    if mark is None:
        return [field.strip("\"'") for field in line.split()]
    if '"' in line:
        return [field.strip() for field in next(csv.reader([line], delimiter=mark, skipinitialspace=True))]
    return [field.strip() for field in line.split(mark)]


def heading_fields(line: str, mark: str | None) -> list[str]:
    """The fields of a line of words; a unit in brackets belongs to the name before it."""
    if mark is not None or '"' in line:
        return fields(line, mark if mark is not None else " ")
    found = line.split("\t") if "\t" in line else _WITH_UNIT.findall(line)
    return [field.strip(" ,;") for field in found]


def number(field: str) -> float | None:
    """The number that a field is, Fortran's exponents among them; None where it is none."""
    for written in (_FORTRAN, _LETTERLESS):
        if match := written.fullmatch(field):
            field = f"{match[1]}e{match[2]}"
    try:
        return None if "_" in field else float(field)  # Python's own 1_000 is no number in CSV
    except ValueError:
        return None


def is_plain_integer(field: str) -> bool:
    """Whether it is a whole number written without point, sign or exponent."""
    return field.isascii() and field.isdigit()


def counts(row: Sequence[str]) -> bool:
    """Whether the fields are 0, 1, .., n-1, or 1, 2, .., n, as programs number columns."""
    return any(list(row) == [str(first + n) for n in range(len(row))] for first in (0, 1))


def decimal_comma(line: str, mark: str | None) -> str | None:
    """The first number of a line that is written with a decimal comma; None where there is none."""
    parts = fields(line, None if mark == "," else mark)
    if mark == ",":
        if match := _PADDED.search(line):
            return match[0]
        if len(parts) < 2 or any(number(p) is None and not has_decimal_comma(p) for p in parts):
            return None
    return next((part for part in parts if has_decimal_comma(part)), None)


def has_decimal_comma(field: str) -> bool:
    """Whether it is a number such as 0,5."""
    return _DECIMAL_COMMA.fullmatch(field) is not None


def name_and_unit(heading: str) -> tuple[str, str]:
    """`V [MeV]`, `V (MeV)` and `V / MeV` as name and unit; the unit is empty where there is none."""
    match = _UNIT.fullmatch(heading)
    if match is None or not match["name"]:
        return heading, ""
    return match["name"], (match["inside"] or match["after"] or "").strip()


def unit(field: str) -> str:
    """The unit in a line of units: `[fm]` is fm."""
    return field.strip(_BRACKETS)


def is_unit(field: str) -> bool:
    """Whether the field of a line of units is one: fm, [MeV], fm^-2, 1/fm^2, MeV fm, cm-1, or nothing."""
    words = re.split(r"[\s*/·]+", unit(field).lower())
    return all(re.sub(r"[\^*]*[-+]?\d+$|[²³⁻¹]+$", "", word) in _UNITS for word in words)
