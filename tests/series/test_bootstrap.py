"""Members that are fitted to rows drawn anew: what they spread by, and that it can be repeated."""

import numpy as np
import pytest
from series_cases import labelled

import bornnet
from bornnet.config.load import load_config
from bornnet.datasets.labelled import split
from bornnet.errors import InputError
from bornnet.learners.base import Scaling
from bornnet.learners.spread import combined
from bornnet.runs.directory import load_run
from bornnet.runs.rounds import fit_run
from bornnet.series.member import Member

DATA = labelled(150, cells=3)
TWO = {"bootstrap": True, "members": 2}


def member(number, seed=0):
    training, held_out = split(DATA, 0.2, seed)
    study = load_config(overrides={"bootstrap": True, "members": 3, "seed": seed})
    return Member(study, number, training, held_out, Scaling(np.ones(3), 1.0))


def test_rows_are_drawn_with_replacement_by_seed_and_member():
    rows = member(0).rows
    assert len(rows) == len(member(0).training)
    distinct = len(np.unique(rows.values))
    assert 0.55 < distinct / len(rows) < 0.72  # 1 - 1/e
    for kept in (rows.values, rows.strength):
        assert np.isin(kept, DATA.values).all() or np.isin(kept, DATA.strength).all()
    np.testing.assert_array_equal(member(0).rows.values, rows.values)
    assert (member(1).rows.values != rows.values).any()
    assert (member(0, seed=1).rows.values != rows.values).any()


def test_the_spread_is_the_error_of_a_linear_fit():
    """Of a linear model with independent errors, against the exact covariance of weighted least squares."""
    rng = np.random.default_rng(5)
    U, k = rng.uniform(0.1, 1, (400, 3)), np.array([0.5, -1.0, 2.0])
    sigma = 0.05 * rng.uniform(0.5, 2, 400)
    values = U @ k + sigma * rng.standard_normal(400)
    settings = {"learner": "polynomial", "degree": 1, "rounds": 1, "observable": "line"}
    series = bornnet.fit_series(U, values, sigma=sigma, bootstrap=True, members=80, **settings)
    spread = np.std([m.kernel(1) for m in series.members], axis=0, ddof=1)
    fitted = np.isin(values, series.held_out.values, invert=True)
    weighted = U[fitted] / sigma[fitted, None]
    exact = np.sqrt(np.diag(np.linalg.inv(weighted.T @ weighted)))
    np.testing.assert_allclose(spread, exact, rtol=0.3)  # 80 members tell it to 8 %
    assert (series.kernel_std(1) >= spread).all()
    assert np.all(np.abs(series.kernel(1) - k) < 4 * exact)


def test_what_members_state_and_how_they_spread_are_joined():
    values = [np.array([1.0, 5.0]), np.array([3.0, 5.0])]  # they spread by sqrt(2) and 0
    own = [np.array([1.0, 2.0]), np.array([1.0, 2.0])]
    np.testing.assert_allclose(combined(own, lambda: values, redrawn=False), [np.sqrt(3), 2])
    np.testing.assert_allclose(combined(own, lambda: values, redrawn=True), [np.sqrt(2), 2])
    np.testing.assert_allclose(combined([None, None], lambda: values, redrawn=True), [np.sqrt(2), 0])
    np.testing.assert_allclose(combined([own[0], None], lambda: values, redrawn=True), [np.sqrt(2), 0])
    np.testing.assert_array_equal(combined(own[:1], lambda: values[:1], redrawn=False), own[0])
    assert combined([None], lambda: values[:1], redrawn=False) is None


@pytest.mark.parametrize(
    ("learner", "settings"),
    [
        ("gp", {"scales": (2.0,), "lengths": (0.0,)}),
        ("polynomial", {"degree": 3}),
        ("mlp", {"hidden": (4,), "steps": 5}),
        ("flow", {"hidden": (3,), "steps": 5}),
    ],
)
def test_exact_values_get_error_bars_too(learner, settings):
    given = {"learner": learner, "rounds": 1, **TWO, **settings}
    series = bornnet.fit_series(DATA.potentials, DATA.values, **given)
    std = series.kernel_std(2)
    assert std.shape == (3, 3)
    assert (std > 0).all()
    assert (series.terms_std(DATA.potentials[:4], 2) > 0).all()
    if learner == "gp":  # repeated rows say nothing new, and are left out
        assert series.members[0].learners[0].chosen["rows"] < 0.75 * 120
        assert series.members[0].learners[0].chosen["nugget"] < 1e-10


def test_one_member_has_no_spread():
    with pytest.raises(InputError, match="expected at least 2 members"):
        bornnet.fit_series(DATA.potentials, DATA.values, bootstrap=True)


def test_a_run_is_resumed_to_the_same_bits(tmp_path):
    keys = {"hidden": (4,), "steps": (6, 4), "rounds": 2, **TWO, "seed": 3}
    bornnet.write_dataset(tmp_path / "d.h5", DATA.potentials, DATA.values)
    config = load_config(overrides=keys)
    fit_run(tmp_path / "d.h5", tmp_path / "r", config)
    whole = load_run(tmp_path / "r").series
    for file in ("summary.json", "member-1/round-2.safetensors"):
        (tmp_path / "r" / file).unlink()
    fit_run(tmp_path / "d.h5", tmp_path / "r", config, resume=True)
    memory = bornnet.fit_series(DATA.potentials, DATA.values, **keys)
    for order in (1, 2):
        for series in (load_run(tmp_path / "r").series, memory):
            np.testing.assert_array_equal(series.kernel(order), whole.kernel(order))
            np.testing.assert_array_equal(series.kernel_std(order), whole.kernel_std(order))


@pytest.mark.slow
def test_members_side_by_side_draw_the_same_rows(tmp_path):
    keys = {"hidden": (4,), "steps": 6, "rounds": 1, **TWO, "workers": 2}
    bornnet.write_dataset(tmp_path / "d.h5", DATA.potentials, DATA.values)
    for name, at_once in (("a", 1), ("b", 2)):
        fit_run(tmp_path / "d.h5", tmp_path / name, load_config(overrides=keys), at_once=at_once)
    one, other = (load_run(tmp_path / name).series for name in ("a", "b"))
    np.testing.assert_allclose(one.kernel(1), other.kernel(1), rtol=1e-9)
