"""An amplitude for every order, against scipy, nested autodiff and what was drawn with known amplitudes."""

import math

import numpy as np
import pytest
import torch
from gp_cases import nested_derivatives
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal

from bornnet.errors import InputError
from bornnet.learners.base import Scaling, Task
from bornnet.learners.gp.config import Config
from bornnet.learners.gp.fit import begin
from bornnet.learners.gp.graded import HIGHEST, Evidence, most_likely_orders
from bornnet.learners.gp.kernels import exponential, graded
from bornnet.learners.gp.learner import GaussianProcess
from bornnet.training.problem import Problem, Samples


def gram(x, amplitudes, first=1):
    z = x @ x.T
    return sum(a * z**n / math.factorial(n) for n, a in enumerate(amplitudes, start=1) if n >= first)


@pytest.mark.parametrize("degree", [1, 3])
def test_amplitudes_of_one_are_the_exponential(degree):
    x = 0.3 * np.random.default_rng(1).normal(size=(5, 3))
    xy = x @ x.T
    got, expected = graded(degree, [1.0] * 25)(0, 0, xy), exponential(degree)(0, 0, xy)
    np.testing.assert_allclose(got, expected, rtol=1e-13)


@given(degree=st.integers(1, 4), seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_derivatives_are_those_of_nested_autodiff(degree, seed):
    draw = np.random.default_rng(seed)
    amplitudes = draw.uniform(0.1, 10, 6).tolist()
    x, alpha, scale = draw.normal(size=(5, 2)), draw.normal(size=5), draw.normal(size=(2, 2))
    learner = GaussianProcess(x, alpha, scale, 2.0, degree, Config(), {"amplitudes": amplitudes})

    def value(U):
        z = torch.from_numpy(x) @ (U @ torch.from_numpy(scale))
        orders = range(degree, 7)
        return 2.0 * sum(
            amplitudes[n - 1] * (torch.from_numpy(alpha) @ z**n) / math.factorial(n) for n in orders
        )

    at = np.array([0.2, -0.4])
    for point in (np.zeros(2), at):
        for order, expected in enumerate(nested_derivatives(value, point, 3)):
            got = learner.derivative_tensor(order, point)
            size = max(1, np.abs(expected).max())
            np.testing.assert_allclose(got, expected, rtol=0, atol=1e-10 * size)
    # and the whole is the sum of its orders
    np.testing.assert_allclose(learner.taylor_terms(at[None], 6).sum(axis=0), learner(at[None]), rtol=1e-10)


@pytest.mark.parametrize("degree", [1, 2])
def test_the_evidence_is_scipys_beside_the_prior_and_its_gradient_that_of_differences(degree):
    draw = np.random.default_rng(3)
    x, y = draw.normal(size=(9, 4)), draw.normal(size=9)
    evidence = Evidence(x, y, degree)
    logarithms = np.append(draw.normal(size=HIGHEST + 1 - degree) - 3, math.log(0.05))
    amplitudes = [0.0] * (degree - 1) + np.exp(logarithms[:-1]).tolist()
    K = gram(x, amplitudes)
    K += 0.05 * np.diag(np.diag(K))
    minus, gradient = evidence(logarithms)
    constant = 0.5 * len(y) * math.log(2 * math.pi)
    prior = 0.5 * np.sum((np.diff(logarithms[:-1], n=2) / 2.0) ** 2)
    assert prior - minus - constant == pytest.approx(multivariate_normal(np.zeros(9), K).logpdf(y), rel=1e-10)
    expected = approx_fprime(logarithms, lambda at: evidence(at)[0], 1e-6)
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-4)


def test_amplitudes_of_a_process_that_was_drawn_are_found():
    """Orders 1 to 3 differ by factors of thousands; shallow and deep rows tell them apart. The values'
    unit goes along."""
    draw = np.random.default_rng(5)
    x = draw.normal(size=(900, 4)) * 10 ** draw.uniform(-1.5, 0.5, (900, 1))
    given = [1e-6, 1e-2, 50.0]
    power, y = np.ones((900, 1)), np.zeros(900)
    for n, amplitude in enumerate(given, start=1):
        power = (power[:, :, None] * x[:, None]).reshape(900, -1)
        y += math.sqrt(amplitude / math.factorial(n)) * power @ draw.normal(size=4**n)
    own = np.diag(gram(x, given))
    y += np.sqrt(1e-8 * own) * draw.normal(size=900)
    found = most_likely_orders(x, y, 1, 1e-13)
    np.testing.assert_allclose(np.log(found.amplitudes[:3]), np.log(given), atol=1.5)
    scaled = most_likely_orders(x, 1e-5 * y, 1, 1e-13)
    np.testing.assert_allclose(np.log(scaled.amplitudes[:3]), np.log(given) + np.log(1e-10), atol=1.5)
    assert found.nugget == pytest.approx(1e-8, rel=1.0)  # the smallest amplitudes tell it too
    w = 1 / np.sqrt(own)
    relative = gram(x, given) * np.outer(w, w) + 1e-8 * np.eye(900)
    fit = (w * y) @ np.linalg.solve(relative, w * y) + np.linalg.slogdet(relative)[1]
    truth = -0.5 * fit + np.log(w).sum() - 450 * math.log(2 * math.pi)
    # orders are expected to follow one another: that they end with the third costs a little
    assert found.log_evidence > truth - 20
    alike = gram(x, [50.0] * 3) * np.outer(w, w)
    alike = alike / alike.diagonal().mean() + 1e-8 * np.eye(900)
    fit = (w * y) @ np.linalg.solve(alike, w * y) + np.linalg.slogdet(alike)[1]
    assert found.log_evidence > -0.5 * fit + np.log(w).sum() - 450 * math.log(2 * math.pi) + 100


