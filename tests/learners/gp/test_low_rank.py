"""The fit on the rows that carry the kernel, against numpy on the whole matrix and the Cholesky factor."""

import numpy as np
import pytest
import torch

import bornnet
from bornnet.errors import InputError
from bornnet.learners.base import Task
from bornnet.learners.gp.config import Config
from bornnet.learners.gp.fit import begin
from bornnet.learners.gp.kernels import exponential
from bornnet.learners.gp.low_rank import TOLERANCE, Basis, least_squares
from bornnet.learners.gp.posterior import covariance, mean
from bornnet.learners.gp.size import fit_bytes
from bornnet.physics.families import sample_potentials
from bornnet.training.problem import Problem, Samples

KERNEL = exponential(1)


def grown(x, nugget=1e-13, noise=None, most=10_000):
    basis = Basis(KERNEL, x, nugget, noise, most)
    while not basis.finished:
        basis.grow(1)
    return basis


def inputs(rows, cells=3, seed=0):
    return np.random.default_rng(seed).uniform(0.05, 1.0, (rows, cells))


def test_the_rows_span_the_kernel_of_all():
    x = inputs(300)
    basis = grown(x)
    K = covariance(KERNEL, x, x)
    size = np.sqrt(np.diag(K))
    assert len(basis.chosen) == len(set(basis.chosen)) < 250  # of 300
    spanned = basis.factor[: len(basis.chosen)].numpy()
    assert np.abs(spanned.T @ spanned - K / size / size[:, None]).max() < 1e-13
    own = spanned[:, basis.chosen].T
    assert np.abs(np.triu(own, 1)).max() == 0
    np.testing.assert_allclose(
        own @ own.T, (K / size / size[:, None])[np.ix_(*[basis.chosen] * 2)], atol=1e-14
    )


def test_fewer_rows_leave_the_largest_remainder_small():
    """The remainders are those of the Schur complement."""
    x = inputs(200)
    basis = grown(x, most=20)
    K = covariance(KERNEL, x, x)
    chosen = basis.chosen
    assert len(chosen) == 20
    schur = K - K[:, chosen] @ np.linalg.solve(K[np.ix_(chosen, chosen)], K[chosen])
    np.testing.assert_allclose(basis.left, np.diag(schur) / np.diag(K), atol=1e-10)
    unlike = inputs(200, seed=1)[:20]
    rest = K - (
        (c := covariance(KERNEL, x, unlike)) @ np.linalg.solve(covariance(KERNEL, unlike, unlike), c.T)
    )
    assert basis.left.max() < (np.diag(rest) / np.diag(K)).max()


def test_values_with_errors_are_fitted_as_by_the_whole_matrix():
    x = inputs(150)
    draw = np.random.default_rng(1)
    noise = 10.0 ** draw.uniform(-6, -4, 150)
    y = np.sin(x.sum(1)) + np.sqrt(noise) * draw.normal(size=150)
    basis = grown(x, noise=noise)
    found, (residual,) = basis.fitted(y, [np.arange(150)])
    assert residual <= TOLERANCE
    K = covariance(KERNEL, x, x)
    alpha = np.linalg.solve(K + np.diag(noise + 1e-13 * np.diag(K)), y)
    points = inputs(40, seed=2)
    expected = mean(KERNEL, x, alpha, points)
    np.testing.assert_allclose(mean(KERNEL, x[basis.chosen], found[:, 0], points), expected, atol=2e-4)
    assert np.abs(expected).min() > 0.1


def test_subsets_are_fitted_as_if_they_were_all_there_is():
    x = inputs(160)
    y = np.cos(x @ [1.0, 0.5, 0.2]) - 1
    basis = grown(x, nugget=1e-6)
    found, _ = basis.fitted(y, [np.arange(80), np.arange(160)])
    points = inputs(30, seed=3)
    for rows, beta in zip((80, 160), found.T, strict=True):
        K = covariance(KERNEL, x[:rows], x[:rows])
        alpha = np.linalg.solve(K + 1e-6 * np.diag(np.diag(K)), y[:rows])
        expected = mean(KERNEL, x[:rows], alpha, points)
        np.testing.assert_allclose(mean(KERNEL, x[basis.chosen], beta, points), expected, atol=1e-5)


def test_least_squares_keep_the_digits_that_normal_equations_lose():
    draw = np.random.default_rng(4)
    left, right = (np.linalg.qr(draw.normal(size=(200, 30)))[0] for _ in range(2))
    A = (left * np.logspace(0, -7, 30)) @ np.linalg.qr(draw.normal(size=(30, 30)))[0]
    b = A @ draw.normal(size=30) + 1e-9 * right[:, 0]
    ridge = 1e-15
    stacked = np.vstack([A, np.sqrt(ridge) * np.eye(30)])
    exact = np.linalg.lstsq(stacked, np.concatenate([b, np.zeros(30)]), rcond=None)[0]
    ones = torch.ones(200, dtype=torch.float64)
    z, reached = least_squares(torch.from_numpy(A.T.copy()), ones, torch.from_numpy(b), ridge)
    assert reached <= TOLERANCE
    assert np.linalg.norm(z.numpy() - exact) < 1e-6 * np.linalg.norm(exact)


