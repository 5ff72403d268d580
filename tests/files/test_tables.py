"""Tables as people's programs write them are read as they are meant, and never as something else."""

import codecs
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bornnet.errors import InputError
from bornnet.files.columns import read_beside, read_column, read_values
from bornnet.files.potentials import radial_units, read_potentials, read_radial, read_table

A, B = [0.5, 0.25], [0.125, 2.0]
READ = {
    "commas": "0.5,0.25\n0.125,2.0\n",
    "semicolons": "0.5;0.25\n0.125;2.0\n",
    "separator of a spreadsheet": "sep=;\na;b\n0.5;0.25\n0.125;2.0\n",
    "blanks": "  0.5   0.25\n0.125 2.0\n",
    "tabs": "0.5\t0.25\n0.125\t\t2.0\n",
    "commas and blanks": "0.5, 0.25\n0.125 ,2.0\n",
    "quotes": '"0.5","0.25"\n"0.125","2.0"\n',
    "Fortran exponents": "0.5D+00 2.5d-1\n 1.25D-01  .2D1\n",
    "Fortran comments": "! potential\n0.5 0.25 ! first\n0.125 2.0\n",
    "TeX comments": "% potential\n0.5 0.25 % first\n0.125 2.0\n",
    "comments below": "0.5,0.25\n# second\n0.125,2.0 # it\n\n",
    "minus sign of print": "0.5,0.25\n1.25e\N{MINUS SIGN}1,2.0\n",
    "carriage returns": "0.5,0.25\r\n0.125,2.0\r\n",
    "trailing commas": "c0,c1,\n0.5,0.25,\n0.125,2.0,\n",
    "trailing commas without headings": "0.5,0.25,,\n0.125,2.0,,\n",
    "pandas, index": ",0,1\n0,0.5,0.25\n1,0.125,2.0\n",
    "pandas, named columns": ",c0,c1\n17,0.5,0.25\n3,0.125,2.0\n",
    "pandas, named index": "index,c0,c1\n0,0.5,0.25\n1,0.125,2.0\n",
    "pandas, labels": ",c0,c1\nshallow,0.5,0.25\ndeep,0.125,2.0\n",
    "pandas, index kept twice": "Unnamed: 0,0,1\n0,0.5,0.25\n1,0.125,2.0\n",
    "write.csv of R": '"","V1","V2"\n"1",0.5,0.25\n"2",0.125,2.0\n',
    "write.table of R": '"V1" "V2"\n"1" 0.5 0.25\n"2" 0.125 2.0\n',
    "headings": "c0,c1\n0.5,0.25\n0.125,2.0\n",
    "names and units": "c0,c1\nMeV,MeV\n0.5,0.25\n0.125,2.0\n",
    "names by blanks above commas": "c0 c1\n0.5,0.25\n0.125,2.0\n",
    "numbers by blanks above commas": "0 1\n0.5,0.25\n0.125,2.0\n",
    "title": "Two potentials of my own\n0.5 0.25\n0.125 2.0\n",
    "title, names, units": "Argonne\nc0 c1\nMeV MeV\n0.5 0.25\n0.125 2.0\n",
    "savetxt with a header": "# c0,c1\n0.5,0.25\n0.125,2.0\n",
}


@pytest.mark.parametrize("case", READ)
def test_it_reads(case, tmp_path):
    file = tmp_path / "u.csv"
    file.write_text(READ[case], encoding="utf-8")
    np.testing.assert_array_equal(read_potentials(file), [A, B])


ENCODED = {
    "Latin-1 in a comment": b"# Gr\xf6\xdfe in \xb5eV\n0.5,0.25\n0.125,2.0\n",
    "Latin-1 in a heading": b"U(\xbd),U(1)\n0.5,0.25\n0.125,2.0\n",
    "UTF-8 with its mark": codecs.BOM_UTF8 + b"0.5,0.25\n0.125,2.0\n",
    "UTF-8 with its mark and an index": codecs.BOM_UTF8 + b",a,b\n0,0.5,0.25\n1,0.125,2.0\n",
    "UTF-16 of a spreadsheet": "a\tb\r\n0.5\t0.25\r\n0.125\t2.0\r\n".encode("utf-16"),
    "gzip": gzip.compress(b"0.5,0.25\n0.125,2.0\n"),
}


@pytest.mark.parametrize("case", ENCODED)
def test_it_decodes(case, tmp_path):
    (tmp_path / "u.csv").write_bytes(ENCODED[case])
    np.testing.assert_array_equal(read_potentials(tmp_path / "u.csv"), [A, B])


