"""Small plots of characters: what is read off them is what was put in, and only a terminal gets them."""

import os
import pty
import re
import subprocess
import sys
from math import log10

import pytest
from bornnet.cli.plots import curve, log_dots, sparkline
from hypothesis import given
from hypothesis import strategies as st
from pseudo_terminal import read_all

POSITIVE = st.floats(1e-12, 1e6)


@given(st.lists(POSITIVE, min_size=1, max_size=6))
def test_marks_stand_where_the_axis_says(values):
    *rows, axis = log_dots({f"order {n}": {"●": value} for n, value in enumerate(values)})
    named = {float(name[0]): name.start() for name in re.finditer(r"\S+", axis)}
    (low, start), (high, end) = min(named.items()), max(named.items())
    assert max(map(len, [*rows, axis])) < 80
    if low == high:
        return
    decade = (end - start) / log10(high / low)
    for row, value in zip(rows, values, strict=True):
        assert row.index("●") == pytest.approx(start + decade * log10(value / low), abs=1.01)


def test_where_marks_meet_the_first_is_seen():
    (row, _) = log_dots({"order 1": {"●": 0.01, "○": 0.01, "△": 1.0}})
    assert "●" in row
    assert "○" not in row
    assert row.endswith("△")


def test_values_without_a_logarithm_have_no_mark():
    first, second, _ = log_dots({"a": {"●": 0.0, "○": 0.1}, "b": {"●": float("nan")}})
    assert "●" not in first + second
    assert "○" in first


def test_sparkline():
    assert sparkline([1e0, 1e-7]) == "█▁"
    assert sparkline([1e-3, float("nan"), 1e-3]) == "▁ ▁"
    assert len(sparkline([2.0**-n for n in range(1000)], width=40)) == 40
    assert sparkline([]) == ""


def dots(lines):
    """Heights of the topmost dots, one for each value, counted from the lowest row."""
    pattern = {(0, 0): 0x01, (0, 1): 0x02, (0, 2): 0x04, (0, 3): 0x40}
    pattern |= {(1, 0): 0x08, (1, 1): 0x10, (1, 2): 0x20, (1, 3): 0x80}
    rows = [line.partition("┤")[2] for line in lines[:-2]]
    width = max(map(len, rows))
    heights = []
    for x in range(2 * width):
        set_rows = [
            4 * n + y
            for n, row in enumerate(rows)
            for y in range(4)
            if x // 2 < len(row) and ord(row[x // 2]) & pattern[x % 2, y]
        ]
        heights.append(4 * len(rows) - 1 - min(set_rows) if set_rows else None)
    return heights


@given(st.lists(st.floats(0, 1), min_size=2, max_size=60).filter(lambda v: max(v) > 0.01))
def test_curve_read_back(values):
    lines = curve(values, ("0", "1"), height=5)
    found = dots(lines)[: len(values)]
    step = max(values) / 19
    drawn = [height * step for height in found]
    for n, (value, height) in enumerate(zip(values, drawn, strict=True)):
        reach = values[max(0, n - 1) : n + 1]  # a jump is drawn beside the point that it leads to
        assert value - 0.51 * step <= height <= max(reach) + 0.51 * step
    assert float(lines[0].split()[0]) == pytest.approx(max(values), rel=0.01)
    assert lines[4].split()[0] == "0"


def on_a_terminal(folder, *arguments, columns=80):
    """What came on stdout, which is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bornnet.cli.main", *map(str, arguments)],
        cwd=folder,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"TERM": "dumb", "COLUMNS": str(columns), "PYTHONUTF8": "1"},
    )
    os.close(theirs)
    shown = read_all(ours)
    assert process.wait() == 0
    os.close(ours)
    return shown


def test_a_terminal_gets_plots(study):
    shown = on_a_terminal(study, "compare-born", "r")
    assert "order 3  " in shown
    assert "round 2  " in shown
    assert {"●", "△", "█"} <= set(shown)
    assert max(map(len, shown.splitlines())) <= 80


def test_json_and_narrow_terminals_get_none(study):
    assert on_a_terminal(study, "compare-born", "r", "--json").startswith("{")
    assert "●" not in on_a_terminal(study, "compare-born", "r", columns=60)


def test_solve_draws_one_potential(tmp_path, run):
    (tmp_path / "U.csv").write_text("1,2\n")
    shown = on_a_terminal(tmp_path, "solve", "U.csv")
    assert "u(r), the wave function" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "wave function" not in run("solve", "U.csv").out
