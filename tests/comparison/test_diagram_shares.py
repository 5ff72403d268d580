"""Diagrams add up to the learned terms, whatever the members, the rounds, and what is affordable."""

import numpy as np
import pytest
import torch

from bornnet import MLP
from bornnet.comparison import diagram_shares as diagram_comparison
from bornnet.comparison.diagram_shares import compare_diagrams
from bornnet.diagrams.diagram import diagrams
from bornnet.learners.mlp.perceptron import Perceptron
from bornnet.series.terms import MemberSeries

U = np.array([0.3, -0.1, 0.4])


@pytest.fixture(params=[False, True], ids=["removed", "corrected"])
def members(request):
    torch.manual_seed(0)
    return [
        MemberSeries(tuple(Perceptron(MLP(3, (4, 5))) for _ in range(3)), request.param) for _ in range(2)
    ]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("affordable", [0, 1e9])
def test_values_and_shares_against_the_terms(members, order, affordable, monkeypatch):
    monkeypatch.setattr(diagram_comparison, "AFFORDABLE", affordable)
    rows = compare_diagrams(members, order, U)
    assert [row.diagram for row in rows] == diagrams(order)
    terms = np.array([member.terms(U[None], order)[order - 1, 0] for member in members])
    assert sum(row.along for row in rows) == pytest.approx(terms.mean(), rel=1e-10)
    assert sum(row.share for row in rows) == pytest.approx(1, rel=1e-10)
    if len(rows) == 1:
        assert rows[0].along_spread == pytest.approx(terms.std(ddof=1), rel=1e-9)
        assert rows[0].share_spread == pytest.approx(0, abs=1e-12)
    known = affordable > 0 and all(len(member.sources(order)) == 1 for member in members)
    assert all((row.norm == row.norm) == known for row in rows)
    if affordable and order > 1:
        for row in rows:
            assert sum(row.layers.values()) == pytest.approx(row.along, rel=1e-9, abs=1e-15)


def test_norm_of_a_single_diagram_is_the_kernels(members):
    (row,) = compare_diagrams(members[:1], 2, U)
    if not members[0].corrected:
        assert row.norm == pytest.approx(np.linalg.norm(members[0].kernel(2)), rel=1e-10)


def test_a_term_that_is_zero_has_no_shares(members):
    rows = compare_diagrams(members, 3, np.zeros(3))
    assert all(row.along == 0 and np.isnan(row.share) for row in rows)
