"""Infinite networks against wide finite ones, and the elementary functions against mpmath."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import torch

from bornnet.learners.gp.kernels import ACTIVATIONS, infinite_network
from bornnet.learners.gp.taylor import exp_tail

GAINS = {
    "erf": (torch.erf, lambda z: 2 / math.sqrt(math.pi) * torch.exp(-(z**2))),
    "sin": (torch.sin, torch.cos),
    "gelu": (
        torch.nn.functional.gelu,
        lambda z: torch.special.ndtr(z) + z * torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi),
    ),
}


@pytest.mark.parametrize("start", [0, 1, 2, 4])
@pytest.mark.parametrize("z", [-3.0, -0.7, 1e-9, 0.3, 0.999, 1.001, 8.0])
def test_exp_tail(start, z):
    expected = mpmath.nsum(lambda m: mpmath.mpf(z) ** m / mpmath.factorial(m), [start, mpmath.inf])
    assert exp_tail(np.array([z]), start)[0] == pytest.approx(float(expected), rel=2e-14)


@pytest.mark.parametrize("activation", list(GAINS))
def test_one_layer_is_an_expectation_over_two_normal_variables(activation):
    """By Gauss-Hermite quadrature of its values and of its slopes."""
    kxx, kyy, kxy = 1.7, 0.4, -0.5
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = np.outer(weights, weights) / (2 * math.pi)
    u = torch.from_numpy(math.sqrt(kxx) * nodes[:, None] + 0 * nodes)
    v = torch.from_numpy(kxy / math.sqrt(kxx) * nodes[:, None] + math.sqrt(kyy - kxy**2 / kxx) * nodes)
    for function, closed in zip(GAINS[activation], ACTIVATIONS[activation], strict=True):
        expected = np.sum(weights * (function(u) * function(v)).numpy())
        assert closed(kxx, kyy, kxy) == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("activation", list(GAINS))
@pytest.mark.parametrize("depth", [1, 2])
def test_wide_networks_have_that_covariance_and_tangent_kernel(activation, depth):
    gain, slope = GAINS[activation]
    draw = torch.Generator().manual_seed(5)
    x = torch.tensor([[0.6, -0.4], [0.3, 0.9]], dtype=torch.double)
    w, b, width, networks = 1.3, 0.2, 1000, 200
    values, tangents = [], []
    for _ in range(networks):
        sizes = [2, *[width] * depth, 1]
        layers, hidden, z = [], x, x
        for i, (n, m) in enumerate(itertools.pairwise(sizes)):
            scale = math.sqrt(w) if i == 0 else math.sqrt(w / n)
            W = torch.randn(n, m, generator=draw, dtype=torch.double)
            z = scale * hidden @ W + math.sqrt(b) * torch.randn(m, generator=draw, dtype=torch.double)
            layers.append((scale, hidden, W, z))
            hidden = gain(z)
        values.append(z[:, 0])
        back, theta = torch.ones_like(z), torch.zeros(2, 2, dtype=torch.double)
        for i in range(depth, -1, -1):  # gradients with respect to the unscaled weights and biases
            scale, below, W, _ = layers[i]
            theta += (back @ back.T) * (scale**2 * below @ below.T + b)
            if i:
                back = scale * (back @ W.T) * slope(layers[i - 1][3])
        tangents.append(theta)
    xx, yy, xy = (np.array(v) for v in (float(x[0] @ x[0]), float(x[1] @ x[1]), float(x[0] @ x[1])))
    nngp = infinite_network(activation, depth, w, b, tangent=False)(xx, yy, xy)
    ntk = infinite_network(activation, depth, w, b, tangent=True)(xx, yy, xy)
    products = torch.stack([v[0] * v[1] for v in values])
    assert abs(float(products.mean()) - nngp) < 4 * float(products.std()) / math.sqrt(networks)
    assert float(torch.stack(tangents).mean(0)[0, 1]) == pytest.approx(float(ntk), rel=0.02)
