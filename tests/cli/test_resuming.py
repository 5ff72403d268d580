"""What a resumed run says and records of the calls that made it."""

import json
import shutil
from pathlib import Path

import bornnet.runs.rounds as rounds
from bornnet.config.load import load_config

CALL = ("iterate", "d.h5", "--out", "r", "--rounds", 2, "--members", 2, "--hidden", "5,4", "--steps", "8,5")


def provenance():
    return json.loads(Path("r/provenance.json").read_text())


def unfinish():
    """The run as if it had been stopped before its last round."""
    Path("r/summary.json").unlink()
    Path("r/member-1/round-2.safetensors").unlink()


def test_an_unfinished_run_tells_of_resume(refused, here):
    assert "r exists already; give another name, or --force" in refused(*CALL)
    unfinish()
    assert "r holds a run that is not finished: --resume goes on with it, --force replaces it" in refused(
        *CALL
    )


def test_times_add_up(run, here):
    unfinish()
    before = provenance()["seconds"]
    assert before > 0
    outcome = run(*CALL, "--resume", "--json")
    assert outcome.json["seconds"] == provenance()["seconds"] > before


def test_other_versions_are_said_and_recorded(run, here, monkeypatch):
    first = {name: provenance()[name] for name in ("bornnet", "python", "numpy", "torch")}
    other = {**first, "torch": "3.0", "numpy": "4.1"}
    with monkeypatch.context() as under_others:
        under_others.setattr(rounds, "versions", lambda: other)
        for said in (True, False):
            outcome = run(*CALL, "--resume")
            assert (outcome.code, "was begun under" in outcome.err) == (0, said)
    expected = f"r was begun under numpy 4.1, now {first['numpy']}, torch 3.0, now {first['torch']}; rounding"
    assert expected in run(*CALL, "--resume").err
    assert provenance()["resumed"] == [other, first]
    assert {name: provenance()[name] for name in first} == first


def test_a_new_time_limit(run, refused, here):
    unfinish()
    assert run(*CALL, "--resume", "--time-limit", "7").code == 0
    assert load_config(file="r/config.toml").time_limit == 7
    unfinish()
    assert run(*CALL, "--resume").code == 0
    assert load_config(file="r/config.toml").time_limit == 7
    assert "learning_rate" in refused(*CALL, "--resume", "--optimizer", "adam", "--learning-rate", "0.1")


def test_strengths_where_the_series_diverges_are_said_at_once(run):
    outcome = run("generate", "e.h5", "--samples", 30, "--cells", 3, "--strength", "0.5", "1.5")
    assert outcome.code == 0
    assert outcome.err.startswith("Warning: strengths reach eta = 1.5, where the Born series diverges")
    assert outcome.err.endswith("Wrote e.h5.\n")
    Path("u.csv").write_text("0.5,0.4\n8,9\n")
    outcome = run("generate", "f.h5", "--potentials", "u.csv")
    assert "where the Born series diverges" in outcome.err
    assert "Next" not in outcome.err


def test_what_to_type_next_is_quoted(run, refused, here):
    assert "`bornnet generate 'my data.h5'` makes" in refused("train", "my data.h5", "--out", "x")
    shutil.copy("d.h5", "my data.h5")
    outcome = run("generate", "other data.h5", "--samples", 30, "--cells", 3)
    assert "Next: bornnet iterate 'other data.h5' --out" in outcome.err
    outcome = run("train", "my data.h5", "--out", "my run", "--hidden", "4", "--steps", "2")
    assert "Next: bornnet compare-born 'my run'" in outcome.err
