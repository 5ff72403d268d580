"""The variable-phase equation against closed forms of the square well, and against the solver itself."""

import numpy as np
from scipy.integrate import solve_ivp

from bornnet import scattering_length, scattering_length_and_gradient
from bornnet.physics.variable_phase import cut_off_lengths, momentum_and_response, rate, rate_coefficient


def test_square_well_by_hand():
    """u = sin kr: a(r) = r - tan(kr)/k, p = (cos kr / cos k)^2, response -(sin kr / (k cos k))^2."""
    k, cells = 1.2, 8
    r = np.arange(1, cells + 1) / cells
    well = np.full((1, cells), k**2)
    momentum, response = momentum_and_response(well)
    np.testing.assert_allclose(cut_off_lengths(well)[0], r - np.tan(k * r) / k, rtol=1e-12)
    np.testing.assert_allclose(momentum[0], (np.cos(k * r) / np.cos(k)) ** 2, rtol=1e-11)
    np.testing.assert_allclose(response[0], -((np.sin(k * r) / (k * np.cos(k))) ** 2), rtol=1e-12)


def test_equation_leads_to_the_scattering_length():
    U = np.random.default_rng(3).uniform(0, 1.5, 4)
    a = np.zeros(1)
    for i, x in enumerate(U):
        found = solve_ivp(lambda r, a, x=x: x * rate(a, r), (i / 4, (i + 1) / 4), a, rtol=1e-12, atol=1e-14)
        a = found.y[:, -1]
        np.testing.assert_allclose(a[0], cut_off_lengths(U[None])[0, i], rtol=1e-9)
    np.testing.assert_allclose(a[0], scattering_length(U), rtol=1e-9)


def test_response_integrates_to_the_gradient():
    """Over fine cells, by Simpson's rule."""
    U = np.random.default_rng(4).uniform(0, 1.0, (2, 3))
    fine = np.repeat(U, 64, axis=1)
    response = np.concatenate([np.zeros((2, 1)), momentum_and_response(fine)[1]], axis=1)
    gradient = scattering_length_and_gradient(U)[1]
    weights = np.ones(65)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    for i in range(3):
        found = response[:, 64 * i : 64 * (i + 1) + 1] @ weights / (3 * 192)
        np.testing.assert_allclose(found, gradient[:, i], rtol=1e-8)


def test_coefficients_make_up_the_rate():
    r, a = np.random.default_rng(5).uniform(0, 1, (2, 7))
    total = sum(rate_coefficient(k, r) * a**k for k in range(5))
    np.testing.assert_allclose(total, rate(a, r), rtol=1e-12, atol=1e-15)
