"""Help is made from the declarations: every setting stands once, with its description and its default."""

import inspect

import click
import pytest
from bornnet.cli.main import bornnet as group
from bornnet.cli.main import main

from bornnet.config.load import load_config, study_keys
from bornnet.config.registry import known_learners, learner_config
from bornnet.config.schema import Keys, StudyConfig

SHIPPED = ("mlp", "polynomial", "gp", "flow")
BY_HAND = {"generate": {"sigma"}, "train": {"observable"}, "iterate": {"observable"}}
"""Options of a key's name that mean a file, or a column of one."""

SETTINGS = {*study_keys()} - {"learner", "labels"}


def options(command):
    found = group.get_command(click.Context(group), command)
    return {p.name: p for p in found.params if isinstance(p, click.Option)}


def shown(value):
    if isinstance(value, tuple):
        return ",".join(map(shown, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("command", BY_HAND)
def test_options_show_what_holds_without_them(command):
    checked = 0
    for key, option in options(command).items():
        if key not in SETTINGS or key in BY_HAND[command]:
            continue
        assert option.default is None  # so that a file or a preset is not beaten by what nobody typed
        for learner in SHIPPED:
            config = load_config(overrides={"learner": learner})
            value = getattr(config, key, None)
            if value is not None and key != "seed":
                assert shown(value) in option.help, (key, learner, option.help)
                assert "[default:" in option.help
                checked += 1
    assert checked > 3


@pytest.mark.parametrize("command", [None, *group.list_commands(click.Context(group))])
def test_help_fits_a_terminal_of_80_columns(command, capsys):
    assert main([*([command] if command else []), "--help"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in text.replace("standard, ...", "").partition("Commands:")[2]  # click's way to cut


def test_a_setting_is_declared_once():
    """In one class each; learners of their own meaning or default for a name declare it again."""
    owners = {}
    shipped = (c for c in map(learner_config, known_learners()) if c.__module__.startswith("bornnet."))
    for model in (StudyConfig, *shipped):
        for part in model.__mro__:
            if isinstance(part, type) and issubclass(part, Keys):
                for key in inspect.get_annotations(part):
                    if key in part.model_fields:
                        owners.setdefault(key, set()).add(part)
    again = {key for key, parts in owners.items() if len(parts) > 1}
    assert again == {"hidden", "activation", "steps"}  # of the perceptron's layers and of a flow's G
    silent = {
        key for key, parts in owners.items() for part in parts if not part.model_fields[key].description
    }
    assert silent == {"settings"}  # which no flag or file gives
