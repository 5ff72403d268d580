"""Run a command in an empty folder, in this process, and look at everything a user would see."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from bornnet.cli.main import main

from bornnet.config.load import load_config
from bornnet.datasets.generate import generate
from bornnet.runs.rounds import fit_run


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


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """A folder with a dataset `d.h5` of 3 cells and a run `r` of 2 members and 2 rounds on it."""
    folder = tmp_path_factory.mktemp("study")
    generate(folder / "d.h5", load_config(overrides={"samples": 300, "cells": 3, "strength": (0.01, 0.5)}))
    config = load_config(overrides={"hidden": (5, 4), "steps": (8, 5), "rounds": 2, "members": 2})
    fit_run(folder / "d.h5", folder / "r", config)
    return folder


@pytest.fixture
def here(run, study):
    """A copy of the study's files in the current folder."""
    shutil.copytree(study, Path.cwd(), dirs_exist_ok=True)
