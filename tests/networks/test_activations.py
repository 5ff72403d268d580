"""Taylor coefficients of activations against their definitions in arbitrary precision."""

from itertools import islice

import mpmath as mp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_cases import DEFINITIONS, KINKED, SMOOTH
from torch import nn

from bornnet.errors import DerivativeWarning, InputError
from bornnet.networks.activations import ACTIVATIONS, make_activation, taylor_coefficients
from bornnet.networks.closed_forms import closed_form

ORDER = 8
POINTS = [-30.0, -11.3, -5.5, -2.0, -0.7, -0.01, 0.0, 0.3, 1.0, 3.3, 8.0, 19.0, 30.0]


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("z", POINTS)
def test_coefficients_to_order_eight_have_full_relative_accuracy(name, z):
    """Each is right to rounding of itself or its neighbours, also where tails are 1e-200."""
    if name == "softsign" and z == 0:
        pytest.skip("no derivative above order 1 there")
    if name == "softplus" and z > 20:
        pytest.skip("torch is linear there; see test_softplus_is_linear_beyond_the_threshold")
    if name in ("erf", "gelu") and abs(z) > 8:
        pytest.skip("slow in mpmath; see test_gaussian_tails")
    with mp.workdps(450 if abs(z) > 8 else 120):
        side = {"direction": 1 if z > 0 else -1} if name in ("elu", "celu", "selu") else {}
        exact = mp.taylor(DEFINITIONS[name], mp.mpf(z), ORDER + 1, **side)
    got = taylor_coefficients(make_activation(name), torch.tensor(z, dtype=torch.float64), ORDER)
    for k in range(ORDER + 1):
        scale = max(abs(c) for c in exact[max(k - 1, min(k, 1)) : k + 2])
        assert abs(got[k].item() - exact[k]) <= 1e-14 * scale + 1e-300, f"order {k}"


@pytest.mark.parametrize("row", ACTIVATIONS, ids=lambda row: row.name)
@settings(max_examples=50, deadline=None)
@given(z=st.lists(st.floats(-1000, 1000) | st.floats(-40, 40), min_size=1))
@pytest.mark.filterwarnings("ignore::bornnet.errors.DerivativeWarning")
def test_closed_forms_are_the_first_terms_of_the_series(row, z):
    """Vectors of numbers take the closed form to second order, where the activation has one."""
    series = np.stack(list(islice(row.rule(row.make(), np.array(z)), 3)))
    scale = np.maximum(np.abs(series), np.abs(np.roll(series, 1, axis=0)) * [[0], [1], [1]])
    close = 1e-12 if row.name == "gelu" else 1e-14  # rounding z moves exp(-z^2 / 2) by z^2 times as much
    for order in range(3):
        got = taylor_coefficients(row.make(), np.array(z), order)
        assert got.shape == (order + 1, len(z))
        assert np.all(np.abs(got - series[: order + 1]) <= close * scale[: order + 1] + 1e-300)


def test_the_benchmarked_activations_have_closed_forms():
    assert all(closed_form(make_activation(name)) for name in ("tanh", "sigmoid", "silu", "gelu"))
    assert closed_form(make_activation("gelu-tanh")) is None


@pytest.mark.parametrize("z", [-30.0, -11.3, 11.3, 19.0, 30.0])
def test_gaussian_tails(z):
    """Closed forms: the k-th derivative of exp(-z^2) is (-1)^k H_k(z) exp(-z^2), H_k of Hermite."""
    at = torch.tensor(z, dtype=torch.float64)
    erf = taylor_coefficients(make_activation("erf"), at, ORDER)
    gelu = taylor_coefficients(make_activation("gelu"), at, ORDER)
    with mp.workdps(50):
        bell = 2 / mp.sqrt(mp.pi) * mp.exp(-(mp.mpf(z) ** 2))
        density = mp.exp(-(mp.mpf(z) ** 2) / 2) / mp.sqrt(2 * mp.pi)
        for k in range(1, ORDER + 1):
            exact = (-1) ** (k - 1) * mp.hermite(k - 1, z) * bell / mp.factorial(k)
            assert abs(erf[k].item() - exact) <= 1e-12 * abs(exact) + 1e-300
        for k in range(2, ORDER + 1):

            def density_derivative(m):
                return (-1) ** m * mp.hermite(m, z / mp.sqrt(2)) / mp.sqrt(2) ** m * density

            exact = (mp.mpf(z) * density_derivative(k - 1) + k * density_derivative(k - 2)) / mp.factorial(k)
            assert abs(gelu[k].item() - exact) <= 1e-12 * abs(exact) + 1e-300


