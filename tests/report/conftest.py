"""One small run, and all that can be made of it, for every test of the report."""

import pytest
from bornnet.cli.main import main

from bornnet.comparison.compare import compare_run
from bornnet.report.charts import charts
from bornnet.report.page import report

NAME = """<img src=x onerror=alert(1)> & "q" 'p' $x$"""
"""A run name that a page must show as text."""

ITERATE = ["--members", "2", "--hidden", "6,5", "--steps", "8,4", "--rounds", "2", "--strength-floors", "0"]


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """The folder of a dataset and a run of two members and two rounds."""
    folder = tmp_path_factory.mktemp("study")
    data, run = folder / "<b>data</b>.h5".replace("/", ""), folder / NAME
    assert main(["generate", str(data), "--samples", "400", "--cells", "5", "--quiet"]) == 0
    assert main(["iterate", str(data), "--out", str(run), *ITERATE, "--quiet"]) == 0
    return run


@pytest.fixture(scope="session")
def comparison(study):
    return compare_run(study, order=3)


@pytest.fixture(scope="session")
def drawn(comparison):
    return charts(comparison)


@pytest.fixture(scope="session")
def page(comparison, drawn):
    return report([comparison], [drawn])
