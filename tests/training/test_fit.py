"""The loop: stopping, the best weights, breaking down, and going on as if nothing had happened."""

import math
from dataclasses import replace

import pytest
import torch
from fit_cases import SETTINGS, model, problem, stopped, through_a_file
from torch.nn.utils import parameters_to_vector

from bornnet.errors import BornnetError
from bornnet.training.fit import Fit, Settings
from bornnet.training.residuals import errors


def weights(fit):
    return parameters_to_vector(fit.model.parameters()).detach().clone()


def same(one, other):
    """Bit for bit, tensors within dictionaries and lists included."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (one != one and other != other)


def stopped_after(steps, settings, seed=1):
    """The state of a fit that was stopped there, and the fit."""
    fit = Fit(model(seed=seed), problem(), settings)
    return stopped(fit, steps), fit


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_interrupted_equals_uninterrupted(name, steps):
    settings = SETTINGS[name]
    whole = Fit(model(), problem(), settings)
    whole.run()
    state, _ = stopped_after(steps, settings)
    resumed = Fit(model(seed=4), problem(), settings)  # other weights, until the state is loaded
    resumed.load_state(state)
    resumed.run()
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.progress.curve == whole.progress.curve
    for attribute in ("step", "error", "best_step", "best_error", "best_typical", "finished"):
        assert getattr(resumed.progress, attribute) == getattr(whole.progress, attribute)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_state_does_not_change_with_the_fit_that_goes_on(name):
    """What is saved on an interrupt is the state after the last whole step, whatever ran since."""
    settings = SETTINGS[name]
    fit = Fit(model(), problem(), settings)
    states = []
    fit.run(lambda progress: states.append((fit.state(), through_a_file(fit.state()))))
    assert len(states) == settings.steps
    for live, saved in states:
        assert same(live, saved)


def test_the_best_weights_are_left_in_the_model():
    fit = Fit(model(), problem(), Settings("adam", steps=30, patience=100, learning_rate=0.3, batch=8))
    progress = fit.run()
    typical = [error for *_, error in progress.curve]
    assert progress.best_typical == min(typical)
    assert progress.best_step == 1 + typical.index(min(typical)) < progress.step == 30
    with torch.no_grad():
        held = fit.problem.held_out
        residual = held.weights * (fit.model(held.inputs) - held.targets)
    assert float(residual.square().mean().sqrt()) == pytest.approx(progress.best_error, rel=1e-14)


def test_one_sample_unlike_the_others_does_not_choose_the_weights():
    """Its error is far above all others, and least before the first step."""
    held_out = problem().held_out
    fit = Fit(model(), problem(), Settings(steps=8))
    with torch.no_grad():
        start = fit.model(held_out.inputs[:1])
    held_out.targets[0], held_out.weights[0] = start, 100.0
    fit.problem = replace(fit.problem, held_out=held_out)
    before, _ = errors(fit.model, held_out)
    progress = fit.run()
    assert all(error > before for _, _, error, _ in progress.curve)
    assert progress.best_step > 4


def test_patience_ends_a_fit_that_makes_no_progress():
    settings = Settings("adam", steps=500, patience=7, learning_rate=1e-30)
    progress = Fit(model(), problem(), settings).run()
    assert progress.finished
    assert progress.step - progress.best_step == 7


def test_steps_and_time_end_a_fit():
    assert Fit(model(), problem(), Settings(steps=3)).run().step == 3
    assert Fit(model(), problem(), Settings("adam", steps=10_000, seconds=1e-9)).run().step == 1


def test_a_finished_fit_stays_as_it_is():
    fit = Fit(model(), problem(), Settings(steps=3))
    fit.run()
    before = weights(fit)
    fit.run()
    assert torch.equal(weights(fit), before)
    assert fit.progress.step == 3


@pytest.mark.parametrize("name", SETTINGS)
def test_no_number_stops_names_the_step_and_keeps_the_best_weights(name):
    fit = Fit(model(), problem(), SETTINGS[name])

    def spoil(progress):
        if progress.step == 2:
            with torch.no_grad():
                next(iter(fit.model.parameters())).fill_(math.nan)

    with pytest.raises(BornnetError, match=r"broke down at step 3: .* step 2, are kept"):
        fit.run(spoil)
    assert fit.progress.best_step == 2
    assert torch.equal(weights(fit), fit.progress.best_weights)
    assert torch.isfinite(weights(fit)).all()


def test_a_learning_rate_that_is_far_too_large_breaks_down():
    settings = Settings("adam", steps=50, patience=50, learning_rate=1e200)
    fit = Fit(model(activation="identity"), problem(), settings)
    with pytest.raises(BornnetError, match="Take another optimizer, a smaller learning rate"):
        fit.run()
    assert torch.isfinite(weights(fit)).all()
