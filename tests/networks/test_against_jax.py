"""Orders 1 to 4 against nested jacfwd over jacrev in jitted JAX, for every activation."""

import numpy as np
import pytest
from network_cases import KINKED, SMOOTH, point, small_network

from bornnet.networks.derivatives import derivative_tensor
from bornnet.networks.jets import taylor_terms

jax = pytest.importorskip("jax", reason="JAX comes with the extra 'bench'")
jet = pytest.importorskip("jax.experimental.jet")
jnp, nn = jax.numpy, jax.nn

# As JAX itself has them, or by their definition where it has none.
FUNCTIONS = {
    "tanh": jnp.tanh,
    "sigmoid": nn.sigmoid,
    "softplus": nn.softplus,
    "silu": nn.silu,
    "gelu": lambda z: nn.gelu(z, approximate=False),
    "gelu-tanh": lambda z: nn.gelu(z, approximate=True),
    "elu": nn.elu,
    "celu": nn.celu,
    "selu": nn.selu,
    "mish": lambda z: z * jnp.tanh(nn.softplus(z)),
    "softsign": nn.soft_sign,
    "sin": jnp.sin,
    "erf": jax.scipy.special.erf,
    "identity": lambda z: z,
    "relu": nn.relu,
    "leaky-relu": nn.leaky_relu,
}


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def in_jax(model, name):
    weights = [(m.weight.detach().numpy(), m.bias.detach().numpy()) for m in model.linears]

    def f(x):
        for weight, bias in weights[:-1]:
            x = FUNCTIONS[name](weight @ x + bias)
        return (weights[-1][0] @ x + weights[-1][1])[0]

    return f


@pytest.mark.parametrize("name", SMOOTH + KINKED)
@pytest.mark.filterwarnings("ignore::bornnet.errors.DerivativeWarning")
def test_largest_difference_is_a_trillionth_of_the_largest_entry(name):
    model, at = small_network(name), point()
    derivative = in_jax(model, name)
    for order in range(1, 5):
        derivative = jax.jacfwd(derivative) if order > 1 else jax.jacrev(derivative)
        expected = np.asarray(jax.jit(derivative)(at.numpy()))
        got = derivative_tensor(model, order, at).numpy()
        assert np.abs(got - expected).max() <= 1e-12 * np.abs(expected).max()


def test_directional_terms_against_jets():
    model, x = small_network("tanh", (16, 12), 6), np.random.default_rng(4).normal(size=(9, 6))
    order, factorials = 8, np.cumprod([1.0, *range(1, 9)])
    f = in_jax(model, "tanh")

    def terms(x):
        value, higher = jet.jet(f, (jnp.zeros_like(x),), ((x, *[jnp.zeros_like(x)] * (order - 1)),))
        return jnp.stack([value, *higher])

    expected = np.asarray(jax.jit(jax.vmap(terms, out_axes=1))(x)) / factorials[:, None]
    got = taylor_terms(model, x, order)
    assert (np.abs(got - expected).max(axis=1) <= 1e-12 * np.abs(expected).max(axis=1)).all()
