"""The variable-phase equation around a reference: integrated, and against waves and derivatives."""

import numpy as np
import pytest
from distorted_twins import REFERENCES, waves_on_grid
from scipy.integrate import solve_ivp

import bornnet
from bornnet.physics import variable_phase
from bornnet.physics.distorted.phase import DistortedPhase

VALUES = {
    "scattering_length": bornnet.scattering_length,
    "inverse": bornnet.inverse_scattering_length,
}
targets = pytest.mark.parametrize("target", VALUES)
references = pytest.mark.parametrize("name", ["eta 0.5", "eta 1.5", "eta 3.9", "repulsive core", "uneven"])
EDGES = np.arange(1, 7) / 6


def displacements(reference, target, rows):
    drawn = np.random.default_rng(3).standard_normal((rows, 6))
    return drawn * (0.3 / bornnet.strength(drawn, reference, target))[:, None]


@targets
@references
def test_it_leads_to_the_target(name, target):
    reference = REFERENCES[name]
    law = DistortedPhase(reference, target)
    for displacement in displacements(reference, target, 1):
        y = 0.0
        for i in range(6):
            behind = np.where(np.arange(6) <= i, displacement, 0.0)
            solved = solve_ivp(
                lambda r, y, i=i, dU=displacement: dU[i] * law.rate(y, np.array([r])),
                (i / 6 + 1e-12, EDGES[i]),
                [y],
                rtol=1e-10,
                atol=1e-13,
            )
            y = float(solved.y[0, -1])
            exact = VALUES[target](reference + behind) - VALUES[target](reference)
            assert y == pytest.approx(exact, rel=1e-7, abs=1e-9)


@targets
@references
def test_waves_and_coefficients(name, target):
    reference = REFERENCES[name]
    law = DistortedPhase(reference, target)
    _, psi, chi = waves_on_grid(reference, target, 8)
    nodes = (np.polynomial.legendre.leggauss(8)[0] + 1) / 2
    r = (np.arange(6)[:, None] + nodes) / 6
    for found, exact in zip(law.waves(r), (psi, chi), strict=True):
        np.testing.assert_allclose(found, exact, atol=1e-10 * np.abs(exact).max())
    y = np.linspace(-2, 2, 8)
    series = sum(law.rate_coefficient(k, r) * y**k for k in range(4))
    np.testing.assert_allclose(series, law.rate(y, r), atol=1e-9 * np.abs(series).max())


@targets
@references
def test_the_adjoint(name, target):
    """p g is the derivative of the target; p times the rate at the cut-off states is the same."""
    reference = REFERENCES[name]
    law = DistortedPhase(reference, target)
    dU = displacements(reference, target, 2)
    momentum, response = law.momentum_and_response(dU)
    of_length = variable_phase.momentum_and_response(reference + dU)[1]
    end = bornnet.scattering_length(reference + dU)[:, None]
    exact = of_length if target == "scattering_length" else -of_length / end**2
    np.testing.assert_allclose(response, exact, atol=1e-10 * np.abs(exact).max())
    behind = reference + dU[:, None, :] * np.tri(6)
    y = VALUES[target](behind) - VALUES[target](reference)
    np.testing.assert_allclose(momentum * law.rate(y, EDGES), exact, atol=1e-8 * np.abs(exact).max())


def test_without_much_of_a_reference_it_is_calogeros():
    law = DistortedPhase(np.full(6, 1e-13), "scattering_length")
    y, r = np.linspace(-3, 0, 7), np.linspace(0.1, 1, 7)
    np.testing.assert_allclose(law.rate(y, r), variable_phase.rate(y, r), rtol=1e-11)
    for power in range(4):
        found = law.rate_coefficient(power, r)
        np.testing.assert_allclose(found, variable_phase.rate_coefficient(power, r), atol=1e-11)
    U = np.random.default_rng(1).uniform(0, 1, (3, 6))
    for found, exact in zip(
        law.momentum_and_response(U), variable_phase.momentum_and_response(U), strict=True
    ):
        np.testing.assert_allclose(found, exact, rtol=1e-9)
