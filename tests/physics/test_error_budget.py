"""The errors that are printed: honest on random potentials, and no empty bounds."""

import sys
from pathlib import Path

import numpy as np
import pytest

import bornnet
from bornnet.physics.solution import significant

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from solve_errors import outcomes, shares


@pytest.mark.parametrize("seed", [11, 12])
def test_errors_on_random_potentials(seed):
    """A tenth of the study of 500 in tests/benchmarks/solve_errors.py."""
    found = list(outcomes(60, seed))
    honest, near, median = shares(found)
    assert len(found) >= 58
    assert honest >= 0.96
    assert near > 0.6
    assert 1 <= median < 100
    assert np.mean([one.seconds for one in found]) < 0.4


def test_tables_of_gaussians():
    """The true error is within the printed one, coarse or cut off as the tables may be, but for one in a
    hundred: it is an estimate, and points that do not resolve a potential can agree by chance."""
    random = np.random.default_rng(4)
    within = []
    for _ in range(200):
        depth, core, end = random.uniform(0.1, 12), random.uniform(0, 60), random.uniform(3, 9)
        points = int(random.integers(12, 120))

        def U(r, depth=depth, core=core):
            return depth * np.exp(-(r**2)) - core * np.exp(-((r / 0.6) ** 2))

        exact = bornnet.solve(function=U, end=9, tail="none")
        r = np.linspace(0, end, points)
        solution = bornnet.solve(r=r, values=U(r))
        total = solution.error["total"]
        within.append(abs(solution.scattering_length - exact.scattering_length) <= total + 1e-12)
        parts = [solution.error[part] for part in ("integration", "interpolation", "cut_off")]
        assert total >= sum(parts) * (1 - 1e-12)
    assert np.mean(within) >= 0.99


def test_near_the_unitary_limit_the_error_is_that_of_the_inverse():
    r = np.linspace(0, 8, 26)
    depth = 2.684  # of a Gaussian well that all but binds
    solution = bornnet.solve(r=r, values=depth * np.round(np.exp(-(r**2)), 4))
    a0, error = solution.scattering_length, solution.error["total"]
    inverse = solution.errors["inverse_scattering_length"]
    assert abs(a0) > 100
    assert error >= 0.99 * inverse * a0**2 or np.isinf(error)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (-176.2754, 0.36, "-176.3"),
        (-176.2754, 3.6, "-176"),
        (69.5, 56.0, "70"),
        (12.276386, 1.8e-3, "12.276"),
        (5.4, 1e-3, "5.400"),
        (1e-9, 1e-12, "1.000e-09"),
        (5.42683895663, 2e-14, "5.42683895663"),
        (3.25, np.nan, "3.25"),
        (np.nan, 1.0, "nan"),
    ],
)
def test_digits_that_survive(value, error, text):
    assert significant(value, error) == text
