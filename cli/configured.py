"""Options made from the keys of the configuration (`bornnet.config`), with their words and defaults.

Each is `None` unless it is given, and then beats the file and the preset. This imports the models of the
configuration, which take most of the time of a help text: commands without such options do without.
"""

from collections.abc import Iterable, Sequence
from typing import Any, get_args, get_origin

import click
from bornnet.data import preset_names

from bornnet.config.explain import named_choices
from bornnet.config.registry import learner_config, learner_names
from bornnet.config.schema import Common, Comparison, Data, Iteration, Keys, LearnerConfig

from .options import Decorator, Name, offering, together


def configured(*models: type[Keys], only: Iterable[str] = (), without: Iterable[str] = ()) -> Decorator:
    """An option for every key of some models of the configuration, with its words and default.

    A key of several learners has one option, which says whose it is.
    """
    owners: dict[str, list[type[Keys]]] = {}
    for model in models:
        for key in model.model_fields:
            if (not only or key in only) and key not in without:
                owners.setdefault(key, []).append(model)
    return together(*(_option(key, having) for key, having in owners.items()))


def _option(key: str, models: Sequence[type[Keys]]) -> Decorator:
    field = models[0].model_fields[key]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    names = named_choices(models[0], key)
    text = f"{field.description}{f' One of {_listed(names)}.' if names else ''}{_default(key, models)}"
    attributes: dict[str, Any] = {"default": None, "help": text}
    if "metavar" in extra:
        attributes["metavar"] = extra["metavar"]
    if names:
        attributes["type"] = Name(names)
    elif key == "learner":
        attributes["shell_complete"] = offering(lambda: (*learner_names(), "auto"))
    elif key == "strength":
        attributes |= {"type": float, "nargs": 2, "metavar": "LO HI"}
    elif _kind(field.annotation) is int:
        attributes |= {"type": int, "metavar": attributes.get("metavar", "N")}
    elif _kind(field.annotation) is float:
        attributes |= {"type": float, "metavar": attributes.get("metavar", "X")}
    flag = extra.get("flags", "--" + key.replace("_", "-"))
    return click.option(str(flag), key, **attributes)


def _kind(annotation: Any) -> Any:
    """What a value is, without its bounds and without None."""
    inside = [part for part in get_args(annotation) if part is not type(None)]
    single = get_origin(annotation) not in (tuple, list)
    return _kind(inside[0]) if inside and single else annotation


def _default(key: str, models: Sequence[type[Keys]]) -> str:
    """``[default: 3]``, and of learners whose defaults differ, each."""
    names: dict[type[Keys], str] = {}
    if issubclass(models[0], LearnerConfig):
        names = {learner_config(name): name for name in learner_names()}
    shown = {names.get(model, ""): _shown(model.model_fields[key].default) for model in models}
    if issubclass(models[0], Iteration):
        for name in learner_names():
            if key in learner_config(name).iteration:
                shown[name] = _shown(learner_config(name).iteration[key])
    if set(shown.values()) == {"-"}:
        return ""
    if len(set(shown.values())) == 1:
        whose = f" ({', '.join(shown)})" if "" not in shown else ""
        return f"  [default: {next(iter(shown.values()))}{whose}]"
    parts = [f"{value} ({name})" if name else value for name, value in shown.items()]
    return f"  [default: {'; '.join(parts)}]"


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_shown, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


study_options = together(
    click.option(
        "--preset",
        metavar="NAME",
        help="A study that ships with bornnet: quick, standard, ...",
        shell_complete=offering(preset_names),
    ),
    click.option(
        "--config", type=click.Path(), metavar="FILE", help="TOML file with the same keys as the flags."
    ),
    configured(Common, only=("seed", "workers")),
)
data_options = configured(Data)
rounds_option = configured(Iteration, only=("rounds",))
order_option = configured(Comparison, only=("order",))
