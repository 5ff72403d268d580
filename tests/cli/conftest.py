"""Run a command in an empty folder, in this process, and look at everything a user would see."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from bornnet.cli.main import main


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self):
        def refuse(constant):
            raise ValueError(f"{constant} is not strict JSON")

        return json.loads(self.out, parse_constant=refuse)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """`run("generate", "out.h5", ...)` in an empty current folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def refused(run):
    """Run a command that must be refused: exit 2, one error line, no traceback, nothing written."""

    def files():
        return {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")}

    def refused(*arguments):
        before = files()
        outcome = run(*arguments)
        assert (outcome.code, outcome.out) == (2, ""), outcome
        assert outcome.err.startswith("Error: ")
        assert outcome.err.count("\n") == 1
        assert files() == before
        return outcome.err

    return refused
