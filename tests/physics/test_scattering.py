"""a0, 1/a0 and the gradient: against 50 digits, an integrator, closed forms, and what must always hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from mpmath import mp, mpf
from physics_twins import (
    POTENTIALS,
    core_and_well_length,
    exact_edge,
    exact_gradient,
    exact_length,
    integrated_edge,
    two_step_length,
)

import bornnet
from bornnet.errors import InputError
from bornnet.physics.scattering import inverse_length_from_edge, length_from_edge

potentials = pytest.mark.parametrize("potential", POTENTIALS.values(), ids=POTENTIALS)
DEPTHS = st.floats(-2000, 2000) | st.floats(-1, 5) | st.floats(-1e-8, 1e-8) | st.just(0.0)


def relative_error(value: float, exact: mpf) -> float:
    return float(abs(mpf(float(value)) - exact) / abs(exact))


@potentials
def test_length_to_fifty_digits(potential):
    exact = exact_length(potential)
    assert relative_error(bornnet.scattering_length(potential), exact) < 1e-13
    assert relative_error(bornnet.inverse_scattering_length(potential), 1 / exact) < 1e-13


@potentials
def test_gradient_to_fifty_digits(potential):
    if len(potential) > 64:
        potential = potential[:64]
    length, gradient = bornnet.scattering_length_and_gradient(potential)
    assert length == bornnet.scattering_length(potential)
    exact = exact_gradient(potential)
    for value, expected in zip(gradient, exact, strict=True):
        # A cell behind a node of u can have an integral that is tiny against its neighbours'.
        assert abs(mpf(value) - expected) < 1e-12 * abs(expected) + 1e-15 * max(map(abs, exact))


@pytest.mark.parametrize(
    "name", ["two-step well", "random", "random, both signs", "core and well", "deep cells"]
)
def test_length_against_an_integrator(name):
    u, v = integrated_edge(POTENTIALS[name])
    assert bornnet.scattering_length(POTENTIALS[name]) == pytest.approx(1 - u / v, rel=1e-9)


@pytest.mark.parametrize(("inner", "outer"), [(5.0, 1.0), (3.0, 0.2), (1.0, 1.5), (12.0, 0.01), (1e-6, 3e-7)])
@pytest.mark.parametrize(("cells", "edge"), [(2, 1), (8, 3), (64, 20), (1000, 371)])
def test_two_step_wells(inner, outer, cells, edge):
    potential = np.where(np.arange(cells) < edge, inner, outer)
    exact = two_step_length(inner, outer, mpf(edge) / cells)
    assert relative_error(bornnet.scattering_length(potential), exact) < 1e-13 * cells**0.5


@pytest.mark.parametrize("core", [1.0, 100.0, 1e4, 1e6, 1e9])
@pytest.mark.parametrize("well", [0.5, 20.0, 200.0])
@pytest.mark.parametrize(("cells", "edge"), [(2, 1), (10, 3), (64, 20), (10_000, 3000)])
def test_repulsive_core_and_well(core, well, cells, edge):
    potential = np.where(np.arange(cells) < edge, -core, well)
    exact = core_and_well_length(core, well, mpf(edge) / cells)
    assert relative_error(bornnet.scattering_length(potential), exact) < 1e-12


@pytest.mark.parametrize("shape", ["square", "random", "deep cells", "core and well"])
@pytest.mark.parametrize("length", [-1e4, -1e8, -1e12, 1e4, 1e8, 1e12])
def test_through_the_unitary_limit(shape, length):
    """The potential is brought so near to unitarity that a0 has the size and sign wanted."""
    potential = np.ones(16) if shape == "square" else POTENTIALS[shape]
    attractive = potential > 0

    def inverse(factor):
        scaled = [mpf(d) * (factor if a else 1) for d, a in zip(potential, attractive, strict=True)]
        u, v = exact_edge(scaled)
        return v / (v - u)

    factors = np.linspace(0.1, 4, 400)
    values = [float(inverse(mpf(f))) for f in factors]
    crossings = [k for k in range(399) if values[k] < 0 < values[k + 1] and abs(values[k]) < 3]
    factor = mp.findroot(
        lambda f: inverse(f) - 1 / mpf(length), (factors[crossings[0]], factors[crossings[0] + 1])
    )
    tuned = np.where(attractive, potential * float(factor), potential)
    assert float(abs(bornnet.inverse_scattering_length(tuned) - 1 / exact_length(tuned))) < 1e-12
    if abs(length) < 1e9:
        assert np.sign(bornnet.scattering_length(tuned)) == np.sign(length)
        assert abs(bornnet.scattering_length(tuned)) > 0.5 * abs(length)


def test_exactly_at_unitarity():
    """u'(1) = 0 has a meaning: a0 = inf, 1/a0 = 0, and no warning."""
    d, v = np.array([-3.0, -3.0, 2.0]), np.array([0.0, -0.0, 0.0])
    np.testing.assert_array_equal(length_from_edge(d, v, 4), np.inf)
    np.testing.assert_array_equal(inverse_length_from_edge(d, v, 4), 0)


