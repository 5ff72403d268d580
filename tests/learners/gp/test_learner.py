"""The posterior mean, its Taylor terms and tensors, against slow twins written another way."""

import json
import math
from itertools import combinations_with_replacement

import mpmath
import numpy as np
import pytest
import torch
from gp_cases import nested_derivatives
from hypothesis import given, settings
from hypothesis import strategies as st

from bornnet.errors import InputError
from bornnet.learners.base import State, Task
from bornnet.learners.gp.baseline import baseline
from bornnet.learners.gp.config import Config
from bornnet.learners.gp.fit import begin
from bornnet.learners.gp.learner import GaussianProcess
from bornnet.learners.gp.posterior import coefficients
from bornnet.learners.gp.tensors import power_sum
from bornnet.training.problem import Problem, Samples

CONFIGS = [
    Config(kernel="exponential"),
    Config(kernel="ball", radius=1.5),
    Config(kernel="nngp-erf", depth=2),
    Config(kernel="nngp-sin", depth=2),
    Config(kernel="ntk-erf", depth=2),
    Config(kernel="ntk-sin", depth=1),
    Config(kernel="nngp-gelu", depth=2),
    Config(kernel="ntk-gelu", depth=1),
    Config(kernel="exponential+ball", radius=1.5),
]
NAMES = [config.kernel for config in CONFIGS]


def process(config: Config, degree: int = 1, rows: int = 7, inputs: int = 3) -> GaussianProcess:
    draw = np.random.default_rng(4)
    x, alpha = 0.7 * draw.normal(size=(rows, inputs)), draw.normal(size=rows)
    scale = np.array([[0.5, 0.0, 0.0], [0.4, 1.5, 0.0], [-0.2, 0.3, 1.0]])[:inputs, :inputs]
    return GaussianProcess(x, alpha, scale, 2.0, degree, config, {})


def tail(z: torch.Tensor, degree: int) -> torch.Tensor:
    return torch.exp(z) - sum(z**m / math.factorial(m) for m in range(degree))


def twin(learner: GaussianProcess, U: torch.Tensor) -> torch.Tensor:
    """The value at one potential, in torch and with every formula written out."""
    config, x = learner.config, U @ torch.from_numpy(learner.scale)
    family, _, activation = config.kernel.partition("+")[0].partition("-")

    def layer(kxx, kyy, kxy):
        if activation == "erf":
            n = torch.sqrt((1 + 2 * kxx) * (1 + 2 * kyy))
            return 2 / math.pi * torch.asin(2 * kxy / n), 4 / math.pi / torch.sqrt(n**2 - 4 * kxy**2)
        if activation == "gelu":  # by the angle between the two
            s = torch.sqrt((1 + kxx) * (1 + kyy))
            cos = torch.sqrt(1 - (kxy / s) ** 2)
            even = kxx * kyy / s / cos + kxy**2 * (1 - kxx * kyy) / s**3 / cos
            value = kxy / 4 + (kxy * torch.asin(kxy / s) + even) / (2 * math.pi)
            steep = kxy * (1 + 2 * (1 - kxx * kyy) / s**2) / s / cos + even * kxy / (s * cos) ** 2
            return value, 0.25 + (torch.asin(kxy / s) + steep) / (2 * math.pi)
        e = torch.exp(-(kxx + kyy) / 2)
        return e * torch.sinh(kxy), e * torch.cosh(kxy)

    def infinite(xx, yy, xy):
        w, b = config.weight_variance, config.bias_variance
        kxx, kyy, kxy = b + w * xx, b + w * yy, b + w * xy
        theta = kxy
        for _ in range(config.depth):
            value, slope = layer(kxx, kyy, kxy)
            kxx, kyy, kxy = b + w * layer(kxx, kxx, kxx)[0], b + w * layer(kyy, kyy, kyy)[0], b + w * value
            theta = kxy + w * theta * slope if family == "ntk" else kxy
        return theta

    rows = torch.from_numpy(learner.rows)
    xx, yy, xy = x @ x, (rows * rows).sum(1), rows @ x
    r = config.radius**2
    in_ball = tail(xy / torch.sqrt((1 + xx / r) * (1 + yy / r)), learner.degree)
    if family == "exponential":
        k = tail(xy, learner.degree) + (in_ball if config.kernel.endswith("+ball") else 0)
    elif family == "ball":
        k = in_ball
    else:
        zero = torch.zeros((), dtype=torch.double)
        k = infinite(xx, yy, xy) - infinite(xx, zero, zero) * infinite(zero, yy, zero) / infinite(
            zero, zero, zero
        )
    return learner.output * torch.from_numpy(learner.alpha) @ k


