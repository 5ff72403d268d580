"""The law of a flow: what it is at the states visited, backwards, and expanded, each found in another way."""

from math import factorial

import numpy as np
import pytest
import torch

from bornnet.errors import InputError
from bornnet.learners.chain import Chain
from bornnet.learners.flow.law import FlowLaw
from bornnet.learners.flow.learner import FlowLearner
from bornnet.learners.flow.model import Flow
from bornnet.learners.law import HasLaw

U = np.random.default_rng(0).uniform(0.1, 0.8, (3, 4))
CASES = [{}, {"components": 2, "readout": "linear"}, {"state": "angle"}, {"state": "inverse"}]


def flow(**settings):
    generator = torch.Generator().manual_seed(2)
    return Flow((5, 4), factor=1.3, unit=0.7, generator=generator, **settings)


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_outputs_along_r_are_those_of_potentials_cut_off(settings):
    learner = FlowLearner(flow(**settings))
    path = learner.law().path(U)
    np.testing.assert_allclose(path.r, np.arange(1, 5) / 4)
    for i in range(4):
        cut = np.where(np.arange(4) <= i, U, 0.0)
        np.testing.assert_allclose(path.outputs[:, i], learner(cut), rtol=1e-12)


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_rates_are_what_a_little_more_potential_adds(settings):
    """A thin last cell of depth x behind r adds x g(y, r) times its width."""
    learner = FlowLearner(flow(**settings))
    path = learner.law().path(U)
    thin = 1e-4
    edges = np.array([0, 0.25, 0.5, 0.5 + thin])
    before, after = np.c_[U[:, :2], np.zeros(3)], np.c_[U[:, :2], np.ones(3)]
    change = (learner.values(after, edges) - learner.values(before, edges)) / thin
    np.testing.assert_allclose(path.rates[:, 1], change, rtol=1e-3)


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_response_integrates_to_the_gradient(settings):
    """By Simpson's rule over 16 steps a cell, against the gradient tensor at that potential."""
    network = flow(substeps=16, **settings)
    adjoint = FlowLaw(network).adjoint(U[:1])
    weights = np.ones(17)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    gradient = FlowLearner(network).derivative_tensor(1, at=U[0])
    for i in (1, 2, 3):  # the first cell begins at r = 0, where no step ends
        found = adjoint.response[0, 16 * i - 1 : 16 * (i + 1)] @ weights / (3 * 64)
        np.testing.assert_allclose(found, gradient[i], rtol=1e-6)
    if network.components == 1:
        path = FlowLaw(network).path(U[:1])
        np.testing.assert_allclose(adjoint.momentum * path.rates, adjoint.response, rtol=1e-10)
        np.testing.assert_allclose(adjoint.momentum[:, -1], 1.0)


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_coefficients_against_nested_differentiation(settings):
    network = flow(**settings)
    r = np.array([0.3, 0.9])
    found = FlowLaw(network).coefficients(r, 3)
    for column, at in enumerate(r):
        place, one = torch.tensor([at]), torch.ones(1, dtype=torch.float64)
        zero = torch.zeros(network.components, dtype=torch.float64)
        start = network.drive_at(zero, place, one).detach()
        form = start if network.readout is None else start @ network.readout.detach()
        direction = start / form

        def rate(y, place=place, one=one, direction=direction):
            z = y / network.unit
            sign = -1 if network.state == "inverse" else 1
            s = direction * (z if network.state == "value" else sign * torch.atan(z))
            drive = network.factor * network.drive_at(s, place, one)
            moved = drive[0] if network.readout is None else drive @ network.readout
            return network.unit * moved * (1 if network.state == "value" else sign * (1 + z**2))

        derivative = rate
        for power in range(4):
            value = float(derivative(torch.zeros((), dtype=torch.float64)).detach())
            assert found[power, column] == pytest.approx(value / factorial(power), rel=1e-9, abs=1e-12)
            derivative = torch.func.jacrev(derivative)


def test_what_has_no_law():
    assert isinstance(FlowLearner(flow()), HasLaw)
    assert not isinstance(Chain((FlowLearner(flow()),)), HasLaw)
    assert FlowLearner(flow(drive="general")).law() is None
    with pytest.raises(InputError, match="law"):
        FlowLaw(flow(drive="general"))
