"""Bent values: a power series of a power series, against nested autodiff and against values."""

import math

import numpy as np
import pytest
import torch
from gp_cases import nested_derivatives

from bornnet import compare, fit_series, scattering_length
from bornnet.learners.gp.config import Config
from bornnet.learners.gp.learner import GaussianProcess
from bornnet.learners.gp.warp import bent, unbent
from bornnet.physics.families import sample_potentials

T = 0.7


def process(bend: float) -> GaussianProcess:
    draw = np.random.default_rng(2)
    x, alpha = 0.5 * draw.normal(size=(5, 3)), 0.3 * draw.normal(size=5)
    return GaussianProcess(x, alpha, np.diag([1.0, 0.5, 0.8]), 2.0, 1, Config(), {}, bend=bend)


def twin(learner: GaussianProcess, U: torch.Tensor) -> torch.Tensor:
    k = torch.expm1(torch.from_numpy(learner.rows) @ (U @ torch.from_numpy(learner.scale)))
    h = torch.from_numpy(learner.alpha) @ k
    return learner.output * h / (1 + learner.bend * h)


@pytest.mark.parametrize("at", [None, np.array([0.3, -0.2, 0.4])], ids=["zero", "elsewhere"])
def test_tensors_and_terms(at):
    learner = process(T)
    point = np.zeros(3) if at is None else at
    U = np.random.default_rng(1).normal(size=(4, 3))
    terms = learner.taylor_terms(U, 4, at)
    for order, expected in enumerate(nested_derivatives(lambda V: twin(learner, V), point, 4)):
        np.testing.assert_allclose(learner.derivative_tensor(order, at), expected, rtol=1e-10, atol=1e-11)
        for u, term in zip(U, terms[order], strict=True):
            along = expected
            for _ in range(order):
                along = along @ u
            assert term == pytest.approx(along / math.factorial(order), rel=1e-10, abs=1e-11)


def test_the_map_and_its_inverse():
    y = np.linspace(-3, 1, 20)
    np.testing.assert_allclose(bent(unbent(y, T), T), y, rtol=1e-13)
    U = np.random.default_rng(1).normal(size=(4, 3))
    np.testing.assert_array_equal(process(0.0)(U), process(0.0).rescaled(np.ones(3), 1.0)(U))
    np.testing.assert_allclose(process(1e-9)(U), process(0.0)(U), rtol=1e-6)


def test_data_choose_the_bend():
    """Scattering lengths have a pole where a state is just bound: the bent values give better terms."""
    U, _ = sample_potentials("mixture", 800, 8, strength=(3e-3, 0.5), spacing="log", seed=5)
    settings = {"learner": "gp", "rounds": 1, "deviations": "none", "scales": (2.0, 3.0)}
    straight = fit_series(U, scattering_length(U), bends=(0.0,), **settings)
    chosen = fit_series(U, scattering_length(U), **settings)
    (learner,) = chosen.members[0].learners
    assert learner.bend > 0
    held_out = learner.chosen["held_out_error"], straight.members[0].learners[0].chosen["held_out_error"]
    assert held_out[0] < held_out[1]
    errors = [[row.kernel_error for row in compare(series).orders] for series in (chosen, straight)]
    assert errors[0][2] < 0.5 * errors[1][2]


def test_bends_that_the_values_do_not_allow_are_passed_over():
    U, _ = sample_potentials("mixture", 200, 3, strength=(3e-3, 0.5), spacing="log", seed=5)
    series = fit_series(U, -scattering_length(U), learner="gp", rounds=1, bends=(1.0,), deviations="none")
    assert series.members[0].learners[0].bend == 0
