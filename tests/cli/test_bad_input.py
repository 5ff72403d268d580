"""Bad input of every kind: one clear line, exit code 2, nothing written."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def csv(text):
    return lambda: Path("in.csv").write_text(text)


def raw(content):
    return lambda: Path("in.csv").write_bytes(content)


def npy(array, **options):
    return lambda: np.save("in.csv.npy", array, **options) or Path("in.csv.npy").rename("in.csv")


def cut_npy():
    npy(np.ones((50, 4)))()
    Path("in.csv").write_bytes(Path("in.csv").read_bytes()[:-8])


def huge_npy():
    """A header that promises 64 TB."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 8), }".ljust(117) + b"\n"
    Path("in.csv").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


TABLES = {
    "missing": (lambda: None, "in.csv: no such file"),
    "folder": (lambda: Path("in.csv").mkdir(), "in.csv cannot be read: Is a directory"),
    "empty": (csv(""), "expected rows of numbers, found none"),
    "comments only": (csv("# r V\n\n"), "expected rows of numbers, found none"),
    "headings only": (csv("U1,U2\n"), "expected rows of numbers, found none"),
    "ragged, short": (csv("1,2,3\n4,5\n"), "row 2 (line 2): expected 3 columns, as row 1, got 2"),
    "ragged, long": (csv("a,b\n1,2\n4,5,6\n"), "row 2 (line 3): expected 2 columns, as row 1, got 3"),
    "word": (csv("1,2\n# note\n3,x\n"), "row 2, column 2 (line 3): expected a number, got 'x'"),
    "empty field": (csv("1,2\n,4\n"), "row 2, column 1 (line 2): expected a number, got an empty field"),
    "decimal commas": (csv("1,5;2,5\n"), "line 1: 1,5 has a decimal comma; write it with a point, 1.5"),
    "underscores": (csv("1,2\n3,1_000\n"), "row 2, column 2 (line 2): expected a number, got '1_000'"),
    "headings twice": (csv("a,b\nc,d\n1,2\n"), "row 1, column 1 (line 2): expected a number, got 'c'"),
    "NaN": (csv("1,2\n3,nan\n"), "row 2, column 2 (line 2): expected a finite number, got nan"),
    "infinity": (csv("1,2\n-inf,3\n"), "row 2, column 1 (line 2): expected a finite number, got -inf"),
    "overflow": (csv("1,1e999\n"), "row 1, column 2 (line 1): expected a finite number, got inf"),
    "markup and escapes": (csv("1,[red]\x1b[2J\n"), r"expected a number, got '[red]"),
    "binary": (raw(bytes(range(256))), "expected CSV text or a NumPy array (.npy)"),
    "not UTF-8": (raw(b"1,2\n\xff\xfe,3\n"), "row 2, column 1 (line 2): expected a number"),
    "npy cut": (cut_npy, "not a NumPy array of numbers, or truncated"),
    "npy huge": (huge_npy, "not a NumPy array of numbers, or truncated"),
    "npy objects": (npy(np.array([{}, []], dtype=object), allow_pickle=True), "not a NumPy array of numbers"),
    "npy complex": (npy(np.ones((2, 3), complex)), "expected real numbers, got the type complex128"),
    "npy text": (npy(np.array([["a", "b"]])), "expected real numbers, got the type <U1"),
    "npy bool": (npy(np.ones((2, 3), bool)), "expected real numbers, got the type bool"),
    "npy of three dimensions": (
        npy(np.ones((2, 3, 4))),
        "expected the shape (potentials, cells), got (2, 3, 4)",
    ),
    "npy scalar": (npy(np.float64(3)), "expected the shape (potentials, cells), got ()"),
    "npy without rows": (npy(np.ones((0, 4))), "expected the shape (potentials, cells), got (0, 4)"),
    "npy without cells": (npy(np.ones((4, 0))), "expected the shape (potentials, cells), got (4, 0)"),
    "npy NaN": (npy(np.array([[1, 2], [3, np.nan]])), "row 2, column 2: expected a finite number, got nan"),
}


