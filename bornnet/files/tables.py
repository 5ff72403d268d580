"""Tables of numbers as people write them: headings, units, an index column, gaps that are named.

What a table means (potentials, r and V, values) is said by `potentials`; here are its rows and columns alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from .fields import (
    MISSING,
    counts,
    decimal_comma,
    delimiter,
    fields,
    has_decimal_comma,
    heading_fields,
    is_plain_integer,
    is_unit,
    name_and_unit,
    number,
    unit,
)
from .text import Line, text_lines

_INDEX = frozenset({"index", "idx", "row", "id", "no", "no.", "nr", "nr.", "#", "unnamed: 0", "rownames"})
"""Headings, in lower case, of a column that counts the rows."""

_MARKS = {",": "commas", ";": "semicolons", None: "blanks"}


@dataclass(frozen=True)
class Table:
    """Numbers, and what the file says of their columns.

    Attributes:
        numbers: ``(rows, columns)``, all finite, without an index column.
        headings: one a column, as the file has them; empty where it has none.
        units: one a column, such as ``fm`` for ``r [fm]``, ``""`` where none is stated.
    """

    numbers: np.ndarray
    headings: tuple[str, ...]
    units: tuple[str, ...]

    def named(self, name: str) -> list[int]:
        """The columns of that heading, given with or without its unit."""
        exact = [index for index, heading in enumerate(self.headings) if heading == name]
        return exact or [n for n, heading in enumerate(self.headings) if name_and_unit(heading)[0] == name]

    def column(self, path: str | Path, name: str) -> np.ndarray:
        """``(rows,)``: the column of that heading; `InputError` where there is none, or more than one."""
        found = self.named(name)
        if len(found) != 1:
            listed = f"its columns are {', '.join(self.headings)}" if self.headings else "it has no headings"
            many = f"{len(found)} columns have that heading" if found else listed
            raise InputError(f"{path}: expected a column {name!r}; {many}.")
        return self.numbers[:, found[0]]


def parse_table(path: Path, content: bytes, *, radial: bool = False) -> Table:
    """The table in a text file.

    Fields are parted by commas, semicolons, or blanks and tabs. Lines of words above the numbers are headings
    and, below them, units; without such lines the last comment above the numbers is, where it has one word a
    column. A first line 0, 1, .., n-1 above decimal numbers is a heading too. The first column is an index
    where its heading is empty, ``index`` or the like, or where the headings are one fewer than the columns.
    In a ``radial`` table, whose last columns are r and V, V may be infinite or NaN where r is 0.

    Raises:
        InputError: a field that is missing or no finite number (with its row and column, counted from 1),
            rows of different lengths, decimal commas, or a first line that may be heading or numbers.
    """
    lines, comments = text_lines(path, content)
    mark = _delimiter(lines)
    start = _first_row(path, lines, mark)
    if start == len(lines):
        last = f"; line {lines[-1].number} is {lines[-1].text[:40]!r}" if lines else ""
        raise InputError(f"{path}: expected rows of numbers, found none{last}.")
    rows = _without_trailing(lines[start:], mark)
    columns = len(fields(rows[0].text, mark))
    headings, units = _headings(path, lines[:start], comments, columns, mark)
    fewer = len(headings) == columns - 1
    indexed = bool(headings) and (fewer or not headings[0] or headings[0].lower() in _INDEX)
    numbers = _numbers(path, rows, mark, indexed, radial)
    if indexed and not _is_index(numbers[:, 0], consecutive=fewer):
        if not fewer:
            raise InputError(
                f"{path}: column 1, headed {headings[0]!r}, is no index: expected different whole numbers. "
                "Give it a name of its own, or leave it out."
            )
        indexed, headings, units = False, [], []  # it was a line of text
    if start and not headings and mark is not None:
        raise InputError(
            f"{path}: line {lines[start - 1].number}: expected {columns} headings, as there are columns, got "
            f"{lines[start - 1].text[:40]!r}; start a line of text with #."
        )
    if indexed:
        numbers = numbers[:, 1:]
    width = numbers.shape[1]
    if not width:
        raise InputError(f"{path}: expected columns of numbers beside the index, found none.")
    return Table(numbers, tuple(headings[-width:]), tuple(units[-width:]) or ("",) * width)


def _delimiter(lines: Sequence[Line]) -> str | None:
    """What parts the columns: as in the last line, or, where that is one field alone and parts nothing, as in
    the last row of numbers that are parted."""
    if not lines:
        return None
    last = lines[-1].text
    mark = delimiter(last)
    if mark is not None or len(last.split()) > 1:
        return mark
    return next((mark for line in reversed(lines) if (mark := delimiter(line.text)) and _is_row(line)), None)


def _is_row(line: Line) -> bool:
    """Whether a line is a row of several numbers by a mark of its own, whatever parts the columns of others;
    a number with a decimal comma is none."""
    found = fields(line.text, delimiter(line.text))
    values = [number(field) for field in found if field.lower() not in MISSING]
    return len(found) > 1 and bool(values) and None not in values and not has_decimal_comma(line.text)


def _first_row(path: Path, lines: Sequence[Line], mark: str | None) -> int:
    """How many lines of words, or of numbers that count the columns, stand above the numbers."""

    def above(line: Line, first: bool) -> bool:
        if not _is_words(heading_fields(line.text, mark), first=first):
            return False
        # a row of numbers that another mark parts is no words either; numbered columns may stand so
        numbered = mark is not None and counts(line.text.split())
        return numbered or delimiter(line.text) == mark or not _is_row(line)

    start = 0
    while start < len(lines) and above(lines[start], not start):
        start += 1
    if start or len(lines) < 2:
        return start
    first = fields(lines[0].text, mark)
    if not counts(first) or not 2 <= len(first) <= len(fields(lines[1].text, mark)):
        return 0
    rest = (field for line in lines[1:] for field in fields(line.text, mark))
    decimals = not any(map(is_plain_integer, rest))
    many = len(first) > 2
    if first[0] == "0" and many and decimals:
        return 1
    asked = many or mark is not None if first[0] == "0" and (many or decimals) else many and decimals
    if asked:
        raise InputError(
            f"{path}: line {lines[0].number}, {lines[0].text[:40]!r}, may be a heading or numbers. Leave the "
            "heading out, or write the numbers with a point, such as 0.0."
        )
    return 0


def _is_words(found: Sequence[str], *, first: bool) -> bool:
    """Whether a line holds names alone; the first may have numbers that count columns, behind one name."""
    if all(field.lower() in MISSING for field in found) or any(map(has_decimal_comma, found)):
        return False
    if all(number(field) is None for field in found):
        return True
    return first and len(found) > 1 and number(found[0]) is None and counts(found[1:])


def _without_trailing(rows: list[Line], mark: str | None) -> list[Line]:
    """The rows without a mark that ends every one of them."""
    while mark is not None and all(line.text.endswith(mark) and line.text != mark for line in rows):
        rows = [Line(line.number, line.text[:-1].rstrip()) for line in rows]
    return rows


def _headings(
    path: Path, words: Sequence[Line], comments: list[str], columns: int, mark: str | None
) -> tuple[list[str], list[str]]:
    """Headings and units of the columns, an index among them; empty where there are none.

    The headings may be one fewer than the columns.
    """
    if words:
        found = [(line, names) for line in words if (names := _fitting(line.text, columns, mark))]
        if not found and (names := _fitting(words[-1].text, columns - 1, mark)):
            found = [(words[-1], names)]
        for line, names in found[1:]:
            if len(found) > 2 or not all(map(is_unit, names)):
                raise InputError(
                    f"{path}: row 1, column 1 (line {line.number}): expected a number, got {names[0][:30]!r}."
                )
        fitting = [names for _, names in found]
    else:
        fitting = [names for line in comments[-2:] if (names := _fitting(line, columns, mark))]
        if len(fitting) == 2 and not all(map(is_unit, fitting[1])):
            fitting = fitting[1:]
    if len(fitting) > 1:
        return fitting[0], [unit(field) for field in fitting[1]]
    headings = fitting[-1] if fitting else []
    return headings, [name_and_unit(heading)[1] for heading in headings]


def _fitting(line: str, columns: int, mark: str | None) -> list[str]:
    """The line's names where they are as many as the columns; else nothing."""
    for parted in (mark, None) if mark is not None and mark not in line else (mark,):
        found = heading_fields(line, parted)
        while len(found) > columns and not found[-1]:
            found = found[:-1]
        if len(found) == columns and (_is_words(found, first=True) or counts(found)):
            return found
    return []


