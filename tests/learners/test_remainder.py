"""The remainder and its Jacobian against autograd through nested derivatives."""

import pytest
import torch
from fit_cases import ACTIVATIONS, model, taylor_remainder, uniform
from torch.func import jacrev, vmap


def twin(remainder, x):
    """Values and Jacobian ``(batch, weights)``, weights in the order of the parameters."""
    network = remainder.model
    parameters = {name: p.detach() for name, p in network.named_parameters()}

    def value(p, row):
        return taylor_remainder(network, remainder.degree, p, row)

    values = vmap(value, (None, 0))(parameters, x)
    blocks = vmap(jacrev(value), (None, 0))(parameters, x)
    return values, torch.cat([blocks[name].flatten(1) for name in parameters], dim=1)


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(6,), (5, 4), (4, 3, 5)], ids=["one", "two", "three"])
def test_value_and_jacobian(degree, activation, hidden):
    remainder, x = model(degree, activation, hidden), uniform(4, 3, seed=2)
    values, jacobian = remainder.value_and_jacobian(x)
    expected_values, expected_jacobian = twin(remainder, x)
    torch.testing.assert_close(values, expected_values, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(jacobian, expected_jacobian, rtol=1e-11, atol=1e-14)
    with torch.no_grad():
        torch.testing.assert_close(remainder(x), expected_values, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_the_leading_order_is_the_degree(degree):
    """Halving x divides the remainder by 2^degree, to leading order."""
    remainder, x = model(degree), uniform(5, 3, seed=3)
    with torch.no_grad():
        ratios = [remainder(t * x) / remainder(t / 2 * x) for t in (0.02, 0.01)]
    for ratio, accuracy in zip(ratios, (0.05, 0.025), strict=True):
        torch.testing.assert_close(ratio, torch.full_like(ratio, 2.0**degree), rtol=accuracy, atol=0.0)


def test_autograd_flows():
    remainder, x = model(3), uniform(4, 3, seed=2)
    remainder(x).sum().backward()
    gradient = torch.cat([p.grad.flatten() for p in remainder.parameters()])
    torch.testing.assert_close(gradient, twin(remainder, x)[1].sum(0), rtol=1e-11, atol=1e-14)


def test_removed_constant_leaves_the_last_bias_free():
    """Degree 1 removes f(0), which takes the output bias out of the problem."""
    _, jacobian = model(1).value_and_jacobian(uniform(4, 3))
    assert torch.equal(jacobian[:, -1], torch.zeros(4, dtype=torch.float64))
