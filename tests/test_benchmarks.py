"""The benchmarks: each is a script of its own, which must find what it imports from a clone."""

import runpy
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_benchmark_finds_what_it_imports(script, monkeypatch):
    tests = {str(path) for path in Path(__file__).parent.rglob("*") if path.is_dir()}
    monkeypatch.setattr(sys, "path", [str(script.parent), *(p for p in sys.path if p not in tests)])
    ours = [name for name, module in sys.modules.items() if _below(module, tests)]
    for name in ours:  # as if no test had imported them
        monkeypatch.delitem(sys.modules, name)
    assert callable(runpy.run_path(str(script), run_name="imported")["main"])


def _below(module, folders):
    file = getattr(module, "__file__", None)
    return file is not None and str(Path(file).parent) in folders