@pytest.mark.parametrize(("make", "message"), TABLES.values(), ids=TABLES.keys())
@pytest.mark.parametrize(
    "command",
    [
        ("generate", "out.h5", "--potentials", "in.csv"),
        ("solve", "in.csv"),
        ("solve", "in.csv", "--csv", "out.csv", "--json"),
    ],
    ids=["generate", "solve", "solve to a file"],
)
def test_tables(refused, command, make, message):
    make()
    error = refused(*command)
    assert message in error
    assert "\x1b" not in error


REQUESTS = {
    "zero samples": ("--samples 0", "--samples: expected a number of at least 1; got 0"),
    "negative samples": ("--samples -5", "--samples: expected a number of at least 1; got -5"),
    "more than the disk": ("--samples 1000000000000000", "GB are free there"),
    "zero cells": ("--cells 0", "--cells: expected a number of at least 1; got 0"),
    "too many cells": ("--cells 20000", "--cells: expected a number of at most 10000; got 20000"),
    "range upside down": ("--strength 0.5 0.1", "--strength: expected two numbers LO HI with 0 < LO <= HI"),
    "strength zero": ("--strength 0 0.1", "--strength: expected two numbers LO HI with 0 < LO <= HI"),
    "strength negative": ("--strength -0.2 0.1", "--strength: expected two numbers LO HI with 0 < LO <= HI"),
    "strength NaN": ("--strength nan 0.1", "--strength: expected two numbers LO HI with 0 < LO <= HI"),
    "strength infinite": ("--strength 0.1 inf", "--strength: expected two numbers LO HI with 0 < LO <= HI"),
    "strength a word": ("--strength weak strong", "'weak' is not a valid float"),
    "family": ("--family gauss", "got 'gauss'. Did you mean 'gaussian'?"),
    "spacing": ("--strength-spacing logarithmic", "expected one of log, uniform; got 'logarithmic'"),
    "labels": ("--labels gradients", "got 'gradients'. Did you mean 'gradient'?"),
    "seed": ("--seed -1", "--seed: expected a number of at least 0; got -1"),
    "seed too large": ("--seed 99999999999999999999", "--seed: expected a number below 9223372036854775808"),
    "workers": ("--workers 0", "--workers: expected a number of at least 1; got 0"),
    "preset": ("--preset quikc", "--preset: no preset 'quikc'."),
    "no such file": ("--config nowhere.toml", "--config: nowhere.toml: no such file"),
    "samples of one's own": ("--potentials own.csv --samples 3", "leave out --samples, or --potentials"),
    "strength of one's own": (
        "--potentials own.csv --strength 0.1 0.2",
        "leave out --strength, or --potentials",
    ),
}


@pytest.mark.parametrize(("flags", "message"), REQUESTS.values(), ids=REQUESTS.keys())
def test_generate(refused, flags, message):
    assert message in refused("generate", "out.h5", *flags.split())


def test_generate_takes_attractive_potentials_only(refused):
    Path("in.csv").write_text("1,2\n3,-0.5\n")
    error = refused("generate", "out.h5", "--potentials", "in.csv")
    assert "row 2, column 2: expected U >= 0 (attractive), got -0.5" in error
    assert "`bornnet solve` takes them" in error


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("folder", "folder: expected a file to write, got a folder"),
        ("plain/out.h5", "plain is not a folder"),
        ("", "expected"),
    ],
)
def test_generate_into(refused, out, message):
    Path("folder").mkdir()
    Path("plain").write_text("")
    assert message in refused("generate", out, "--samples", "5")


