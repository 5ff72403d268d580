"""The parts of a study file as they stand in it, before they mean anything."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..config.load import study_keys
from ..config.names import suggestion
from ..errors import InputError

_MOST_SEEDS = 1000

_Values = Annotated[list[Any], Field(min_length=1)]


_Grids = Annotated[
    list[dict[str, _Values]], BeforeValidator(lambda grid: [grid] if isinstance(grid, dict) else grid)
]


class Form(BaseModel):
    """The parts of a study file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    command: Literal["iterate", "train"] = "iterate"
    preset: str | None = None
    seeds: list[Annotated[int, Field(ge=0, lt=2**63)]] | None = Field(
        None, min_length=1, max_length=_MOST_SEEDS
    )
    base: dict[str, Any] = {}
    grid: _Grids = []
    vary: dict[str, _Values] = {}
    settings: list[dict[str, Any]] = []


def read_form(document: Mapping[str, Any], file: Path) -> Form:
    """The parts of a document; `InputError` names the part, what was expected and what it got."""
    for key in document:
        if key not in Form.model_fields:
            hint = suggestion(key, Form.model_fields) or f" Parts: {', '.join(Form.model_fields)}."
            if key in ("data", *study_keys()):
                hint = " It is a key of the configuration; put it under [base]."
            raise InputError(f"{file}: {key}: unknown key.{hint}")
    try:
        return Form(**document)
    except ValidationError as error:
        details = error.errors()[0]
        part = str(details["loc"][0])
        keys = [key for key in details["loc"][1:] if isinstance(key, str)][:1]
        where = ".".join([part, *keys]) if part in ("grid", "vary") else part
        raise InputError(
            f"{file}: {where}: expected {_EXPECTED[part]}; got {brief(details['input'])}."
        ) from None


_EXPECTED = {
    "command": "iterate or train",
    "preset": "the name of a preset",
    "seeds": f"1 to {_MOST_SEEDS} whole numbers of at least 0, such as [1, 2, 3]",
    "base": "a table [base] of keys and their values",
    "grid": 'a list of values, such as activation = ["tanh", "gelu"]',
    "vary": "a list of values, such as samples = [2000, 8000]",
    "settings": "tables [[settings]] of keys and their values",
}


def brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
