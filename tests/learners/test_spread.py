"""Spreads over few members are sample standard deviations, from one place."""

import ast
from pathlib import Path
from statistics import stdev

import numpy as np
import pytest

import bornnet
from bornnet.learners.spread import spread, spreads

ROOT = Path(bornnet.__file__).parents[1]


def test_of_a_sample():
    assert spread([1.0, 2.0, 6.0]) == pytest.approx(stdev([1, 2, 6]))  # a population's is 1.22 times less
    np.testing.assert_allclose(spreads(np.array([[1.0, 0.0], [2.0, 0.0], [6.0, 3.0]])), [7**0.5, 3**0.5])


def test_of_one_there_is_none():
    assert spread([3.0]) is None
    assert np.isnan(spreads(np.ones((1, 2)))).all()


def test_nothing_else_takes_standard_deviations():
    """A slip here once stood in seven places. (``std`` of torch and numpy, as a call.)"""
    for file in [*(ROOT / "bornnet").rglob("*.py"), *(ROOT / "cli").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("std", "nanstd", "var"):
                assert file.name == "spread.py", f"{file}: line {node.lineno}"
