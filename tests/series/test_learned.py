"""Learned series: terms are contractions of kernels, homogeneous, and from the networks they belong to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from series_cases import contracted, labelled, networks

from bornnet import fit_series, taylor_terms
from bornnet.errors import InputError
from bornnet.files.arrays import save_arrays
from bornnet.learners.store import save_learner
from bornnet.series.learned import load_series, save_series
from bornnet.series.terms import MemberSeries

POTENTIALS = labelled(12, cells=3).potentials


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_terms_are_contractions_of_the_kernel(rounds, corrected):
    series = MemberSeries(networks(rounds), corrected)
    terms = series.terms(POTENTIALS, 4)
    for order in range(1, 5):
        kernel = series.kernel(order)
        assert kernel.shape == (3,) * order
        np.testing.assert_allclose(kernel, kernel.T, rtol=0, atol=1e-15)
        np.testing.assert_allclose(terms[order - 1], contracted(kernel, POTENTIALS), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("learner", ["flow", "polynomial", "gp", "mlp"])
def test_what_is_no_set_of_potentials_is_refused(learner):
    data = labelled(60, cells=3)
    settings = {"flow": {"hidden": (4,), "steps": 2}, "mlp": {"hidden": (4,), "steps": 2}}
    series = fit_series(data.potentials, data.values, learner=learner, rounds=1, **settings.get(learner, {}))
    U = data.potentials
    cells = "cells" if learner == "flow" else 3
    methods = (
        series.predict,
        series.predict_std,
        series.without_value,
        lambda U: series.predict(U, 2),
        lambda U: series.terms(U, 2),
        lambda U: series.terms_std(U, 2),
    )
    for method in methods:
        for wrong in (U[0], U[None], *([] if learner == "flow" else [U[:, :2]])):
            with pytest.raises(InputError) as error:
                method(wrong)
            expected = f"potentials: expected shape (N, {cells}), got {wrong.shape}."
            assert str(error.value) == expected
    with pytest.raises(InputError, match="ragged"):
        series.predict([[1.0], [1.0, 2.0]])
    with pytest.raises(InputError, match=r"expected shape \(N, cells\), got \(3,\)"):
        series.members[0].predict(U[0])
    assert series.predict(U[:2].tolist()).shape == (2,)
    for order in (2.5, 0, -1, True, "2"):
        expected = f"order: expected an integer of at least 1, got {order!r}"
        for method in (series.kernel, series.kernel_std, series.members[0].kernel):
            with pytest.raises(InputError) as error:
                method(order)
            assert str(error.value) == expected
    for order in (1.5, -1):
        for method in (series.terms, series.terms_std, series.predict):
            with pytest.raises(InputError, match="order: expected an integer"):
                method(U, order)


def test_each_order_comes_from_its_round():
    first, second, third = networks(3)
    plain, corrected = (MemberSeries((first, second, third), flag) for flag in (False, True))
    taylor = [taylor_terms(each.network, POTENTIALS, 4) for each in (first, second, third)]
    expected = [taylor[0][1], taylor[1][2], taylor[2][3], taylor[2][4]]
    np.testing.assert_allclose(plain.terms(POTENTIALS, 4), expected, rtol=1e-12)
    expected = [
        taylor[0][1] + taylor[1][1] + taylor[2][1],
        taylor[1][2] + taylor[2][2],
        taylor[2][3],
        taylor[2][4],
    ]
    np.testing.assert_allclose(corrected.terms(POTENTIALS, 4), expected, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    factor=st.floats(1e-3, 4.0),
    rounds=st.integers(1, 3),
    corrected=st.booleans(),
    activation=st.sampled_from(["tanh", "gelu", "softplus"]),
)
def test_order_n_is_homogeneous_of_degree_n(factor, rounds, corrected, activation):
    series = MemberSeries(networks(rounds, activation=activation), corrected)
    terms, scaled = series.terms(POTENTIALS, 4), series.terms(factor * POTENTIALS, 4)
    for order in range(1, 5):
        scale = factor**order * np.abs(terms[order - 1]).max()
        np.testing.assert_allclose(
            scaled[order - 1], factor**order * terms[order - 1], rtol=1e-10, atol=1e-13 * scale
        )


def test_predict_is_the_sum_through_an_order():
    series = MemberSeries(networks(3))
    terms = series.terms(POTENTIALS, 3)
    np.testing.assert_array_equal(series.predict(POTENTIALS, 3), terms.sum(axis=0))
    np.testing.assert_array_equal(series.predict(POTENTIALS, 2), terms[:2].sum(axis=0))


@pytest.mark.parametrize("corrected", [False, True])
def test_saved_and_loaded_it_is_the_same(tmp_path, corrected):
    series = MemberSeries(networks(2), corrected)
    save_series(tmp_path / "series.safetensors", series)
    loaded = load_series(tmp_path / "series.safetensors")
    assert [member.corrected for member in loaded.members] == [corrected]
    np.testing.assert_array_equal(loaded.terms(POTENTIALS, 3), series.terms(POTENTIALS, 3))
    with pytest.raises(InputError, match=r"exists"):
        save_series(tmp_path / "series.safetensors", series)


def test_files_that_hold_no_series(tmp_path):
    save_learner(tmp_path / "model.safetensors", networks(1)[0])
    with pytest.raises(InputError, match=r"model\.safetensors"):
        load_series(tmp_path / "model.safetensors")
    empty = tmp_path / "empty.safetensors"
    save_arrays(empty, {}, form="bornnet-series", facts={"architectures": [], "corrected": False})
    with pytest.raises(InputError, match="holds no network"):
        load_series(empty)


def test_proxies_of_each_order_predict():
    series = MemberSeries(networks(3))
    for order in (1, 2, 3):
        np.testing.assert_array_equal(
            series.through(order).predict(POTENTIALS, order), series.predict(POTENTIALS, order)
        )
    with pytest.raises(InputError, match="3 rounds"):
        series.through(4)


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_a_learners_own_value_is_its_whole_series(rounds, corrected):
    """Close to U = 0, where high orders vanish, the own value is the sum of its Taylor terms: those learned
    before the last round, and from there on the last round's own."""
    series, weak = MemberSeries(networks(rounds), corrected), 1e-3 * POTENTIALS
    terms = [learner.taylor_terms(weak, 6) for learner in series.learners]
    before = (
        MemberSeries(series.learners[:-1], corrected).terms(weak, rounds - 1).sum(0) if rounds > 1 else 0.0
    )
    expected = before + terms[-1][1 if corrected else rounds :].sum(axis=0)
    np.testing.assert_allclose(series.predict(weak), expected, rtol=1e-9, atol=1e-14)


def test_a_series_written_by_an_earlier_bornnet_opens(tmp_path):
    """Then a file held one member, and perceptrons alone."""
    learners = networks(2)
    arrays, architectures = {}, []
    for number, learner in enumerate(learners, start=1):
        arrays |= {f"{number}.{name}": array for name, array in learner.state().arrays.items()}
        architectures.append(learner.state().facts["architecture"])
    old = tmp_path / "old.safetensors"
    save_arrays(
        old, arrays, form="bornnet-series", facts={"architectures": architectures, "corrected": False}
    )
    np.testing.assert_array_equal(
        load_series(old).terms(POTENTIALS, 3), MemberSeries(learners).terms(POTENTIALS, 3)
    )
