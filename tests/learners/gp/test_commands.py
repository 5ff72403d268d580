"""The Gaussian process behind the protocol: arrays to terms, stored and opened, what it says of itself."""

import logging

import numpy as np
import pytest
from series_cases import labelled

from bornnet import compare, fit_series, load_series, scattering_length
from bornnet.config.load import load_config
from bornnet.errors import InputError
from bornnet.physics.families import sample_potentials

DATA = labelled(700, 4, seed=8)


@pytest.fixture(scope="module")
def series():
    return fit_series(DATA.potentials, DATA.values, learner="gp", rounds=1)


def test_one_fit_without_rounds_gives_the_series(series, tmp_path):
    """560 potentials of four cells: far below what perceptron and polynomial reach."""
    errors = [row.kernel_error for row in compare(series).orders]
    assert errors[0] < 1e-9
    assert errors[1] < 1e-6
    assert errors[2] < 1e-4
    series.save(tmp_path / "gp.safetensors")
    again = load_series(tmp_path / "gp.safetensors")
    for order in (1, 2, 3):
        np.testing.assert_array_equal(again.kernel(order), series.kernel(order))
    assert again.members[0].learners[0].chosen == series.members[0].learners[0].chosen


def test_units_of_the_potentials_do_not_matter_to_what_is_stored(series):
    (learner,) = series.members[0].learners
    values = learner(DATA.potentials[:50]) - DATA.values[:50]
    assert np.median(np.abs(values)) < 1e-8


def test_it_says_where_its_values_are_no_predictions(caplog):
    """Where cells stand by themselves spiky potentials are far off, while the terms are right."""
    U, _ = sample_potentials("mixture", 1500, 16, strength=(3e-3, 0.5), spacing="log", seed=5)
    with caplog.at_level(logging.WARNING, logger="bornnet"):
        series = fit_series(U, scattering_length(U), learner="gp", rounds=1, scales=(4.0,), lengths=(0.0,))
    assert "far off" in caplog.text
    assert compare(series, 2).orders[1].kernel_error < 1e-4


def test_presets_and_settings():
    config = load_config("quick", overrides={"learner": "gp", "scales": "1,2"})
    assert (config.rounds, config.scales, config.kernel) == (1, (1.0, 2.0), "exponential")
    with pytest.raises(InputError, match="--kernel: expected one of exponential, ball"):
        load_config(overrides={"learner": "gp", "kernel": "matern"})
    with pytest.raises(InputError, match="--scales: expected one positive factor or several"):
        load_config(overrides={"learner": "gp", "scales": "0"})
