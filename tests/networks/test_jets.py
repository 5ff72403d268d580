"""Directional Taylor terms against arbitrary precision, against the full tensors, and by their symmetries."""

import math

import mpmath as mp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_cases import KINKED, SMOOTH, assert_close, mpmath_network, point, several_outputs, small_network

from bornnet.errors import InputError
from bornnet.networks import jets
from bornnet.networks.derivatives import derivative_tensor
from bornnet.networks.jets import taylor_terms


def displacements(batch=7, inputs=3, seed=5):
    return torch.randn(batch, inputs, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", SMOOTH)
def test_terms_to_order_eight_in_arbitrary_precision(name):
    model, at, x = small_network(name), point(), displacements(2)
    f = mpmath_network(model, name)
    with mp.workdps(40):
        exact = [
            [
                float(c)
                for c in mp.taylor(
                    lambda t, row=row: f(*(a + t * v for a, v in zip(at.tolist(), row, strict=True))), 0, 8
                )
            ]
            for row in x.tolist()
        ]
    got = taylor_terms(model, x.numpy(), 8, at.numpy())
    for n in range(9):
        assert_close(got[n], [row[n] for row in exact], 1e-12)


@pytest.mark.parametrize("order", [0, 1, 2, 5])
@pytest.mark.parametrize(
    "model", [small_network(), several_outputs(), torch.nn.Linear(3, 1)], ids=["mlp", "own", "linear"]
)
def test_compiled_blocks_equal_the_traced_recursion(model, order, monkeypatch):
    monkeypatch.setattr(jets, "BLOCK_VALUES", 100)  # many blocks, the last one short
    x, at = displacements(53), point()
    traced = taylor_terms(model, x, order, at)
    blocked = taylor_terms(model, x.numpy(), order, at.numpy())
    assert isinstance(blocked, np.ndarray)
    assert traced.requires_grad
    torch.testing.assert_close(torch.from_numpy(blocked), traced.detach(), rtol=1e-13, atol=1e-15)
    with torch.no_grad():
        assert torch.equal(taylor_terms(model, x, order, at), torch.from_numpy(blocked))


def test_threads_change_nothing(monkeypatch):
    monkeypatch.setattr(jets, "BLOCK_VALUES", 100)
    x = displacements(200).numpy()
    single = taylor_terms(small_network(), x, 4)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert np.array_equal(taylor_terms(small_network(), x, 4), single)


@pytest.mark.parametrize("model", [small_network("mish"), several_outputs()], ids=["mlp", "own"])
def test_terms_are_contractions_of_the_derivative_tensors(model):
    x, at = displacements().numpy(), point()
    terms = taylor_terms(model, x, 6, at.numpy())
    for n in range(1, 7):
        tensor = derivative_tensor(model, n, at).numpy()
        for row, term in zip(x, np.moveaxis(terms[n], 0, 0), strict=True):
            contracted = tensor
            for _ in range(n):
                contracted = contracted @ row
            np.testing.assert_allclose(contracted / math.factorial(n), term, rtol=1e-11, atol=1e-13)


def test_wide_networks_sum_to_the_function():
    """300 neurons are more than one tile; inside the radius of convergence the terms sum to f."""
    model = small_network("tanh", (300, 70), 5)
    x = 0.02 * displacements(40, 5)
    assert_close(taylor_terms(model, x.numpy(), 12).sum(0), model(x), 1e-14)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(-3, 3), seed=st.integers(0, 1000))
def test_term_n_is_homogeneous_of_degree_n(scale, seed):
    x = displacements(3, seed=seed).numpy()
    model = small_network("silu")
    powers = scale ** np.arange(7.0)
    np.testing.assert_allclose(
        taylor_terms(model, scale * x, 6), powers[:, None] * taylor_terms(model, x, 6), rtol=1e-10, atol=1e-13
    )


def test_autograd_reaches_weights_displacements_and_base_point():
    model = small_network("tanh", (4, 3), 2)
    x, at = displacements(3, 2).requires_grad_(), point(2).requires_grad_()
    weights = tuple(model.parameters())

    def terms(x, at, *weights):  # gradcheck moves the weights in place, and the model holds the same tensors
        return taylor_terms(model, x, 3, at)

    assert torch.autograd.gradcheck(terms, (x, at, *weights), atol=1e-7)


@pytest.mark.parametrize("name", [*SMOOTH, *KINKED])
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.filterwarnings("ignore::bornnet.errors.DerivativeWarning")
def test_everything_stays_on_the_device_of_the_network(name, grad):
    """Torch refuses to mix its device "meta" with the CPU, as it does with a GPU."""
    model = torch.nn.Sequential(small_network(name), torch.nn.Tanh(), torch.nn.Linear(1, 2)).to("meta")
    with torch.set_grad_enabled(grad):
        terms = taylor_terms(model, displacements(), 3, point())
    assert terms.device.type == "meta"
    assert terms.dtype == torch.float64
    assert terms.shape == (4, 7, 2)
    assert terms.requires_grad == grad


def test_first_order_is_the_gradient_by_backpropagation():
    model, at, x = small_network("gelu"), point().requires_grad_(), displacements()
    (gradient,) = torch.autograd.grad(model(at[None])[0], at)
    assert_close(taylor_terms(model, x, 1, at)[1], x @ gradient, 1e-14)


def test_no_displacements():
    assert taylor_terms(small_network(), np.empty((0, 3)), 2).shape == (3, 0)


@pytest.mark.parametrize("order", [-1, 1.5, "two", None, True])
def test_bad_orders(order):
    with pytest.raises(InputError, match="order must be"):
        taylor_terms(small_network(), np.ones((2, 3)), order)


@pytest.mark.parametrize(
    ("x", "at", "match"),
    [
        (np.ones((2, 4)), None, r"\(batch, 3\), got \(2, 4\)"),
        (np.ones(3), None, r"\(batch, 3\), got \(3,\)"),
        (np.ones((2, 3)), np.ones(2), r"\(3,\), got \(2,\)"),
        (np.ones((2, 3)), np.ones((1, 3)), r"\(3,\), got \(1, 3\)"),
        ([["a", "b", "c"]], None, "real numbers"),
        (torch.ones(2, 3, dtype=torch.complex128), None, "real"),
    ],
)
def test_bad_shapes(x, at, match):
    with pytest.raises(InputError, match=match):
        taylor_terms(small_network(), x, 2, at)
