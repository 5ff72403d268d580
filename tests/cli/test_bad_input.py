"""Bad input of every kind: one clear line, exit code 2, nothing written."""

from pathlib import Path

import numpy as np
import pytest


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
    "empty field": (csv("1,2\n,4\n"), "row 2, column 1 (line 2): expected a number, got ''"),
    "decimal commas": (csv("1,5;2,5\n"), "row 1, column 2 (line 1): expected a number, got '5;2'"),
    "headings twice": (csv("a,b\nc,d\n1,2\n"), "row 1, column 1 (line 2): expected a number, got 'c'"),
    "NaN": (csv("1,2\n3,nan\n"), "row 2, column 2: expected a finite number, got nan"),
    "infinity": (csv("1,2\n-inf,3\n"), "row 2, column 1: expected a finite number, got -inf"),
    "overflow": (csv("1,1e999\n"), "row 1, column 2: expected a finite number, got inf"),
    "markup and escapes": (csv("1,[red]\x1b[2J\n"), r"expected a number, got '[red]"),
    "binary": (raw(bytes(range(256))), "expected CSV text or a NumPy array (.npy)"),
    "not UTF-8": (raw(b"1,2\n\xff\xfe,3\n"), "expected CSV text or a NumPy array (.npy)"),
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
@pytest.mark.parametrize("command", [("generate", "out.h5", "--potentials", "in.csv")], ids=lambda c: c[0])
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
