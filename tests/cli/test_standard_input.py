"""`-` is standard input wherever a table of potentials is read; errors name `<stdin>`."""

import io
import sys

import numpy as np
import pytest

from bornnet import scattering_length

U = np.array([[0.5, 0.2, 0.1, 0.4], [0.1, 0.3, 0.2, 0.2], [1.0, 0.0, 0.5, 0.1]])
RADIAL = "r,V\n" + "".join(f"{r:.3f},{2 * np.exp(-r * r):.12f}\n" for r in np.linspace(0.0, 3.0, 121))


def text(table):
    return "".join(",".join(map(str, row)) + "\n" for row in table.tolist())


@pytest.fixture
def piped(monkeypatch):
    """Put text or bytes where a pipe of the shell would; it can be read once."""

    def piped(content):
        data = content.encode() if isinstance(content, str) else content
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return piped


def test_solve_cells(run, piped):
    piped(text(U))
    found = run("solve", "-", "--json").json
    assert found["source"] == "<stdin>"
    np.testing.assert_allclose(
        [row["scattering_length"] for row in found["potentials"]], scattering_length(U), rtol=1e-13
    )


@pytest.mark.parametrize("flags", [["--radial"], []], ids=["said", "seen"])
def test_solve_radial_is_what_the_file_gives(run, piped, tmp_path, flags):
    """Read several times on the way: what it looks like, its units, its numbers."""
    (tmp_path / "t.csv").write_text(RADIAL)
    piped(RADIAL)
    found, expected = run("solve", "-", *flags, "--json").json, run("solve", "t.csv", *flags, "--json").json
    assert found["potentials"][0]["scattering_length"] == expected["potentials"][0]["scattering_length"]
    assert found["end"] == expected["end"]


def test_a_numpy_array(run, piped):
    buffer = io.BytesIO()
    np.save(buffer, U)
    piped(buffer.getvalue())
    assert len(run("solve", "-", "--json").json["potentials"]) == 3


def test_each_command_reads_its_own(run, piped):
    for rows in (1, 2):
        piped(text(U[:rows]))
        assert len(run("solve", "-", "--json").json["potentials"]) == rows


def test_generate_and_predict(run, piped, tmp_path):
    rng = np.random.default_rng(3)
    many = rng.uniform(0.05, 0.6, (60, 3))
    (tmp_path / "u.csv").write_text(text(many))
    piped(text(many))
    assert run("generate", "piped.h5", "--potentials", "-", "--quiet").code == 0
    assert run("generate", "file.h5", "--potentials", "u.csv", "--quiet").code == 0
    iterate = ("--learner", "polynomial", "--rounds", "1", "--workers", "1", "--quiet")
    assert run("iterate", "piped.h5", "--out", "run", *iterate).code == 0
    piped(text(many[:5]))
    found = run("predict", "run", "-", "--json").json["potentials"]
    (tmp_path / "five.csv").write_text(text(many[:5]))
    assert found == run("predict", "run", "five.csv", "--json").json["potentials"]


def test_own_values_beside_piped_potentials(run, piped):
    piped("u1,u2,mine\n" + text(np.column_stack([U[:, :2], [1.0, 2.0, 3.0]])))
    own = ("--values", "mine", "--observable", "x", "--json")
    assert run("generate", "own.h5", "--potentials", "-", *own).json["samples"] == 3


@pytest.mark.parametrize(
    ("arguments", "content", "expected"),
    [
        (["solve", "-"], "", "<stdin>: expected rows of numbers, found none"),
        (["solve", "-"], "1,2\n3,x\n", "<stdin>: row 2, column 2"),
        (
            ["generate", "d.h5", "--potentials", "-"],
            "1,2\n3,-4\n",
            "<stdin>: row 2, column 2: expected U >= 0",
        ),
        (["solve", "-", "--radial"], "1,2,3\n", "<stdin>: expected two columns, r and V, got 3"),
    ],
)
def test_errors_name_it(refused, piped, arguments, content, expected):
    piped(content)
    assert expected in refused(*arguments)


def test_closed_standard_input(refused, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert "<stdin>: expected rows of numbers, found none" in refused("solve", "-")
