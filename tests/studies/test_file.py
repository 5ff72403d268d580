"""Study files: which settings come of them, and what is said of a bad one."""

import re
from itertools import product

import pytest
from bornnet.data import study_names
from hypothesis import given, settings
from hypothesis import strategies as st

from bornnet.config.load import load_config
from bornnet.errors import InputError
from bornnet.studies.file import read_study
from bornnet.studies.grid import slug
from bornnet.studies.results import plan


@pytest.fixture
def study(tmp_path):
    """`study(TOML text)`, read."""

    def study(text):
        file = tmp_path / "s.toml"
        file.write_text(text, encoding="utf-8")
        return read_study(file)

    return study


def names(study):
    return [setting.name for setting in study.settings]


def test_an_empty_file_is_one_run_of_the_defaults(study):
    (setting,) = study("").settings
    assert (setting.name, setting.slug, setting.changes) == ("base", "base", {})
    assert setting.config == load_config(overrides={"seed": 0, "workers": 1})


def test_the_parts(study):
    found = study(
        """
        command = "iterate"
        preset = "quick"
        seeds = [1, 2, 3]
        [base]
        steps = [60, 40]
        [grid]
        hidden = [[16, 16], [32, 32]]
        activation = ["tanh", "gelu"]
        [vary]
        samples = [1000, 16000]
        [[settings]]
        optimizer = "adam"
        steps = 300
        """
    )
    assert names(found) == [
        "hidden 16,16, activation tanh",
        "hidden 16,16, activation gelu",
        "hidden 32,32, activation tanh",  # which is the base: not run twice
        "hidden 32,32, activation gelu",
        "samples 1000",
        "samples 16000",
        "optimizer adam, steps 300",
    ]
    quick = load_config("quick")
    config = found.settings[4].config
    assert (config.samples, config.steps, config.strength) == (1000, (60, 40), quick.strength)
    assert found.settings[6].config.steps == (300,)
    assert found.seeds == (1, 2, 3)


LEARNERS = """
command = "train"
[base]
cells = 3
samples = 60
bends = [0.0]
[[grid]]
hidden = [[2], [3]]
[[grid]]
learner = ["gp"]
kernel = ["nngp-erf", "ntk-erf"]
depth = [1, 2]
"""


def test_several_grids_are_several_learners(study, tmp_path):
    found = study(LEARNERS)
    gp = [f"learner gp, kernel {kernel}-erf, depth {depth}" for kernel in ("nngp", "ntk") for depth in (1, 2)]
    assert names(found) == ["hidden 2", "hidden 3", *gp]
    assert [setting.config.learner for setting in found.settings] == [("mlp",)] * 2 + [("gp",)] * 4
    assert {setting.config.bends for setting in found.settings[2:]} == {(0.0,)}
    again = tmp_path / "again.toml"
    again.write_text(found.to_toml())
    reread = read_study(again)
    assert names(reread) == names(found)
    assert reread.differs_from(found) is None


def test_a_key_of_another_learner_is_named_with_its_grid(study):
    with pytest.raises(InputError, match=r"grid\.hidden, value 1: a setting of learner mlp"):
        study('[[grid]]\nlearner = ["gp"]\nhidden = [[2]]')


def test_what_is_varied_to_the_base_is_not_run_twice(study):
    assert names(study('[vary]\nactivation = ["tanh", "gelu", "gelu"]')) == ["base", "activation gelu"]


def test_seeds_are_those_of_the_preset_unless_given(study):
    assert study('preset = "quick"').seeds == (1,)
    assert study("").seeds == (0,)


def test_train_has_one_round(study):
    (setting,) = study('command = "train"\npreset = "quick"').settings
    assert setting.config.rounds == 1


def test_data_of_ones_own(study, tmp_path):
    found = study('preset = "quick"\n[base]\ndata = "a.h5"\n[vary]\ndata = ["d/b.h5"]')
    assert [setting.data for setting in found.settings] == [tmp_path / "a.h5", tmp_path / "d" / "b.h5"]
    assert found.settings[1].slug == "data=b"
    assert "cells" not in found.settings[0].config.typed  # the dataset says how many


