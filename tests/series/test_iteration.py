"""Rounds: what is split, scaled and removed; and that the iteration learns what one network does not."""

from functools import cache

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from series_cases import labelled

from bornnet.comparison.evaluation import evaluated
from bornnet.comparison.orders import compare_orders, exact_reference
from bornnet.datasets.labelled import Labelled, split
from bornnet.errors import InputError
from bornnet.learners.base import Task
from bornnet.learners.mlp.config import Config
from bornnet.learners.mlp.fit import initial_network
from bornnet.learners.mlp.perceptron import Perceptron
from bornnet.learners.polynomial.least_squares import fit_polynomial
from bornnet.series.fit import fit_series
from bornnet.series.iteration import Rounds, round_problem
from bornnet.series.iteration import choose_scaling as scaling_for
from bornnet.series.terms import MemberSeries

CELLS = 4


def choose_scaling(data):
    return scaling_for(data, Perceptron)


def perceptron(seed=0, member=0, number=1, warm=True, before=None):
    task = Task(CELLS, 1, number=number, member=member, seed=seed, before=before)
    return Perceptron(initial_network(task, Config(hidden=(3,), warm_start=warm)))


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(2, 200), holdout=st.floats(0.01, 0.9), seed=st.integers(0, 2**63 - 1))
def test_split_is_a_partition_that_depends_on_the_seed_alone(rows, holdout, seed):
    numbers = np.arange(rows, dtype=float)
    data = Labelled(numbers[:, None], numbers, numbers)
    if max(1, round(holdout * rows)) >= rows:
        with pytest.raises(InputError, match="too few to hold out"):
            split(data, holdout, seed)
        return
    training, held_out = split(data, holdout, seed)
    assert sorted([*training.strength, *held_out.strength]) == numbers.tolist()
    assert len(held_out) == max(1, round(holdout * rows))
    np.testing.assert_array_equal(training.potentials[:][:, 0], training.values)
    for part, again in zip((training, held_out), split(data, holdout, seed), strict=True):
        np.testing.assert_array_equal(part.strength, again.strength)


def test_other_seeds_split_otherwise():
    data = labelled(100)
    first, second = (split(data, 0.2, seed)[1].strength for seed in (0, 1))
    assert set(first) != set(second)


def test_scaling_brings_inputs_and_outputs_to_size():
    data = labelled(200)
    data.potentials[:, 2] = 0
    scaling = choose_scaling(data)
    rms = np.sqrt(np.mean((data.potentials * scaling.inputs) ** 2, axis=0))
    assert rms[2] == 0
    assert np.ptp(rms[[0, 1, 3]]) < 1e-15
    assert np.isfinite(scaling.inputs).all()
    relative = data.values / data.strength / scaling.output
    assert np.sqrt(np.mean(relative**2)) == pytest.approx(1)


def test_physical_networks_take_potentials_and_give_ranges():
    data = labelled(20)
    scaling = choose_scaling(data)
    learner = perceptron()
    inside = learner(data.potentials * scaling.inputs) * scaling.output
    outside = learner.rescaled(scaling.inputs, scaling.output)(data.potentials)
    np.testing.assert_allclose(outside, inside, rtol=1e-12)


def mp_remainder(potential, lower):
    """a0 without its lower orders, from the transfer matrices in 40 digits."""
    with mp.workdps(40):
        h = mp.mpf(1) / len(potential)

        def a0(factor):
            u, slope = mp.mpf(0), mp.mpf(1)
            for depth in potential:
                k = mp.sqrt(factor * mp.mpf(float(depth)))
                u, slope = (
                    mp.cos(k * h) * u + (mp.sin(k * h) / k if k else h) * slope,
                    mp.cos(k * h) * slope - k * mp.sin(k * h) * u,
                )
            return 1 - u / slope

        terms = mp.taylor(a0, 0, lower, method="step", h=mp.mpf(10) ** -8)
        return float(a0(1) - mp.fsum(terms[1:]))


@pytest.mark.parametrize("number", [2, 3])
def test_exact_removal_leaves_the_exact_remainder(number):
    data = labelled(6, low=0.1)
    training, held_out = split(data, 0.5, 0)
    rounds, scaling = Rounds((0.0,), remove="exact"), choose_scaling(training)
    earlier = [perceptron()] * (number - 1)
    problem = round_problem(rounds, number, earlier, training, held_out, scaling)
    for part, samples in ((training, problem.training), (held_out, problem.held_out)):
        expected = [mp_remainder(row, number - 1) for row in part.potentials[:]]
        np.testing.assert_allclose(samples.targets.numpy() * scaling.output, expected, rtol=1e-6, atol=1e-14)
        np.testing.assert_allclose(
            samples.loaded().inputs.numpy(), part.potentials[:] * scaling.inputs, rtol=1e-15
        )


def test_learned_removal_takes_away_the_earlier_networks_terms():
    training, held_out = split(labelled(50), 0.2, 0)
    rounds, scaling = Rounds((0.0,)), choose_scaling(training)
    earlier = [perceptron(seed).rescaled(scaling.inputs, scaling.output) for seed in (1, 2)]
    problem = round_problem(rounds, 3, earlier, training, held_out, scaling)
    learned = MemberSeries(tuple(earlier)).terms(training.potentials[:], 2).sum(axis=0)
    np.testing.assert_allclose(
        problem.training.targets.numpy() * scaling.output, training.values - learned, rtol=1e-12
    )


