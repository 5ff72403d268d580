"""Several learners in a row: units, what the second one sees, and what the sum leaves open."""

import json

import numpy as np
import pytest
from bornnet.cli.main import main

import bornnet
from bornnet.physics.families import sample_potentials

CELLS = 4
GENERATE = "generate g.h5 --samples 200 --cells 4 --labels gradient --seed 1"


def drawn(count=400, seed=3):
    U, eta = sample_potentials("mixture", count, CELLS, strength=(3e-3, 0.5), spacing="log", seed=seed)
    return U, bornnet.scattering_length(U), eta


def kernel_errors(series):
    exact = {n: bornnet.born_kernel(n, CELLS) for n in (1, 2, 3)}
    return [np.linalg.norm(series.kernel(n) - exact[n]) / np.linalg.norm(exact[n]) for n in exact]


def fitted(learner, U, values, **settings):
    return bornnet.fit_series(U, values, learner=learner, rounds=1, workers=1, progress=False, **settings)


def test_a_process_behind_a_polynomial_makes_every_order_better():
    U, a0, _ = drawn()
    polynomial = kernel_errors(fitted("polynomial", U, a0, degree=3))
    chain = kernel_errors(fitted("polynomial,gp", U, a0, degree=3, lengths=(0.2,)))
    assert all(one < 0.1 * other for one, other in zip(chain, polynomial, strict=True))


def test_a_perceptron_behind_others_is_fitted_to_values_of_its_size():
    """What is left is a thousandth of the values; without a unit of its own a fit would start far off."""
    U, a0, _ = drawn()
    settings = {"degree": 3, "hidden": (8,), "steps": (60,)}
    polynomial = kernel_errors(fitted("polynomial", U, a0, degree=3))
    chain = kernel_errors(fitted("polynomial,mlp", U, a0, **settings))
    assert chain[0] < 0.1 * polynomial[0]
    assert chain[1] < 0.3 * polynomial[1]


def test_of_gradients_the_first_learner_makes_use_and_the_second_fits_values(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(GENERATE.split()) == 0
    errors = {}
    for learner in ("mlp", "mlp,gp"):
        arguments = f"iterate g.h5 --out {learner} --learner {learner} --rounds 1 --hidden 8 --steps 20"
        assert main([*arguments.split(), "--workers", "1", "--quiet"]) == 0
        capsys.readouterr()
        assert main(["compare-born", learner, "--json"]) == 0
        errors[learner] = [row["kernel_error"] for row in json.loads(capsys.readouterr().out)["orders"]]
    assert errors["mlp,gp"][0] < 0.1 * errors["mlp"][0]


@pytest.mark.parametrize("noisy", [True, False])
def test_deviations_of_a_sum(noisy):
    """With errors the variances of the parts add; without, the last one states what it finds."""
    U, a0, _ = drawn(200)
    sigma = 0.01 * np.abs(a0) if noisy else None
    values = a0 + (sigma * np.random.default_rng(0).normal(size=len(a0)) if noisy else 0.0)
    series = fitted("polynomial,gp", U, values, degree=2, lengths=(0.2,), sigma=sigma)
    (chain,) = series.members[0].learners
    first, second = chain.parts
    for order in (1, 2):
        parts = [part.uncertainty(order, cells=CELLS) for part in (first, second)]
        assert (parts[0] is None) != noisy
        expected = np.hypot(*parts) if noisy else parts[1]
        np.testing.assert_allclose(chain.uncertainty(order, cells=CELLS), expected, rtol=1e-14)
    assert chain.uncertainty(3, cells=CELLS) is not None  # above the polynomial's degree: the process's