@pytest.mark.parametrize("name", study_names())
def test_studies_that_ship(name, tmp_path, monkeypatch):
    assert len(read_study(name).settings) > 1
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text("")
    assert names(read_study(name)) == ["base"]  # a file of that name comes first


values = {
    "hidden": st.lists(st.integers(1, 9), min_size=1, max_size=3),
    "activation": st.sampled_from(["tanh", "gelu", "sin"]),
    "samples": st.integers(1, 5),
    "holdout": st.floats(0.1, 0.9),
}
tables = st.fixed_dictionaries(
    {}, optional={key: st.lists(value, min_size=1, max_size=3) for key, value in values.items()}
)


def toml(table):
    return "".join(f"{key} = {value!r}\n" for key, value in table.items())


@settings(max_examples=60, deadline=None)
@given(
    grid=tables,
    vary=tables,
    single=st.lists(st.fixed_dictionaries({}, optional=values), max_size=2),
    seeds=st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3, unique=True),
)
def test_grid_times_seeds_plus_the_rest_each_once(tmp_path_factory, grid, vary, single, seeds):
    file = tmp_path_factory.mktemp("s") / "s.toml"
    text = f"seeds = {seeds}\n[grid]\n{toml(grid)}[vary]\n{toml(vary)}"
    file.write_text(text + "".join(f"[[settings]]\n{toml(own)}" for own in single))
    found = read_study(file)

    base = {"hidden": [32, 32], "activation": "tanh", "samples": 10_000, "holdout": 0.2}
    expected = [
        {**base, **dict(zip(grid, choice, strict=True))} for choice in product(*grid.values()) if grid
    ]
    if vary or not grid:
        expected.append(base)
    expected += [{**base, key: value} for key, several in vary.items() for value in several]
    expected += [{**base, **own} for own in single]
    distinct = {repr(setting) for setting in expected}

    def keys(setting):
        return {key: getattr(setting.config, key) for key in base} | {"hidden": list(setting.config.hidden)}

    assert len(found.settings) == len(distinct)
    assert {repr(keys(setting)) for setting in found.settings} == distinct

    jobs = plan(found, "out")
    assert len(jobs) == len(distinct) * len(seeds) == len({job.run for job in jobs})
    made = {(job.dataset, job.config.samples, job.config.seed) for job in jobs}
    assert len(made) == len({(job.config.samples, job.config.seed) for job in jobs})

    written = file.with_name("written.toml")
    written.write_text(found.to_toml())
    again = read_study(written)
    assert (again.settings, again.seeds, again.to_toml()) == (found.settings, found.seeds, found.to_toml())
    assert again.differs_from(found) is None


@given(st.dictionaries(st.sampled_from(["data", "hidden", "family"]), st.text(), min_size=1))
def test_folders_have_plain_names(changes):
    assert re.fullmatch(r"[A-Za-z0-9.,=_-]{1,110}", slug(changes))
    assert not slug(changes).startswith(".")


def test_long_or_odd_values_keep_folders_of_their_own(study):
    long = ",".join(["16"] * 64), ",".join(["16"] * 63)
    found = study(f"[vary]\nhidden = {list(long)}\ndata = ['a/<b>.h5', 'a/[b].h5']\n")
    slugs = {setting.slug for setting in found.settings}
    assert len(slugs) == len(found.settings) == 5


