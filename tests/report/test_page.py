"""The page is true, whole, safe, and says how to get it again."""

import json
import re
import shlex
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from bornnet.cli.main import main
from bornnet.cli.terminal import strict
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text
from page_numbers import VOID, Page, assert_true_to

from bornnet import __version__, scattering_length, weinberg_eigenvalue
from bornnet.comparison.compare import compare_run, differing_settings
from bornnet.config.load import to_toml
from bornnet.report.kernel_charts import HIGHEST
from bornnet.report.page import report, unbroken


class Prose(HTMLParser):
    """What is read outside of figures, listings, names with values, and numbers checked on their own."""

    LEFT_OUT = ("style", "svg", "pre", "dl", "data")

    def __init__(self, page):
        super().__init__()
        self.text, self.inside = "", []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.text += " " if tag == "th" else ""
        if tag not in VOID:
            self.inside.append((tag, tag in self.LEFT_OUT or "data-key" in dict(attributes)))

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not any(left_out for _, left_out in self.inside):
            self.text += data


def test_every_number_is_that_of_the_json(page, study, capsys):
    capsys.readouterr()
    assert main(["compare-born", str(study), "--order", "3", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    keys = assert_true_to(page, document)
    for order in range(3):
        columns = ("kernel_error", "kernel_error_spread", "kernel_cosine", "term_error")
        assert {f"orders.{order}.{column}" for column in columns} <= keys
        assert f"single_network.{order}.kernel_error" in keys
        assert {
            f"baselines.{n}.orders.{order}.kernel_error" for n in range(len(document["baselines"]))
        } <= keys
        assert {f"proxy.{order}.{column}" for column in ("vs_born", "vs_exact", "born_vs_exact")} <= keys
    (verdict,) = [e for e in Page(page).elements if e.get("data-key") == "verdict"]
    assert verdict["text"] == document["verdict"]


def test_text_holds_no_other_numbers(page, study, comparison):
    """What is left when the checked numbers, names, and the order of a thing are taken away has no digit."""
    left = Prose(page).text
    for phrase in (str(study), __version__, "against a0", "Phys. Rev. Research 3, 023223 (2021)", "η = 1"):
        assert phrase in left
        left = left.replace(phrase, "")
    left = left.replace(f"errors above {HIGHEST:.0f} are off the scale", "")
    for title in [f"Order {row.order}: Born kernel and learned" for row in comparison.orders]:
        assert title in left
        left = left.replace(title, "")
    degrees = [name.rpartition("-")[2] for name in comparison.baselines if name.startswith("least")]
    assert re.findall(r"\d+", left) == degrees  # the headings of their columns


def assert_verdict_follows(document):
    """Every number of the paragraph, redone from those of the tables."""
    plain = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")

    def in_percent(found):
        return f"{found[1]}e{int(found[2].translate(plain)) + 2} %"

    text = re.sub(r"(\d\.\d) × 10(⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+)", in_percent, document["verdict"])
    assert not re.search(r"e-\d+ %", document["verdict"])  # small errors are powers of ten
    rows, single = (
        {row["order"]: row["kernel_error"] for row in document[table]}
        for table in ("orders", "single_network")
    )
    for n, percent in re.findall(r"order (\d+) to ([\d.,e-]+) %", text):
        assert rounds_to(rows[int(n)], percent, 0.01)
    for n, percent in re.findall(r"order (\d+) iteration makes little difference \(([\d.,e-]+) %", text):
        assert rounds_to(single[int(n)], percent, 0.01)
    for n, factor, size in re.findall(r"order (\d+) the error is ([\d.,]+) times (\w+)", text):
        ratio = rows[int(n)] / single[int(n)]
        assert rounds_to(ratio if size == "larger" else 1 / ratio, factor)
    rivals = [row["kernel_error"] for baseline in document["baselines"] for row in baseline["orders"]]
    for percent in re.findall(r"([\d.,e-]+) %", text):
        assert any(rounds_to(error, percent, 0.01) for error in [*rows.values(), *single.values(), *rivals])
    counts = re.sub(r"[\d.,e-]+ (%|times)", "", text)
    known = {document[name] for name in ("members", "rounds", "rounds_planned", "cells")} | rows.keys()
    known |= {int(baseline["name"].rpartition("-")[2]) for baseline in document["baselines"]}
    assert {int(n) for n in re.findall(r"\d+", counts)} <= known


def rounds_to(exact, shown, unit=1.0):
    """Whether the shown number, in that unit, is the exact one rounded to its last digit."""
    digits = shown.replace(",", "").partition("e")[0]
    power = 10.0 ** int(shown.partition("e")[2] or 0)
    last = power * 0.1 ** len(digits.partition(".")[2])
    return abs(float(digits) * power - exact / unit) <= 0.500001 * last


def test_verdict_follows_from_the_tables(comparison):
    assert_verdict_follows(comparison.document())


ERRORS = st.lists(st.floats(1e-8, 1e5), min_size=4, max_size=4)


@given(ERRORS, ERRORS, ERRORS)
def test_verdict_follows_from_any_tables(comparison, learned, alone, baseline):
    def rows(errors):
        return [replace(row, kernel_error=e) for row, e in zip(comparison.orders, errors, strict=False)]

    other = replace(
        comparison,
        orders=rows(learned),
        single_network=rows(alone),
        baseline_orders={"least-squares-2": rows(baseline)},
    )
    assert_verdict_follows(other.document())
    beaten = [n for n, (a, b) in enumerate(zip(learned[:3], baseline, strict=False), 1) if a < b]
    claim = re.search(r"best baseline does worse at orders? ([\d, and]+)\.", other.document()["verdict"])
    assert ([int(n) for n in re.findall(r"\d", claim[1])] if claim else []) == beaten


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (
            (9.8e-8, 0.049, 0.25, 0.6),
            "the Taylor coefficients agree with the Born kernels, order 1 to 9.8 × 10⁻⁸, order 2 to 4.9 % "
            "(relative error). Order 3 is learned roughly (relative error 25 %). Order 4 has not been "
            "learned (relative error 60 %). ",
        ),
        (
            (0.06, 0.25, 1.0),
            "orders 1 and 2 are learned roughly (relative error 6 % and 25 %). Order 3 has not been learned "
            "(relative error 100 %). ",
        ),
        ((0.7, 2.0), "the Born series has not been learned (relative error 70 % and 200 % by order). "),
        ((float("nan"),), "the Born series has not been learned (relative error nan % by order). "),
        ((0.05,), "the Taylor coefficients agree with the Born kernels, order 1 to 5 % (relative error). "),
    ],
)
def test_what_the_verdict_calls_an_error(comparison, errors, said):
    rows = [replace(comparison.orders[0], order=n, kernel_error=e) for n, e in enumerate(errors, 1)]
    other = replace(comparison, orders=rows, single_network=rows, baseline_orders={})
    assert f" cells: {said}" in other.document()["verdict"] + " "


