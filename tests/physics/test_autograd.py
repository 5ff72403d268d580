"""Torch in, torch out, with derivatives that autograd's own finite differences confirm."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

import bornnet

FUNCTIONS = {
    "scattering_length": bornnet.scattering_length,
    "inverse_scattering_length": bornnet.inverse_scattering_length,
    "born_terms": lambda potentials: bornnet.born_terms(potentials, 5),
    "weinberg_eigenvalue": bornnet.weinberg_eigenvalue,
}
functions = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)


@functions
@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 5), (1, 1)])
def test_gradients(function, shape):
    potentials = torch.from_numpy(np.random.default_rng(0).uniform(0.1, 5, shape)).requires_grad_()
    assert gradcheck(function, potentials)


@pytest.mark.parametrize("name", ["scattering_length", "inverse_scattering_length", "born_terms"])
def test_gradients_with_both_signs(name):
    potentials = torch.from_numpy(np.random.default_rng(1).uniform(-5, 5, (3, 6))).requires_grad_()
    assert gradcheck(FUNCTIONS[name], potentials)


@functions
def test_values_and_types(function):
    numbers = np.random.default_rng(2).uniform(0, 3, (4, 6))
    values = function(torch.from_numpy(numbers))
    assert values.dtype == torch.float64
    np.testing.assert_array_equal(values.numpy(), function(numbers))
    single = torch.from_numpy(numbers).float().requires_grad_()
    function(single).sum().backward()
    assert single.grad.dtype == torch.float32
    assert single.grad.shape == (4, 6)


def test_gradient_of_inverse_length_at_unitarity_is_finite():
    potential = torch.full((3,), (np.pi / 2) ** 2, dtype=torch.float64, requires_grad=True)
    bornnet.inverse_scattering_length(potential).backward()
    # d(1/a0)/dU of the square well at threshold is the integral of (sin(pi r / 2))^2 = 1/2
    assert potential.grad.sum().item() == pytest.approx(0.5, rel=1e-12)


def test_integers_without_gradient():
    potentials = torch.tensor([[1, 2, 3]])
    assert bornnet.bound_states(potentials).dtype == torch.int64
    length, gradient = bornnet.scattering_length_and_gradient(potentials)
    np.testing.assert_array_equal(length.numpy(), bornnet.scattering_length([[1, 2, 3]]))
    assert gradient.shape == (1, 3)


def test_numpy_users_do_not_pay_for_torch():
    code = (
        "import sys, bornnet; bornnet.scattering_length([1.0]); bornnet.born_terms([1.0], 2);"
        "bornnet.weinberg_eigenvalue([1.0]); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