SOLVE = {
    "nothing": ("", "expected a file POTENTIALS or a --shape, and not both"),
    "both": ("own.csv --shape gaussian", "expected a file POTENTIALS or a --shape, and not both"),
    "order 0": ("own.csv --order 0", "--order: expected a number from 1 to 50; got 0"),
    "order too high": ("own.csv --order 51", "--order: expected a number from 1 to 50; got 51"),
    "order a word": ("own.csv --order all", "'all' is not a valid integer"),
    "workers": ("own.csv --workers 0", "--workers: expected a number of at least 1; got 0"),
    "row 0": ("own.csv --row 0", "--row: expected a number from 1 to 2, the rows of own.csv; got 0"),
    "row beyond": ("own.csv --row 3", "--row: expected a number from 1 to 2, the rows of own.csv; got 3"),
    "row of a shape": ("--shape gaussian --row 1", "--row chooses a potential of a file"),
    "depth of a file": (
        "own.csv --depth 3",
        "--depth means nothing for cells of potentials in a file; leave it out",
    ),
    "units of cells": ("own.csv --units fm,MeV", "--units means nothing for cells of potentials in a file"),
    "range of a grid": ("own.csv --radial --range 3", "--range means nothing for --radial; leave it out"),
    "shape without depth": ("--shape gaussian --range 2", "expected --depth and --range with it"),
    "unknown shape": ("--shape gauss --depth 1 --range 1", "got 'gauss'. Did you mean 'gaussian'?"),
    "range negative": (
        "--shape square --depth 1 --range -1",
        "--range: expected a positive number; got -1.0",
    ),
    "woods-saxon without a surface": (
        "--shape woods-saxon --depth 1 --range 1",
        "--shape woods-saxon: expected --diffuseness with it",
    ),
    "diffuseness zero": (
        "--shape woods-saxon --depth 1 --range 1 --diffuseness 0",
        "--diffuseness: expected a positive number; got 0.0",
    ),
    "core of a gaussian": (
        "--shape gaussian --depth 1 --range 1 --core-radius 1",
        "--core-radius means nothing for --shape gaussian",
    ),
    "core wider than the well": (
        "--shape square-core --depth 1 --range 1 --core-radius 2 --core-height 1",
        "--core-radius: expected at most the range, 1; got 2",
    ),
    "core of no height": (
        "--shape square-core --depth 1 --range 1 --core-radius 0.5 --core-height nan",
        "--core-height: expected a finite number; got nan",
    ),
    "core of a file": ("own.csv --core-radius 1", "--core-radius means nothing for cells of potentials"),
    "range zero": ("--shape square --depth 1 --range 0", "--range: expected a positive number; got 0.0"),
    "depth NaN": ("--shape square --depth nan --range 1", "--depth: expected a finite number; got nan"),
    "depth enormous": ("--shape square --depth 1e308 --range 1e10", "panels do not resolve it"),
    "cells zero": (
        "--shape square --depth 1 --range 1 --cells 0",
        "--cells: expected a number from 1 to 10000",
    ),
    "one unit": ("grid.csv --radial --units fm", "--units: expected one of length and one of energy"),
    "unit of length": (
        "grid.csv --radial --units furlong,MeV --reduced-mass 469",
        "unit of length: expected one of fm, pm,",
    ),
    "unit of energy": (
        "grid.csv --radial --units fm,mev --reduced-mass 469",
        "got 'mev'. It could be MeV or meV",
    ),
    "no mass": ("grid.csv --radial --units fm,MeV", "expected a --reduced-mass with it"),
    "mass without units": ("grid.csv --radial --reduced-mass 469", "expected --units with it"),
    "mass negative": (
        "grid.csv --radial --units fm,MeV --reduced-mass -1",
        "expected a positive number of MeV",
    ),
    "three columns": ("wide.csv --radial", "wide.csv: expected two columns, r and V, got 3"),
    "one point": ("point.csv --radial", "point.csv: expected at least two rows of r and V, got 1"),
    "r falls": (
        "falling.csv --radial",
        "falling.csv: row 3, column 1: expected r to increase, got 0.5 after 1",
    ),
    "r negative": ("negative.csv --radial", "negative.csv: row 1, column 1: expected r >= 0, got -1"),
    "r begins late": (
        "late.csv --radial",
        "late.csv: row 1: expected r to begin at 0, one spacing from it, or within",
    ),
    "tail too slow": ("grid.csv --radial --tail 3", "--tail: expected a power above 3"),
    "tail of words": (
        "grid.csv --radial --tail long",
        "--tail: expected the power of r that V falls like, or none",
    ),
    "coefficient of no tail": (
        "grid.csv --radial --tail-coefficient 3",
        "--tail-coefficient: expected a --tail",
    ),
    "tail of cells": ("own.csv --tail 6", "--tail means nothing for cells of potentials"),
    "tail of a shape": ("--shape gaussian --depth 1 --range 1 --tail 6", "--tail means nothing for --shape"),
    "term of woods-saxon": (
        "--shape woods-saxon --term 1 1 --diffuseness 1",
        "--term: expected a shape with",
    ),
    "depth without range": ("--shape gaussian --depth 1", "expected --depth and --range with it"),
    "mass of another kind": (
        "grid.csv --radial --units fm,MeV --reduced-mass 3lb",
        "unit of mass: expected one of MeV",
    ),
    "CSV exists": ("own.csv --csv own.csv", "own.csv exists already; give another name, or --force"),
    "plot exists": (
        "own.csv --row 1 --plot old.png",
        "old.png exists already; give another name, or --force",
    ),
    "plot of many": ("own.csv --plot new.png", "--plot draws one potential, own.csv has 2; choose a --row"),
    "plot of another kind": (
        "own.csv --row 1 --plot new.gif",
        "expected a name that ends in .png, .svg, .pdf",
    ),
}


