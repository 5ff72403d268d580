"""Series around a reference, in memory: learned from full potentials, stored, compared with exact ones."""

import numpy as np
import pytest

import bornnet
from bornnet.comparison.path import coefficients, path_scan
from bornnet.datasets.labelled import Labelled
from bornnet.errors import InputError
from bornnet.learners.gp.fit import linear_profile
from bornnet.learners.polynomial.least_squares import Polynomial
from bornnet.physics.distorted.deviations import sample_deviations
from bornnet.series.displaced import displaced
from bornnet.series.iteration import Rounds, exact_gradient
from bornnet.series.terms import MemberSeries
from bornnet.targets import target

CELLS = 4
UNITARY = bornnet.reference("square:a0=inf", CELLS)
HALF = bornnet.reference("square:eta=0.5", CELLS)
AROUND = {"inverse": UNITARY, "scattering_length": HALF}


def rows(name, count=500, strength=(3e-3, 0.3)):
    around = target(name, AROUND[name])
    dU, eta = sample_deviations(
        "mixture", count, CELLS, at=around.reference, target=name, strength=strength, seed=3
    )
    return around, around.reference + dU, around.labels(around.reference + dU), eta


@pytest.fixture(scope="module", params=AROUND)
def learned(request):
    around, U, y, _ = rows(request.param)
    series = bornnet.fit_series(
        U, y, learner="gp", rounds=1, at=around.reference, target=request.param, progress=False
    )
    return around, U, y, series


def test_kernels_are_those_of_the_distorted_waves(learned):
    around, _, _, series = learned
    for order, bound in ((1, 1e-5), (2, 1e-3)):
        exact = around.kernel(order, CELLS)
        assert np.linalg.norm(series.kernel(order) - exact) < bound * np.linalg.norm(exact)


def test_terms_are_of_displacements_and_sums_begin_at_the_reference(learned):
    around, U, y, series = learned
    terms = series.terms(U, 3)
    np.testing.assert_allclose(terms[0], (U - around.reference) @ series.kernel(1), atol=1e-12)
    np.testing.assert_allclose(series.predict(U, 3), around.value + terms.sum(axis=0), atol=1e-12)
    weak = np.argsort(around.strength(U))[:100]
    assert np.abs(series.predict(U[weak], 3) - y[weak]).max() < 1e-3 * np.abs(y[weak] - around.value).max()
    assert series.predict(around.reference[None], 2)[0] == pytest.approx(around.value, abs=1e-12)


def test_stored_and_read_again(learned, tmp_path):
    around, U, _, series = learned
    series.save(tmp_path / "series")
    again = bornnet.load_series(tmp_path / "series")
    np.testing.assert_array_equal(again.predict(U), series.predict(U))
    assert again.target.name == around.name
    np.testing.assert_array_equal(again.target.reference, around.reference)


def test_compared_with_the_exact_series(learned):
    around, _, _, series = learned
    comparison = bornnet.compare(series, order=2)
    document = comparison.to_dict()
    assert document["target"] == around.name
    assert document["reference"] == around.reference.tolist()
    assert document["series"].startswith("the distorted-wave series of ")
    assert "distorted-wave" in document["verdict"]
    assert "Born" not in document["verdict"]
    assert comparison.orders[0].kernel_error < 1e-5
    proxies = comparison.proxies
    assert proxies[1].born_vs_exact < proxies[0].born_vs_exact < 0.1


def test_without_a_reference_nothing_changes():
    data = Labelled(np.ones((2, CELLS)), np.ones(2), np.ones(2))
    assert displaced(data, target("scattering_length")) is data
    zeros = target("scattering_length", np.zeros(CELLS))
    assert displaced(data, zeros) is data


def test_rows_of_a_table_are_displaced_when_they_are_asked_for():
    around, U, y, eta = rows("inverse", 30)
    data = displaced(Labelled(U, y, eta), around)
    np.testing.assert_array_equal(data.potentials[3:7], U[3:7] - UNITARY)
    np.testing.assert_array_equal(data.rows(np.array([5, 2])).potentials[:], U[[5, 2]] - UNITARY)
    np.testing.assert_array_equal(data.values, y - around.value)
    assert len(data.potentials) == 30
    assert data.potentials.shape == U.shape


