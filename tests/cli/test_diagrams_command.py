"""`bornnet diagrams`: how many, what they are worth in a run, and pictures that fit where they are shown."""

import xml.etree.ElementTree as ET
from math import factorial
from pathlib import Path

import numpy as np
import pytest

from bornnet import born_terms, derivative_tensor, load_run, taylor_terms

SHAPES = {1: (1, 1), 2: (1, 1), 3: (2, 4), 4: (5, 26), 5: (12, 236), 6: (33, 2752), 9: (766, 12_818_912)}


@pytest.mark.parametrize(("order", "numbers"), SHAPES.items())
def test_counts(run, order, numbers):
    document = run("diagrams", "--order", order, "--json").json
    assert (document["shapes"], document["labelings"]) == numbers
    assert len(document["diagrams"]) == numbers[0]
    assert sum(diagram["labelings"] for diagram in document["diagrams"]) == numbers[1]


def test_terminal_shows_every_shape_within_80_columns(run):
    for order in range(1, 7):
        lines = run("diagrams", "--order", order).out.splitlines()
        assert max(map(len, lines)) <= 80
        shapes, labelings = SHAPES[order]
        assert f"Order {order}: {shapes} diagram" in lines[0]
        text = "\n".join(lines)
        assert text.count("─ f") == shapes
        assert sum("labeling" in line for line in lines[1:]) > 0
        assert f"{labelings:,} labeling" in lines[0]


def test_a_picture(run):
    out = run("diagrams", "--order", 3).out
    assert out == (
        "Order 3: 2 diagrams, 4 labelings of the legs in all\n"
        "\n"
        "  1  (xxx)               2  (x(xx))\n"
        "  x ──┐                  x ────────┬─●²─── f\n"
        "  x ──┼─●³─── f          x ──┬─●²──┘\n"
        "  x ──┘                  x ──┘\n"
        "  1 labeling             3 labelings\n"
    )


def test_high_orders_are_counted_and_not_drawn(run):
    outcome = run("diagrams", "--order", 9)
    assert "Order 9: 766 diagrams, 12,818,912 labelings" in outcome.out
    assert "●" not in outcome.out
    assert "--out FILE.svg or FILE.tex draws them up to order 8" in outcome.err


def test_shares_are_those_of_the_run(run, here):
    document = run("diagrams", "--order", 3, "--run", "r", "--round", 2, "--member", 2, "--json").json
    network = load_run("r").models[1][1]
    well = np.ones((1, 3))
    exact = taylor_terms(network, well, 3)[3, 0]
    assert (document["order"], document["round"], document["member"]) == (3, 2, 2)
    assert document["along"] == pytest.approx(exact, rel=1e-12)
    assert sum(d["along"] for d in document["diagrams"]) == pytest.approx(exact, rel=1e-12)
    for diagram in document["diagrams"]:
        assert sum(layer["along"] for layer in diagram["layers"]) == pytest.approx(
            diagram["along"], rel=1e-12
        )
    tensor = derivative_tensor(network, 3).detach().numpy() / factorial(3)
    assert document["norm"] == pytest.approx(np.linalg.norm(tensor), rel=1e-12)
    assert document["born_term"] == pytest.approx(-17 / 315, rel=1e-14)


def test_along_a_potential_of_ones_own(run, here):
    Path("u.csv").write_text("0.5,1,2\n")
    document = run("diagrams", "--order", 2, "--run", "r", "--along", "u.csv", "--json").json
    potential = np.array([[0.5, 1.0, 2.0]])
    assert document["round"] == 2  # where order 2 is due
    assert document["direction"] == [0.5, 1.0, 2.0]
    assert document["along"] == pytest.approx(taylor_terms(load_run("r").models[0][1], potential, 2)[2, 0])
    assert document["born_term"] == pytest.approx(born_terms(potential, 2)[1, 0], rel=1e-14)


def test_tables_say_what_each_diagram_is_worth(run, here):
    outcome = run("diagrams", "--order", 4, "--run", "r")
    document = run("diagrams", "--order", 4, "--run", "r", "--json").json
    assert outcome.out.count("none") == 2  # two hidden layers hold no chain of three vertices: picture, table
    assert "none: needs 3 layers" in outcome.out
    for diagram in document["diagrams"]:
        assert f"{diagram['along']:+.6f}" in outcome.out
    assert f"{document['norm']:.3e}" in outcome.out
    assert "exact Born term" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_removed_orders_are_said_to_mean_nothing(run, here):
    def words(*flags):
        return " ".join(run("diagrams", "--order", 1, "--run", "r", *flags).out.split())

    assert "Orders below 2 of this network were removed in its training" in words("--round", 2)
    assert "were removed" not in words()


