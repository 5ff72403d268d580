"""All figures of a comparison, and their files: SVG, PDF, PNG, the data of each as CSV, and the captions."""

import csv
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from ..comparison.path import PathScan
from ..comparison.result import Comparison
from ..files.atomic import new_directory
from .kernel_charts import errors_by_order, kernel_charts
from .known_charts import agreement_chart, coefficient_charts, known_terms_chart
from .law_charts import law_charts
from .network_charts import diagram_chart, learning_chart
from .path_chart import path_chart
from .potential_charts import example_chart
from .residual_chart import residual_chart
from .style import Chart, look
from .term_charts import proxy_chart, term_chart

CAPTIONS = "captions.txt"
"""What each figure shows, and by which a folder of figures is known to be ours."""

FORMATS = ("svg", "pdf", "png")


def charts(comparison: Comparison, path: PathScan | None = None) -> list[Chart]:
    """Every figure, in the order in which a reader wants them; of a path, where one was scanned."""
    with look():
        learning = learning_chart(comparison)
        made = [
            *(_against_truth(comparison) if comparison.truth else _without_truth(comparison)),
            residual_chart(comparison),
            *(law_charts(comparison, comparison.law) if comparison.law else []),
            *([path_chart(path)] if path else []),
            *([learning] if learning else []),
            *([diagram_chart(comparison)] if comparison.diagrams else []),
            *([example_chart(comparison)] if comparison.truth else []),
        ]
        for chart in made:  # the layout is found once, and not again for every file
            engine = chart.figure.get_layout_engine()
            if engine is not None:
                engine.execute(chart.figure)
            chart.figure.set_layout_engine("none")
    return made


def _against_truth(comparison: Comparison) -> list[Chart]:
    return [
        errors_by_order(comparison),
        *kernel_charts(comparison),
        term_chart(comparison),
        proxy_chart(comparison),
    ]


def _without_truth(comparison: Comparison) -> list[Chart]:
    return [
        agreement_chart(comparison),
        *coefficient_charts(comparison),
        known_terms_chart(comparison),
    ]


def save_figures(path: str | Path, figures: Sequence[Sequence[Chart]], *, force: bool = False) -> None:
    """Write every figure into a new folder, those of several comparisons into subfolders `1`, `2`, ..

    `InputError` where the folder exists (unless `force`, and only if it
    holds figures of ours).
    """
    with new_directory(path, force=force, marker=CAPTIONS) as temporary:
        captions = []
        for number, group in enumerate(figures, start=1):
            folder = temporary if len(figures) == 1 else temporary / str(number)
            folder.mkdir(exist_ok=True)
            for chart in group:
                name = (folder / chart.name).relative_to(temporary)
                captions.append(f"{name}: {chart.title}. {chart.caption}\n")
                for kind in FORMATS:
                    (folder / f"{chart.name}.{kind}").write_bytes(rendered(chart, kind))
                _write_csv(folder / f"{chart.name}.csv", chart)
        (temporary / CAPTIONS).write_text("\n".join(captions), encoding="utf-8")


def rendered(chart: Chart, kind: str) -> bytes:
    """The figure as a file of that kind; the same comparison gives the same bytes."""
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    buffer = BytesIO()
    with look():
        # PNG on white: a figure without background is unreadable where the reader's page is dark.
        background = "white" if kind == "png" else "none"
        chart.figure.savefig(
            buffer,
            format=kind,
            dpi=200,
            metadata=metadata,
            facecolor=background,
            bbox_inches="tight",
            pad_inches=0.05,
        )
    return buffer.getvalue()


def _write_csv(file: Path, chart: Chart) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(chart.data)
        columns = [column.tolist() for column in chart.data.values()]
        writer.writerows(
            ["" if value != value else value for value in row] for row in zip(*columns, strict=True)
        )