@pytest.mark.parametrize("name", AROUND)
def test_exact_terms_that_are_removed_are_those_around_the_reference(name):
    """Their gradient: the sum of the orders, differentiated by finite differences."""
    around, U, _, _ = rows(name, 5)
    dU = U - around.reference
    gradient = exact_gradient(around, dU, 3)
    for i in range(CELLS):
        step = 1e-5 * np.eye(CELLS)[i]
        sums = [around.terms(dU + sign * step, 3).sum(axis=0) for sign in (1, -1)]
        np.testing.assert_allclose(gradient[:, i], (sums[0] - sums[1]) / 2e-5, rtol=1e-6, atol=1e-9)
    assert Rounds((0.0,)).target.name == "scattering_length"


def _exact_polynomial(degree, around=None):
    """A learner that is the exact series of a0 through a degree."""
    around = around or target("scattering_length")
    kernels = [around.kernel(n, CELLS) for n in range(1, degree + 1)]
    from itertools import combinations_with_replacement
    from math import factorial

    from bornnet.networks.packed import multiplicity_factorials

    monomials = []
    for order, kernel in enumerate(kernels, start=1):
        index = list(combinations_with_replacement(range(CELLS), order))
        packed = np.array([kernel[i] for i in index])
        monomials.append(packed * factorial(order) / multiplicity_factorials(CELLS, order))
    return Polynomial(CELLS, tuple(monomials))


def test_what_several_rounds_predict_expanded_elsewhere():
    """Against differences of the prediction itself: order 1 and 2 at a point that is not zero."""
    first, second = _exact_polynomial(3), _exact_polynomial(4)
    member = MemberSeries((first, second), cells=CELLS)
    at = np.array([0.3, 0.1, 0.5, 0.2])
    step = 1e-4
    for i in range(CELLS):
        e = step * np.eye(CELLS)[i]
        ends = member.predict(np.array([at + e, at - e, at]))
        assert coefficients(member, 1, at)[i] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)
        second_difference = (ends[0] + ends[1] - 2 * ends[2]) / step**2
        assert 2 * coefficients(member, 2, at)[i, i] == pytest.approx(second_difference, rel=1e-4, abs=1e-6)


def test_a_path_begins_exact_and_its_radius_falls_to_zero_at_the_bound_state():
    member = MemberSeries((_exact_polynomial(8),), cells=CELLS)
    scan = path_scan(
        [member], target("scattering_length"), bornnet.reference("square:eta=1.5", CELLS), 2, points=16
    )
    assert scan.kernel_error[:, 0].max() < 1e-12
    below = scan.eta < 0.85
    assert (np.diff(scan.kernel_error[0][below]) > 0).all()
    np.testing.assert_allclose(scan.radius[below], 1 - scan.eta[below], rtol=1e-9)
    assert np.isnan(scan.radius[10]) or scan.radius[10] < 1e-9  # at eta = 1
    assert scan.as_dict()["eta"][0] == 0.0


def test_a_process_scales_cells_by_their_spread_where_nodes_let_potentials_grow():
    dU = np.array([[0.3, 0.0, 0.1, 0.0], [0.1, 0.2, 0.0, 0.1], [0.0, -0.2, 0.3, 0.2], [0.2, 0.1, 0.1, -0.3]])
    k, weights = np.array([0.1, 0.2, 0.4, 0.3]), np.ones(4)
    np.testing.assert_allclose(linear_profile(dU, dU @ k, weights), np.sqrt(k), rtol=1e-12)
    large = dU * np.array([300.0, 1.0, 1.0, 1.0])
    expected = 0.5 / np.sqrt(np.mean(large**2, axis=0))
    np.testing.assert_allclose(linear_profile(large, large @ k, weights), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"at": np.ones(3)}, "expected 4 cells"),
        ({"at": "sqare:eta=0.5"}, "Did you mean 'square'"),
        ({"at": UNITARY}, "take target inverse"),
        ({"at": None, "target": "inverse"}, "infinite at U = 0"),
        ({"at": HALF, "target": "length"}, "expected one of"),
        ({"at": HALF, "observable": "x"}, "no reference"),
        ({"at": 10 * np.ones(CELLS)}, "distorted-wave series of a0.*converges"),
    ],
)
def test_refused(changed, expected):
    _, U, y, _ = rows("scattering_length", 20)
    with pytest.raises(InputError, match=expected):
        bornnet.fit_series(U, y, learner="gp", progress=False, **changed)
