"""What a notebook and a prompt show of a run, a series, a comparison, a diagram and a solution."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import bornnet
from bornnet.comparison.compare import compare_run
from bornnet.series.learned import LearnedSeries

OLD = Path(__file__).parents[1] / "cases" / "old"


@pytest.fixture(scope="module")
def run():
    return bornnet.load_run(OLD / "run")


def table(html):
    """Rows of cells, by a parser that takes well-formed text alone."""
    root = ElementTree.fromstring(html.replace("<br>", "<br/>"))
    assert root.tag == "table"
    return root.findtext("caption"), [[cell.text for cell in row] for row in root.iter("tr")]


def test_a_run(run):
    assert re.fullmatch(r"Run\('.*run', mlp: 2 members, 2 rounds, 3 cells\)", repr(run))
    caption, (head, first, second) = table(run._repr_html_())
    assert caption == repr(run)
    assert head[:2] == ["round", "rows fitted"]
    assert first == ["1", "48", "1.6e-02, 8.1e-03"]  # as its summary.json has them
    assert second[0] == "2"


def test_a_series(run):
    series = LearnedSeries(tuple(run.learned), run.config, rounds=run.summary["fits"])
    assert repr(series) == "LearnedSeries(mlp: 2 members, 2 rounds, 3 cells)"
    assert table(series._repr_html_())[1] == table(run._repr_html_())[1]
    assert LearnedSeries(tuple(run.learned))._repr_html_().startswith("<p>LearnedSeries")


def test_a_comparison():
    comparison = compare_run(OLD / "run", order=2)
    assert repr(comparison) == "Comparison(mlp, 3 cells; kernel errors: order 1 2.7e-03, order 2 5.5e-02)"
    caption, rows = table(comparison._repr_html_())
    assert caption == "mlp against the Born series"
    assert [row[0] for row in rows] == ["order", "1", "2"]


def test_a_diagram():
    whole, nested = bornnet.diagrams(3)
    assert (repr(whole), repr(nested)) == (
        "Diagram((xxx), order 3, 1 labeling)",
        f"Diagram({nested.notation}, order 3, 3 labelings)",
    )
    root = ElementTree.fromstring(nested._repr_svg_())
    assert root.tag.endswith("svg")
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) >= 2


def test_solutions():
    one, many = bornnet.solve(cells=[0.3, 0.2]), bornnet.solve(cells=np.full((30, 2), 0.3))
    assert repr(one).startswith("<Solution: a0 = -0.0")
    caption, rows = table(one._repr_html_())
    assert caption == "1 potential, lengths in ranges"
    assert float(rows[1][1]) == pytest.approx(float(one.scattering_length), rel=1e-9)
    caption, rows = table(many._repr_html_())
    assert caption == "30 potentials, lengths in ranges; the first 20"
    assert len(rows) == 21
