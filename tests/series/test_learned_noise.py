"""The size of the errors of values, found from the values alone."""

import json

import numpy as np
import pytest
from bornnet.cli.main import main

import bornnet
from bornnet.datasets.labelled import Labelled, split
from bornnet.errors import InputError
from bornnet.learners.gp.evidence import log_evidence
from bornnet.learners.gp.noise import Estimate
from bornnet.physics.families import sample_potentials
from bornnet.series.noise import learned_noise

CELLS = 4
U, ETA = sample_potentials("mixture", 300, CELLS, strength=(3e-3, 0.5), spacing="log", seed=1)
EXACT = bornnet.scattering_length(U)
DRAW = np.random.default_rng(3).standard_normal(len(U))
CHEAP = {"learner": "polynomial", "degree": 2, "rounds": 1}


def rows(sigma, stated=None):
    return split(Labelled(U, EXACT + sigma * DRAW, ETA, None, stated), 0.2, 0)


@pytest.mark.parametrize(("relative", "absolute"), [(0.01, 0.0), (0.2, 0.0), (0.0, 1e-3)])
def test_noise_is_found_to_ten_percent(relative, absolute):
    true = np.hypot(relative * EXACT, absolute)
    training, held_out = rows(true, stated=3 * true)
    fitted, judged, found = learned_noise(training, held_out, 0)
    assert found.kind == ("relative" if relative else "absolute")
    assert found.level == pytest.approx(relative or absolute, rel=0.1)
    assert found.stated == pytest.approx(3 * (relative or absolute), rel=0.2)
    for part in (fitted, judged):
        exact = bornnet.scattering_length(part.potentials[:])
        assert np.median(part.sigma / np.hypot(relative * exact, absolute)) == pytest.approx(1, abs=0.1)


def test_exact_values_have_none():
    fitted, judged, found = learned_noise(*rows(0.0), 0)
    assert (found.kind, found.level) == (None, 0.0)
    assert fitted.sigma is judged.sigma is None
    assert "exact" in str(found)


def test_around_a_reference_errors_are_relative_to_what_was_measured():
    training, held_out = rows(0.01 * (EXACT - 0.05))
    _, _, found = learned_noise(training, held_out, 0, offset=-0.05)
    assert (found.kind, found.level) == ("relative", pytest.approx(0.01, rel=0.15))


def test_no_other_level_is_more_likely():
    """On a grid of levels, the evidence computed anew has its largest value at the level that was found."""
    few, y = U[:120], (EXACT + 0.01 * EXACT * DRAW)[:120]
    from bornnet.learners.gp.config import Config
    from bornnet.learners.gp.kernels import build
    from bornnet.learners.gp.scales import scale_matrix

    kernel = build(Config(), 1)
    found = Estimate(kernel, few, y, 1 / ETA[:120])
    amplitude, factor, length, level = found.parameters
    x = few @ scale_matrix(found.profile, length, factor)
    K = amplitude * np.expm1(x @ x.T)
    evidence = [
        log_evidence(K, y / found.unit, scale * level * found.sizes / found.unit)
        for scale in (0.8, 0.9, 1.0, 1.1, 1.25)
    ]
    assert int(np.argmax(evidence)) == 2
    assert evidence[2] == pytest.approx(found.noise.log_evidence, rel=1e-9)


def test_in_memory_it_is_used_and_kept(tmp_path):
    values = EXACT + 0.01 * EXACT * DRAW
    series = bornnet.fit_series(U, values, sigma="learn", **CHEAP)
    assert series.noise.kind == "relative"
    assert series.config.sigma == "learn"
    series.save(tmp_path / "s.safetensors")
    assert bornnet.load_series(tmp_path / "s.safetensors").noise == series.noise
    with pytest.raises(InputError, match=r"given, learn; got 'lern'. Did you mean 'learn'"):
        bornnet.fit_series(U, values, sigma="lern", **CHEAP)
    with pytest.raises(InputError, match="at least 30"):
        bornnet.fit_series(U[:20], values[:20], sigma="learn", learner="gp")


def test_a_run_says_and_records_it(tmp_path, capsys):
    data, run = str(tmp_path / "d.h5"), str(tmp_path / "run")
    values = EXACT + 1e-3 * DRAW
    bornnet.write_dataset(data, U, values)
    flags = ["--learner", "polynomial", "--degree", "2", "--sigma", "learn"]
    assert main(["train", data, "--out", run, *flags, "--quiet"]) == 0
    assert "the same for all values, was found" in capsys.readouterr().out
    assert main(["train", data, "--out", run, "--resume", "--json"]) == 0
    noise = json.loads(capsys.readouterr().out)["noise"]
    assert (noise["kind"], noise["stated"]) == ("absolute", None)
    assert noise["level"] == pytest.approx(1e-3, rel=0.1)
    stored = bornnet.load_run(run)
    assert stored.provenance["noise"] == noise
    assert stored.series.noise.level == noise["level"]
    alone = bornnet.fit_series(U, values, sigma="learn", **CHEAP)
    np.testing.assert_array_equal(alone.kernel(1), stored.series.kernel(1))