def test_a_packed_array(tmp_path):
    np.save(tmp_path / "u.npy", [A, B])
    (tmp_path / "u.npy.gz").write_bytes(gzip.compress((tmp_path / "u.npy").read_bytes()))
    np.testing.assert_array_equal(read_potentials(tmp_path / "u.npy.gz"), [A, B])


def test_columns_numbered_by_a_program_are_a_heading(tmp_path):
    file = tmp_path / "u.csv"
    file.write_text("0,1,2\n0.5,0.25,0.0\n")
    np.testing.assert_array_equal(read_potentials(file), [[0.5, 0.25, 0.0]])
    file.write_text(",0\n0,0.5\n1,0.25\n")  # pandas.Series.to_csv
    np.testing.assert_array_equal(read_values(file), [0.5, 0.25])
    file.write_text("0,1\n1,0\n2,0.5\n")  # a table of whole numbers by hand
    np.testing.assert_array_equal(read_radial(file)[0], [0, 1, 2])


REFUSED = {
    "0, 1 above decimals": ("0,1\n0.5,0.25\n", "line 1, '0,1', may be a heading or numbers"),
    "0, 1, 2 above whole numbers": ("0,1,2\n3,4,5\n", "line 1, '0,1,2', may be a heading or numbers"),
    "1, 2, 3 above decimals": ("1,2,3\n0.3,0.4,0.5\n", "line 1, '1,2,3', may be a heading or numbers"),
    "empty first row": (",,\n1,2,3\n", "row 1, column 1 (line 1): expected a number, got an empty field"),
    "empty field": ("1,2,3\n1,,3\n", "row 2, column 2 (line 2): expected a number, got an empty field"),
    "empty last field": ("1.5,2\n1,\n", "row 2, column 2 (line 2): expected a number, got an empty field"),
    "empty row of a spreadsheet": ("1,2\n,\n", "row 2, column 1 (line 2): expected a number, got an empty"),
    "NA in the first row": ("NA,NA\n1.5,2\n", "row 1, column 1 (line 1): expected a number, got 'NA'"),
    "NA in the first row, below headings": ("a,b\nNA,null\n1,2\n", "row 1, column 1 (line 2): expected a nu"),
    "NA in an indexed table": (",a,b\n0,1,2\n1,NA,3\n", "row 2, column 2 (line 3): expected a number, got"),
    "nan": ("a,b\n1,2\n3,nan\n", "row 2, column 2 (line 3): expected a finite number, got nan"),
    "a label": ("a,b\nshallow,2\n", "row 1, column 1 (line 2): expected a number, got 'shallow'"),
    "overflow of Fortran": ("1.5 *****\n", "row 1, column 2 (line 1): expected a number, got '*****'"),
    "per cent": ("5 %\n6 %\n", "row 1, column 2 (line 1): expected a number, got '%'"),
    "decimal commas, semicolons": ("0,5;0,3\n", "0,5 has a decimal comma; write it with a point, 0.5"),
    "decimal commas, tabs": ("a\tb\n-1,25E-3\t2\n", "-1,25E-3 has a decimal comma"),
    "decimal commas, blanks": ("0,5 0,3\n0,1 0,2\n", "0,5 has a decimal comma"),
    "decimal commas, one column": ("0,05\n0,3\n", "0,05 has a decimal comma"),
    "decimal comma below": ("1;2\n0,5;3\n1;2\n", "row 2, column 1 (line 2): expected a decimal point, got"),
    "empty heading of numbers": (",b\n0.5,2\n0.7,4\n", "column 1, headed '', is no index"),
    "index that repeats": ("id,b\n1,2\n1,4\n", "column 1, headed 'id', is no index"),
    "too many headings": ("a,b,c\n1,2\n", "line 1: expected 2 headings, as there are columns"),
    "too few headings": ("a,b\n0.5,2,3\n", "line 1: expected 3 headings, as there are columns"),
    "text with a number": ("channel 1S0, 2024\n1,2\n", "row 1, column 1 (line 1): expected a number, got"),
    "two lines of names": ("a,b\nc,d\n1,2\n", "row 1, column 1 (line 2): expected a number, got 'c'"),
    "first row longer, commas": ("0.3,0.5\n0.2\n", "row 2 (line 2): expected 2 columns, as row 1, got 1"),
    "first row longer, semicolons": ("0.3;0.5\n0.2\n", "row 2 (line 2): expected 2 columns, as row 1, got 1"),
    "first row longer, tabs": ("0.3\t0.5\n0.2\n", "row 2 (line 2): expected 2 columns, as row 1, got 1"),
    "first row longer, blanks": ("0.3 0.5\n0.2\n", "row 2 (line 2): expected 2 columns, as row 1, got 1"),
    "first row longer, quotes": ('"0.3","0.5"\n"0.2"\n', "row 2 (line 2): expected 2 columns, as row 1"),
    "first row longer, mark behind": ("0.3,0.5,\n0.2,\n", "row 2 (line 2): expected 2 columns, as row 1"),
    "first row longer, whole": ("1,2,3\n4\n", "row 2 (line 2): expected 3 columns, as row 1, got 1"),
    "first row longer, headings": ("a,b\n0.3,0.5\n0.2\n", "row 2 (line 3): expected 2 columns, as row 1"),
    "first row shorter": ("0.2\n0.3,0.5\n", "row 2 (line 2): expected 1 column, as row 1, got 2"),
    "last row shorter": ("0.3,0.5,0.6\n0.2,0.1,0.1\n0.3\n", "row 3 (line 3): expected 3 columns, as row 1"),
    "row between shorter": ("0.3,0.5\n0.2\n0.1,0.1\n", "row 2 (line 2): expected 2 columns, as row 1"),
    "empty last field of a first row": ("0.3,\n0.2\n", "row 1, column 2 (line 1): expected a number, got an"),
    "words below numbers": ("0.3,0.5\nend\n", "row 2, column 1 (line 2): expected a number, got 'end'"),
    "commas above blanks": ("0.3,0.5\n0.2 0.1\n", "row 1 (line 1): expected columns parted by blanks, as in"),
    "blanks above commas": ("0.3 0.5\n0.2,0.1\n", "row 1 (line 1): expected columns parted by commas, as in"),
    "semicolons above commas": ("0.3;0.5\n0.2,0.1\n", "row 1 (line 1): expected columns parted by commas"),
    "only an index": ("index\n0\n1\n", "expected columns of numbers beside the index"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, tmp_path):
    content, message = REFUSED[case]
    file = tmp_path / "u.csv"
    file.write_text(content)
    with pytest.raises(InputError) as error:
        read_potentials(file)
    assert message in str(error.value)


KINDS = {
    "spreadsheet": (b"PK\x03\x04" + bytes(40), "zip archive"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "HDF5 file"),
    "bzip2": (b"BZh91AY" + bytes(40), "bzip2"),
    "gzip, truncated": (gzip.compress(b"0.5,0.25\n" * 99)[:30], "truncated or damaged gzip"),
    "UTF-16, damaged": (codecs.BOM_UTF16_LE + b"\x00\xd8\x31", "another kind of file"),
}


@pytest.mark.parametrize("case", KINDS)
def test_other_kinds_of_files_are_named(case, tmp_path):
    content, message = KINDS[case]
    (tmp_path / "u.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_potentials(tmp_path / "u.csv")


STATED = {
    "names and units": "r,V\nfm,MeV\n0,-3\n0.5,-1\n",
    "brackets": "r [fm]  V [MeV]\n0 -3\n0.5 -1\n",
    "units in brackets below": "r V\n[fm] [MeV]\n0 -3\n0.5 -1\n",
    "round brackets": '"r (fm)","V (MeV)"\n0,-3\n0.5,-1\n',
    "slashes": "r/fm;V / MeV\n0;-3\n0.5;-1\n",
    "comment": "# Argonne, singlet\n# r [fm]  V [MeV]\n0 -3\n0.5 -1\n",
    "two comments": "# r V\n# fm MeV\n0 -3\n0.5 -1\n",
    "with an index": ",r [fm],V [MeV]\n0,0,-3\n1,0.5,-1\n",
}


@pytest.mark.parametrize("case", STATED)
def test_units_are_read(case, tmp_path):
    file = tmp_path / "grid.dat"
    file.write_text(STATED[case])
    assert radial_units(file) == ("fm", "MeV")
    r, V = read_radial(file)
    np.testing.assert_array_equal([r, V], [[0, 0.5], [-3, -1]])


def test_units_that_nobody_states(tmp_path):
    (tmp_path / "grid.csv").write_text("# by hand\nr,V\n0,-3\n0.5,-1\n")
    assert radial_units(tmp_path / "grid.csv") == ("", "")


def test_a_column_by_name(tmp_path):
    file = tmp_path / "u.csv"
    file.write_text(",c0,c1,a0 [fm],c1\n0,1,2,-0.5,3\n1,3,4,-0.7,3\n")
    np.testing.assert_array_equal(read_column(file, "a0"), [-0.5, -0.7])
    np.testing.assert_array_equal(read_column(file, "a0 [fm]"), [-0.5, -0.7])
    with pytest.raises(InputError, match=r"expected a column 'a9'; its columns are c0, c1, a0 \[fm\], c1"):
        read_column(file, "a9")
    with pytest.raises(InputError, match="expected a column 'c1'; 2 columns have that heading"):
        read_column(file, "c1")
    (tmp_path / "bare.csv").write_text("1,2\n")
    with pytest.raises(InputError, match="it has no headings"):
        read_column(tmp_path / "bare.csv", "a0")


def test_columns_beside_potentials_that_have_an_index(tmp_path):
    (tmp_path / "u.csv").write_text(",c0,c1,a0 [fm],strength\n0,1,2,-0.5,0.1\n1,3,4,-0.7,0.2\n")
    U, beside = read_beside(tmp_path / "u.csv", {"--values": "a0", "--sigma": "strength"})
    np.testing.assert_array_equal(U, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(beside["--values"], [-0.5, -0.7])
    with pytest.raises(InputError, match=r"'strength'.* is no cell"):
        read_beside(tmp_path / "u.csv", {"--values": "a0", "--sigma": None})


VALUES = {
    "column": "-0.5\n-0.25\n-3e-2\n",
    "row": "-0.5,-0.25,-0.03\n",
    "heading": "a0\n-0.5\n-0.25\n-0.03\n",
    "heading and unit": "a0\nfm\n-0.5\n-0.25\n-0.03\n",
    "index": ",a0\n0,-0.5\n1,-0.25\n2,-0.03\n",
    "trailing commas": "-0.5,\n-0.25,\n-0.03,\n",
}


@pytest.mark.parametrize("case", VALUES)
def test_values(case, tmp_path):
    (tmp_path / "a0.csv").write_text(VALUES[case])
    np.testing.assert_array_equal(read_values(tmp_path / "a0.csv"), [-0.5, -0.25, -0.03])


def test_values_in_arrays(tmp_path):
    for shape in (3, (3, 1), (1, 3)):
        np.save(tmp_path / "a0.npy", np.array([-0.5, -0.25, -0.03]).reshape(shape))
        np.testing.assert_array_equal(read_values(tmp_path / "a0.npy"), [-0.5, -0.25, -0.03])
    np.save(tmp_path / "a0.npy", [1, np.inf])
    with pytest.raises(InputError, match="row 1, column 2: expected a finite number, got inf"):
        read_values(tmp_path / "a0.npy")


def test_values_in_several_columns(tmp_path):
    (tmp_path / "a0.csv").write_text("a0,sigma\n1.5,2\n3,4\n")
    with pytest.raises(InputError, match=r"expected one column of numbers, got 2 columns \(a0, sigma\)"):
        read_values(tmp_path / "a0.csv")


NO_CELLS = {
    "radius": ("r [fm],V [MeV]\n0.5,2\n1.5,4\n", "Read it as a radial table"),
    "value": ("c0,c1,a0\n1.5,2,3\n", "column 3 ('a0') is no cell of a potential"),
    "strength": ("c0,strength\n1.5,2\n", "column 2 ('strength') is no cell of a potential"),
}


@pytest.mark.parametrize("case", NO_CELLS)
def test_what_is_no_cell_is_not_taken_for_one(case, tmp_path):
    content, message = NO_CELLS[case]
    (tmp_path / "u.csv").write_text(content)
    with pytest.raises(InputError) as error:
        read_potentials(tmp_path / "u.csv")
    assert message in str(error.value)


def test_a_cell_may_be_called_a0(tmp_path):
    (tmp_path / "u.csv").write_text("a0,a1\n1.5,2\n")
    assert read_potentials(tmp_path / "u.csv").shape == (1, 2)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
        min_size=2,
        max_size=5,
    ),
    st.sampled_from([",", ";", " ", "\t"]),
    st.booleans(),
    st.sampled_from(["e", "D"]),
)
def test_what_is_written_is_read(rows, mark, indexed, exponent):
    lines = [mark.join(["index"] * indexed + ["x", "y", "z"])]
    for number, row in enumerate(rows):
        written = [f"{value:.17e}".replace("e", exponent) for value in row]
        lines.append(mark.join([str(number)] * indexed + written))
    file = Path("written.dat")
    file.write_text("\n".join(lines))
    try:
        table = read_table(file)
    finally:
        file.unlink()
    np.testing.assert_array_equal(table.numbers, rows)
    assert table.headings == ("x", "y", "z")