@pytest.mark.parametrize("config", CONFIGS, ids=NAMES)
@pytest.mark.parametrize("at", [None, np.array([0.3, -0.2, 0.4])], ids=["zero", "elsewhere"])
def test_tensors_are_those_of_nested_autodiff(config, at):
    learner = process(config)
    nested = nested_derivatives(lambda U: twin(learner, U), np.zeros(3) if at is None else at, 3)
    for order, expected in enumerate(nested):
        got = learner.derivative_tensor(order, at)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-10 * max(1, np.abs(expected).max()))
        packed = learner.derivative_tensor(order, at, packed=True)
        entries = [expected[i] for i in combinations_with_replacement(range(3), order)]
        np.testing.assert_allclose(packed, entries, rtol=0, atol=1e-10 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("config", CONFIGS, ids=NAMES)
@pytest.mark.parametrize("at", [None, np.array([0.3, -0.2, 0.4])], ids=["zero", "elsewhere"])
def test_terms_are_the_contracted_tensors(config, at):
    learner = process(config)
    U = np.random.default_rng(1).normal(size=(4, 3))
    terms = learner.taylor_terms(U, 5, at)
    for n in range(6):
        tensor = learner.derivative_tensor(n, at)
        for u, term in zip(U, terms[n], strict=True):
            contracted = tensor
            for _ in range(n):
                contracted = contracted @ u
            assert term == pytest.approx(contracted / math.factorial(n), rel=1e-10, abs=1e-11)


@pytest.mark.parametrize("config", CONFIGS, ids=NAMES)
def test_values_are_the_sum_of_the_series_and_vanish_at_zero(config):
    learner = process(config)
    U = 0.02 * np.random.default_rng(1).normal(size=(5, 3))
    np.testing.assert_allclose(learner.taylor_terms(U, 9).sum(0), learner(U), rtol=0, atol=1e-11)
    assert abs(learner(np.zeros((1, 3)))[0]) < 1e-13


@pytest.mark.parametrize("config", CONFIGS[:2], ids=NAMES[:2])
def test_orders_below_the_degree_are_left_out(config):
    learner = process(config, degree=3)
    for n in range(3):
        assert not learner.derivative_tensor(n).any()
    U = torch.tensor([0.4, 0.1, -0.3], dtype=torch.double)
    assert learner(U.numpy()[None])[0] == pytest.approx(float(twin(learner, U)), rel=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 5), st.integers(0, 5), st.integers(1, 40), st.integers(0, 2**31))
def test_power_sums(inputs, degree, rows, seed):
    draw = np.random.default_rng(seed)
    y, w = draw.normal(size=(rows, inputs)), draw.normal(size=rows)
    expected = [
        np.sum(w * np.prod(y[:, list(i)], axis=1))
        for i in combinations_with_replacement(range(inputs), degree)
    ]
    np.testing.assert_allclose(power_sum(y, w, degree), expected, rtol=1e-12, atol=1e-11)


def test_a_small_posterior_is_that_of_fifty_digits():
    x = np.random.default_rng(2).normal(size=(6, 2))
    y, noise, nugget = np.sin(x @ [1.0, 2.0]), np.full(6, 1e-3), 1e-6
    learner = GaussianProcess(x, np.zeros(6), np.ones(2), 1.0, 1, Config(), {})
    from bornnet.learners.gp.kernels import exponential

    alpha, used = coefficients(exponential(1), x, y, nugget, noise)
    with mpmath.workdps(50):
        rows = [[mpmath.mpf(float(v)) for v in row] for row in x]
        k = mpmath.matrix(6, 6)
        for i in range(6):
            for j in range(6):
                k[i, j] = mpmath.exp(mpmath.fdot(rows[i], rows[j])) - 1
            k[i, i] = k[i, i] * (1 + mpmath.mpf(nugget)) + mpmath.mpf(float(noise[i]))
        expected = mpmath.lu_solve(k, mpmath.matrix([float(v) for v in y]))
    np.testing.assert_allclose(alpha, [float(e) for e in expected], rtol=1e-9)
    assert used == nugget
    assert learner.config.nugget == 1e-13


