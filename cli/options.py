"""The options of the commands, one decorator a family, each with the same words everywhere.

Options of the configuration are made from its keys (`bornnet.config`), with their words and defaults. Each is
`None` unless it is given, and then beats the file and the preset.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, get_args, get_origin

import click

from bornnet.config.explain import named_choices
from bornnet.config.names import LABELS, suggestion
from bornnet.config.registry import learner_config, learner_names
from bornnet.config.schema import Common, Comparison, Data, Iteration, Keys
from bornnet.errors import InputError

from .terminal import Terminal

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]


class Name(click.Choice):
    """One of some names; the error for another one says which is nearest."""

    name = "name"

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value not in self.choices:
            self.fail(
                f"expected one of {', '.join(self.choices)}; got {value!r}.{suggestion(value, self.choices)}"
            )
        return value

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "NAME"


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


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
    names: dict[type[Keys], str] = {learner_config(name): name for name in learner_names()}
    shown = {names.get(model, ""): _shown(model.model_fields[key].default) for model in models}
    if key in Iteration.model_fields:
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


_learners = tuple(learner_config(name) for name in learner_names())

study_options = together(
    click.option("--preset", metavar="NAME", help="A study that ships with bornnet: quick, standard, ..."),
    click.option(
        "--config", type=click.Path(), metavar="FILE", help="TOML file with the same keys as the flags."
    ),
    configured(Common, only=("seed", "workers")),
)
data_options = configured(Data)
training_options = together(
    configured(Iteration, without=("rounds",)),
    click.option(
        "--labels",
        type=Name(LABELS),
        help="Fit values alone, or gradients too.  [default: what the data have]",
    ),
    configured(Data, only=("observable",)),
    configured(*_learners),
    configured(Common, only=("device",)),
)
rounds_option = configured(Iteration, only=("rounds",))
order_option = configured(Comparison, only=("order",))
force_option = click.option("--force", is_flag=True, help="Replace an existing output.")
resume_option = click.option("--resume", is_flag=True, help="Go on with an interrupted run.")


@contextmanager
def reference_as_flags(at: str | None) -> Iterator[None]:
    """Errors about a reference, which speak of parameters, as the flags that gave it."""
    try:
        yield
    except InputError as error:
        text = str(error)
        for parameter in ("at: ", "target inverse: "):
            if text.startswith(parameter):
                flag = f"--at {at}" if parameter == "at: " else "--target inverse"
                text = text.removeprefix(parameter).replace("take target", "take --target")
                raise InputError(f"{flag}: {text}") from None
        raise


def terminal_options(command: Command) -> Command:
    """`--json`, `--quiet`, `--verbose`, handed to the command as one `terminal`."""

    @together(
        click.option("--json", is_flag=True, help="Print the result as one JSON object."),
        click.option("--quiet", is_flag=True, help="No progress bar and no closing line."),
        click.option("--verbose", is_flag=True, help="Log what is done; show the traceback of an error."),
    )
    @wraps(command)
    def with_terminal(*args: Any, json: bool, quiet: bool, verbose: bool, **kwargs: Any) -> Any:
        _require_current_folder()
        return command(*args, terminal=Terminal(json=json, quiet=quiet, verbose=verbose), **kwargs)

    return with_terminal


def _require_current_folder() -> None:
    """Libraries look things up relative to it, and some end the process where it is gone."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise InputError("the current folder has been deleted; change to one that exists (cd).") from None
