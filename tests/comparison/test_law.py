"""The comparison of laws: of the exact one with itself, and of one that is off by a known part."""

import re
from dataclasses import replace

import numpy as np
import pytest
from series_cases import networks

from bornnet import compare, fit_series, scattering_length, weinberg_eigenvalue
from bornnet.comparison.law import compare_law, truncation
from bornnet.comparison.verdict import verdict
from bornnet.learners.flow.learner import FlowLearner
from bornnet.learners.flow.model import Flow
from bornnet.learners.law import Adjoint, Path
from bornnet.physics.distorted.phase import DistortedPhase
from bornnet.physics.variable_phase import cut_off_lengths, momentum_and_response, rate, rate_coefficient
from bornnet.series.terms import MemberSeries
from bornnet.targets import target

U = np.random.default_rng(1).uniform(0.0, 0.6, (30, 5))
EDGES = np.arange(1, 6) / 5


class VariablePhase:
    """The exact law, its rates times a factor; a learner that has it."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def law(self):
        return self

    def path(self, potentials, edges=None):
        a = cut_off_lengths(potentials)
        return Path(EDGES, a, self.factor * rate(a, EDGES))

    def adjoint(self, potentials, edges=None):
        momentum, response = momentum_and_response(potentials)
        return Adjoint(EDGES, momentum, self.factor * response)

    def coefficients(self, r, powers):
        return self.factor * np.array([rate_coefficient(k, r) for k in range(powers + 1)])


def test_what_is_off_is_what_is_found():
    assert weinberg_eigenvalue(U).max() < 1
    exact = compare_law([MemberSeries((VariablePhase(),))], U, [0, 3])
    assert (exact.deviation, exact.momentum_deviation, exact.response_deviation) == (0, 0, 0)
    assert [c.deviation for c in exact.coefficients] == [0, 0, 0, 0]
    found = compare_law([MemberSeries((VariablePhase(1 + e),)) for e in (0.01, 0.03)], U, [0, 3])
    assert found.deviation == pytest.approx(0.02)
    sizes = np.abs(rate(cut_off_lengths(U), EDGES))
    assert found.median == pytest.approx(0.02 * np.median(sizes) / np.sqrt(np.mean(sizes**2)))
    assert found.deviation_spread == pytest.approx(0.02 / np.sqrt(2))
    assert found.response_deviation == pytest.approx(0.02)
    assert found.coefficients[2].deviation == pytest.approx(0.02)
    np.testing.assert_allclose(found.coefficients[1].learned, 1.02 * 2 * found.coefficients[1].r)
    curves = found.curves
    cells = np.isin(curves.r, EDGES)
    np.testing.assert_array_equal(np.isfinite(curves.response), np.broadcast_to(cells, curves.response.shape))
    exact_momentum, exact_response = momentum_and_response(U[[0, 3]])
    np.testing.assert_allclose(curves.exact_response[:, cells], exact_response)
    np.testing.assert_allclose(curves.momentum[:, cells], exact_momentum)
    np.testing.assert_allclose(curves.response[:, cells], 1.02 * exact_response)
    assert found.weighed == pytest.approx(0.02)
    squares = np.sum(rate(cut_off_lengths(U), EDGES) ** 2, axis=1)
    assert found.worst_share == pytest.approx(squares.max() / squares.sum())
    document = found.as_dict()
    assert document["states"] == U.size
    assert [row["power"] for row in document["coefficients"]] == [0, 1, 2, 3]


def test_a_state_counts_as_the_potential_acts_on_it():
    """An error behind cell 2 alone, where only one of two potentials is not 0."""

    class Off(VariablePhase):
        def path(self, potentials, edges=None):
            path = super().path(potentials, edges)
            path.rates[:, 1] += 0.1
            return path

    rows = np.array([[0.3, 0.0, 0.2, 0.0, 0.0], [0.3, 0.4, 0.0, 0.0, 0.0]])
    exact = rate(cut_off_lengths(rows), EDGES)
    found = compare_law([MemberSeries((Off(),))], rows, [0])
    assert found.deviation == pytest.approx(0.1 / np.sqrt(5) / np.sqrt(np.mean(exact**2)))
    assert found.weighed == pytest.approx(np.sqrt(0.4 * 0.01 / np.sum(rows * exact**2)))
    assert found.worst_share == pytest.approx(0.5)
    # one state of the first potential has a fifth of the count, but nothing acts there
    document = found.as_dict()
    assert (document["deviation"], document["weighed"]) == (found.deviation, found.weighed)
    assert "each counted once" in document["counted"]["deviation"]
    assert "|U| dr" in document["counted"]["weighed"]


def test_learners_without_a_law():
    assert compare_law([MemberSeries(networks(1, 5))], U, [0]) is None
    general = FlowLearner(Flow((3,), drive="general"))
    assert compare_law([MemberSeries((general,)), MemberSeries((VariablePhase(),))], U, [0]) is None


@pytest.mark.parametrize("name", ["scattering_length", "inverse"])
def test_around_a_reference_it_is_held_against_the_law_there(name):
    reference = np.array([1.0, 2.0, 3.0, 2.0, 1.0])
    around = target(name, reference)

    class Around(VariablePhase):
        exact = DistortedPhase(reference, name)

        def path(self, dU, edges=None):
            y = around.labels(reference + dU[:, None, :] * np.tri(5)) - around.value
            return Path(EDGES, y, self.factor * self.exact.rate(y, EDGES))

        def adjoint(self, dU, edges=None):
            momentum, response = self.exact.momentum_and_response(dU)
            return Adjoint(EDGES, momentum, self.factor * response)

        def coefficients(self, r, powers):
            return self.factor * np.array([self.exact.rate_coefficient(k, r) for k in range(powers + 1)])

    dU = np.random.default_rng(1).uniform(-0.2, 0.2, (30, 5))
    found = compare_law([MemberSeries((Around(1.01),))], dU, [0, 3], around)
    assert found.deviation == pytest.approx(0.01)
    assert found.response_deviation == pytest.approx(0.01)
    assert found.momentum_deviation == 0
    assert found.coefficients[3].deviation == 0
    curves = found.curves
    cells = np.isfinite(curves.momentum[0])
    assert len(curves.r) >= 64
    np.testing.assert_allclose(curves.r[cells], EDGES)
    np.testing.assert_allclose(curves.momentum[:, cells], curves.exact_momentum[:, cells])
    # the law of U = 0 is another
    assert compare_law([MemberSeries((Around(),))], dU, [0, 3]).deviation > 0.1


def test_steps_of_finite_length_are_stated():
    """Against twice as many, whose error is half of theirs by Euler's method."""
    values = scattering_length(U)
    flow = Flow((3,), integrator="euler")
    finer = FlowLearner(flow.changed(substeps=2))
    off = 2 * np.abs(FlowLearner(flow)(U) - finer(U))
    found = truncation([MemberSeries((FlowLearner(flow),))], U, values)
    assert found == pytest.approx(np.sqrt(np.mean(off**2) / np.mean(values**2)))
    assert truncation([MemberSeries(networks(1, 5))], U, values) is None

    class Lost(FlowLearner):
        """Does not follow the first potential."""

        def truncation(self, U):
            return np.concatenate([[np.inf], super().truncation(U)[1:]])

    found = truncation([MemberSeries((Lost(flow),))], U, values)
    assert found == pytest.approx(np.sqrt(np.mean(off[1:] ** 2) / np.mean(values**2)))


@pytest.mark.parametrize("settings", [{}, {"drive": "general"}], ids=str)
def test_what_is_said_of_the_law_and_of_its_steps(settings):
    series = fit_series(
        U,
        scattering_length(U),
        learner="flow",
        rounds=1,
        integrator="euler",
        hidden=(3,),
        steps=(2,),
        **settings,
    )
    found = compare(series)
    document = found.to_dict()
    assert document["truncation"] == found.truncation > 0.01
    assert re.search(
        r"Steps of finite length along r put values off by [\d.]+ % of their RMS", verdict(found)
    )
    if settings:
        assert document["law"] is None
        return
    for deviation, said in ((0.09, "agrees with {} to 9 % of"), (0.8, "deviates from {} by 80 % of")):
        other = replace(found, law=replace(found.law, deviation=deviation))
        said = said.format("-(r\u00a0-\u00a0y)²")  # on one line
        assert f"The law found along r {said} its RMS." in verdict(other)
