"""What a command does where stdout, stderr or the current folder are not what they usually are."""

import io
import subprocess
import sys

import pytest
from bornnet.cli.main import main
from bornnet.cli.streams import make_writable

SHOWN = {
    "ascii": "9.8 x 10^-8, u^2, eta, sigma, a_0 +-1 -> \\u65e5 r'\n",
    "latin-1": "9.8 × 10^-8, u², eta, sigma, a_0 ±1 -> \\u65e5 r'\n",
    "utf-8": "9.8 × 10⁻⁸, u², η, σ, a_₀ ±1 → 日 r′\n",
}


@pytest.mark.parametrize("encoding", SHOWN)
def test_letters_that_a_terminal_lacks(monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    make_writable()
    print("9.8 × 10⁻⁸, u², η, σ, a_₀ ±1 → 日 r′", flush=True)
    assert stream.buffer.getvalue().decode(encoding) == SHOWN[encoding]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("arguments", [["solve", "ü.csv"], ["diagrams", "--order", "3"]], ids=lambda a: a[0])
def test_commands_in_an_encoding_without_greek(tmp_path, monkeypatch, encoding, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ü.csv").write_text("0.5,0.4\n0.1,0.2\n")
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    assert main(arguments) == 0, streams[1].buffer.getvalue()
    streams[0].flush()
    shown = streams[0].buffer.getvalue()
    assert {"solve": b"row", "diagrams": b"Order 3: 2 diagrams"}[arguments[0]] in shown
    assert b"\\u" not in shown
    assert main(["solve", "日.csv"]) == 2
    streams[1].flush()
    assert b"\\u65e5.csv: no such file" in streams[1].buffer.getvalue()


@pytest.mark.parametrize("closed", ["stdout", "stderr", "stdout and stderr"])
def test_closed_streams(tmp_path, monkeypatch, closed):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "u.csv").write_text("0.5,0.4\n")
    for name in closed.split(" and "):
        monkeypatch.setattr(sys, name, None)
    assert main(["generate", "d.h5", "--samples", "20", "--cells", "3", "--workers", "1"]) == 0
    assert main(["solve", "u.csv", "--json"]) == 0
    assert main(["solve", "none.csv"]) == 2
    assert main(["solve"]) == 2


def test_what_libraries_print_goes_into_no_file(tmp_path):
    """A file opened while stderr is closed would get its number, 2, and what C code writes there."""
    code = (
        "import os; from bornnet.cli.main import main; main(['--version']);"
        "file = open('a', 'w'); os.write(2, b'chatter'); os.write(1, b'chatter'); file.close()"
    )
    command = f'{sys.executable} -c "{code}" >&- 2>&-'
    assert subprocess.run(command, shell=True, cwd=tmp_path).returncode == 0
    assert (tmp_path / "a").read_bytes() == b""


def test_a_current_folder_that_has_been_deleted(tmp_path):
    code = (
        "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone');"
        "from bornnet.cli.main import main;"
        "print([main(a) for a in (['--help'], ['solve', '--help'], ['solve', '/u.csv'])])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[0, 0, 2]"
    assert done.stderr == "Error: the current folder has been deleted; change to one that exists (cd).\n"
