"""The commands around a reference: data, runs, comparisons and reports follow it without further flags."""

import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from bornnet.cli.main import main

import bornnet

CELLS = 4
UNITARY = bornnet.reference("square:a0=inf", CELLS)
DRAWN = ("--samples", "400", "--cells", str(CELLS), "--strength", "3e-3", "0.3", "--workers", "1")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("around")
    names = ("u.h5", "gp", "mlp", "flow")

    def run_in(*arguments):
        assert main([str(folder / a) if a in names else str(a) for a in arguments]) == 0

    run_in("generate", "u.h5", *DRAWN, "--at", "square:a0=inf", "--target", "inverse", "--seed", 2)
    run_in("iterate", "u.h5", "--out", "gp", "--learner=gp")
    run_in("iterate", "u.h5", "--out", "mlp", "--hidden=6", "--steps=20", "--rounds=2", "--workers=1")
    run_in("iterate", "u.h5", "--out", "flow", "--learner=flow", "--hidden=4", "--steps=2", "--workers=1")
    report = ("--path", "square:eta=1.5", "--report", folder / "report.html")
    run_in("compare-born", "mlp", "--order", "2", *report)
    return folder


@pytest.fixture(autouse=True)
def here(made, tmp_path, monkeypatch):
    for path in made.iterdir():
        (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / path.name)
    monkeypatch.chdir(tmp_path)


def test_a_dataset_holds_its_reference(run):
    with h5py.File("u.h5") as file:
        recorded = json.loads(file.attrs["configuration"])
        U, y, strength = (file[name][:] for name in ("potentials", "values", "strength"))
        assert file.attrs["format_version"] == 3
    assert recorded["at"] == "square:a0=inf"
    assert recorded["target"] == "inverse"
    np.testing.assert_array_equal(recorded["reference"], UNITARY)
    np.testing.assert_array_equal(y, bornnet.inverse_scattering_length(U))
    found = bornnet.strength(U - UNITARY, UNITARY, "inverse")
    np.testing.assert_allclose(found, strength, rtol=1e-9)
    deviations = U - UNITARY
    assert (deviations > 0).any()
    assert (deviations < 0).any()


def test_without_a_reference_the_configuration_has_no_word_of_it(run):
    assert run("generate", "d.h5", *DRAWN, "--quiet").code == 0
    with h5py.File("d.h5") as file:
        assert (
            not {"at", "target", "reference", "observable"} & json.loads(file.attrs["configuration"]).keys()
        )
        assert file.attrs["format_version"] == 2


def test_workers_and_shards_give_the_same_content(run):
    around = ("--at", "gaussian:eta=1.5", "--labels", "gradient")
    arguments = ("--samples", "9000", "--cells", "3", "--strength", "0.01", "0.2", *around, "--json")
    one = run("generate", "one.h5", *arguments, "--workers", "1").json
    two = run("generate", "two.h5", *arguments, "--workers", "2", "--shard-rows", "4096").json
    assert one["sha256"] == two["sha256"]
    assert two["shards"] == 3
    assert one["at"] == "gaussian:eta=1.5"


def test_a_file_of_one_row_is_a_reference_and_own_potentials_are_labelled_around_it(run):
    np.save("reference.npy", UNITARY[None])
    U = UNITARY + np.random.default_rng(1).uniform(-0.3, 0.3, (30, CELLS))
    U[0, 0] = -1.0
    np.save("mine.npy", U)
    around = ("--at", "reference.npy", "--target", "inverse")
    assert run("generate", "m.h5", "--potentials", "mine.npy", *around).code == 0
    with h5py.File("m.h5") as file:
        np.testing.assert_array_equal(file["values"][:], bornnet.inverse_scattering_length(U))
        found = bornnet.strength(U - UNITARY, UNITARY, "inverse")
        np.testing.assert_array_equal(file["strength"][:], found)
        assert json.loads(file.attrs["configuration"])["at"] == "reference.npy"


def test_a_run_compares_with_the_series_around_its_reference(run):
    outcome = run("compare-born", "gp", "--order", "2", "--json")
    document = outcome.json
    assert document["target"] == "inverse"
    assert document["series"] == "the distorted-wave series of 1/a0 around square:a0=inf"
    assert document["orders"][0]["kernel_error"] < 1e-5
    learned = bornnet.load_run("gp")
    np.testing.assert_array_equal(learned.target.reference, UNITARY)
    exact = bornnet.inverse_born_kernel(1, CELLS, UNITARY)
    error = np.linalg.norm(learned.series.kernel(1) - exact) / np.linalg.norm(exact)
    assert error == pytest.approx(document["orders"][0]["kernel_error"])
    text = run("compare-born", "gp").out
    assert "distorted-wave terms" in text
    assert not re.findall(r"Born(?! series, Phys)", text)


