"""The flow against twins written another way: the exact law, nested automatic differentiation, and itself on
other cells; and what it learns from few potentials."""

from math import factorial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from series_cases import contracted, labelled
from torch.func import jacfwd, jacrev

from bornnet import compare, fit_series, inverse_scattering_length, load_series, reference
from bornnet.errors import InputError
from bornnet.learners.flow.config import Config
from bornnet.learners.flow.learner import FlowLearner
from bornnet.learners.flow.model import Flow
from bornnet.learners.flow.remainder import FlowRemainder
from bornnet.physics.distorted.deviations import sample_deviations

U = np.random.default_rng(0).uniform(0.0, 1.0, (5, 3))


def flow(**options):
    return Flow((4, 3), generator=torch.Generator().manual_seed(1), **options)


def plain(network, substeps=40):
    """f(U) by Runge-Kutta of fourth order in plain torch: the twin."""
    layers, cells = network.layers, 3
    unit = network.unit if hasattr(network, "unit") else 1.0

    def value(x):
        s = x.new_zeros(1)
        h = 1.0 / (cells * substeps)
        for i in range(cells):
            for n in range(substeps):
                r = (i + n / substeps) / cells

                def rate(s, r, i=i):
                    inside = torch.cat([s, s.new_tensor([r])])
                    return network.factor * x[i] * layers(inside)

                k1 = rate(s, r)
                k2 = rate(s + h / 2 * k1, r + h / 2)
                k3 = rate(s + h / 2 * k2, r + h / 2)
                k4 = rate(s + h * k3, r + h)
                s = s + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return unit * s[0]

    return value