def _numbers(path: Path, rows: list[Line], mark: str | None, indexed: bool, radial: bool) -> np.ndarray:
    """``(rows, columns)``, an index column among them."""
    for line in (rows[0], rows[-1]):
        if comma := decimal_comma(line.text, mark):
            raise InputError(
                f"{path}: line {line.number}: {comma} has a decimal comma; write it with a point, "
                f"{comma.replace(',', '.')}, and part the columns by commas, semicolons or blanks."
            )
    texts = [line.text for line in rows]
    for written in (texts, (text.replace("D", "e").replace("d", "e") for text in texts)):  # Fortran: 1.0D-03
        try:
            table = np.loadtxt(written, delimiter=mark, ndmin=2, comments=None, quotechar='"')
        except ValueError:
            continue
        if (np.isfinite(table) | _at_origin(table, radial)).all():
            return table
    return _field_by_field(path, rows, mark, indexed, radial)


def _at_origin(table: np.ndarray, radial: bool) -> np.ndarray:
    """Whether an entry of the table is V at r = 0."""
    found = np.zeros(table.shape, dtype=bool)
    if radial and table.shape[1] > 1:
        found[:, -1] = table[:, -2] == 0
    return found


def _is_index(column: np.ndarray, *, consecutive: bool) -> bool:
    """Whether the numbers are whole and different, and count the rows from 0 or 1 where that is asked."""
    if consecutive:
        return bool(column[0] in (0, 1) and (np.diff(column) == 1).all())
    return bool((column == np.floor(column)).all()) and len(np.unique(column)) == len(column)