def test_kernels_are_as_good_as_those_of_the_whole_factor():
    U, _ = sample_potentials("mixture", 700, 4, strength=(3e-3, 0.5), seed=1)
    values = bornnet.scattering_length(U)
    settings = {"learner": "gp", "rounds": 1, "progress": False}
    whole, carried = (
        bornnet.fit_series(U, values, solver=solver, **settings) for solver in ("cholesky", "low-rank")
    )
    chosen = carried.members[0].learners[0].chosen
    assert chosen["rank"] < 0.6 * chosen["rows"]
    assert chosen["residual"] < 1e-10
    for n in (1, 2, 3):
        exact = bornnet.born_kernel(n, 4)
        errors = [np.linalg.norm(s.kernel(n) - exact) / np.linalg.norm(exact) for s in (whole, carried)]
        assert errors[1] < 2 * errors[0]
        stated = [np.linalg.norm(s.kernel_std(n)) for s in (whole, carried)]
        assert stated[0] / 2 < stated[1] < 2 * stated[0]


def test_errors_of_values_leave_the_same_deviations_as_a_factor_of_all_rows(tmp_path):
    """The posterior of rows that carry the kernel against that of all: coefficients, terms, values."""
    U, _ = sample_potentials("mixture", 300, 4, strength=(3e-3, 0.5), seed=4)
    values = bornnet.scattering_length(U)
    sigma = 0.01 * np.abs(values)
    values = values + sigma * np.random.default_rng(0).normal(size=300)
    whole, carried = (
        bornnet.fit_series(U, values, sigma=sigma, learner="gp", rounds=1, solver=solver, robust=False)
        for solver in ("cholesky", "low-rank")
    )
    learner = carried.members[0].learners[0]
    assert learner.chosen["rank"] < 250
    for n in (1, 2, 3):
        ratio = carried.kernel_std(n) / whole.kernel_std(n)
        assert 0.995 < ratio.min() <= ratio.max() < 1.05  # rows that teach next to nothing are left out
    other = whole.members[0].learners[0]
    for stated in ("value_uncertainty", "terms_uncertainty"):
        order = () if stated.startswith("value") else (3,)
        found, expected = (getattr(one, stated)(U[:20], *order) for one in (learner, other))
        ratio = found[expected > 0] / expected[expected > 0]
        assert 0.995 < ratio.min() <= ratio.max() < 1.05
    carried.save(tmp_path / "c.safetensors")
    again = bornnet.load_series(tmp_path / "c.safetensors")
    np.testing.assert_array_equal(again.kernel_std(2), carried.kernel_std(2))


@pytest.mark.parametrize("noisy", [False, True])
def test_stopped_and_resumed_is_as_undisturbed(noisy):
    U, eta = sample_potentials("mixture", 400, 3, strength=(3e-3, 0.5), seed=2)
    parts = (torch.from_numpy(part) for part in (U, bornnet.scattering_length(U), 1 / eta))
    inputs, targets, weights = parts
    sigma = 0.01 * targets if noisy else None
    samples = [
        Samples(inputs[i], targets[i], weights[i], None, None if sigma is None else sigma[i])
        for i in (slice(0, 320), slice(320, 400))
    ]
    task, config = Task(cells=3, degree=1), Config(solver="low-rank", trial_rows=100)

    def begun():
        return begin(Problem(*samples), task, config)

    whole = begun()
    states = []
    whole.run(lambda progress: states.append(whole.state()))
    # some of the basis, the fit and, without errors, its halves
    assert len(states) == whole.progress.step > len(whole.trials) + (0 if noisy else 2)
    for state in states[-4:]:
        again = begun()
        again.load_state(state)
        again.run()
        expected, found = (fit.learned().state().arrays for fit in (whole, again))
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
        assert again.progress.step == whole.progress.step


def test_memory_grows_with_the_rank():
    config = Config(solver="low-rank", rank=1000)
    assert fit_bytes(10**6, 16, config) < 2 * 8e9
    assert fit_bytes(10**6, 16, Config(solver="cholesky")) > 8e12
    assert fit_bytes(10**6, 16, Config(rank=1000)) == fit_bytes(10**6, 16, config)  # auto


def test_a_row_without_a_kernel_is_named():
    x = inputs(5)
    x[3] = 0
    with pytest.raises(InputError, match="training row 3 with itself is 0"):
        Basis(KERNEL, x, 1e-13, None, 5)
