"""The report: one page that opens from disk, with every number as `compare-born --json` has it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from .. import __version__
from ..comparison.compare import differing_settings
from ..comparison.law_words import law_words
from ..comparison.result import Comparison
from ..config.load import to_toml
from ..files.atomic import new_file
from .charts import rendered
from .reproduce import made_by, provenance, reproduction
from .style import BLUE, INK, Chart, in_short, in_words, typeset

_PARTS = {
    "orders": "Order by order",
    "kernels": "Kernels",
    "terms": "Terms and sums",
    "law": "The law along r",
    "learning": "Learning",
    "diagrams": "Diagrams",
    "examples": "Examples",
    "reproduce": "Reproduce",
}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def save_report(
    path: str | Path,
    comparisons: Sequence[Comparison],
    figures: Sequence[Sequence[Chart]],
    *,
    title: str | None = None,
    force: bool = False,
) -> None:
    """Write the report of one comparison, or of several side by side, as one self-contained HTML file.

    ``figures`` are the charts of each comparison, ``title`` the heading; unless given, it names the runs.
    """
    text = report(comparisons, figures, title)
    with new_file(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


def report(
    comparisons: Sequence[Comparison], figures: Sequence[Sequence[Chart]], title: str | None = None
) -> str:
    """The page as text."""
    environment = Environment(
        loader=PackageLoader("bornnet.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "in_words": in_words,
        "in_short": in_short,
        "typeset": typeset,
        "unbroken": unbroken,
    }
    several = len(comparisons) > 1
    studies = [
        _study(
            comparison, group, f"runs.{index}." if several else "", f"study-{index + 1}-" if several else ""
        )
        for index, (comparison, group) in enumerate(zip(comparisons, figures, strict=True))
    ]
    return environment.get_template("page.html").render(
        version=__version__,
        title=title,
        made=made_by(),
        studies=studies,
        differing=differing_settings(comparisons) if several else {},
        css=Markup(_css(environment)),
    )


def _css(environment: Environment) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, "page.css")[0]


def _study(comparison: Comparison, figures: Sequence[Chart], key: str, prefix: str) -> dict[str, Any]:
    """What the template shows of one comparison."""
    document, names = comparison.document(), comparison.words
    drawn = [
        {
            "id": prefix + chart.name,
            "part": chart.part,
            "title": chart.title,
            "caption": chart.caption,
            "svg": _inline(chart, prefix),
        }
        for chart in figures
    ]
    parts = {chart["part"] for chart in drawn} | ({"reproduce"} if comparison.run else set())
    return {
        "document": document,
        "number": Numbers(document, key),
        "charts": drawn,
        "contents": [(part, title) for part, title in _PARTS.items() if part in parts],
        "config": to_toml(comparison.run.config) if comparison.run else "",
        "provenance": provenance(comparison.run) if comparison.run else {},
        "reproduce": reproduction(comparison) if comparison.run else "",
        "prefix": prefix,
        "words": names,
        "law_words": law_words(comparison.reference.target),
        "target": Markup("a<sub>0</sub>" if names.power == 1 else "1/a<sub>0</sub>"),
        "target_text": "a₀" if names.power == 1 else "1/a₀",
    }


class Numbers:
    """Values of the document as the page shows them: rounded, with the exact one and its place beside it."""

    def __init__(self, document: Mapping[str, Any], prefix: str) -> None:
        self.document = document
        self.prefix = prefix

    def __call__(self, key: str, form: str = ".1e") -> Markup:
        """The value at a place such as `orders.0.kernel_error`, in a format of Python's."""
        value: Any = self.document
        for step in key.split("."):
            value = value[int(step)] if isinstance(value, list) else value[step]
        missing = value is None or value != value
        shown = "–" if missing else _plain(format(value, form))
        return Markup('<data data-key="{}" value="{}">{}</data>').format(
            self.prefix + key, "" if missing else repr(value), shown
        )


def _plain(text: str) -> str:
    """`1.2e-05` as `1.2 × 10⁻⁵` and `-3.4%` as `−3.4 %`, with spaces that do not break."""
    mantissa, e, exponent = text.partition("e")
    if not e:
        return text.replace("-", "−").replace("%", "\u202f%")
    if int(exponent) == 0:
        return mantissa.replace("-", "−")
    power = str(int(exponent)).translate(_SUPERSCRIPTS)
    return f"{mantissa.replace('-', '−')}\u202f×\u202f10{power}"


def unbroken(text: str) -> Markup:
    """Text whose powers of ten, and whatever has a space that does not break, stay on one line."""
    return Markup(
        re.sub(r"([\d.]+ × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|[^ ]*\u00a0[^ ]*)", r"<span>\1</span>", str(escape(text)))
    )


def _inline(chart: Chart, prefix: str) -> Markup:
    """The figure as an element of a page: in the page's ink, and with identifiers of its own."""
    svg = rendered(chart, "svg").decode()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace(INK, "currentColor").replace(BLUE, "var(--blue)")
    own = f"{prefix}{chart.name}-"
    svg = re.sub(r'\bid="', f'id="{own}', svg)
    svg = re.sub(r'href="#', f'href="#{own}', svg)
    svg = svg.replace("url(#", f"url(#{own}")
    label = escape(chart.title)
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1))