def test_the_report_speaks_of_no_born_series(made):
    page = (made / "report.html").read_text(encoding="utf-8")
    words = re.sub(r"<footer>.*?</footer>|<(style|pre|svg)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert "distorted-wave series of 1/a0 around square:a0=inf" in words
    assert re.findall(r"\S*Born\S* \S+", words) == []
    assert "expanded elsewhere" in words
    command = page.replace(" \\\n", " ").replace("    ", "")  # that makes the run again
    assert "--at square:a0=inf --target inverse" in command


def test_the_scan_along_a_path(run):
    arguments = ("compare-born", "mlp", "--order", "1", "--path", "square:eta=1.5")
    path = run(*arguments, "--json").json["path"]
    assert path["along"] == "square:eta=1.5"
    errors = dict(zip(path["eta"], path["kernel_error"][0], strict=True))
    assert errors[0.0] is None  # 1/a0 is infinite there
    known = {eta: error for eta, error in errors.items() if error is not None}
    assert abs(min(known, key=known.__getitem__) - 1) < 0.2  # best where it was fitted
    assert "expanded on the way to square:eta=1.5" in " ".join(run(*arguments).out.split())


def test_prediction_of_full_potentials(run):
    U = UNITARY + np.array([[0.05, 0.02, -0.03, 0.01], [40.0, 0.0, 0.0, 0.0]])
    np.save("p.npy", U)
    outcome = run("predict", "gp", "p.npy", "--order", "2", "--json")
    first = outcome.json["potentials"][0]
    assert first["value"] == pytest.approx(float(bornnet.inverse_scattering_length(U[0])), rel=1e-4)
    exact = bornnet.inverse_born_terms(U[0] - UNITARY, 2, at=UNITARY)
    np.testing.assert_allclose(first["terms"], exact, rtol=1e-2)
    start = bornnet.load_run("gp").target.value
    assert first["sum"] == pytest.approx(start + sum(first["terms"]), rel=1e-14)
    assert "row 2: stronger than what was learned from (strength" in outcome.err


def test_diagrams_at_the_reference(run):
    outcome = run("diagrams", "--order", "2", "--run", "mlp", "--json")
    document = outcome.json
    exact = bornnet.inverse_born_terms(np.ones(CELLS), 2, at=UNITARY)[1]
    assert document["born_term"] == pytest.approx(exact, rel=1e-12)
    text = run("diagrams", "--order", "2", "--run", "mlp").out
    assert "Expanded at square:a0=inf" in text
    assert "Born" not in text


def test_a_flow_has_its_law_and_its_trees_at_the_reference(run, refused):
    outcome = run("compare-born", "flow", "--order", "1", "--json")
    assert 0 < outcome.json["law"]["deviation"] < 10
    text = " ".join(run("compare-born", "flow", "--order", "1").out.split())
    assert "dy/dr = dU g(y, r), y(0) = 0, y(1) = 1/a₀ less that of the reference" in text
    assert re.search(r"The law found along r (agrees with|deviates from) \(ψ \+ yχ\)² ", text)
    document = run("diagrams", "--order", "2", "--run", "flow", "--json").json
    exact = bornnet.inverse_born_terms(np.ones(CELLS), 2, at=UNITARY)[1]
    assert document["born_term"] == pytest.approx(exact, rel=1e-12)
    own = bornnet.load_run("flow").series.terms(UNITARY[None] + 1, 2)[1, 0]
    assert sum(tree["along"] for tree in document["diagrams"]) == pytest.approx(own, rel=1e-9)
    text = run("diagrams", "--order", "2", "--run", "flow").out
    assert "Expanded at square:a0=inf" in text
    assert "Born" not in text
    Path("three.csv").write_text("1,1,1\n")
    error = refused("diagrams", "--order", "2", "--run", "flow", "--along", "three.csv")
    assert "three.csv: expected 4 cells" in error


def test_solve_around_a_reference(run):
    U = UNITARY + 0.2
    np.savetxt("p.csv", U[None], delimiter=",", fmt="%.17g")
    arguments = ("p.csv", "--at", "square:a0=inf", "--target", "inverse", "--order", "6")
    document = run("solve", *arguments, "--json", "--csv", "out.csv", "--plot", "out.svg").json
    record = document["potentials"][0]
    np.testing.assert_allclose(
        record["terms"], bornnet.inverse_born_terms(U - UNITARY, 6, at=UNITARY), rtol=1e-13
    )
    assert record["value"] == pytest.approx(float(bornnet.inverse_scattering_length(U)), rel=1e-13)
    assert abs(record["errors"][-1]) < 1e-4
    assert record["converges"]
    header, row = Path("out.csv").read_text().splitlines()
    assert header.split(",")[:5] == ["row", "value", "strength", "converges", "term_1"]
    assert float(row.split(",")[4]) == record["terms"][0]
    assert Path("out.svg").read_text().startswith("<?xml")
    np.savetxt("itself.csv", UNITARY[None], delimiter=",", fmt="%.17g")
    itself = run("solve", "itself.csv", *arguments[1:], "--json").json["potentials"][0]
    assert itself["terms"] == [0.0] * 6
    assert itself["errors"] == [None] * 6
    text = run("solve", *arguments).out
    assert "Distorted-wave series of 1/a0 around square:a0=inf" in text
    assert "Born" not in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--at", "square:a0=inf"), ("--at square:a0=inf", "unitary limit", "take --target inverse")),
        (("--target", "inverse"), ("--target inverse", "infinite at U = 0")),
        (("--at", "sqare:eta=1", "--target", "inverse"), ("sqare", "Did you mean 'square'?")),
        (("--at", "three.csv"), ("three.csv", "one reference potential", "3 rows")),
        (("--at", "wide.csv"), ("wide.csv", "expected 4 cells", "got 5")),
        (("--at", "missing.csv"), ("missing.csv",)),
        (("--at", "square:eta=0.5", "--target", "length"), ("--target", "expected one of")),
        (("--at", "square:eta=0.5", "--cells", "2001"), ("--at square:eta=0.5", "2000 cells")),
    ],
)
def test_references_that_are_refused(refused, arguments, expected):
    Path("three.csv").write_text("1,1,1,1\n" * 3)
    Path("wide.csv").write_text("1,1,1,1,1\n")
    error = refused("generate", "x.h5", *DRAWN, *arguments)
    for part in expected:
        assert part in error