NAMES = "|".join(
    (
        r"(order|degree|round) \d",
        r"\$\\eta = 1\$",
        r"range\$\^\{?-?\d\}?\$",
        r"[KTra]_\{?\d\}?",
        r"a\^\{\(\d\)\}",
    )
)
"""Numbers in a figure that name something: an order, a power of a unit, an index, the limit."""


def test_numbers_drawn_as_text_are_those_of_the_json(comparison, drawn):
    """Titles and labels inside figures; the figures' data are compared with the JSON elsewhere."""
    document = comparison.document()
    charts = {chart.name: chart for chart in drawn}
    titles = [axes.get_title() for axes in charts["diagrams"].figure.axes]
    shares = [
        (entry["order"], share)
        for entry in document["diagrams"]
        for share in entry["shares"]
        if entry["order"] == 1 or share["along"]
    ]
    for title, (order, share) in zip(filter(None, titles), shares, strict=True):
        found = re.fullmatch(r"order (\d+): (\S+) ± (\S+) %\n(\d+) × (\S+)", title.replace("−", "-"))
        assert (int(found[1]), int(found[4]), found[5]) == (order, share["labelings"], share["diagram"])
        assert rounds_to(share["share"], found[2], 0.01)
        assert rounds_to(share["share_spread"], found[3], 0.01)
    titles = [axes.get_title() for axes in charts["examples"].figure.axes]
    for title, example in zip(filter(None, titles), document["examples"], strict=True):
        eta, a0 = re.findall(r"= (-?[\d.]+)", title)
        assert float(eta) == pytest.approx(example["strength"], rel=6e-3)
        assert float(a0) == pytest.approx(example["scattering_length"], rel=6e-3)
        row = example["row"] - 1
        potential = comparison.reference.potentials[row]
        assert example["strength"] == pytest.approx(weinberg_eigenvalue(potential), rel=1e-10)
        assert example["scattering_length"] == pytest.approx(scattering_length(potential), rel=1e-10)
    for chart in drawn:
        if chart.name in ("diagrams", "examples"):
            continue
        ticks = {
            t for axes in chart.figure.axes for axis in (axes.xaxis, axes.yaxis) for t in axis.findobj(Text)
        }
        labels = {axis.label for axes in chart.figure.axes for axis in (axes.xaxis, axes.yaxis)}
        for text in set(chart.figure.findobj(Text)) - (ticks - labels):
            rest = re.sub(NAMES, "", text.get_text())
            at_radius = re.sub(r"= 0\.\d+", "", rest)
            assert not re.search(r"\d", at_radius if "kernel" in chart.name else rest), (chart.name, text)


