"""Flows in the commands: compared on other cells than they were fitted on, their law and their trees."""

import shutil
import xml.etree.ElementTree as ET
from math import factorial
from pathlib import Path

import numpy as np
import pytest
from bornnet.cli.main import main

from bornnet import born_kernel, born_terms, load_run, scattering_length, weinberg_eigenvalue
from bornnet.comparison.compare import compare_run
from bornnet.learners.flow.accuracy import adaptive
from bornnet.learners.flow.trees import HIGHEST_VALUED

FLOW = ("--learner", "flow", "--hidden", "8,8", "--steps", "30", "--rounds", "1", "--quiet")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Runs `flow` and `mlp` on 200 potentials of four cells, and `own` on a file of potentials."""
    folder = tmp_path_factory.mktemp("cells")
    data, own, table = str(folder / "d.h5"), str(folder / "own.h5"), folder / "own.npy"
    np.save(table, np.random.default_rng(1).uniform(0.01, 0.5, (60, 4)))
    assert main(["generate", data, "--samples", "200", "--cells", "4", "--quiet"]) == 0
    assert main(["generate", own, "--potentials", str(table), "--quiet"]) == 0
    assert main(["iterate", data, "--out", str(folder / "flow"), *FLOW]) == 0
    assert main(["iterate", own, "--out", str(folder / "own"), *FLOW]) == 0
    mlp = ("--hidden", "5", "--steps", "5", "--rounds", "1", "--quiet")
    assert main(["iterate", data, "--out", str(folder / "mlp"), *mlp]) == 0
    return folder


@pytest.fixture
def runs(run, made):
    for name in ("flow", "mlp", "own"):
        shutil.copytree(made / name, name)
    return run


def test_kernels_and_potentials_are_those_of_the_cells_asked_for(runs):
    document = runs("compare-born", "flow", "--cells", 10, "--json").json
    assert (document["cells"], document["cells_fitted"]) == (10, 4)
    assert "potentials of 4 cells, compared on 10" in document["verdict"]
    assert document["baselines"] == []
    norms = [np.linalg.norm(born_kernel(n, 10)) for n in (1, 2, 3)]
    assert [row["born_norm"] for row in document["orders"]] == pytest.approx(norms, rel=1e-14)
    comparison = compare_run("flow", 2, cells=10)
    reference, (series,) = comparison.reference, comparison.learned
    np.testing.assert_allclose(comparison.strength, weinberg_eigenvalue(reference.potentials), rtol=1e-12)
    np.testing.assert_allclose(
        reference.scattering_length, scattering_length(reference.potentials), rtol=1e-13
    )
    for row in comparison.orders:
        exact = born_kernel(row.order, 10)
        off = np.linalg.norm(series.kernel(row.order) - exact) / np.linalg.norm(exact)
        assert row.kernel_error == pytest.approx(off, rel=1e-9)
        difference = (
            series.terms(reference.potentials, 2)[row.order - 1]
            - (born_terms(reference.potentials, 2)[row.order - 1])
        )
        born = born_terms(reference.potentials, 2)[row.order - 1]
        off = np.sqrt(np.mean(difference**2) / np.mean(born**2))
        assert row.term_error == pytest.approx(off, rel=1e-9)
    assert document["orders"][0]["kernel_error"] < 1e-3


def test_law_of_a_flow(runs):
    document = runs("compare-born", "flow", "--json").json
    law = document["law"]
    assert law["deviation"] < 1e-2
    assert [row["power"] for row in law["coefficients"]] == [0, 1, 2, 3]
    assert all(len(row["learned"]) == len(row["r"]) == len(row["exact"]) for row in law["coefficients"])
    shown = runs("compare-born", "flow").out
    assert f"{law['deviation']:.1e} of its RMS" in shown
    assert 0 < document["truncation"] < 1e-2
    assert "Steps of finite length along r put values off by" in " ".join(shown.split())
    assert "\\xa0" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert runs("compare-born", "mlp", "--json").json["law"] is None


def test_own_number_of_cells_changes_nothing(runs):
    assert runs("compare-born", "flow", "--cells", 4, "--json").json == (
        runs("compare-born", "flow", "--json").json
    )


def test_potentials_of_a_file_are_cut(runs):
    whole, cut = (compare_run("own", 1, cells=cells) for cells in (4, 8))
    np.testing.assert_array_equal(cut.reference.potentials[:, ::2], whole.reference.potentials)
    np.testing.assert_array_equal(cut.reference.potentials[:, 1::2], whole.reference.potentials)
    np.testing.assert_allclose(cut.reference.terms, whole.reference.terms, rtol=1e-12)


def test_learners_tied_to_their_cells_say_so(refused, runs):
    error = refused("compare-born", "mlp", "--cells", 8)
    assert "mlp" in error
    assert "4 cells" in error
    error = refused("compare-born", "own", "--cells", 6)
    assert "multiple of 4" in error
    refused("compare-born", "flow", "--cells", 0)


def test_report_says_on_what_it_compares(runs):
    outcome = runs("compare-born", "flow", "--cells", 6, "--report", "r.html", "--order", 2)
    assert outcome.code == 0
    page = Path("r.html").read_text(encoding="utf-8")
    assert "--cells 6" in page
    assert "The law along r" in page
    assert page.count('<figure id="law-') == 3
    assert 'data-key="cells_fitted"' in page


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_trees_of_a_flow_sum_to_what_it_learned(runs, order):
    Path("u.csv").write_text("0.5,1,2,0.1,0.7,0.2\n")  # six cells, where it was fitted to four
    document = runs("diagrams", "--order", order, "--run", "flow", "--along", "u.csv", "--json").json
    learner = load_run("flow").learners[0][0]
    U = np.array([document["direction"]])
    assert document["shapes"] == [1, 1, 2, 4][order - 1]
    along = sum(tree["along"] for tree in document["diagrams"])
    assert along == pytest.approx(learner.taylor_terms(U, order)[order, 0], rel=1e-10)
    tensor = learner.derivative_tensor(order, cells=6) / factorial(order)
    assert document["norm"] == pytest.approx(np.linalg.norm(tensor), rel=1e-10)
    assert document["born_term"] == pytest.approx(born_terms(U, order)[-1, 0], rel=1e-13)
    shares = {row["branches"]: row["relative"] for row in document["vertex_shares"]}
    assert list(shares) == list(range(order))
    assert shares[0] == pytest.approx(1)  # every tree has leaves
    if order == 4:
        (star,) = [tree for tree in document["diagrams"] if 3 in tree["vertices"]]
        assert shares[3] == pytest.approx(star["relative"], rel=1e-12)
        assert shares[3] < 0.2  # and 0 for the exact law


def test_trees_are_drawn(runs):
    shown = runs("diagrams", "--order", 4, "--run", "flow").out
    assert shown.count("── y") == 4
    assert "g₀────────┬─g₂─── y" in shown
    assert max(map(len, shown.splitlines())) <= 80
    outcome = runs("diagrams", "--order", 3, "--run", "flow", "--out", "d.svg")
    assert (outcome.code, outcome.err) == (0, "Wrote d.svg.\n")
    texts = [text.text for text in ET.parse("d.svg").getroot().iter("{http://www.w3.org/2000/svg}text")]
    assert (texts.count("y"), texts.count("g₀"), texts.count("g₁"), texts.count("g₂")) == (2, 3, 2, 1)
    assert "of order 3" in " ".join(texts)
    assert "g_{2}" in runs("diagrams", "--order", 3, "--run", "flow", "--format", "tikz").out


def test_a_comparison_points_to_the_trees_of_a_flow(runs):
    words = runs("compare-born", "flow", "--json").json["no_diagrams"]
    assert "bornnet diagrams --run" in words
    assert "layers of one activation" not in words
    assert runs("diagrams", "--order", 2, "--run", "flow").code == 0


def test_trees_say_along_what_they_are_and_on_how_many_cells(runs):
    def words(*flags):
        return " ".join(runs("diagrams", "--order", 2, "--run", "flow", *flags).out.split())

    assert "U is the square well of depth 1, on 4 cells. Norms do not" in words()
    Path("u.csv").write_text("0.5,1,2,0.1,0.7,0.2\n")
    other = words("--along", "u.csv")
    assert "U is that of u.csv, on 6 cells. Norms are of as many, where the run was fitted on 4." in other
    assert "square well" not in other
    document = runs("diagrams", "--order", 2, "--run", "flow", "--along", "u.csv", "--json").json
    assert (document["cells"], document["cells_fitted"]) == (6, 4)
    Path("own.csv").write_text("0.5,1,2,0.1\n")
    shown = " ".join(runs("diagrams", "--order", 2, "--run", "mlp", "--along", "own.csv").out.split())
    assert "U is that of own.csv, on 4 cells. Norms do not" in shown


def test_trees_that_cannot_be_had(refused, runs):
    expected = f"expected a number from 1 to {HIGHEST_VALUED} for the trees of a flow"
    assert expected in refused("diagrams", "--order", HIGHEST_VALUED + 1, "--run", "flow")
    highest = f"got 13. Trees of a flow go up to {HIGHEST_VALUED}."
    assert highest in refused("diagrams", "--order", 13, "--run", "flow")
    assert f"1 to 12; of a flow's trees, 1 to {HIGHEST_VALUED}" in " ".join(
        runs("diagrams", "--help").out.split()
    )
    np.savetxt("two.csv", np.ones((2, 4)), delimiter=",")
    assert "one potential" in refused("diagrams", "--order", 2, "--run", "flow", "--along", "two.csv")
    assert "--member" in refused("diagrams", "--order", 2, "--run", "flow", "--member", 2)


def test_the_learned_law_for_ones_own_potential(runs):
    U = np.array([[0.3, 0.6, 0.2, 0.4, 0.1, 0.5]])
    np.savetxt("u.csv", U, delimiter=",")
    document = runs("solve", "u.csv", "--law", "flow", "--json").json
    (solved,), along = document["potentials"], document["along_r"]
    learner = load_run("flow").learners[0][0]
    assert solved["scattering_length"] == pytest.approx(scattering_length(U)[0], rel=1e-13)
    assert solved["learned"] == pytest.approx(learner(U)[0], rel=1e-12)
    assert solved["difference"] == pytest.approx(solved["learned"] - solved["scattering_length"])
    assert solved["learned_spread"] is None
    assert not solved["beyond_fitted"]
    # y(r) is what the potential cut off at r gives, by either law
    cut = U * np.tri(6)
    np.testing.assert_allclose(along["r"], np.arange(1, 7) / 6)
    np.testing.assert_allclose(along["exact"], scattering_length(cut), rtol=1e-12)
    np.testing.assert_allclose(along["learned"], learner(cut), rtol=1e-9)
    # an independent integrator takes the network's drive where its own steps do
    adapted = adaptive(learner.flow, U, tolerance=1e-11).outputs[0]
    assert abs(adapted - solved["learned"]) < 2 * solved["truncation"] + 1e-9


def test_the_learned_law_in_units_and_for_many(runs):
    shape = ("--shape", "gaussian", "--depth", 0.5, "--range", 0.4, "--cells", 40, "--law", "flow")
    plain = runs("solve", *shape, "--json").json["potentials"][0]
    assert plain["learned"] == pytest.approx(plain["scattering_length"], rel=1e-2)
    np.savetxt("two.csv", [[0.3, 0.2], [0.1, 0.4]], delimiter=",")
    outcome = runs("solve", "two.csv", "--law", "flow", "--csv", "law.csv")
    assert outcome.err == "Wrote law.csv.\n"
    rows = Path("law.csv").read_text().splitlines()
    columns = "row,scattering_length,learned,learned_spread,difference,truncation,strength,error,note"
    assert rows[0] == columns
    assert len(rows) == 3
    assert float(rows[1].split(",")[1]) == pytest.approx(scattering_length(np.array([0.3, 0.2])))
    Path("strong.csv").write_text("2,2\n")  # eta 0.81
    assert "stronger than what the run was fitted to" in runs("solve", "strong.csv", "--law", "flow").err


def test_laws_that_cannot_be_followed(refused, runs):
    Path("u.csv").write_text("0.1,0.2\n")
    assert "learner is mlp" in refused("solve", "u.csv", "--law", "mlp")
    assert "--plot" in refused("solve", "u.csv", "--law", "flow", "--plot", "u.png")
    assert "--at" in refused("solve", "u.csv", "--law", "flow", "--at", "u.csv")
    gaussian = ("--shape", "gaussian", "--depth", 1, "--range", 0.4)
    assert "--cells" in refused("solve", *gaussian, "--law", "flow")
    assert "no such run" in refused("solve", "u.csv", "--law", "nowhere")
    assert "--order means nothing for --law" in refused("solve", "u.csv", "--law", "flow", "--order", 4)


def test_the_exact_value_beside_the_law_has_its_error(runs):
    shape = ("--shape", "gaussian", "--depth", 0.5, "--range", 0.4, "--cells", 16)
    plain, law = (runs("solve", *shape, *flags, "--json").json for flags in ((), ("--law", "flow")))
    assert law["discretization_error"] == plain["discretization_error"] > 0
    (exact,), (learned,) = plain["potentials"], law["potentials"]
    assert {name: learned[name] for name in ("scattering_length", "error", "warnings")} == {
        name: exact[name] for name in ("scattering_length", "error", "warnings")
    }
    assert learned["error"]["discretization"] == law["discretization_error"]
    shown = runs("solve", *shape, "--law", "flow").out
    assert "a0 on 16 cells" in shown
    assert f"16; they change a0 by {law['discretization_error']:.1e}" in shown
    Path("u.csv").write_text("0.3,0.2\n")
    plain, law = (runs("solve", "u.csv", *flags, "--json").json for flags in ((), ("--law", "flow")))
    assert law["potentials"][0]["error"] == plain["potentials"][0]["error"]
    assert law["potentials"][0]["warnings"] == []


def test_the_law_has_values_where_predict_has(runs):
    U = [[0.3, 0.6, 0.2, 0.4], [60, 60, 60, 60], [2, 2, 2, 2], [0.2, -3, 0.2, 0.2], [1, 1, 1, 1.1]]
    np.savetxt("u.csv", U, delimiter=",")
    outcome = runs("solve", "u.csv", "--law", "flow", "--json")
    law = outcome.json["potentials"]
    predicted = runs("predict", "flow", "u.csv", "--json").json["potentials"]
    assert outcome.code == 0
    assert [row["value"] is None for row in predicted][:2] == [False, True]
    for own, other in zip(law, predicted, strict=True):
        value = other["value"]
        assert own["learned"] == (value if value is None else pytest.approx(value, rel=1e-12))
        assert (own["note"], own["unlike"]) == (other["note"], other["unlike"])
        assert own["beyond_fitted"] == ("strength" in other["unlike"])
        assert any("no value" in warning for warning in own["warnings"]) == (value is None)
        assert own["scattering_length"] is not None
    bound = law[1]
    assert "a bound state appears inside" in bound["note"]
    assert (bound["difference"], bound["truncation"], bound["error"]["interpolation"]) == (None, None, None)
    shown = runs("solve", "u.csv", "--law", "flow", "--csv", "law.csv")
    assert "no value by the law: a bound state" in shown.err
    assert Path("law.csv").read_text().splitlines()[2].split(",")[2] == ""
    alone = runs("solve", "u.csv", "--row", 2, "--law", "flow", "--json").json
    assert alone["potentials"] == [bound]
    assert alone["along_r"]["learned"] == [None] * 4
    assert "Note: no value by the law" in runs("solve", "u.csv", "--row", 2, "--law", "flow").err