def test_every_double_around_unitarity():
    shape = np.array([0.7, 1.9, 1.1])
    critical = shape / bornnet.weinberg_eigenvalue(shape)
    near = critical * (1 + np.arange(-500, 500)[:, None] * 2.0**-52)
    inverse = bornnet.inverse_scattering_length(near)
    assert np.abs(inverse).max() < 1e-12
    assert inverse.min() < 0 < inverse.max()
    length, gradient = bornnet.scattering_length_and_gradient(near)
    np.testing.assert_array_equal(length > 0, bornnet.bound_states(near) == 1)
    assert (gradient < 0).all()


def test_no_potential_at_all():
    assert bornnet.scattering_length(np.zeros(7)) == 0
    assert bornnet.inverse_scattering_length(np.zeros(7)) == np.inf
    length, gradient = bornnet.scattering_length_and_gradient(np.zeros(4))
    assert length == 0
    np.testing.assert_allclose(gradient, -(np.arange(1, 5) ** 3 - np.arange(4) ** 3) / 3 / 64, rtol=1e-15)


@pytest.mark.parametrize("cells", [1, 2, 64, 10_000])
@pytest.mark.parametrize("height", [1e6, 1e12, 1e100, 1e300])
def test_strong_repulsion_is_a_hard_sphere(cells, height):
    """a0 = 1 - tanh(k) / k, however high the wall."""
    assert bornnet.scattering_length(np.full(cells, -height)) == pytest.approx(1 - height**-0.5, rel=1e-13)


@pytest.mark.parametrize("depth", [1e30, 1e150, 1e300, -1e300])
def test_extreme_depths_stay_finite(depth):
    potential = np.array([depth, 0, depth, 3.0, 0, depth])
    length, gradient = bornnet.scattering_length_and_gradient(potential)
    assert np.isfinite(length)
    assert np.isfinite(gradient).all()


@settings(max_examples=60, deadline=None)
@given(potential=arrays(float, st.integers(1, 40), elements=DEPTHS), factor=st.integers(2, 7))
def test_cutting_every_cell_changes_nothing(potential, factor):
    coarse = bornnet.inverse_scattering_length(potential)
    fine = bornnet.inverse_scattering_length(np.repeat(potential, factor))
    exact = 1 / exact_length(potential) if np.any(potential) else mpf("inf")
    if abs(exact) < 1e300:
        scale = 1 + abs(exact) + condition(potential)
        assert abs(coarse - exact) < 1e-13 * scale
        assert abs(fine - exact) < 1e-13 * scale


def condition(potential: np.ndarray) -> float:
    """How far 1/a0 moves when every U_i moves by its own size: rounding of U alone costs 1e-16 of it."""
    length, gradient = bornnet.scattering_length_and_gradient(potential)
    return float(np.abs(gradient * potential / length).sum() / abs(length))


@settings(max_examples=60, deadline=None)
@given(
    potential=arrays(
        float, st.integers(1, 40), elements=st.just(0.0) | st.floats(1e-3, 5) | st.floats(1e-290, 1e-7)
    )
)
def test_sign(potential):
    """Repulsion gives 0 <= a0 < 1; attraction below the first bound state a0 <= 0."""
    assert 0 <= bornnet.scattering_length(-potential) < 1
    if np.any(potential) and bornnet.weinberg_eigenvalue(potential) < 1:
        assert bornnet.scattering_length(potential) < 0


