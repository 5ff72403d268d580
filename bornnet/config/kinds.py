"""Kinds of values that keys take beyond plain numbers and names: counts, lists, ranges."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from .names import Activation


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _range(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise PydanticCustomError("order", "LO HI with LO <= HI")
    return value


def _sequence(value: Any) -> Any:
    """One value, `"a,b"` or a list, as a tuple."""
    if isinstance(value, str):
        return tuple(_number(part.strip()) for part in value.split(","))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _names(value: Any) -> Any:
    """`"flow,gp"` or a list of names as a tuple; nothing is no name."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",")) if value.strip() else ()
    return tuple(value) if isinstance(value, list) else value


def whole(value: Any) -> Any:
    """A count may be written as 1e3."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**63 else value


Count = Annotated[int, BeforeValidator(whole), Field(ge=1)]
Counts = Annotated[tuple[Count, ...], BeforeValidator(_sequence), Field(min_length=1, max_length=20)]
Widths = Annotated[tuple[Count, ...], BeforeValidator(_sequence), Field(min_length=1, max_length=64)]
Floors = Annotated[
    tuple[Annotated[float, Field(ge=0)], ...], BeforeValidator(_sequence), Field(min_length=1, max_length=20)
]
Range = Annotated[
    tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]],
    BeforeValidator(_pair),
    AfterValidator(_range),
]
Activations = Annotated[tuple[Activation, ...], BeforeValidator(_names), Field(max_length=8)]
Chain = Annotated[tuple[str, ...], BeforeValidator(_names), Field(min_length=1, max_length=8)]