@pytest.mark.parametrize("number", [1, 2, 3])
def test_residuals_are_relative_to_the_order_that_is_due(number):
    """Weighted targets have an RMS of one, and weights go as eta^-n."""
    training, held_out = split(labelled(80), 0.2, 0)
    rounds, scaling = Rounds((0.0,), remove="exact"), choose_scaling(training)
    earlier = [perceptron()] * (number - 1)
    samples = round_problem(rounds, number, earlier, training, held_out, scaling).training
    assert float((samples.weights * samples.targets).square().mean().sqrt()) == pytest.approx(1)
    product = samples.weights.numpy() * training.strength**number
    np.testing.assert_allclose(product, product[0], rtol=1e-12)


def test_floors_leave_weak_potentials_out_of_later_rounds():
    rounds = Rounds((0.0, 0.05, 0.2))
    assert [rounds.floor(number) for number in (1, 2, 3, 4)] == [0.0, 0.05, 0.2, 0.2]
    training, held_out = split(labelled(200), 0.2, 0)
    scaling = choose_scaling(training)
    for number in (1, 2, 3, 4):
        problem = round_problem(rounds, number, [], training, held_out, scaling)
        assert len(problem.training) == np.sum(training.strength >= rounds.floor(number))
        assert len(problem.held_out) == np.sum(held_out.strength >= rounds.floor(number))
    with pytest.raises(InputError, match=r"round 2 takes strengths of at least 0.9, but the dataset's reach"):
        round_problem(Rounds((0.0, 0.9)), 2, [], training, held_out, scaling)


def test_seeds_members_and_rounds_begin_from_their_own_weights():
    def first_weight(*which):
        return float(perceptron(*which).network.linears[0].weight.detach()[0, 0])

    choices = [(0, 0, 1), (0, 1, 1), (1, 0, 1)]
    assert len({first_weight(*which) for which in choices}) == 3
    assert first_weight(0, 0, 1) == first_weight(0, 0, 1, False) == first_weight(0, 0, 2)
    assert first_weight(0, 0, 1, False) != first_weight(0, 0, 2, False)
    former = perceptron(seed=9)
    assert perceptron(number=2, before=former).network is former.network
    assert perceptron(number=2, warm=False, before=former).network is not former.network


def test_models_lose_the_orders_below_the_one_that_is_due():
    assert [Rounds((0.0,)).degree(number) for number in (1, 2, 3)] == [1, 2, 3]
    corrected = Rounds((0.0,), lower_orders="corrected")
    assert [corrected.degree(number) for number in (1, 2, 3)] == [1, 1, 1]


# --- the physics, at a size of seconds ---


@cache
def study():
    """Training and held-out potentials of four cells, and the exact series on the latter."""
    training, held_out = split(labelled(900, CELLS, low=3e-3, high=0.5, seed=3), 0.2, 0)
    return training, held_out, exact_reference(held_out.potentials[:], held_out.values, 3)


@cache
def learned(lower_orders="removed", warm_start=True, count=2, steps=40):
    """The series after that many rounds of the iteration, learned terms removed."""
    data = labelled(900, CELLS, low=3e-3, high=0.5, seed=3)
    keys = {"hidden": (10, 10), "strength_floors": (0.0, 0.02), "steps": (steps,)}
    keys |= {"lower_orders": lower_orders, "warm_start": warm_start}
    return fit_series(data.potentials, data.values, rounds=count, **keys).members[0]


def kernel_errors(series):
    reference = study()[2]
    found = evaluated([series], reference.potentials, reference.order)
    return [row.kernel_error for row in compare_orders(found, reference)]


def least_squares(degree):
    training = study()[0]
    return fit_polynomial(training.potentials, training.values, 1 / training.strength, degree)


def test_the_second_round_beats_the_first_alone_and_least_squares():
    single, iterated = kernel_errors(MemberSeries(learned().learners[:1])), kernel_errors(learned())
    assert iterated[0] == single[0] < 1e-3
    assert iterated[1] < 0.5 * single[1]
    assert iterated[1] < 1e-2
    quadratic = kernel_errors(least_squares(2))
    assert iterated[0] < 0.1 * quadratic[0] < 0.1 * kernel_errors(least_squares(1))[0]
    assert iterated[1] < 0.1 * quadratic[1]


def test_a_third_round_beats_one_network_at_order_three():
    single, iterated = kernel_errors(MemberSeries(learned().learners[:1])), kernel_errors(learned(count=3))
    assert iterated[2] < single[2]
    assert iterated[2] < 0.1


@pytest.mark.parametrize("options", [{"lower_orders": "corrected"}, {"warm_start": False}], ids=str)
def test_other_ways_to_iterate_learn_the_second_order_too(options):
    iterated = kernel_errors(learned(**options))
    assert iterated[0] < 1e-5
    assert iterated[1] < 1e-3


def test_corrections_of_later_rounds_are_small_and_count():
    series = learned(lower_orders="corrected")
    data = study()[1]
    first = MemberSeries(series.learners[:1]).terms(data.potentials[:], 1)[0]
    corrected = series.terms(data.potentials[:], 1)[0]
    correction = np.linalg.norm(corrected - first) / np.linalg.norm(first)
    assert 0 < correction < 1e-2