def problem(rows: int = 300, cells: int = 3) -> Problem:
    draw = np.random.default_rng(7)
    U = draw.uniform(0, 1, (rows, cells)) * 10 ** draw.uniform(-2, 0, (rows, 1))
    size = U.sum(1)
    parts = (slice(0, -50), slice(-50, None))
    y = np.expm1(0.4 * U @ np.array([1.0, 0.5, 2.0]))
    return Problem(*(Samples(*(torch.from_numpy(a[p].copy()) for a in (U, y, 1 / size))) for p in parts))


def test_a_known_series_is_found():
    fit = begin(problem(), Task(cells=3, degree=1), Config(scales=(0.5, 1.0, 2.0)))
    fit.run()
    learner = fit.learned()
    slope = 0.4 * np.array([1.0, 0.5, 2.0])
    np.testing.assert_allclose(learner.derivative_tensor(1), slope, rtol=1e-9)
    np.testing.assert_allclose(learner.derivative_tensor(2), np.outer(slope, slope), rtol=1e-6)
    assert learner.chosen["factor"] in (0.5, 1.0, 2.0)
    assert fit.progress.held_out_typical < 1e-8


@pytest.mark.parametrize("stopped", [2, 6])
def test_stopped_and_resumed_is_uninterrupted(stopped):
    config, task = Config(scales=(0.5, 1.0, 2.0)), Task(cells=3, degree=1)
    whole, first, second, done = (begin(problem(), task, config) for _ in range(4))
    whole.run()

    def stop(progress):
        if progress.step == stopped:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.run(stop)
    second.load_state(first.state())
    second.run()
    done.load_state(whole.state())
    assert second.trials == whole.trials
    for fit in (second, done):
        np.testing.assert_array_equal(fit.learned().alpha, whole.learned().alpha)
        np.testing.assert_array_equal(fit.learned().rows, whole.learned().rows)
        np.testing.assert_array_equal(fit.learned().parts, whole.learned().parts)


def test_state_gives_the_same_learner_and_rescaling_its_units():
    learner = process(CONFIGS[1])
    state = learner.state()
    again = GaussianProcess.from_state(State(state.arrays, json.loads(json.dumps(state.facts))))
    U = np.random.default_rng(3).normal(size=(4, 3))
    np.testing.assert_array_equal(again(U), learner(U))
    factors = np.array([2.0, 0.5, 1.0])
    np.testing.assert_allclose(learner.rescaled(factors, 3.0)(U), 3 * learner(U * factors), rtol=1e-13)
    with pytest.raises(ValueError):
        GaussianProcess.from_state(State({**state.arrays, "alpha": np.zeros(2)}, state.facts))


def test_a_matrix_that_is_not_positive_definite_raises_the_nugget():
    x = np.repeat(np.random.default_rng(0).normal(size=(1, 2)), 30, axis=0)
    from bornnet.learners.gp.kernels import exponential

    alpha, used = coefficients(exponential(1), x, np.ones(30), 1e-20)
    assert used > 1e-20
    assert np.isfinite(alpha).all()


def test_duplicates_with_different_values_are_refused():
    good = problem()
    inputs, targets = good.training.inputs.clone(), good.training.targets.clone()
    inputs[1] = inputs[0]
    targets[1] = 2 * targets[0]
    bad = Problem(Samples(inputs, targets, good.training.weights), good.held_out)
    with pytest.raises(InputError, match="more than once"):
        begin(bad, Task(cells=3, degree=1), Config())


def test_other_bad_input():
    with pytest.raises(InputError, match="order 2"):
        begin(problem(), Task(cells=3, degree=2), Config(kernel="nngp-erf"))
    with pytest.raises(InputError, match=r"\(N, 3\)"):
        process(CONFIGS[0])(np.zeros((2, 4)))
    with pytest.raises(InputError, match="none of"):
        begin(problem(), Task(cells=3, degree=1), Config(scales=(1e6,))).run()


def test_the_baseline_takes_arrays():
    samples = problem(600).training
    learner = baseline(samples.inputs.numpy(), samples.targets.numpy(), 1 / samples.weights.numpy(), rows=400)
    assert learner.chosen["rows"] == 400
    assert learner.chosen["held_out_typical"] < 1e-7
