"""The page is true, whole, safe, and says how to get it again."""

import json
import re
import shlex
import sys
from html.parser import HTMLParser

from bornnet.cli.main import main
from bornnet.cli.terminal import strict

from bornnet.comparing import compare_run
from bornnet.report.page import report

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
VOID = {"meta", "link", "img", "br", "path", "use", "rect", "image", "circle"}


class Page(HTMLParser):
    """Every element with its attributes and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", "inside": [e["tag"] for e in self.open], **dict(attributes)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append({"tag": tag, "text": "", "inside": [], **dict(attributes)})

    def handle_endtag(self, tag):
        while self.open and self.open.pop()["tag"] != tag:
            pass

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def of(self, tag):
        return [element for element in self.elements if element["tag"] == tag]


def shown_number(text):
    """A number as the page writes it, such as 1.2 × 10⁻³ or 40.5%, and half a unit of its last digit."""
    mantissa, _, power = text.replace("\u202f", "").translate(SUPERSCRIPTS).partition("×10")
    scale = 0.01 if mantissa.endswith("%") else 1
    scale *= 10.0 ** int(power or 0)
    digits = mantissa.rstrip("%").replace(",", "")
    return float(digits) * scale, 0.500001 * scale * 0.1 ** len(digits.partition(".")[2])


def at(document, key):
    for step in key.split("."):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def assert_true_to(page, document):
    numbers = [element for element in Page(page).elements if "data-key" in element and "value" in element]
    for number in numbers:
        exact = at(document, number["data-key"])
        assert float(number["value"]) == exact, number
        shown, rounding = shown_number(number["text"])
        assert abs(shown - exact) <= rounding, number
    return {number["data-key"] for number in numbers}


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


def test_tables_hold_no_other_numbers(page):
    shown = Page(page)
    cells = "".join(e["text"] for e in shown.of("td"))
    numbers = "".join(e["text"] for e in shown.of("data") if "td" in e["inside"])
    assert re.findall(r"\d", cells) == re.findall(r"\d", numbers)


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
