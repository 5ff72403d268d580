"""Comparisons where no truth is known, and where labels have errors but the truth is known."""

import json

import numpy as np
import pytest
from bornnet.cli.main import main
from page_numbers import assert_true_to
from series_cases import labelled

import bornnet
from bornnet import born_kernel, compare, fit_series
from bornnet.comparison.compare import compare_run, compare_runs
from bornnet.errors import InputError
from bornnet.report.charts import charts
from bornnet.report.known_charts import agreement_chart, coefficient_charts
from bornnet.report.page import report
from bornnet.report.residual_chart import residual_chart

CELLS = 3
DATA = labelled(120, CELLS, low=0.02)
NOISE = 0.01
VALUES = DATA.values / (1 + 0.3 * DATA.values)
SIGMA = NOISE * np.abs(VALUES)
NOISY = VALUES + SIGMA * np.random.default_rng(4).standard_normal(len(VALUES))
FIRST = born_kernel(1, CELLS)
"""Of the observable too: a0 / (1 + 0.3 a0) = a0 + O(U^2)."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    bornnet.write_dataset(folder / "k.h5", DATA.potentials, NOISY, sigma=SIGMA, observable="phase <b>")
    bornnet.write_dataset(folder / "bare.h5", DATA.potentials, VALUES, observable="phase <b>")
    bornnet.write_dataset(folder / "a0.h5", DATA.potentials, 1.1 * DATA.values, sigma=0.1)
    own = ("--workers", "1", "--quiet")
    members = ("--hidden", "3", "--steps", "4", "--rounds", "2", "--members", "2")
    for data, out, *flags in (
        ("k.h5", "gp", "--learner", "gp"),
        ("bare.h5", "mlp", *members),
        ("bare.h5", "one", *members[:-1], "1"),
        ("a0.h5", "a0", "--learner", "gp"),
    ):
        assert main(["iterate", str(folder / data), "--out", str(folder / out), *flags, *own]) == 0
    return folder


def document(capsys, *arguments):
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_is_known_stands_and_errors_against_truth_are_null(folder, capsys):
    told = document(capsys, "compare-born", folder / "gp")
    assert (told["observable"], told["truth"], told["law"]) == ("phase <b>", False, None)
    tables = [told["orders"], told["single_network"], *(b["orders"] for b in told["baselines"])]
    for row in (row for rows in tables for row in rows):
        unknown = ("kernel_error", "kernel_error_spread", "kernel_cosine", "term_error", "born_norm")
        assert all(row[key] is None for key in (*unknown, "coverage"))
        assert row["taylor_norm"] >= 0
    series = bornnet.load_run(folder / "gp").series
    for row in told["orders"]:
        n = row["order"]
        assert row["taylor_norm"] == pytest.approx(np.linalg.norm(series.kernel(n)))
        assert row["norm_std"] == pytest.approx(np.linalg.norm(series.kernel_std(n)))
        assert row["kernel_std"] == pytest.approx(row["norm_std"] / row["taylor_norm"])
        assert row["member_spread"] is None
    assert np.linalg.norm(series.kernel(1) - FIRST) < 4 * told["orders"][0]["norm_std"]
    assert [set(row.values()) for row in told["proxy"]] == [{1, None}, {2, None}, {3, None}]
    for baseline in bornnet.load_run(folder / "gp").series.members:
        assert baseline.kernel(1).shape == (CELLS,)


def test_agreement_is_the_distance_between_tensors(folder):
    comparison = compare_run(folder / "gp")
    for row in comparison.known.orders:
        names = [other.name for other in row.agreement]
        assert names == [name for name in comparison.baselines if not name.startswith("gp")]
        learned = comparison.learned[0].kernel(row.order)
        for other in row.agreement:
            theirs = comparison.baselines[other.name].kernel(row.order)
            if not theirs.any():
                assert other.distance is None
            else:
                apart = np.linalg.norm(learned - theirs) / np.linalg.norm(learned)
                assert other.distance == pytest.approx(apart)


def test_members_that_state_no_error_have_their_spread(folder, capsys):
    row = document(capsys, "compare-born", folder / "mlp")["orders"][1]
    one, other = (m.kernel(2) for m in bornnet.load_run(folder / "mlp").learned)
    apart = np.linalg.norm(one - other) / np.sqrt(2)
    assert row["kernel_std"] is None
    assert row["norm_std"] == pytest.approx(apart)
    assert row["member_spread"] == pytest.approx(apart / np.linalg.norm((one + other) / 2))
    row = document(capsys, "compare-born", folder / "one")["orders"][1]
    assert row["norm_std"] is row["member_spread"] is row["term_std"] is None


def test_held_out_values_are_met_as_told(folder, capsys):
    told = document(capsys, "compare-born", folder / "gp")["held_out"]
    series = bornnet.load_run(folder / "gp").series
    rows = series.held_out
    off = rows.values - series.predict(rows.potentials)
    assert told["rows"] == len(off) == 24
    assert told["value"]["rms"] == pytest.approx(np.sqrt(np.mean(off**2)))
    assert told["value"]["in_sigma"] == pytest.approx(np.sqrt(np.mean((off / rows.sigma) ** 2)))
    assert 0.5 < told["value"]["in_claimed"] < 2
    through = rows.values - series.terms(rows.potentials, 2).sum(axis=0)
    assert told["sums"][1]["rms"] == pytest.approx(np.sqrt(np.mean(through**2)))


@pytest.fixture(scope="module")
def drawn(folder):
    comparison = compare_run(folder / "gp")
    return comparison, charts(comparison)


@pytest.fixture(scope="module")
def page(drawn):
    comparison, figures = drawn
    return report([comparison], [figures])


@pytest.mark.parametrize("name", ["gp", "mlp", "one"])
def test_words_say_that_no_truth_is_known_and_none_says_born(folder, name, capsys):
    capsys.readouterr()
    assert main(["compare-born", str(folder / name)]) == 0
    comparison = compare_run(folder / name)
    require_no_born(capsys.readouterr().out, comparison.document()["verdict"], comparison._repr_html_())


def test_the_page_says_so_too(folder, drawn, page):
    figures = drawn[1]
    body = page.partition("</style>")[2].partition('part-reproduce">')[0].replace(str(folder), "")
    require_no_born(body)
    assert "<b>" not in body.replace("<figcaption><b>", "")
    told = " ".join(f"{chart.title} {chart.caption}" for chart in figures)
    require_no_born(told)


def require_no_born(*texts):
    for text in texts:
        assert "no truth" in text.lower()
        plain = text.replace("compare-born", "").replace("bornnet", "")
        assert "born" not in plain.lower(), plain
        assert "a0" not in plain


def test_every_number_of_the_page_is_that_of_the_json(drawn, page):
    keys = assert_true_to(page, drawn[0].document())
    assert {f"orders.{n}.{column}" for n in range(3) for column in ("taylor_norm", "norm_std")} <= keys
    assert {"orders.0.term_std", "held_out.value.rms", "held_out.sums.2.in_sigma"} <= keys


@pytest.mark.parametrize("name", ["mlp", "one"])
def test_figures_of_members_and_of_no_stated_error(folder, name):
    comparison = compare_run(folder / name)
    drawn = [agreement_chart(comparison), *coefficient_charts(comparison), residual_chart(comparison)]
    columns = {chart.name: chart.data for chart in drawn}
    assert ("learned_std" in columns["kernel-order-2"]) == (name == "mlp")
    assert ("stated error" in columns["agreement-by-order"]) == (name == "mlp")
    told = {chart.name: chart.caption for chart in drawn}
    (second,) = (chart.figure for chart in drawn if chart.name == "kernel-order-2")
    titles = [title for title in (axes.get_title() for axes in second.axes) if title]
    assert len(titles) == (3 if name == "mlp" else 1)
    assert ("not stated" in told["kernel-order-1"]) == (name == "one")


def test_runs_of_one_observable_stand_side_by_side(folder, capsys):
    told = document(capsys, "compare-born", folder / "gp", folder / "mlp")
    (pair,) = told["apart"]
    assert pair["runs"] == [str(folder / "gp"), str(folder / "mlp")]
    one, other = (bornnet.load_run(folder / name).series.kernel(1) for name in ("gp", "mlp"))
    size = (np.linalg.norm(one) + np.linalg.norm(other)) / 2
    assert pair["distances"][0] == pytest.approx(np.linalg.norm(one - other) / size)
    several = compare_runs([folder / "gp", folder / "mlp"])
    page = report(several, [[], []])
    assert "Kernel error" not in page
    with pytest.raises(InputError, match="need the same observable"):
        compare_runs([folder / "gp", folder / "a0"])


def test_a_path_needs_a_truth(folder, capsys):
    assert main(["compare-born", str(folder / "gp"), "--path", "square:eta=0.5"]) == 2
    assert "no truth is known" in capsys.readouterr().err


def test_in_memory_as_by_the_commands(folder):
    series = fit_series(
        DATA.potentials, NOISY, sigma=SIGMA, learner="gp", rounds=1, observable="phase <b>", workers=1
    )
    in_memory, stored = compare(series).to_dict(), compare_run(folder / "gp").to_dict()
    for row, same in zip(in_memory["orders"], stored["orders"], strict=True):
        assert row["taylor_norm"] == pytest.approx(same["taylor_norm"], rel=1e-6)
    assert in_memory["held_out"]["value"] == pytest.approx(stored["held_out"]["value"], rel=1e-6)
    assert "no truth known" in repr(compare(series))


def test_a_series_keeps_its_errors(tmp_path):
    series = fit_series(
        DATA.potentials, NOISY, sigma=SIGMA, learner="gp", rounds=1, observable="k", workers=1
    )
    series.save(tmp_path / "s.safetensors")
    again = bornnet.load_series(tmp_path / "s.safetensors")
    np.testing.assert_array_equal(again.held_out.sigma, series.held_out.sigma)
    assert compare(again).to_dict() == compare(series).to_dict()


def test_own_scattering_lengths_are_judged_by_exact_ones(folder):
    comparison = compare_run(folder / "a0")
    U = comparison.reference.potentials
    np.testing.assert_allclose(comparison.reference.scattering_length, bornnet.scattering_length(U))
    np.testing.assert_array_equal(comparison.reference.terms, bornnet.born_terms(U, 3))
    through = [row.born_vs_exact for row in comparison.proxies]
    exact = bornnet.scattering_length(U)
    sums = np.cumsum(bornnet.born_terms(U, 3), axis=0)
    assert through == pytest.approx([np.median(np.abs(s / exact - 1)) for s in sums])
    series = fit_series(DATA.potentials, 1.1 * DATA.values, sigma=0.1, learner="gp", rounds=1, workers=1)
    assert [row.born_vs_exact for row in compare(series).proxies] == pytest.approx(through)


def test_noise_does_not_change_the_truth(tmp_path):
    flags = ["--samples", "150", "--cells", "3", "--strength", "0.01", "0.5", "--quiet"]
    for name, *more in (("exact",), ("noisy", "--noise", "0.3")):
        data, out = str(tmp_path / f"{name}.h5"), str(tmp_path / name)
        assert main(["generate", data, *flags, *more]) == 0
        assert main(["train", data, "--out", out, "--learner", "polynomial", "--quiet"]) == 0
    exact, noisy = (compare_run(tmp_path / name) for name in ("exact", "noisy"))
    np.testing.assert_array_equal(exact.reference.terms, noisy.reference.terms)
    assert [r.born_vs_exact for r in exact.proxies] == [r.born_vs_exact for r in noisy.proxies]
    assert noisy.proxies[0].vs_exact > exact.proxies[0].vs_exact
    assert noisy.residuals.measured.sigma is not None