@settings(max_examples=40, deadline=None)
@given(
    batch=arrays(float, st.tuples(st.integers(0, 100), st.integers(1, 9)), elements=DEPTHS),
    workers=st.integers(1, 3),
    data=st.data(),
)
def test_a_potential_does_not_feel_its_batch(batch, workers, data):
    """Bit for bit the same alone, in any batch, in any place, on any number of threads."""
    length, gradient = bornnet.scattering_length_and_gradient(batch, workers=workers)
    np.testing.assert_array_equal(length, bornnet.scattering_length(batch))
    np.testing.assert_array_equal(length[::-1], bornnet.scattering_length(batch[::-1]))
    if len(batch):
        row = data.draw(st.integers(0, len(batch) - 1))
        alone, alone_gradient = bornnet.scattering_length_and_gradient(batch[row])
        assert alone == length[row]
        np.testing.assert_array_equal(alone_gradient, gradient[row])


def test_threads_do_not_change_a_bit():
    many = np.random.default_rng(1).uniform(-100, 100, (30_000, 20))
    one = bornnet.scattering_length_and_gradient(many, workers=1)
    for workers in (2, 3, 16):
        for expected, value in zip(
            one, bornnet.scattering_length_and_gradient(many, workers=workers), strict=True
        ):
            np.testing.assert_array_equal(value, expected)


@given(shape=array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5))
@settings(max_examples=20, deadline=None)
def test_shapes(shape):
    potential = np.random.default_rng(0).uniform(0, 1, shape)
    length, gradient = bornnet.scattering_length_and_gradient(potential)
    assert np.shape(length) == shape[:-1]
    assert gradient.shape == shape
    assert np.shape(bornnet.inverse_scattering_length(potential)) == shape[:-1]
    assert np.shape(bornnet.bound_states(potential)) == shape[:-1]
    assert np.shape(bornnet.weinberg_eigenvalue(potential)) == shape[:-1]
    assert bornnet.born_terms(potential, 3).shape == (3, *shape[:-1])


@pytest.mark.parametrize(
    "given", [[1, 2, 3], (1.0, 2.0, 3.0), np.array([1, 2, 3], dtype=np.float32), np.arange(1, 4)]
)
def test_whatever_numpy_takes(given):
    value = bornnet.scattering_length(given)
    assert isinstance(value, np.float64)
    assert value == bornnet.scattering_length(np.array([1.0, 2.0, 3.0]))


def test_strided_and_read_only_arrays():
    whole = np.random.default_rng(0).uniform(0, 1, (6, 8))
    expected = bornnet.scattering_length(whole[::2, ::-1].copy())
    whole.flags.writeable = False
    np.testing.assert_array_equal(bornnet.scattering_length(whole[::2, ::-1]), expected)


BAD = {
    "no cells": ([], r"at least one cell, got \(0,\)"),
    "no cells in a batch": (np.empty((3, 0)), r"\(3, 0\)"),
    "a scalar": (3.0, r"got \(\)"),
    "ragged": ([[1, 2], [3]], "ragged"),
    "complex": ([1j], "real numbers, got dtype complex128"),
    "text": (["a"], "real numbers"),
    "objects": ([None], "real numbers"),
    "NaN": ([1, np.nan], r"potentials\[1\].*nan"),
    "infinity": (np.array([[[1, 2], [3, 4]], [[5, -np.inf], [np.nan, 8]]]), r"potentials\[1, 0, 1\].*-inf"),
}


@pytest.mark.parametrize(("value", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize(
    "function",
    [
        bornnet.scattering_length,
        bornnet.inverse_scattering_length,
        bornnet.scattering_length_and_gradient,
        bornnet.weinberg_eigenvalue,
        bornnet.bound_states,
        lambda potentials: bornnet.born_terms(potentials, 2),
    ],
)
def test_bad_potentials(function, value, message):
    with pytest.raises(InputError, match=message):
        function(value)
