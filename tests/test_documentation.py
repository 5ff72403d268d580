"""Everything public says what it does, and `help(bornnet)` names it."""

import inspect
import json
from functools import cached_property
from pathlib import Path

import pytest

import bornnet
from bornnet.comparison.result import Comparison
from bornnet.datasets.reader import DatasetReader
from bornnet.diagrams.diagram import Diagram
from bornnet.physics.solution import Solution
from bornnet.runs.directory import Run

RETURNED = (Comparison, DatasetReader, Diagram, Run, Solution)
NAMES = [name for name in bornnet.__all__ if not name.startswith("__")]
NOTEBOOKS = sorted((Path(bornnet.__file__).parents[1] / "data" / "notebooks").glob("*.ipynb"))


def undocumented(kind):
    """The public methods and properties of a class of ours that say nothing, nor does what they override."""
    ours = [base for base in kind.__mro__ if base.__module__.startswith("bornnet")]
    names = {name for base in ours for name, value in vars(base).items() if _is_method(value)}
    public = [name for name in sorted(names) if not name.startswith("_")]
    assert public
    return [
        name
        for name in public
        if not any(name in vars(base) and inspect.getdoc(vars(base)[name]) for base in ours)
    ]


def _is_method(value):
    return inspect.isfunction(value) or isinstance(
        value, property | cached_property | classmethod | staticmethod
    )


def test_what_says_nothing_is_found():
    def told(self):
        """It says."""

    kind = type("Half", (), {"__module__": "bornnet.x", "silent": property(lambda self: 1), "told": told})
    assert undocumented(kind) == ["silent"]


@pytest.mark.parametrize("name", NAMES)
def test_public_names_say_what_they_do(name):
    found = getattr(bornnet, name)
    assert inspect.getdoc(found), name
    assert name in bornnet.__doc__
    if inspect.isclass(found) and found is not bornnet.MLP:  # of torch's, but for its making
        assert not undocumented(found)


@pytest.mark.parametrize("kind", RETURNED, ids=lambda kind: kind.__name__)
def test_what_is_returned_says_what_it_does(kind):
    assert inspect.getdoc(kind)
    assert not undocumented(kind)


def code(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_whole_and_shows_what_it_gave(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 500_000
    assert "Error" not in text.replace("error bars", "")
    assert [cell["execution_count"] for cell in code(path)] == list(range(1, len(code(path)) + 1))
    for cell in code(path):
        source = "".join(cell["source"])
        compile(source, path.name, "exec")
        assert ("plt.show()" in source) == any("image/png" in out.get("data", {}) for out in cell["outputs"])


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_prints_what_stands_in_it(path, monkeypatch, tmp_path, capsys):
    import matplotlib

    matplotlib.use("Agg", force=True)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "notebook"}
    for cell in code(path):
        exec(compile("".join(cell["source"]), path.name, "exec"), names)
        printed = capsys.readouterr().out
        stood = "".join("".join(out.get("text", [])) for out in cell["outputs"])
        assert bool(printed) == bool(stood)
        if "Born" not in stood and "off" not in stood:  # learned numbers may differ on another processor
            assert printed == stood
