"""Small plots in the characters of a terminal, for results that are shown to a person there."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, isfinite, log10

_BARS = "▁▂▃▄▅▆▇█"
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a braille character: left, right; downwards
_MARGIN = 10


def log_dots(rows: Mapping[str, Mapping[str, float]], width: int = 60) -> list[str]:
    """A line of marks for each row on one logarithmic axis.

    Rows are keyed by their labels, values by the character that marks them; where marks meet, the first is
    seen. What is not above zero has no place.
    """
    exponents = [log10(v) for marks in rows.values() for v in marks.values() if isfinite(v) and v > 0]
    low, high = floor(min(exponents, default=-1)), ceil(max(exponents, default=0))
    high = max(high, low + 1)
    decades = {e: round((e - low) / (high - low) * (width - 1)) for e in range(low, high + 1)}
    lines = []
    for label, marks in rows.items():
        line = [" "] * width
        for place in decades.values():
            line[place] = "·"
        for mark, value in reversed(list(marks.items())):
            if isfinite(value) and value > 0:
                line[round((log10(value) - low) / (high - low) * (width - 1))] = mark
        lines.append(f"{label:>{_MARGIN}}  {''.join(line)}".rstrip())
    axis, named, end = [" "] * (width + 6), -ceil((high - low) * 8 / width), high
    for e in range(end, low - 1, named):  # as many decades as have room for their names
        name = f"1e{e}" if e else "1"
        axis[decades[e] : decades[e] + len(name)] = name
    lines.append(f"{'':{_MARGIN}}  {''.join(axis)}".rstrip())
    return lines


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Bars as high as the logarithms of the values, at most ``width`` of them; a space where one has none."""
    if len(values) > width:
        values = [values[i * (len(values) - 1) // (width - 1)] for i in range(width)]
    logs = [log10(v) if isfinite(v) and v > 0 else None for v in values]
    known = [v for v in logs if v is not None]
    low, span = min(known, default=0.0), (max(known, default=0.0) - min(known, default=0.0)) or 1.0
    return "".join(" " if v is None else _BARS[min(7, int(8 * (v - low) / span))] for v in logs)


def curve(values: Sequence[float], ends: tuple[str, str], height: int = 5) -> list[str]:
    """Values at equal distances, two a character, as a line over an axis from ``ends[0]`` to ``ends[1]``.

    Beside it stand the largest and the smallest value, or zero where all are on one side of it.
    """
    low, high = min(0.0, *values), max(0.0, *values)
    rows = 4 * height - 1
    places = [round((high - v) / ((high - low) or 1.0) * rows) for v in values]
    width = -(-len(values) // 2)
    cells = [[0x2800] * width for _ in range(height)]
    for x, place in enumerate(places):
        before = places[x - 1] if x else place
        # a jump is drawn as a vertical line, from beside the point before
        for y in range(min(place, before + (before < place)), max(place, before - (before > place)) + 1):
            cells[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
    labels = [f"{high:.3g}", *[""] * (height - 2), f"{low:.3g}"]
    lines = [
        f"{label:>{_MARGIN - 1}} ┤{''.join(map(chr, cell))}".rstrip("\u2800")
        for label, cell in zip(labels, cells, strict=True)
    ]
    gap = max(1, width - len(ends[0]) - len(ends[1]))
    return [*lines, f"{'':{_MARGIN}}└{'─' * width}", f"{'':{_MARGIN + 1}}{ends[0]}{' ' * gap}{ends[1]}"]
