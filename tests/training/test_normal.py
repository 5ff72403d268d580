"""Normal equations by a matrix and by its root: what they solve, and the digits that they keep."""

import numpy as np
import pytest
import torch
from fit_cases import squared, uniform

from bornnet.training.normal import FEW, NormalMatrix, NormalRoot, gram, normal_of


def test_gram():
    matrix = uniform(30, 7)
    torch.testing.assert_close(gram(matrix), matrix.T @ matrix)


@pytest.mark.parametrize("kind", [NormalMatrix, NormalRoot])
def test_blocks_of_rows_are_summed_and_solved(kind):
    rows, right = uniform(40, 6), uniform(6, seed=3)
    normal = kind(right)
    for block in rows.split([1, 25, 14]):
        normal.add(block)
    normal.share(40)
    whole = rows.T @ rows / 40
    torch.testing.assert_close(squared(normal), whole)
    solver = normal.solver()
    for damping in (1e-3, 2.0, 0.0):  # each anew from the undamped one
        exact = torch.linalg.solve(whole + damping * torch.eye(6, dtype=whole.dtype), right)
        torch.testing.assert_close(solver(damping)(right), exact, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", [NormalMatrix, NormalRoot])
def test_what_cannot_be_solved_is_said(kind):
    normal = kind(torch.zeros(3))
    normal.add(torch.tensor([[1.0, 0.0, 2.0]]))
    assert normal.solver()(0.0) is None


def ill_conditioned(weights=8, smallest=1e-12):
    """J ``(20, 8)`` with singular values from 1 to the smallest, and its factors."""
    rng = np.random.default_rng(5)
    left = np.linalg.qr(rng.standard_normal((20, weights)))[0]
    right = np.linalg.qr(rng.standard_normal((weights, weights)))[0]
    return left, np.geomspace(1, smallest, weights), right


def error_of_solution(kind):
    """Relative to the solution by J's own singular values, of residuals of the size of the smallest."""
    left, sizes, right = ill_conditioned()
    damping = sizes[-1] ** 2
    residual = left @ (sizes[-1] * np.random.default_rng(6).standard_normal(8))
    exact = right @ (sizes / (sizes**2 + damping) * (left.T @ residual))
    jacobian = torch.from_numpy(left * sizes @ right.T)
    normal = kind(jacobian[0])
    normal.add(jacobian)
    solve = normal.solver()(damping)
    if solve is None:
        return np.inf
    found = solve(jacobian.T @ torch.from_numpy(residual)).numpy()
    return np.linalg.norm(found - exact) / np.linalg.norm(exact)


def test_the_root_keeps_singular_values_that_the_matrix_loses():
    assert error_of_solution(NormalRoot) < 1e-3
    assert error_of_solution(NormalMatrix) > 0.1


def test_few_weights_have_a_root():
    assert isinstance(normal_of(torch.zeros(FEW, dtype=torch.float64)), NormalRoot)
    assert isinstance(normal_of(torch.zeros(FEW + 1, dtype=torch.float64)), NormalMatrix)
    assert isinstance(normal_of(torch.zeros(3, dtype=torch.float32)), NormalMatrix)
