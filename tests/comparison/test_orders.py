"""The numbers of `compare-born` on series whose errors are known beforehand."""

import numpy as np
import pytest
from series_cases import BornSeries, labelled

from bornnet import born_kernel, born_terms
from bornnet.comparison.evaluation import evaluated
from bornnet.comparison.orders import as_dicts, compare_orders, compare_proxies, exact_reference

CELLS = 4


@pytest.fixture(scope="module")
def reference():
    data = labelled(50, CELLS, high=0.3)
    return exact_reference(data.potentials, data.values, 3)


def orders(members, reference):
    return compare_orders(evaluated(members, reference.potentials, reference.order), reference)


def proxies(members, reference):
    return compare_proxies(evaluated(members, reference.potentials, reference.order).terms, reference)


def test_a_series_compared_with_itself(reference):
    for row in orders([BornSeries(CELLS)], reference):
        assert row.kernel_error == row.term_error == 0
        assert row.kernel_error_spread is None  # a single member has none
        assert row.term_error_spread is None
        assert row.kernel_cosine == pytest.approx(1, abs=1e-14)
        assert row.taylor_norm == row.born_norm == np.linalg.norm(born_kernel(row.order, CELLS))
    for proxy in proxies([BornSeries(CELLS)], reference):
        assert proxy.vs_born == 0
        assert proxy.vs_exact == proxy.born_vs_exact > 0


def test_errors_of_a_factor_are_the_factor(reference):
    rows = orders([BornSeries(CELLS, (1.001, 0.98, 1.3))], reference)
    for row, error in zip(rows, (0.001, 0.02, 0.3), strict=True):
        assert row.kernel_error == pytest.approx(error, rel=1e-9)
        assert row.term_error == pytest.approx(error, rel=1e-9)
        assert row.kernel_cosine == pytest.approx(1, abs=1e-14)
        assert row.taylor_norm / row.born_norm == pytest.approx((1.001, 0.98, 1.3)[row.order - 1])


def test_members_give_means_and_spreads(reference):
    members = [BornSeries(CELLS, (1 + e, 1.0, 1.0)) for e in (0.01, 0.02, 0.06)]
    first = orders(members, reference)[0]
    assert first.kernel_error == pytest.approx(0.03)
    assert first.kernel_error_spread == pytest.approx(np.std([0.01, 0.02, 0.06], ddof=1))
    assert first.term_error == pytest.approx(0.03)
    assert first.term_error_spread == pytest.approx(np.std([0.01, 0.02, 0.06], ddof=1))


def test_nothing_learned_has_error_one_and_no_direction(reference):
    for row in orders([BornSeries(CELLS, (0.0, 0.0, 0.0))], reference):
        assert (row.kernel_error, row.term_error, row.kernel_cosine, row.taylor_norm) == (1, 1, 0, 0)


def test_proxies_of_a_wrong_second_order(reference):
    """Redone by hand for the sum through order 2."""
    rows = proxies([BornSeries(CELLS, (1.0, 1.5, 1.0))], reference)
    first, second = born_terms(reference.potentials, 2)
    assert rows[0].vs_born == 0
    assert rows[1].vs_born == pytest.approx(np.median(np.abs(0.5 * second / (first + second))))
    exact = reference.scattering_length
    assert rows[1].vs_exact == pytest.approx(np.median(np.abs((first + 1.5 * second) / exact - 1)))
    assert rows[1].born_vs_exact == pytest.approx(np.median(np.abs((first + second) / exact - 1)))


def test_born_sums_approach_the_exact_value_order_by_order(reference):
    errors = [row.born_vs_exact for row in proxies([BornSeries(CELLS)], reference)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


def test_rows_as_json_holds_them(reference):
    row = as_dicts(orders([BornSeries(CELLS)], reference))[0]
    assert row["order"] == 1
    assert row.keys() >= {
        "kernel_error",
        "kernel_error_spread",
        "kernel_cosine",
        "term_error",
        "born_norm",
        "taylor_norm",
    }
