"""One flat vocabulary of keys; flag beats file beats preset beats default; a mistake has one clear line."""

import subprocess
import sys
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bornnet.config import load as config_module
from bornnet.config.explain import choices
from bornnet.config.load import load_config, to_toml
from bornnet.config.schema import StudyConfig
from bornnet.errors import InputError


@pytest.fixture
def presets(monkeypatch):
    """Two presets in place of those that ship."""
    texts = {"small": "seed = 1\n[data]\nsamples = 10\ncells = 4\n", "broken": "samples = 'many'\n"}
    monkeypatch.setattr(config_module, "preset_names", lambda: sorted(texts))
    monkeypatch.setattr(config_module, "preset_text", texts.__getitem__)


@pytest.fixture
def toml(tmp_path):
    def write(text):
        file = tmp_path / "study.toml"
        file.write_text(text)
        return file

    return write


def test_flag_beats_file_beats_preset_beats_default(presets, toml):
    file = toml("cells = 5\nsamples = 20\n")
    assert load_config().cells == StudyConfig().cells
    assert load_config("small").cells == 4
    assert load_config("small", file).cells == 5
    mixed = load_config("small", file, {"samples": 30, "seed": None})
    assert (mixed.seed, mixed.cells, mixed.samples) == (1, 5, 30)


@pytest.mark.parametrize(
    "text",
    [
        "rounds = 7\nhidden = [3, 4]",
        "[training]\nrounds = 7\n[network]\nhidden = [3, 4]",
        "[iterate]\nrounds = 7\nhidden = '3,4'",
        "rounds = 7\n[compare-born]\nhidden = '3, 4'",
    ],
)
def test_tables_only_group(toml, text):
    assert load_config(file=toml(text)) == load_config(overrides={"rounds": 7, "hidden": "3,4"})


configurations = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "samples": st.integers(1, 10**12),
        "strength": st.tuples(st.floats(1e-300, 1), st.floats(1, 1e300)),
        "family": st.sampled_from(choices("family")),
        "hidden": st.lists(st.integers(1, 9999), min_size=1, max_size=5),
        "time_limit": st.floats(1e-6, 1e6),
        "holdout": st.floats(0.01, 0.99),
    },
)


@given(configurations)
def test_toml_round_trip(values):
    config = load_config(overrides=values)
    document = tomllib.loads(to_toml(config))
    flat = {
        key: value
        for name in document
        for key, value in (
            document[name].items() if isinstance(document[name], dict) else [(name, document[name])]
        )
    }
    assert load_config(overrides=flat) == config


def test_configuration_is_immutable():
    with pytest.raises(ValueError, match="frozen"):
        load_config().seed = 3


def test_generator_holds_what_decides_the_numbers_and_no_more():
    generator = load_config().generator()
    assert set(generator) == {"seed", "samples", "cells", "family", "strength", "strength_spacing", "labels"}


def test_every_preset_that_ships_is_valid():
    from bornnet.data import preset_names

    for name in preset_names():
        assert isinstance(load_config(name), StudyConfig)


