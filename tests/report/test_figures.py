"""The files of the figures: all kinds, the numbers that are drawn, fonts inside, the same bytes again."""

import csv

import numpy as np
import pytest

from bornnet import born_kernel, born_terms, scattering_length
from bornnet.comparison.compare import compare_run
from bornnet.comparison.strength_scan import strength_scan
from bornnet.errors import InputError
from bornnet.files.atomic import check_new_directory
from bornnet.report.charts import CAPTIONS, FORMATS, rendered, save_figures
from bornnet.report.kernel_charts import errors_by_order
from bornnet.report.network_charts import diagram_chart
from bornnet.report.style import look


@pytest.fixture(scope="module")
def folder(drawn, tmp_path_factory):
    path = tmp_path_factory.mktemp("figures") / "figures"
    save_figures(path, [drawn])
    return path


def read(folder, name):
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return {column: [row[n] for row in rows] for n, column in enumerate(header)}


def numbers(column):
    return np.array([float(value) for value in column])


def test_every_figure_in_every_kind(folder, drawn):
    expected = {f"{chart.name}.{kind}" for chart in drawn for kind in (*FORMATS, "csv")}
    assert {file.name for file in folder.iterdir()} == expected | {CAPTIONS}
    starts = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}
    for chart in drawn:
        for kind, start in starts.items():
            assert (folder / f"{chart.name}.{kind}").read_bytes().startswith(start)


def test_numpy_reads_every_csv(folder, drawn):
    for chart in drawn:
        file = folder / f"{chart.name}.csv"
        read = np.genfromtxt(file, delimiter=",", names=True, dtype=None, encoding="utf-8", ndmin=1)
        assert read.shape == (len(next(iter(chart.data.values()))),)
        assert len(read.dtype.names) == len(chart.data)


def test_fonts_are_embedded(folder, drawn):
    for chart in drawn:
        assert b"/FontFile2" in (folder / f"{chart.name}.pdf").read_bytes()
        assert b"<text" not in (folder / f"{chart.name}.svg").read_bytes()


def test_same_comparison_same_bytes(comparison):
    with look():
        first, second = errors_by_order(comparison), errors_by_order(comparison)
    for kind in FORMATS:
        assert rendered(first, kind) == rendered(second, kind)


def test_first_order_data(folder, comparison):
    data = read(folder, "kernel-order-1")
    np.testing.assert_allclose(numbers(data["born (range^2)"]), 5 * born_kernel(1, 5), rtol=1e-14)
    members = np.array([5 * series.kernel(1) for series in comparison.learned])
    np.testing.assert_allclose(numbers(data["member_2 (range^2)"]), members[1], rtol=1e-14)
    np.testing.assert_allclose(numbers(data["learned (range^2)"]), members.mean(axis=0), rtol=1e-13)


@pytest.mark.parametrize("order", [2, 3])
def test_map_data_is_the_kernel_at_its_radii(folder, comparison, order):
    data = read(folder, f"kernel-order-{order}")
    cells = [(5 * numbers(data[f"r{n} (ranges)"])).astype(int) for n in range(1, order + 1)]
    exact = 5**order * born_kernel(order, 5)
    learned = 5**order * np.mean([series.kernel(order) for series in comparison.learned], axis=0)
    np.testing.assert_allclose(numbers(data[f"born (range^{order + 1})"]), exact[tuple(cells)], rtol=1e-13)
    np.testing.assert_allclose(
        numbers(data[f"learned (range^{order + 1})"]), learned[tuple(cells)], rtol=1e-12
    )


def test_error_data_is_the_table(folder, comparison):
    data = read(folder, "errors-by-order")
    own = [i for i, name in enumerate(data["series"]) if name.startswith("learned")]
    found = [(int(data["order"][i]), float(data["kernel_error"][i])) for i in own]
    assert found == [(row.order, row.kernel_error) for row in comparison.orders]


def test_diagrams_add_up_to_the_learned_terms(folder, comparison):
    data = read(folder, "diagrams")
    order, along, share = (numbers(data[name]) for name in ("order", "along (ranges)", "share"))
    mean = comparison.reference.potentials.mean(axis=0)
    terms = np.mean([member.terms(mean[None], 3)[:, 0] for member in comparison.learned], axis=0)
    for n in (1, 2, 3):
        assert along[order == n].sum() == pytest.approx(terms[n - 1], rel=1e-10)
        assert share[order == n].sum() == pytest.approx(1, rel=1e-10)


def test_diagrams_beyond_a_page_and_diagrams_that_vanish_are_said_to_be_left_out(study):
    beyond = compare_run(study, order=6)
    with look():
        chart = diagram_chart(beyond)
    assert [entry["order"] for entry in beyond.document()["diagrams"]] == [1, 2, 3, 4, 5]
    assert "Beyond order 5 there are too many" in chart.caption
    assert "Diagrams that are zero" in chart.caption
    assert "(x(x(xx)))" not in chart.data["diagram"]  # three vertices in a row, two hidden layers
    assert "(xx(xx))" in chart.data["diagram"]


def test_scan_over_strengths_against_rescaled_potentials(comparison):
    scan = strength_scan(comparison.evaluation.terms, comparison.reference, comparison.strength, points=4)
    chosen = np.unique(np.linspace(0, len(comparison.strength) - 1, 200).astype(int))
    shapes = comparison.reference.potentials[chosen] / comparison.strength[chosen, None]
    for column, strength in enumerate(scan.strength):
        U = strength * shapes
        exact = scattering_length(U)
        born = np.cumsum(born_terms(U, 3), axis=0)
        learned = [np.cumsum(series.terms(U, 3), axis=0) for series in comparison.learned]
        for n in range(3):
            expected = np.median(np.abs(born[n] / exact - 1))
            assert scan.born_vs_exact[n, column] == pytest.approx(expected, rel=1e-6, abs=1e-12)
            expected = np.mean([np.median(np.abs(sums[n] / born[n] - 1)) for sums in learned])
            assert scan.learned_vs_born[n, column] == pytest.approx(expected, rel=1e-6)


def test_a_folder_of_figures_may_be_replaced(folder, drawn):
    check_new_directory(folder, force=True, marker=CAPTIONS)


def test_figures_of_several_runs_may_be_replaced_by_those_of_one(drawn, tmp_path):
    save_figures(tmp_path / "f", [drawn[:1], drawn[:1]])
    assert {file.name for file in (tmp_path / "f").iterdir()} == {"1", "2", CAPTIONS}
    save_figures(tmp_path / "f", [drawn[:1]], force=True)
    captions = (tmp_path / "f" / CAPTIONS).read_text(encoding="utf-8")
    assert captions == f"{drawn[0].name}: {drawn[0].title}. {drawn[0].caption}\n"
    assert not (tmp_path / "f" / "1").exists()


def test_foreign_folders_are_left_alone(tmp_path, drawn):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match=r"not ours to replace"):
        save_figures(tmp_path / "mine", [drawn], force=True)
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
