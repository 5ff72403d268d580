"""Deviations by fits to halves of the rows: they cover errors, and belong to the fits that they say."""

import numpy as np
import pytest
from series_cases import labelled

from bornnet import compare, fit_series, scattering_length
from bornnet.learners.base import State
from bornnet.learners.gp.halves import value_ratios
from bornnet.learners.gp.kernels import exponential
from bornnet.learners.gp.learner import GaussianProcess
from bornnet.learners.gp.posterior import coefficients, covariance
from bornnet.physics.families import sample_potentials

SEEDS = (1, 2, 3)


def potentials(count: int, seed: int) -> np.ndarray:
    return sample_potentials("mixture", count, 12, strength=(3e-3, 0.5), spacing="log", seed=seed)[0]


@pytest.fixture(scope="module")
def fitted():
    data = [potentials(900, seed) for seed in SEEDS]
    return [fit_series(U, scattering_length(U), learner="gp", rounds=1, seed=0) for U in data]


def test_stated_deviations_cover_the_coefficients(fitted):
    """Neither too small nor too large. (On few cells errors fall faster with the rows than is taken.)"""
    rows = [row for series in fitted for row in compare(series).orders]
    sizes = np.array([12, 78, 364] * len(SEEDS))  # independent coefficients of orders 1, 2, 3
    covered = np.array([row.coverage for row in rows])
    assert 0.85 <= np.average(covered, weights=sizes) <= 0.995
    ratios = np.array([row.kernel_std / row.kernel_error for row in rows])
    assert 0.5 < np.exp(np.mean(np.log(ratios))) < 5


def test_stated_deviations_cover_terms_and_values(fitted):
    U = potentials(300, 77)
    for series in fitted:
        (learner,) = series.members[0].learners
        inside = np.abs(series.predict(U) - scattering_length(U)) <= 2 * learner.value_uncertainty(U)
        assert 0.85 < inside.mean() < 1
        std = learner.terms_uncertainty(U, 3)
        assert std.shape == (4, 300)
        assert not std[0].any()
        # along one cell a term is a coefficient times a power: so are the deviations, but for what is pooled
        spike = np.zeros((1, 12))
        spike[0, 2] = 2.0
        along = learner.terms_uncertainty(spike, 2)[2, 0]
        assert along == pytest.approx(2.0 * learner.uncertainty(2)[2, 2], rel=1.0)


def test_parts_are_fits_to_halves_and_quarters(fitted):
    (learner,) = fitted[0].members[0].learners
    parts = learner.of_parts()
    quarters = np.array_split(np.arange(len(learner.rows)), 4)
    assert [len(part.rows) for part in parts[4:]] == [len(q) for q in quarters]
    counts = (learner.parts[:, :4] != 0).sum(axis=1)
    assert (counts == 2).all()
    kernel = exponential(1)
    K = covariance(kernel, learner.rows, learner.rows)
    y = K @ learner.alpha + learner.chosen["nugget"] * np.diag(K) * learner.alpha  # the values
    first = np.concatenate([quarters[0], quarters[1]])
    np.testing.assert_allclose(
        parts[0].output * covariance(kernel, parts[0].rows, learner.rows[first]).T @ parts[0].alpha,
        parts[0].output * y[first],
        rtol=1e-6,
    )


def test_ratios_of_known_errors():
    draw = np.random.default_rng(0)
    values = draw.normal(size=2000)
    halves = values + 1e-3 * draw.normal(size=(4, 2000))
    typical, of_values = value_ratios(values + 1e-4 * draw.normal(size=2000), halves, values)
    assert 0.05 < typical < 0.12
    assert 0.1 < of_values < 0.2


def test_they_are_stored_and_follow_the_units(fitted):
    (learner,) = fitted[0].members[0].learners
    state = learner.state()
    again = GaussianProcess.from_state(State(dict(state.arrays), dict(state.facts)))
    np.testing.assert_array_equal(again.uncertainty(2), learner.uncertainty(2))
    other = learner.rescaled(np.full(12, 2.0), 3.0)
    np.testing.assert_allclose(other.uncertainty(2), 12 * learner.uncertainty(2), rtol=1e-9)
    assert learner.uncertainty(2, at=np.ones(12)) is None
    with pytest.raises(ValueError, match="parts"):
        GaussianProcess.from_state(State({**state.arrays, "parts": np.zeros((3, 8))}, state.facts))


def test_they_can_be_left_out():
    data = labelled(300, 3, seed=4)
    series = fit_series(data.potentials, data.values, learner="gp", rounds=1, deviations="none")
    assert compare(series, 1).orders[0].kernel_std is None


def test_the_factor_takes_the_place_of_the_matrix():
    x = np.random.default_rng(3).normal(size=(50, 4))
    alpha, _ = coefficients(exponential(1), x, x[:, 0], 1e-8)
    K = np.exp(x @ x.T) - 1
    np.testing.assert_allclose((K + 1e-8 * np.diag(np.diag(K))) @ alpha, x[:, 0], atol=1e-9)