@pytest.mark.parametrize(("flags", "message"), SOLVE.values(), ids=SOLVE.keys())
def test_solve(refused, flags, message):
    Path("own.csv").write_text("1,2\n3,4\n")
    Path("old.png").write_text("")
    Path("grid.csv").write_text("0,1\n1,0.5\n2,0\n")
    Path("wide.csv").write_text("0.0,1,2\n1,0.5,2\n")
    Path("point.csv").write_text("r,V\n0,1\n")
    Path("falling.csv").write_text("0,1\n1,0.5\n0.5,0\n")
    Path("negative.csv").write_text("-1,1\n1,0.5\n")
    Path("late.csv").write_text("3,1\n4,0.5\n5,0\n")
    assert message in refused("solve", *flags.split())


LONG = "a" * 300
OVERLONG = {
    "dataset": f"generate {LONG} --samples 300 --cells 4",
    "dataset in a folder": f"generate {LONG}/data.h5 --samples 300 --cells 4",
    "name beside the output": f"solve own.csv --csv {'a' * 251}",
    "CSV": f"solve own.csv --csv {LONG}",
    "plot": f"solve own.csv --plot {LONG}.svg",
    "potentials": f"solve {LONG}",
    "configuration": f"generate new.h5 --config {LONG}",
    "run to compare": f"compare-born {LONG}",
    "run to look into": f"diagrams --order 2 --run {LONG}",
    "data to train on": f"train {LONG} --out new",
}


@pytest.mark.parametrize("command", OVERLONG.values(), ids=OVERLONG.keys())
def test_names_that_no_file_can_have(refused, command):
    Path("own.csv").write_text("1,2\n")
    error = refused(*command.split())
    assert "too long" in error


fields = (
    st.floats(width=64).map(repr) | st.text(max_size=4) | st.sampled_from(["1", "0", "1e308", "5e-324", ""])
)
lines = st.lists(fields, min_size=1, max_size=4).map(",".join)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.lists(lines, max_size=4).map("\n".join), command=st.sampled_from(["generate", "solve"]))
def test_any_csv_is_solved_or_refused(run, text, command):
    Path("in.csv").write_text(text, encoding="utf-8")
    flags = ["out.h5", "--potentials", "in.csv", "--force"] if command == "generate" else ["in.csv"]
    outcome = run(command, *flags, "--json", "--quiet")
    assert outcome.code in (0, 2), outcome.err
    assert outcome.err.count("\n") == (1 if outcome.code else 0), outcome.err
    if outcome.code == 0:
        assert outcome.json["schema_version"] == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_damaged_npy_is_solved_or_refused(run, data):
    np.save("in.npy", np.arange(12.0).reshape(3, 4))
    content = bytearray(Path("in.npy").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    Path("in.npy").write_bytes(content[: data.draw(st.integers(1, len(content)))])
    outcome = run("solve", "in.npy", "--json", "--quiet")
    assert outcome.code in (0, 2), outcome.err
    assert outcome.err.count("\n") == (1 if outcome.code else 0), outcome.err