def test_values_and_tensors_against_plain_torch():
    network = flow()
    learner, twin = FlowLearner(network), plain(network)
    values = [float(twin(torch.from_numpy(row))) for row in U]
    np.testing.assert_allclose(learner(U), values, rtol=1e-9)
    zero = torch.zeros(3, dtype=torch.float64)
    np.testing.assert_allclose(
        learner.derivative_tensor(1, cells=3), jacrev(twin)(zero).detach(), rtol=1e-9, atol=1e-12
    )
    hessian = jacfwd(jacrev(twin))(zero).detach()
    np.testing.assert_allclose(learner.derivative_tensor(2, cells=3), hessian, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("at", [None, np.array([0.3, 0.1, 0.2])], ids=["zero", "elsewhere"])
@pytest.mark.parametrize("options", [{}, {"components": 2, "readout": "linear"}], ids=str)
def test_terms_are_contractions_of_the_tensors(options, at):
    learner = FlowLearner(flow(**options))
    terms = learner.taylor_terms(U, 4, at)
    for order in (1, 2, 3, 4):
        tensor = learner.derivative_tensor(order, at, cells=3)
        np.testing.assert_allclose(tensor, tensor.T, rtol=0, atol=1e-13)
        np.testing.assert_allclose(
            terms[order], contracted(tensor, U) / factorial(order), rtol=1e-9, atol=1e-13
        )


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.0, 2.0), min_size=1, max_size=4), st.integers(2, 3))
def test_splitting_cells_changes_nothing(row, parts):
    """Beyond the truncation of the integrator, which small steps push below the tolerance."""
    learner = FlowLearner(flow(substeps=12))
    whole, split = np.array([row]), np.repeat([row], parts, axis=1)
    np.testing.assert_allclose(learner(split), learner(whole), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_jacobian_against_automatic_differentiation(degree):
    model = FlowRemainder(flow(), degree)
    x = torch.from_numpy(U)
    value, jacobian = model.value_and_jacobian(x)
    for row in range(len(U)):
        pulled = torch.autograd.grad(model(x)[row], list(model.parameters()))
        expected = torch.cat([part.flatten() for part in pulled])
        torch.testing.assert_close(jacobian[row], expected, rtol=1e-8, atol=1e-11)
    lower = FlowLearner(model.flow).taylor_terms(U, degree - 1).sum(axis=0)
    np.testing.assert_allclose(value.detach(), FlowLearner(model.flow)(U) - lower, rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize("drive", ["linear", "general"])
def test_slopes_against_differences_of_values(drive):
    model = FlowRemainder(flow(drive=drive), 1)
    x, v, h = torch.from_numpy(U), torch.from_numpy(U[::-1].copy()), 1e-4
    slope, jacobian = model.slope_and_jacobian(x, v)
    ends = [model.value_and_jacobian(x + sign * h * v) for sign in (1, -1)]
    torch.testing.assert_close(slope, (ends[0][0] - ends[1][0]) / (2 * h), rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(jacobian, (ends[0][1] - ends[1][1]) / (2 * h), rtol=1e-5, atol=1e-7)


def test_few_potentials_teach_it_the_series_on_any_cells(tmp_path):
    """From 160 potentials of four cells: orders 1 to 3, also on eight cells, which it has never seen."""
    data = labelled(200, 4, seed=5)
    series = fit_series(data.potentials, data.values, learner="flow", rounds=1, hidden=(8, 8), steps=(40,))
    errors = [row.kernel_error for row in compare(series).orders]
    assert errors[0] < 1e-5
    assert errors[1] < 1e-3
    assert errors[2] < 1e-2
    from bornnet import born_kernel

    (learner,) = series.members[0].learners
    exact = born_kernel(2, 8)
    learned = learner.derivative_tensor(2, cells=8) / 2
    assert np.linalg.norm(learned - exact) < 1e-2 * np.linalg.norm(exact)
    series.save(tmp_path / "flow.safetensors")
    again = load_series(tmp_path / "flow.safetensors")
    np.testing.assert_array_equal(again.kernel(2), series.kernel(2))


def test_the_cotangent_is_fitted_around_the_unitary_limit_and_around_zero(tmp_path):
    """Its state is 0 where displacements are; kernels, law, and what is stored are right."""
    unitary = reference("square:a0=inf", 4)
    dU, _ = sample_deviations("mixture", 160, 4, at=unitary, target="inverse", strength=(3e-3, 0.3), seed=3)
    data = labelled(160, 4, seed=5)
    for potentials, values, around in (
        (unitary + dU, inverse_scattering_length(unitary + dU), {"at": unitary, "target": "inverse"}),
        (data.potentials, data.values, {}),
    ):
        series = fit_series(
            potentials, values, learner="flow", state="inverse", hidden=(6,), steps=(30,), rounds=1, **around
        )
        found = compare(series)
        first, second = (row.kernel_error for row in found.orders[:2])
        assert first < 1e-3
        assert second < 2e-2
        assert found.law.median < 2e-2
        assert found.law.response_deviation < 5e-2
        series.save(stored := tmp_path / f"{len(around)}.safetensors")
        again = load_series(stored)
        np.testing.assert_array_equal(again.predict(potentials), series.predict(potentials))
        np.testing.assert_array_equal(again.kernel(2), series.kernel(2))


def test_factors_that_differ_from_cell_to_cell_are_refused():
    with pytest.raises(InputError):
        FlowLearner(flow()).rescaled(np.array([1.0, 2.0, 3.0]), 1.0)


def test_settings_come_without_torch():
    assert Config().hidden == (12, 12)


@pytest.mark.parametrize("options", [{}, {"components": 2}], ids=["one", "two"])
def test_errors_of_values_are_their_slopes_along_the_spread(options):
    """Differences of the values between weights a little apart are the twin."""
    network = flow(**options).rescaled(np.full(3, 2.0), 3.0)
    parameters = list(network.parameters())
    own = torch.nn.utils.parameters_to_vector(parameters).detach()
    spread = 0.1 * np.random.default_rng(3).standard_normal((len(own), 4))
    stated = FlowLearner(network, spread).value_uncertainty(U)
    slopes = []
    for column in torch.from_numpy(spread).T:
        values = []
        for sign in (1e-4, -1e-4):
            torch.nn.utils.vector_to_parameters(own + sign * column, parameters)
            values.append(FlowLearner(network)(U))
        slopes.append((values[0] - values[1]) / 2e-4)
    np.testing.assert_allclose(stated, np.linalg.norm(slopes, axis=0), rtol=1e-5)