@pytest.mark.parametrize("row", ACTIVATIONS, ids=lambda row: row.name)
@settings(max_examples=25, deadline=None)
@given(z=st.floats(-30, 30).filter(lambda z: abs(z) > 1e-3 and abs(z - 20) > 1e-3))
@pytest.mark.filterwarnings("ignore::bornnet.errors.DerivativeWarning")
def test_autograd_of_a_coefficient_is_the_next_one(row, z):
    """d c_k / dz = (k+1) c_(k+1): autograd flows through the coefficients, and they belong together."""
    point = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    c = taylor_coefficients(row.make(), point, 5)
    for k in range(5):
        (slope,) = torch.autograd.grad(c[k], point, retain_graph=True, allow_unused=True)
        slope = torch.zeros(()) if slope is None else slope
        assert slope.item() == pytest.approx((k + 1) * c[k + 1].item(), rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("row", ACTIVATIONS, ids=lambda row: row.name)
def test_order_zero_is_the_module_itself(row):
    z = torch.linspace(-6, 6, 41, dtype=torch.float64)
    value = taylor_coefficients(row.make(), z, 0)
    assert value.shape == (1, 41)
    torch.testing.assert_close(value[0], row.make()(z), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("row", ACTIVATIONS, ids=lambda row: row.name)
@pytest.mark.filterwarnings("ignore::bornnet.errors.DerivativeWarning")
def test_arrays_and_tensors_have_the_same_coefficients(row):
    z = np.linspace(-6, 7, 97)
    from_array = taylor_coefficients(row.make(), z, ORDER)
    assert isinstance(from_array, np.ndarray)
    from_tensor = taylor_coefficients(row.make(), torch.from_numpy(z), ORDER).numpy()
    scale = np.abs(from_tensor).max(axis=0)
    assert (np.abs(from_array - from_tensor) <= 1e-14 * scale).all()


@pytest.mark.parametrize(
    "module",
    [
        nn.ELU(alpha=0.3),
        nn.CELU(alpha=0.5),
        nn.Softplus(beta=3.0),
        nn.LeakyReLU(0.2),
        nn.Softplus(beta=0.5, threshold=5),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore::bornnet.errors.DerivativeWarning")
def test_parameters_of_the_modules_are_honoured(module):
    z = torch.tensor([-4.0, -0.8, 0.6, 9.0, 12.0], dtype=torch.float64)
    c = taylor_coefficients(module, z, 4)
    derivative = module
    for k, factorial in enumerate((1, 1, 2, 6, 24)):
        torch.testing.assert_close(c[k] * factorial, derivative(z), rtol=1e-12, atol=1e-14)
        derivative = torch.func.vmap(torch.func.grad(lambda t, f=derivative: f(t[None])[0]))


def test_softplus_is_linear_beyond_the_threshold():
    c = taylor_coefficients(nn.Softplus(), torch.tensor([30.0], dtype=torch.float64), 3)
    assert c[:, 0].tolist() == [30.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("name", KINKED)
def test_piecewise_linear_activations_warn_above_order_one_and_give_zero(name):
    z = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    assert taylor_coefficients(make_activation(name), z, 1).shape == (2, 2)
    with pytest.warns(DerivativeWarning, match="piecewise linear"):
        c = taylor_coefficients(make_activation(name), z, 3)
    assert not c[2:].any()


@pytest.mark.parametrize("z", [-1e3, -700.0, 700.0, 1e3])
@pytest.mark.parametrize("name", SMOOTH)
def test_no_overflow_far_out(name, z):
    assert (
        taylor_coefficients(make_activation(name), torch.tensor(z, dtype=torch.float64), 8).isfinite().all()
    )


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"'swish'.*silu"):
        make_activation("swish")


def test_an_unsupported_module_is_named():
    with pytest.raises(InputError, match=r"Hardtanh.*Tanh"):
        taylor_coefficients(nn.Hardtanh(), torch.zeros(1, dtype=torch.float64), 2)
