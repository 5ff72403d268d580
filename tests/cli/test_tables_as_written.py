"""Tables as people write them give the same numbers in every command that takes them."""

from pathlib import Path

import h5py
import numpy as np
import pytest

U = np.random.default_rng(3).random((6, 4)).round(3) + 0.5
PLAIN = "\n".join(",".join(map(repr, row)) for row in U.tolist()) + "\n"


def with_index(heading):
    rows = [f"{n}," + line for n, line in enumerate(PLAIN.splitlines())]
    return "\n".join([heading, *rows]) + "\n"


WRITTEN = {
    "index without a heading": with_index(",a,b,c,d"),
    "numbered columns and an index": with_index(",0,1,2,3"),
    "numbered columns": "0,1,2,3\n" + PLAIN,
    "names and units": "a,b,c,d\nMeV,MeV,MeV,MeV\n" + PLAIN,
    "Fortran": PLAIN.replace(",", "D0 ").replace("\n", "D+00\n"),
    "trailing commas": PLAIN.replace("\n", ",\n"),
    "comments": "! by hand\n% \xe9\n" + PLAIN,
}


@pytest.mark.parametrize("case", WRITTEN)
def test_potentials(run, case):
    Path("plain.csv").write_text(PLAIN)
    Path("written.csv").write_bytes(WRITTEN[case].encode("latin-1"))
    solved = [run("solve", f"{name}.csv", "--json").json["potentials"] for name in ("plain", "written")]
    assert solved[0] == solved[1]
    assert run("generate", "d.h5", "--potentials", "written.csv", "--quiet").code == 0
    with h5py.File("d.h5") as file:
        np.testing.assert_array_equal(file["potentials"][:], U)


NO_POTENTIALS = {
    "empty first row": (",,,\n" + PLAIN, "row 1, column 1 (line 1): expected a number, got an empty field"),
    "NA": (PLAIN + "1,2,NA,4\n", "row 7, column 3 (line 7): expected a number, got 'NA'"),
    "decimal commas": (PLAIN.replace(",", ";").replace(".", ","), "has a decimal comma"),
    "values beside": ("a,b,c,scattering_length\n" + PLAIN, "column 4 ('scattering_length') is no cell"),
}


@pytest.mark.parametrize("case", NO_POTENTIALS)
@pytest.mark.parametrize("command", [("solve", "in.csv"), ("generate", "d.h5", "--potentials", "in.csv")])
def test_refused(refused, case, command):
    content, message = NO_POTENTIALS[case]
    Path("in.csv").write_text(content)
    assert message in refused(*command)


def test_a_radial_table_is_no_set_of_potentials(refused, run):
    Path("in.csv").write_text("r,V\n0.5,3\n1,2\n1.5,1\n2,0.5\n2.5,0\n")
    assert "Read it as a radial table" in refused("generate", "d.h5", "--potentials", "in.csv")
    assert "taken as r and V(r) (--radial)" in run("solve", "in.csv").err


R = np.linspace(0, 4, 41)
V = -40 * np.exp(-((R / 1.6) ** 2))
FLAGS = ("--units", "fm,MeV", "--reduced-mass", 469.5)


def radial(heading):
    Path("grid.dat").write_text(
        heading + "".join(f"{r!r} {v!r}\n" for r, v in zip(R.tolist(), V.tolist(), strict=True))
    )


def test_stated_units_hold(run):
    radial("")
    expected = run("solve", "grid.dat", "--radial", *FLAGS, "--json").json["potentials"][0]
    for heading in ("r [fm]  V [MeV]\n", "# r V\n# fm MeV\n"):
        radial(heading)
        for flags in (FLAGS, FLAGS[2:]):
            got = run("solve", "grid.dat", "--radial", *flags, "--json").json["potentials"][0]
            assert got["scattering_length"] == expected["scattering_length"]


UNITS = {
    "no mass": (
        "r [fm]  V [MeV]\n",
        (),
        "its headings state units, fm,MeV: expected --units and --reduced-mass",
    ),
    "one unit": ("r [fm]  V\n", ("--reduced-mass", 469.5), "its headings state units, fm,: expected --units"),
    "another length": (
        "r [angstrom]  V [MeV]\n",
        FLAGS,
        "--units: expected angstrom,MeV, as the headings of grid.dat state; got fm,MeV",
    ),
    "another energy": ("r [fm]  V [K]\n", FLAGS, "--units: expected fm,K, as the headings of grid.dat state"),
}


@pytest.mark.parametrize("case", UNITS)
def test_stated_units_are_not_passed_over(refused, case):
    heading, flags, message = UNITS[case]
    radial(heading)
    assert message in refused("solve", "grid.dat", "--radial", *flags)
