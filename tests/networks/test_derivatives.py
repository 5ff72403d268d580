"""Full derivative tensors against nested autodiff and arbitrary precision, and by what must always hold."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_cases import (
    KINKED,
    SMOOTH,
    assert_close,
    mpmath_network,
    nested_jacobians,
    point,
    several_outputs,
    small_network,
)

from bornnet.errors import DerivativeWarning, InputError
from bornnet.networks.derivatives import derivative_tensor
from bornnet.networks.jets import taylor_terms
from bornnet.networks.mlp import MLP
from bornnet.networks.packed import multisets, pack, rank_table, unpack
from bornnet.networks.partitions import arrangements, middle_terms, partitions


@pytest.mark.parametrize("hidden", [(4,), (5, 4, 3)], ids=str)
@pytest.mark.parametrize("name", SMOOTH)
def test_orders_one_to_four_against_nested_autodiff(name, hidden):
    model, at = small_network(name, hidden), point()
    for order, expected in enumerate(nested_jacobians(model, at, 4), start=1):
        got = derivative_tensor(model, order, at)
        assert (got - expected).abs().max() <= 1e-12 * expected.abs().max()


@pytest.mark.parametrize("name", KINKED)
def test_networks_of_kinks_have_a_gradient_and_nothing_above(name):
    model, at = small_network(name), point()
    assert_close(derivative_tensor(model, 1, at), nested_jacobians(model, at, 1)[0], 1e-14)
    with pytest.warns(DerivativeWarning):
        assert not derivative_tensor(model, 3, at).any()


@pytest.mark.parametrize("order", [5, 6, 7])
def test_higher_orders_against_nested_autodiff(order):
    model, at = small_network("tanh", (4, 3, 3), 2), point(2)
    assert_close(derivative_tensor(model, order, at), nested_jacobians(model, at, order)[-1], 1e-12)


@pytest.mark.parametrize("name", SMOOTH)
def test_to_order_eight_in_arbitrary_precision(name):
    model, at = small_network(name, (3, 2), 2), point(2)
    f = mpmath_network(model, name)
    for order in range(1, 9):
        with mp.workdps(30):
            exact = [float(mp.diff(f, tuple(at.tolist()), (order - i, i))) for i in range(order + 1)]
        got = derivative_tensor(model, order, at, packed=True).numpy()
        assert np.abs(got - exact).max() <= 1e-12 * np.abs(exact).max()


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_several_outputs_of_a_users_own_network(order):
    model, double, at = several_outputs(), several_outputs().double(), point()
    expected = nested_jacobians(lambda x: double(x[None])[0], at, order)[-1]
    assert_close(derivative_tensor(model, order, at), expected, 1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_a_batch_of_points_is_a_row_each(order):
    points = torch.stack([point(seed=seed) for seed in range(3)])
    for model in (small_network(), several_outputs()):
        rows = [derivative_tensor(model, order, at, packed=True) for at in points]
        assert torch.equal(derivative_tensor(model, order, points, packed=True), torch.stack(rows))


@pytest.mark.parametrize("order", range(1, 8))
def test_packed_entries_are_those_of_the_dense_tensor(order):
    model, at = small_network(), point()
    dense = derivative_tensor(model, order, at)
    packed = derivative_tensor(model, order, at, packed=True)
    for entry, indices in zip(packed, itertools.combinations_with_replacement(range(3), order), strict=True):
        assert dense[indices] == entry


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_wide_inputs_contract_to_the_taylor_terms(order):
    """17 inputs exercise the blocked products; jets share no code with them."""
    model, at = small_network("gelu", (20, 13, 9), 17), point(17)
    x = point(17, seed=9)
    contracted = derivative_tensor(model, order, at)
    for _ in range(order):
        contracted = contracted @ x
    term = taylor_terms(model, x[None].numpy(), order, at.numpy())[order, 0]
    assert contracted.item() / math.factorial(order) == pytest.approx(term, rel=1e-11)


@settings(max_examples=25, deadline=None)
@given(order=st.integers(2, 6), seed=st.integers(0, 1000), data=st.data())
def test_tensors_are_symmetric(order, seed, data):
    tensor = derivative_tensor(small_network("softsign"), order, point(seed=seed))
    permutation = data.draw(st.permutations(range(order)))
    assert torch.equal(tensor, tensor.permute(*permutation))


@settings(max_examples=25, deadline=None)
@given(order=st.integers(1, 6), a=st.floats(-5, 5), b=st.floats(-5, 5))
def test_derivatives_are_linear_in_the_output_layer(order, a, b):
    model, at = several_outputs(), point()
    both = derivative_tensor(model, order, at, packed=True)
    mix = torch.nn.Linear(2, 1, bias=False).double()
    with torch.no_grad():
        mix.weight[:] = torch.tensor([[a, b]], dtype=torch.float64)
    mixed = derivative_tensor(torch.nn.Sequential(model, mix), order, at, packed=True)
    torch.testing.assert_close(mixed, a * both[0] + b * both[1], rtol=1e-9, atol=1e-11)


def test_linear_networks_and_one_input():
    linear = torch.nn.Sequential(torch.nn.Linear(3, 1, dtype=torch.float64))
    assert_close(derivative_tensor(linear, 1), linear[0].weight[0], 1e-15)
    derivative_tensor(linear, 1).zero_()
    assert linear[0].weight.any(), "a result shares no memory with the weights"
    assert not derivative_tensor(linear, 4).any()
    model = small_network("erf", (4, 4), 1)
    assert derivative_tensor(model, 7).shape == (1,) * 7


def test_the_default_point_is_the_origin():
    model = small_network()
    assert torch.equal(derivative_tensor(model, 3), derivative_tensor(model, 3, np.zeros(3)))


def test_ranks_and_packing_follow_the_standard_library():
    for inputs, degree in [(1, 4), (5, 1), (4, 3), (7, 4), (2, 9)]:
        listed = list(itertools.combinations_with_replacement(range(inputs), degree))
        table, ranks = multisets(inputs, degree), rank_table(inputs, degree)
        assert [tuple(row) for row in table] == listed
        assert [len(listed) - 1 - sum(ranks[t, i] for t, i in enumerate(row)) for row in listed] == list(
            range(len(listed))
        )
        packed = np.arange(float(len(listed)))
        dense = unpack(packed, inputs, degree)
        assert np.array_equal(pack(dense), packed)
        assert all(dense[indices] == dense[tuple(sorted(indices))] for indices in np.ndindex(dense.shape))


def test_the_middle_terms_are_the_known_formulas():
    """Order 4 as written in the documentation of the module, and Bell numbers in total."""
    terms = {(term.left, term.right, term.q): term.count for term in middle_terms(4)}
    assert terms == {
        ((1, 1), (1, 1), 0): 1,
        ((1, 1), (1,), 1): 1,
        ((2,), (1, 1), 0): 3,
        ((2,), (1,), 1): 2,
        ((2,), (2,), 0): 1,
    }
    assert [sum(map(arrangements, partitions(n, n))) for n in range(1, 7)] == [
        2 ** (n - 1) for n in range(1, 7)
    ]


@pytest.mark.parametrize("order", [0, -1, 2.0, "3", None, True])
def test_bad_orders(order):
    with pytest.raises(InputError, match="order must be an integer of at least 1"):
        derivative_tensor(small_network(), order)


@pytest.mark.parametrize("shape", [(2,), (2, 4), (1, 1, 3), ()])
def test_bad_points(shape):
    with pytest.raises(InputError, match=r"at must be \(3,\) or \(batch, 3\)"):
        derivative_tensor(small_network(), 2, torch.zeros(shape))


def test_what_does_not_fit_is_refused_at_once_with_a_way_out():
    model = MLP(64, 8)
    with pytest.raises(InputError, match=r"order 6 in 64 inputs needs 55\d GB.*taylor_terms"):
        derivative_tensor(model, 6)
    with pytest.raises(InputError, match=r"dense.* order 7 in 40 inputs.*packed=True takes"):
        derivative_tensor(MLP(40, 1), 7)
    with pytest.raises(InputError, match="packed derivative of order 12"):
        derivative_tensor(model, 12, packed=True)