BAD = {
    "not TOML": ("seeds = [1, ", "s.toml: not valid TOML: "),
    "unknown part": ("sedes = [1]", "s.toml: sedes: unknown key. Did you mean 'seeds'?"),
    "key outside of a table": (
        "hidden = [3]",
        "s.toml: hidden: unknown key. It is a key of the configuration",
    ),
    "command": ('command = "fit"', "s.toml: command: expected iterate or train; got 'fit'."),
    "preset": ('preset = "quik"', "no preset 'quik'. Did you mean 'quick'?"),
    "preset type": ("preset = 3", "s.toml: preset: expected the name of a preset; got 3."),
    "no seeds": ("seeds = []", "s.toml: seeds: expected 1 to 1000 whole numbers of at least 0"),
    "seed below": ("seeds = [1, -1]", "whole numbers of at least 0, such as [1, 2, 3]; got -1."),
    "seed type": ("seeds = [1.5]", "got 1.5."),
    "seed alone": ("seeds = 3", "s.toml: seeds: expected 1 to 1000 whole numbers"),
    "seeds twice": ("seeds = [1, 1]", "s.toml: seeds: expected different numbers; got [1, 1]."),
    "seed in base": ("[base]\nseed = 3", "s.toml: base.seed: give seeds = [..] at the top"),
    "unknown key": ("[base]\nhiden = [3]", "s.toml: base.hiden: unknown key. Did you mean 'hidden'?"),
    "base no table": ("base = 3", "s.toml: base: expected a table [base] of keys and their values; got 3."),
    "base value": ("[base]\ncells = 0", "s.toml: base.cells: expected a number of at least 1; got 0."),
    "grid value": ('[grid]\nactivation = ["tanh", "tan"]', "grid.activation, value 2: expected one of"),
    "grid no list": ("[grid]\nsamples = 3", "s.toml: grid.samples: expected a list of values, such as"),
    "grid empty list": ("[grid]\nsamples = []", "s.toml: grid.samples: expected a list of values, such as"),
    "one layout": ("[vary]\nhidden = [0, 16]", "vary.hidden, value 1: expected the widths of 1 to 64"),
    "vary type": ('[vary]\nsamples = ["many"]', "vary.samples, value 1: expected a whole number;"),
    "not finite": ("[vary]\nholdout = [nan]", "vary.holdout, value 1: expected a finite number; got nan."),
    "vary no network": ("[vary]\norder = [2, 3]", "vary.order: can stand in [base] alone"),
    "vary seed": ("[grid]\nseed = [2, 3]", "grid.seed: give seeds"),
    "settings": ("[[settings]]\nsteps = [0]", "s.toml: settings 1: steps: expected steps of round 1, 2, .."),
    "settings no tables": ("settings = [3]", "s.toml: settings: expected tables [[settings]] of keys"),
    "settings key": ("[[settings]]\nlearning_rte = 1", "settings 1: learning_rte: unknown key. Did you mean"),
    "rounds of train": ('command = "train"\n[vary]\nrounds = [2]', "vary.rounds: means nothing for train"),
    "diverging": ("[vary]\nstrength = [[0.1, 1.0]]", "vary.strength, value 1: expected strengths below 1"),
    "data and samples": ('[base]\ndata = "d.h5"\nsamples = 3', "base.samples: the dataset "),
    "data, varied cells": ('[base]\ndata = "d.h5"\n[grid]\ncells = [3]', "grid.cells, value 1: the dataset "),
    "data type": ("[vary]\ndata = [3]", "vary.data, value 1: expected the path of a dataset; got 3."),
    "data of one name": ('[vary]\ndata = ["a/d.h5", "b/d.h5"]', "would share the folder data=d;"),
    "too many": (
        "[grid]\n" + "".join(f"{key} = {list(range(1, 101))}\n" for key in ("samples", "cells", "batch")),
        "s.toml: expected at most 10,000 runs; got about 1,000,001. Take",
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_bad_files(study, text, message):
    with pytest.raises(InputError) as refused:
        study(text)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_study_or_an_input_error(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("s") / "s.toml"
    file.write_text(text, encoding="utf-8", newline="")
    try:
        read_study(file)
    except InputError as error:
        assert str(file) in str(error)  # noqa: PT017


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    for name, message in {
        "none.toml": "no such file",
        "binary.toml": "no UTF-8 text",
        ".": "cannot be read",
    }.items():
        with pytest.raises(InputError, match=message):
            read_study(tmp_path / name)