STRENGTH = "strength: expected two numbers LO HI with 0 < LO <= HI; got "
HIDDEN = "hidden: expected the widths of 1 to 64 hidden layers, each at least 1, such as 64,64; got "
MISTAKES = {
    "samples = 0": "samples: expected a number of at least 1; got 0.",
    "samples = true": "samples: expected a whole number; got True.",
    "samples = 1.5": "samples: expected a whole number; got 1.5.",
    "samples = '5'": "samples: expected a whole number; got '5'.",
    "cells = 100000": "cells: expected a number of at most 10000; got 100000.",
    "seed = -1": "seed: expected a number of at least 0; got -1.",
    "holdout = 1": "holdout: expected a number below 1; got 1.",
    "holdout = nan": "holdout: expected a finite number; got nan.",
    "time_limit = 0": "time_limit: expected a number above 0; got 0.",
    "strength = [2, 1]": STRENGTH + "[2, 1].",
    "strength = [0, 1]": STRENGTH + "[0, 1].",
    "strength = [0.1]": STRENGTH + "[0.1].",
    "strength = 0.1": STRENGTH + "0.1.",
    "strength = [0.1, inf]": STRENGTH + "[0.1, inf].",
    "strength = ['a', 'b']": STRENGTH + "['a', 'b'].",
    "hidden = []": HIDDEN + "[].",
    "hidden = '64;64'": HIDDEN + "'64;64'.",
    "hidden = [64, 0]": HIDDEN + "[64, 0].",
    "labels = 'values'": "labels: expected one of value, gradient; got 'values'. Did you mean 'value'?",
    "device = 'tpu'": "device: expected one of auto, cpu, cuda; got 'tpu'.",
    "activation = 3": f"activation: expected one of {', '.join(choices('activation'))}; got 3.",
    "sampels = 3": "sampels: unknown key. Did you mean 'samples'?",
    "[data]\nzzz = 3": "data.zzz: unknown key.",
    "[dta]\nsamples = 3": "unknown table [dta]. Did you mean 'data'? Tables: data, network, ",
    "samples = 3\n[data]\nsamples = 3": "data.samples: the key stands a second time, first as ",
    "[data]\nsamples.n = 3": "data.samples: expected a whole number; got {'n': 3}.",
    "[[data]]\nsamples = 3": "data: unknown key.",
    "data = 3": "data: unknown key.",
    "[data": "not valid TOML: Expected ']'",
    "a = 1\na = 2": "not valid TOML: Cannot overwrite a value",
    "x = " + "[" * 5000: "not valid TOML: ",
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.items(), ids=[text[:30] for text in MISTAKES])
def test_mistake_in_a_file(toml, text, message):
    file = toml(text)
    with pytest.raises(InputError) as caught:
        load_config(file=file)
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"overrides": {"time_limit": -1.0}}, "--time-limit: expected a number above 0; got -1.0."),
        ({"overrides": {"strenght": (1, 2)}}, "--strenght: unknown key. Did you mean 'strength'?"),
        (
            {"overrides": {"seed": -1, "samples": 0}},
            "got -1. --samples: expected a number of at least 1; got 0.",
        ),
        ({"preset": "smal"}, "--preset: no preset 'smal'. Did you mean 'small'? There are: broken, small."),
        ({"preset": "broken"}, "preset broken: samples: expected a whole number; got 'many'."),
        ({"file": "nowhere.toml"}, "--config: nowhere.toml: no such file."),
        ({"file": "/"}, "--config: / cannot be read: Is a directory."),
    ],
)
def test_mistake_elsewhere(presets, arguments, message):
    with pytest.raises(InputError) as caught:
        load_config(**arguments)
    assert message in str(caught.value)


def test_file_that_is_no_text(tmp_path):
    (tmp_path / "study.toml").write_bytes(b"\x89PNG\xff\x00")
    with pytest.raises(InputError, match="no UTF-8 text"):
        load_config(file=tmp_path / "study.toml")


@given(st.text())
def test_any_text_is_a_configuration_or_an_input_error(text):
    try:
        config_module.document_layer(config_module.parse_toml(text, "fuzz"), "fuzz")
    except InputError as error:
        assert str(error).startswith("fuzz: ")  # noqa: PT017


def test_configuration_imports_no_heavy_library():
    heavy = {"torch", "numba", "numpy", "h5py"}
    code = "import sys; from bornnet.config.load import load_config; load_config('quick'); "
    code += f"print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_families_are_those_of_the_physics():
    from bornnet.physics.families import FAMILIES

    assert choices("family") == tuple(FAMILIES)


def test_activations_are_those_of_the_networks():
    from bornnet.networks.activations import ACTIVATIONS

    assert choices("activation") == tuple(row.name for row in ACTIVATIONS)