def test_of_very_many_the_largest_are_listed(run, here):
    out = run("diagrams", "--order", 7, "--run", "r").out
    document = run("diagrams", "--order", 7, "--run", "r", "--json").json
    worth = sorted(document["diagrams"], key=lambda diagram: -abs(diagram["along"]))
    assert all(diagram["diagram"] in out for diagram in worth[:33])
    assert "The 33 largest; 57 more are in --json." in " ".join(out.split())


@pytest.mark.parametrize("with_run", [(), ("--run", "r")], ids=["drawn", "valued"])
def test_svg_is_whole_and_holds_every_diagram(run, here, with_run):
    outcome = run("diagrams", "--order", 5, "--out", "d.svg", *with_run)
    assert outcome.code == 0, outcome.err
    assert outcome.err == "Wrote d.svg.\n"
    root = ET.parse("d.svg").getroot()
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("f") == 12
    assert ("of order 5" in " ".join(texts)) == bool(with_run)
    assert run("diagrams", "--order", 5, "--format", "svg", *with_run).out == Path("d.svg").read_text()


def test_tikz_is_a_document(run):
    outcome = run("diagrams", "--order", 4, "--out", "d.tex", "--json")
    text = Path("d.tex").read_text()
    assert outcome.json["written"] == "d.tex"
    assert text.startswith("\\documentclass")
    assert text.count("\\begin{tikzpicture}") == text.count("\\end{tikzpicture}") == 5
    assert run("diagrams", "--order", 4, "--format", "tikz").out == text


def test_text_into_a_file(run):
    assert run("diagrams", "--order", 2, "--out", "d.txt").code == 0
    assert "●²─── f" in Path("d.txt").read_text()


REFUSED = {
    "no order": ("", "Missing option '--order'"),
    "order 0": ("--order 0", "--order: expected a number from 1 to 12"),
    "negative": ("--order -3", "--order: expected a number from 1 to 12"),
    "absurd": ("--order 40", "--order: expected a number from 1 to 12 (which has 21,965 diagrams); got 40"),
    "a word": ("--order two", "'two' is not a valid integer"),
    "too many to draw": ("--order 9 --format svg", "drawings go up to order 8 (261 diagrams); got 9"),
    "round without run": ("--order 2 --round 1", "--round means nothing without --run"),
    "member without run": ("--order 2 --member 1", "--member means nothing without --run"),
    "along without run": ("--order 2 --along u.csv", "--along means nothing without --run"),
    "no such run": ("--order 2 --run nowhere", "nowhere: no such run directory"),
    "no run": ("--order 2 --run .", "is no run directory: it holds no config.toml"),
    "round 0": ("--order 2 --run r --round 0", "--round: expected a number from 1 to 2, the finished rounds"),
    "round beyond": ("--order 2 --run r --round 3", "--round: expected a number from 1 to 2"),
    "member beyond": (
        "--order 2 --run r --member 3",
        "--member: expected a number from 1 to 2, the members of r; got 3",
    ),
    "member 0": ("--order 2 --run r --member 0", "--member: expected a number from 1 to 2"),
    "along of other cells": (
        "--order 2 --run r --along own.csv",
        "own.csv: expected one potential of 3 cells, as the network's, got 1 of 2",
    ),
    "along several": ("--order 2 --run r --along two.csv", "got 2 of 3"),
    "along nothing": ("--order 2 --run r --along no.csv", "no.csv: no such file"),
    "format": ("--order 2 --format pdf", "expected one of text, svg, tikz; got 'pdf'"),
    "ending": ("--order 2 --out d.pdf", "expected a name that ends in .svg, .tex, .txt, or a --format"),
    "two on stdout": ("--order 2 --format svg --json", "--format svg and --json both want stdout"),
    "exists": (
        "--order 2 --out own.csv --format svg",
        "own.csv exists already; give another name, or --force",
    ),
}


@pytest.mark.parametrize(("flags", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input(refused, here, flags, message):
    Path("own.csv").write_text("1,2\n")
    Path("two.csv").write_text("1,2,3\n1,2,3\n")
    assert message in refused("diagrams", *flags.split())
