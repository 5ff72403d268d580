"""How a flow is fitted: from the best of several starts."""

import logging

import numpy as np
import pytest
import torch
from fit_cases import stopped
from series_cases import labelled

from bornnet import compare, fit_series
from bornnet.errors import InputError
from bornnet.learners.base import Task
from bornnet.learners.flow.config import Config
from bornnet.learners.flow.fit import FlowFit, begin
from bornnet.learners.flow.model import Flow
from bornnet.physics.scattering import scattering_length
from bornnet.training.problem import Problem, Samples
from bornnet.training.residuals import truncation

CELLS = 3


@pytest.fixture(scope="module")
def problem():
    rows = labelled(120, CELLS, seed=4)
    U, a0, eta = (torch.as_tensor(np.asarray(x)) for x in (rows.potentials[:], rows.values, rows.strength))
    samples = Samples(U, a0, 1 / eta)
    return Problem(samples.rows(slice(20, None)), samples.rows(slice(20)))


def drawn(seed):
    return Flow((4,), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def fitted(problem):
    fit = FlowFit(drawn(1), problem, Task(CELLS, 1), Config(hidden=(4,), steps=(40,)))
    fit.run()
    return fit


def test_a_fit_starts_from_the_best_of_those_drawn(problem, fitted):
    config = Config(hidden=(4,), steps=(1,))
    alone = FlowFit(drawn(2), problem, Task(CELLS, 1), config).run().best_typical
    found = FlowFit(drawn(2), problem, Task(CELLS, 1), config, [drawn(3), fitted.flow.changed()]).run()
    assert found.best_typical < 1.1 * fitted.progress.best_typical < 0.01 * alone


def test_starts_are_drawn_from_the_seed_and_resumed_fits_choose_none(problem):
    config = Config(hidden=(4,), steps=(6,), starts=3)

    def started(seed):
        return begin(problem, Task(CELLS, 1, seed=seed), config)

    one, same, other = (started(seed).run().best_weights for seed in (5, 5, 6))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)

    resumed = started(5)
    resumed.load_state(stopped(started(5), 3))
    assert torch.equal(resumed.run().best_weights, one)


def test_a_flow_that_goes_on_from_the_round_before_draws_none(problem, fitted):
    before = fitted.learned()
    fit = begin(problem, Task(CELLS, 2, number=2, rounds=2, before=before), Config(hidden=(4,)))
    assert not fit.drawn
    anew = Config(hidden=(4,), warm_start=False, starts=2)
    assert len(begin(problem, Task(CELLS, 2, number=2, rounds=2, before=before), anew).drawn) == 2


def test_a_fit_takes_some_rows_where_told(problem):
    def fitted_to(rows, seed=1):
        config = Config(hidden=(4,), steps=(2,), starts=1, fit_rows=rows)
        return begin(problem, Task(CELLS, 1, seed=seed), config)

    some = fitted_to(30).fit.problem
    inputs = some.training.inputs
    assert len(inputs) == 30 == len(torch.unique(inputs, dim=0))
    known = problem.training.inputs
    assert all((known == row).all(dim=1).any() for row in inputs)
    assert torch.equal(inputs, fitted_to(30).fit.problem.training.inputs)
    assert not torch.equal(inputs, fitted_to(30, seed=2).fit.problem.training.inputs)
    assert (
        len(fitted_to(1000).fit.problem.training) == len(known) == len(fitted_to(None).fit.problem.training)
    )


def coarse(deep, **settings):
    """A fit of potentials that are so many times as deep, on three cells."""
    rows = labelled(120, CELLS, seed=4)
    U, eta = (torch.as_tensor(np.asarray(x)) for x in (rows.potentials[:], rows.strength))
    U = deep * U / eta[:, None]
    samples = Samples(U, scattering_length(U), torch.ones(len(U), dtype=torch.float64))
    problem = Problem(samples.rows(slice(20, None)), samples.rows(slice(20)))
    return begin(problem, Task(CELLS, 1), Config(hidden=(4,), steps=(12,), starts=1, **settings))


def test_steps_are_halved_where_their_error_shows():
    fit = coarse(0.5)
    before = fit.flow.substeps
    fit.run()
    assert before == 1 < fit.flow.substeps
    assert fit.learned().flow.substeps == fit.flow.substeps
    missed = truncation(fit.model, fit.fit.problem.training)
    level = max(1e-9, 0.01 * fit.progress.held_out_typical)
    assert fit.flow.substeps == 8 or (missed > level).double().mean() <= 0.025


@pytest.mark.parametrize(
    ("deep", "settings", "steps"),
    [(0.5, {"substeps": 1}, 1), (0.5, {"substeps": 3}, 3), (0.5, {"integrator": "euler"}, 1), (1e-3, {}, 1)],
    ids=str,
)
def test_steps_stay_where_they_are_given_or_exact_enough(deep, settings, steps):
    fit = coarse(deep, **settings)
    fit.run()
    assert fit.flow.substeps == steps


def test_a_resumed_fit_goes_on_with_its_steps():
    whole = coarse(0.5)
    weights = whole.run().best_weights
    resumed = coarse(0.5)
    resumed.load_state(stopped(coarse(0.5), 8))
    assert torch.equal(resumed.run().best_weights, weights)
    assert resumed.flow.substeps == whole.flow.substeps > 1


def test_what_has_no_first_order_takes_two_components_and_a_flow_of_its_own(problem, fitted, caplog):
    """One component stays where the first order leaves it; the round before has a first order."""
    corrected = Task(CELLS, 1, number=2, rounds=2, before=fitted.learned())
    behind = Task(CELLS, 1, slopes=np.zeros(CELLS))
    with pytest.raises(InputError, match="one component cannot follow what earlier rounds leave"):
        begin(problem, corrected, Config(hidden=(4,)))
    assert not caplog.messages
    two = Config(hidden=(4,), components=2, starts=3)
    assert len(begin(problem, corrected, two).drawn) == 3
    with caplog.at_level(logging.WARNING, logger="bornnet"):
        begin(problem, behind, Config(hidden=(4,)))
    assert "let the flow come first" in caplog.text


def test_two_components_follow_what_has_no_first_order():
    data = labelled(160, CELLS, seed=4)
    settings = {"hidden": (5,), "steps": (15, 30), "progress": False}
    once = fit_series(data.potentials, data.values, learner="flow", rounds=1, **settings)
    twice = fit_series(
        data.potentials,
        data.values,
        learner="flow",
        rounds=2,
        lower_orders="corrected",
        components=2,
        **settings,
    )
    before, after = ([row.kernel_error for row in compare(series).orders] for series in (once, twice))
    assert after[0] < before[0] < 1e-3
    assert after[1] < 1e-2