def _field_by_field(
    path: Path, rows: list[Line], mark: str | None, indexed: bool, radial: bool
) -> np.ndarray:
    """Slowly, so that the field that is wrong can be named; names of rows in an index are counted."""
    columns = len(fields(rows[0].text, mark))
    labels = indexed and all(number(fields(line.text, mark)[0]) is None for line in rows)
    table = np.empty((len(rows), columns))
    for row, line in enumerate(rows):
        found = fields(line.text, mark)
        if len(found) == 1 and delimiter(line.text) != mark and _is_row(line):
            raise InputError(
                f"{path}: row {row + 1} (line {line.number}): expected columns parted by {_MARKS[mark]}, as "
                f"in the last row, got {line.text[:40]!r}."
            )
        for column, field in enumerate(found[:columns]):
            value = float(row) if labels and column == 0 else number(field)
            at_origin = radial and column == columns - 1 > 0 and table[row, column - 1] == 0
            if value is None or not (np.isfinite(value) or at_origin):
                raise InputError(
                    f"{path}: row {row + 1}, column {column + 1} (line {line.number}): "
                    + _expected(field, value, line.text, mark)
                )
            table[row, column] = value
        if len(found) != columns:
            raise InputError(
                f"{path}: row {row + 1} (line {line.number}): expected {columns} "
                f"column{'s' if columns > 1 else ''}, as row 1, got {len(found)}."
            )
    return table


def _expected(field: str, value: float | None, line: str, mark: str | None) -> str:
    if value is not None:
        return f"expected a finite number, got {value}."
    if decimal_comma(line, mark):
        return f"expected a decimal point, got {field[:30]!r}."
    if field.lower() in MISSING:
        shown = f"{field!r}" if field else "an empty field"
        return f"expected a number, got {shown}; fill it in, or leave the row out."
    return f"expected a number, got {field[:30]!r}."