def left(seed=0, rows=500):
    """What a learner might leave: each order a thousand times as large as the one before."""
    draw = np.random.default_rng(seed)
    x = draw.uniform(0, 1, (rows, 3)) * 10 ** draw.uniform(-2, 0, (rows, 1))
    kernels = {n: draw.normal(size=(3,) * n) for n in (1, 2, 3)}
    terms = [1e-9 * x @ kernels[1], 1e-6 * np.einsum("ni,nj,ij->n", x, x, kernels[2])]
    terms += [1e-3 * np.einsum("ni,nj,nk,ijk->n", x, x, x, kernels[3])]
    samples = Samples(torch.from_numpy(x), torch.from_numpy(sum(terms)), torch.from_numpy(1 / x.sum(1)))
    return Problem(samples.rows(slice(0, rows - 100)), samples.rows(slice(rows - 100, None))), terms, x


SLOPES = np.array([0.2, 0.5, 1.0])


def test_behind_others_every_order_has_its_amplitude():
    """A prior with one amplitude takes high orders for low ones."""
    problem, terms, x = left()
    task = Task(cells=3, degree=1, slopes=SLOPES)
    found = []
    for amplitudes in ("auto", "one"):
        fit = begin(problem, task, Config(amplitudes=amplitudes, deviations="none"))
        fit.run()
        got = fit.learned().taylor_terms(x, 3)
        found.append([np.linalg.norm(g - t) / np.linalg.norm(t) for g, t in zip(got[1:], terms, strict=True)])
    assert max(found[0]) < 1e-4
    assert found[0][0] < 0.5 * found[1][0]


def test_units_do_not_matter_behind_others():
    """The same fit in other units of potentials and values: the same learner but for them."""
    problem, _, _ = left(rows=300)
    config = Config(lengths=(0.2,), deviations="none")
    plain = begin(problem, Task(cells=3, degree=1, slopes=SLOPES), config)
    plain.run()
    inputs, output = 0.3, 5.0
    other = Problem(
        *(
            Samples(part.inputs * inputs, part.targets / output, part.weights * output)
            for part in (problem.training, problem.held_out)
        )
    )
    scaling = Scaling(np.full(3, inputs), output)
    slopes = SLOPES / (output * inputs)
    task = Task(cells=3, degree=1, slopes=slopes, scaling=scaling)
    scaled = begin(other, task, config)
    scaled.run()
    np.testing.assert_allclose(scaled.profile * inputs, plain.profile, rtol=1e-13)
    first = output * inputs * scaled.learned().derivative_tensor(1)
    np.testing.assert_allclose(first, plain.learned().derivative_tensor(1), rtol=1e-3)


def test_a_fit_with_amplitudes_resumes_to_the_same_bits():
    problem, _, x = left(rows=300)
    config, task = Config(lengths=(0.2,), deviations="none"), Task(cells=3, degree=1, slopes=SLOPES)
    whole = begin(problem, task, config)
    states = []
    whole.run(lambda progress: states.append(whole.state()))
    for state in states:
        again = begin(problem, task, config)
        again.load_state(state)
        again.run()
        np.testing.assert_array_equal(again.learned()(x), whole.learned()(x))
        assert again.learned().chosen == whole.learned().chosen


@pytest.mark.parametrize(("kernel", "sigma"), [("ball", None), ("exponential", torch.full((400,), 1e-3))])
def test_amplitudes_where_there_can_be_none(kernel, sigma):
    problem, _, _ = left()
    training = Samples(
        problem.training.inputs, problem.training.targets, problem.training.weights, None, sigma
    )
    config = Config(kernel=kernel, amplitudes="orders")
    with pytest.raises(InputError, match="amplitudes: one for every order needs the kernel 'exponential'"):
        begin(Problem(training, problem.held_out), Task(cells=3, degree=1), config)