def test_configuration_and_provenance_are_the_runs(page, comparison):
    shown = Page(page)
    assert shown.of("pre")[1]["text"] == to_toml(comparison.run.config)
    names, values = ([e["text"] for e in shown.of(tag)] for tag in ("dt", "dd"))
    facts = dict(zip(names, values, strict=True))
    stored = comparison.run.provenance
    assert facts["torch"] == stored["torch"]
    assert facts["dataset sha256"] == stored["dataset"]["sha256"]
    assert facts["dataset samples"] == str(stored["dataset"]["samples"])


def test_the_labels_of_training_are_named(comparison, drawn, page):
    assert "gradients" not in Prose(page).text + comparison.document()["verdict"]
    config = comparison.run.config.model_copy(update={"labels": "gradient"})
    other = replace(comparison, run=replace(comparison.run, config=config))
    named = "trained on scattering lengths and their gradients"
    assert other.document()["labels"] == "gradient"
    assert named in other.document()["verdict"]
    assert named in Prose(report([other], [drawn[:1]])).text
    assert differing_settings([comparison, other]) == {"labels": ["value", "gradient"]}


def test_several_runs_side_by_side(comparison, drawn):
    other = compare_run(comparison.source, order=3)
    page = report([comparison, other], [drawn[:3], drawn[:3]])
    documents = {"runs": [strict(comparison.document()), strict(other.document())]}
    keys = assert_true_to(page, documents)
    assert {"runs.0.orders.2.kernel_error", "runs.1.orders.2.kernel_error"} <= keys
    identifiers = [e["id"] for e in Page(page).elements if "id" in e]
    assert len(identifiers) == len(set(identifiers))


def test_every_figure_is_there_once_and_whole(page, drawn):
    shown = Page(page)
    assert [figure["id"] for figure in shown.of("figure")] == [chart.name for chart in drawn]
    assert {e["aria-label"] for e in shown.of("svg")} == {chart.title for chart in drawn}
    identifiers = [e["id"] for e in shown.elements if "id" in e]
    assert len(identifiers) == len(set(identifiers))
    targets = re.findall(r'href="#([^"]+)"', page) + re.findall(r"url\(#([^)]+)\)", page)
    assert set(targets) <= set(identifiers)


def test_nothing_is_fetched(page):
    shown = Page(page)
    links = [e.get("href") or e.get("xlink:href") or e.get("src") or "" for e in shown.elements]
    assert all(link.startswith(("#", "data:")) for link in links if link)
    assert not shown.of("script")
    assert "@import" not in page
    assert len(page.encode()) < 5_000_000


def test_names_are_text(page, study):
    shown = Page(page)
    assert not shown.of("img")
    assert not shown.of("b") or all("figcaption" in e["inside"] for e in shown.of("b"))
    assert shown.of("h1")[0]["text"].startswith(str(study))


def test_no_path_of_this_machine_but_the_users(page, study):
    assert sys.prefix not in page.replace(str(study), "")


def test_the_command_reproduces_the_numbers(page, comparison, tmp_path, monkeypatch):
    command = Page(page).of("pre")[0]["text"]
    monkeypatch.chdir(tmp_path)
    for step in command.replace("\\\n", " ").split("&&"):
        program, *arguments = shlex.split(step)
        assert program == "bornnet"
        assert main([*arguments, "--quiet"]) == 0
    again = compare_run(tmp_path / comparison.run.path.name, order=3)
    assert again.orders == comparison.orders
    assert (tmp_path / "report.html").is_file()


def test_a_law_in_the_verdict_stays_on_one_line():
    """A minus sign at its front is a place to break a line, too."""
    shown = unbroken("It agrees with -(r\u00a0-\u00a0y)² to 1.2 × 10⁻⁶ of its <RMS>.")
    assert shown == (
        "It agrees with <span>-(r\u00a0-\u00a0y)²</span> to <span>1.2 × 10⁻⁶</span> of its &lt;RMS&gt;."
    )
