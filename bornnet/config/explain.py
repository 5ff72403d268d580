"""What a key may be, in words: the names that it takes, and what was wrong with a value."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from .names import suggestion
from .registry import learner_config, learner_names
from .schema import EXPECTED, Keys, StudyConfig

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def choices(key: str) -> tuple[str, ...]:
    """The names a key can take, where it takes names."""
    models: list[type[Keys]] = [StudyConfig, *(learner_config(name) for name in learner_names())]
    for model in models:
        if key in model.model_fields:
            return named_choices(model, key)
    return ()


def named_choices(model: type[Keys], key: str) -> tuple[str, ...]:
    """The names a key of a model can take, where it takes names."""
    arguments = get_args(model.model_fields[key].annotation)
    return arguments if arguments and all(isinstance(name, str) for name in arguments) else ()


def explain(
    model: type[Keys], details: "ErrorDetails", values: Mapping[str, Any], origins: Mapping[str, str]
) -> str:
    """One pydantic error as: where, expected, got."""
    key = str(details["loc"][0])
    value = values[key]
    names = named_choices(model, key)
    shown = repr(list(value) if isinstance(value, tuple) else value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    near = suggestion(value, names) if isinstance(value, str) else ""
    expected = f"one of {', '.join(names)}" if names else _expected(key, details)
    return f"{origins[key]}: expected {expected}; got {shown}.{near}"


def _expected(key: str, details: "ErrorDetails") -> str:
    if key in EXPECTED:
        return EXPECTED[key]
    bounds = {name: str(bound).removesuffix(".0") for name, bound in details.get("ctx", {}).items()}
    return {
        "int_type": "a whole number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "bool_type": "true or false",
        "greater_than": "a number above {gt}",
        "greater_than_equal": "a number of at least {ge}",
        "less_than": "a number below {lt}",
        "less_than_equal": "a number of at most {le}",
    }.get(details["type"], details["msg"].replace("{", "{{").replace("}", "}}")).format(**bounds)
