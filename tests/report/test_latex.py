"""The table as LaTeX: its numbers are those of the comparison, and no name is taken for a command."""

import re

import pytest
from bornnet.cli.main import main
from hypothesis import given
from hypothesis import strategies as st

from bornnet.report.latex import escaped, latex_table, number


@given(st.floats(1e-30, 1e30))
def test_a_number_can_be_read_back(value):
    found = re.fullmatch(r"\$(\d\.\d)(?: \\times 10\^\{(-?\d+)\})?\$", number(value))
    assert float(f"{found[1]}e{found[2] or 0}") == float(f"{value:.1e}")


def test_numbers_that_are_none():
    assert number(None) == number(float("nan")) == "--"


def test_rows_are_those_of_the_comparison(comparison):
    lines = latex_table(comparison).splitlines()
    rows = [line.removesuffix(r" \\").split(" & ") for line in lines if line.endswith(r"\\")]
    heading, *body = rows
    assert all(len(row) == len(heading) for row in body)
    assert [row[0] for row in body] == ["1", "2", "3"]
    for row, exact in zip(body, comparison.orders, strict=True):
        assert row[1].startswith(number(exact.kernel_error))
        assert r"\pm" in row[1]  # two members
        assert row[2] == f"${exact.kernel_cosine:.6f}$"


@given(st.text(max_size=30))
def test_signs_mean_nothing(text):
    bare = re.sub(r"\\textbackslash\{\}|\\text\w+\{\}|\\[&%$#_{}]", "", escaped(text))
    assert not re.search(r"[\\&%$#_{}~^]", bare)


def test_the_command_writes_it_and_the_title(study, comparison, tmp_path, capsys):
    table, page = tmp_path / "table.tex", tmp_path / "page.html"
    arguments = ["compare-born", str(study), "--order", "3", "--title", "Five <cells>", "--quiet"]
    assert main([*arguments, "--report", str(page), "--latex", str(table)]) == 0
    assert table.read_text(encoding="utf-8") == latex_table(comparison)
    assert "<h1>Five &lt;cells&gt;</h1>" in page.read_text(encoding="utf-8")
    assert main([*arguments]) == 2
    assert "--title" in capsys.readouterr().err
    assert main(["compare-born", str(study), "--latex", str(table)]) == 2  # it is there


@pytest.mark.parametrize("word", ["equation", "kernel error", "held out", "processor", "date"])
def test_the_page_defines_its_words(page, word):
    assert f"<dt>{word}</dt><dd>" in page
