"""The penalty on hard paths: what it takes of them against nested differentiation and SciPy's steps, and its
Jacobian against autograd."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fit_cases import stopped
from scipy.integrate import RK45
from series_cases import labelled
from torch.func import jvp

from bornnet.errors import InputError
from bornnet.learners.base import Task
from bornnet.learners.flow.accuracy import adaptive
from bornnet.learners.flow.config import Config
from bornnet.learners.flow.ease import (
    STEP,
    EasedLevenbergMarquardt,
    Penalty,
    lasting,
    path_derivative,
    pulse,
    step_error,
)
from bornnet.learners.flow.fit import FlowFit, begin
from bornnet.learners.flow.model import Flow
from bornnet.learners.flow.remainder import FlowRemainder
from bornnet.training.problem import Problem, Samples

U = torch.from_numpy(np.random.default_rng(2).uniform(0.0, 3.0, (3, 4)))


def flow(**settings) -> Flow:
    return Flow(5, generator=torch.Generator().manual_seed(1), factor=0.7, **settings)


@pytest.mark.parametrize("order", [2, 3])
def test_derivatives_along_a_path_are_those_of_its_equation(order):
    """``d/dr`` along a path is ``d/dr + (ds/dr) . d/ds``."""
    own = flow(components=2)
    x = torch.tensor([1.3], dtype=torch.float64)

    def rate(s, r):
        return own.drive_at(s, r[None], x)

    def along(function):
        return lambda s, r: jvp(function, (s, r), (rate(s, r), torch.ones_like(r)))[1]

    nested = rate
    for _ in range(order - 1):
        nested = along(nested)
    s, r = torch.tensor([0.2, -0.4], dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64)
    torch.testing.assert_close(path_derivative(own, s, r, x[0], order), nested(s, r), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("r", "sign"), [(0.3, 1), (1 - STEP, 1), (0.95, -1)])
def test_the_error_of_a_step_is_what_a_solver_states(r, sign):
    """Steps that would leave the potential go back instead."""
    own = flow(components=2, drive="general")
    s, x = torch.tensor([0.2, -0.4], dtype=torch.float64), torch.tensor(1.3, dtype=torch.float64)

    def drive(r, s):
        place = torch.tensor([r], dtype=torch.float64)
        return own.drive_at(torch.from_numpy(s), place, x[None]).detach().numpy()

    # tolerances that no step misses: the first is of the length that is asked for
    solver = RK45(drive, r, s.numpy(), r + sign, first_step=STEP, rtol=1e3, atol=1e3)
    solver.step()
    assert solver.t == r + sign * STEP
    found = step_error(own, s, torch.tensor(r, dtype=torch.float64), x, end=1.0).detach().numpy()
    np.testing.assert_allclose(found, RK45.E @ solver.K / STEP**4, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("bend", [2, "error"])
@pytest.mark.parametrize(
    "settings", [{}, {"components": 2, "readout": "linear", "substeps": 2}, {"drive": "general"}], ids=str
)
def test_jacobian_of_the_penalty_against_autograd(settings, bend):
    own = flow(integrator="rk4", **settings)
    if own.readout is not None:
        with torch.no_grad():
            own.readout.copy_(torch.tensor([0.4, -1.7]))
    penalty = Penalty(own, U, bend, 0.3, edges=[0, 0.2, 0.5, 0.6, 1.0])
    residuals, jacobian = penalty.linearized()
    twin = penalty().flatten()
    torch.testing.assert_close(residuals, twin.detach(), rtol=1e-10, atol=1e-13)
    torch.testing.assert_close(penalty.residuals(), twin.detach(), rtol=1e-10, atol=1e-13)
    for row in range(0, len(twin), 5):
        parts = torch.autograd.grad(
            twin[row], list(own.parameters()), retain_graph=True, allow_unused=True, materialize_grads=True
        )
        expected = torch.cat([part.flatten() for part in parts])
        torch.testing.assert_close(jacobian[row], expected, rtol=1e-8, atol=1e-12)


def test_the_penalty_is_the_weighted_integral_of_the_square():
    """For a constant G the path bends nowhere; for ``ds/dr = x r`` its second derivative is x, and a step
    has no error."""
    own = flow(activation="identity")
    with torch.no_grad():
        for p in own.parameters():
            p.zero_()
        own.layers[0].weight[0, 1] = 1.0  # r
        own.layers[2].weight[0, 0] = 1.0
    total = float(Penalty(own, U, 2, 2.0).residuals().square().sum())
    assert total == pytest.approx(2.0 * float((0.7 * U).square().mean()), rel=1e-12)
    assert float(Penalty(own, U, "error", 1.0).residuals().abs().max()) < 1e-10
    with torch.no_grad():
        own.layers[0].weight.zero_()
        own.layers[2].bias.fill_(1.0)
    assert float(Penalty(own, U, 2, 2.0).residuals().abs().max()) < 1e-13


def test_wide_cells_are_divided():
    """What is penalized is an integral: it does not depend on the cells in which one potential is given."""
    own = flow(components=2)
    fine = U.repeat_interleave(8, dim=1)
    assert Penalty(own, U, 2, 1.0).residuals().numel() == 3 * 4 * 5 * 2
    coarse, finer = (float(Penalty(own, x, 2, 1.0).residuals().square().sum()) for x in (U, fine))
    assert coarse == pytest.approx(finer, rel=1e-2)


@pytest.mark.parametrize("bend", [3, "error"])
@pytest.mark.parametrize("scale", [0.01, 7.0])
def test_smaller_states_that_are_read_out_larger_are_no_easier(scale, bend):
    """The same output along the same paths, but for a factor of the states, has the same penalty."""
    one = flow(components=2, readout="linear")
    other = one.changed()
    with torch.no_grad():
        other.readout.mul_(1 / scale)
        other.layers[0].weight[:, :2] /= scale
        other.layers[2].weight.mul_(scale)
        other.layers[2].bias.mul_(scale)
    torch.testing.assert_close(other(U), one(U))
    torch.testing.assert_close(
        Penalty(other, U, bend, 1.0).residuals(),
        Penalty(one, U, bend, 1.0).residuals(),
        rtol=1e-8,
        atol=1e-10,
    )


@pytest.fixture(scope="module")
def problem() -> Problem:
    rows = labelled(80, 2, seed=4)
    x, a0, eta = (
        torch.as_tensor(np.asarray(part)) for part in (rows.potentials[:], rows.values, rows.strength)
    )
    samples = Samples(x, a0, 1 / eta)
    return Problem(samples.rows(slice(20, None)), samples.rows(slice(20)))


def eased(problem, weight, steps, starts=1) -> FlowFit:
    config = Config(
        hidden=(6,),
        components=2,
        readout="linear",
        drive="general",
        steps=(steps,),
        starts=starts,
        integrator="rk4",
        ease=(2, weight),
    )
    return begin(problem, Task(2, 1, seed=3), config)


def test_the_penalty_comes_and_goes_in_trials_and_little_remains(problem):
    weights = pulse(1e-3)
    assert weights[:12] == [0.0] * 12
    assert weights[16] == max(weights) == pytest.approx(1e-3)
    assert weights[26:] == pytest.approx([1e-10] * 14)
    assert lasting(1e-3) == weights[-1:]

    own = flow(components=2, readout="linear", integrator="rk4")
    optimizer = EasedLevenbergMarquardt(
        FlowRemainder(own, Task(2, 1).degree), problem.training, "error", weights
    )
    taken = []
    for _ in weights:
        taken.append(optimizer.penalty.weight)
        assert optimizer.step() is not None  # also where it settled: the next weight makes another valley
    assert [*taken, optimizer.penalty.weight] == [*weights, weights[-1]]


@pytest.mark.parametrize("starts", [1, 2])
def test_a_fit_starts_from_an_eased_trial(problem, starts):
    """Also where there is one start, whose trial chooses nothing."""
    bent = []
    for weight in (1e-12, 1e-3):
        fit = eased(problem, weight, steps=1, starts=starts)
        progress = fit.run()
        assert progress.step == 1
        assert progress.best_typical < 1e-2  # a drawn flow has about 1
        bent.append(float(Penalty(fit.flow, problem.held_out.inputs, 2, 1.0).residuals().square().sum()))
    assert bent[1] < 0.3 * bent[0]


def test_values_with_errors_take_no_penalty(problem):
    noisy = Problem(
        *(
            replace(part, sigma=torch.full((len(part),), 0.01))
            for part in (problem.training, problem.held_out)
        )
    )
    with pytest.raises(InputError, match="leave --ease out"):
        eased(noisy, 1e-3, steps=1)


@pytest.mark.slow
def test_an_eased_flow_is_easier_and_right(problem):
    """Steps err less for the same values, and its evaluations are fewer."""
    shape = {"hidden": (8, 8), "components": 2, "readout": "linear", "drive": "general"}
    x = problem.held_out.inputs
    errors, bent, taken = [], [], []
    for ease in (None, ("error", 1e-2)):
        fit = begin(
            problem, Task(2, 1, seed=4), Config(**shape, steps=(80,), starts=1, substeps=4, ease=ease)
        )
        errors.append(fit.run().best_typical)
        bent.append(float(Penalty(fit.flow, x, "error", 1.0).residuals().square().sum()))
        taken.append(adaptive(fit.flow, x.numpy(), tolerance=1e-8).evaluations.mean())
    assert errors[1] < 3 * errors[0]
    assert bent[1] < 0.1 * bent[0]
    assert taken[1] < 0.6 * taken[0]


@pytest.fixture(scope="module")
def uninterrupted(problem):
    return eased(problem, 1e-3, steps=20).run().best_weights


@pytest.mark.parametrize("calls", [3, 9, 15])
def test_a_resumed_fit_goes_on_as_if_uninterrupted(problem, uninterrupted, calls):
    resumed = eased(problem, 1e-3, steps=20)
    resumed.load_state(stopped(eased(problem, 1e-3, steps=20), calls))
    assert torch.equal(resumed.run().best_weights, uninterrupted)