def test_deviations_beyond_the_radius_are_refused_by_a_study(run, refused):
    assert (
        run("generate", "far.h5", *DRAWN[:4], "--at", "square:eta=0.5", "--strength", "0.5", "1.5").code == 0
    )
    error = refused("iterate", "far.h5", "--out", "x")
    assert "where the distorted-wave series of a0 around the reference diverges" in error


def test_a_study_of_another_reference_is_refused(refused):
    Path("study.toml").write_text('[data]\nat = "square:eta=0.5"\n')
    error = refused("iterate", "u.h5", "--out", "x", "--config", "study.toml")
    assert "at = 'square:eta=0.5'" in error


def test_a_study_file_varies_references(refused):
    text = "[base]\ncells = 4\nstrength = [3e-3, 0.3]\n[grid]\nat = ['square:eta=0.5', 'square:a0=inf']\n"
    Path("study.toml").write_text(text)
    error = refused("study", "study.toml", "--out", "x")
    assert "grid.at, value 2" in error
    assert "take target inverse" in error
    Path("study.toml").write_text("[base]\nat = 'square:eta=0.5'\nstrength = [0.1, 1.3]\n")
    assert "distorted-wave series converges" in refused("study", "study.toml", "--out", "x")


def test_refused_by_solve_and_the_scan(refused):
    Path("p.csv").write_text("1,1,1,1\n")
    assert "--at" in refused("solve", "p.csv", "--target", "inverse")
    assert "take --target inverse" in refused("solve", "p.csv", "--at", "square:a0=inf")
    assert "--path" in refused("compare-born", "gp", "mlp", "--path", "square:eta=1.5")
    assert "sqare" in refused("compare-born", "gp", "--path", "sqare:eta=1.5")


def test_a_damaged_reference_is_told(refused):
    with h5py.File("u.h5", "a") as file:
        content = json.loads(file.attrs["configuration"])
        content["reference"] = [1.0, "a"]
        file.attrs["configuration"] = json.dumps(content)
    assert "u.h5" in refused("iterate", "u.h5", "--out", "x")
    provenance = json.loads(Path("gp/provenance.json").read_text())
    Path("gp/provenance.json").write_text(json.dumps({**provenance, "reference": [1.0]}))
    error = refused("compare-born", "gp")
    assert "gp" in error
