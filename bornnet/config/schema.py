"""The configuration of a study: one flat vocabulary of keys, the same in files and flags.

A key's value is the flag's, else the file's, else the preset's, else the default here. In a TOML file a key
stands at the top level or, as the reader likes it, in a table: `[data]`, `[network]`, `[training]`,
`[comparison]`, or the name of a command. The tables only group; a key means the same wherever it stands.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from ..data import preset_names, preset_text
from ..errors import InputError
from .names import (
    Activation,
    Device,
    Family,
    Labels,
    LowerOrders,
    Optimizer,
    Precision,
    Remove,
    Spacing,
    suggestion,
)


def _widths(value: Any) -> Any:
    """`[64, 64]` or `"64,64"` as a tuple."""
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",")]
        return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else value
    return tuple(value) if isinstance(value, list) else value


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


Count = Annotated[int, Field(ge=1)]
Counts = Annotated[tuple[Count, ...], BeforeValidator(_sequence), Field(min_length=1, max_length=20)]
Floors = Annotated[
    tuple[Annotated[float, Field(ge=0)], ...], BeforeValidator(_sequence), Field(min_length=1, max_length=20)
]
Widths = Annotated[tuple[Count, ...], BeforeValidator(_widths), Field(min_length=1, max_length=64)]
Range = Annotated[
    tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]],
    BeforeValidator(_pair),
    AfterValidator(_range),
]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Common(_Keys):
    """What every command shares."""

    seed: int = Field(0, ge=0, lt=2**63, description="all random numbers follow from it")
    device: Device = Field("auto", description="where networks are trained")
    workers: Count | None = Field(None, description="CPU threads; unset, all there are")


class Data(_Keys):
    """The potentials and their labels."""

    samples: Count = Field(10_000, description="potentials in the dataset")
    cells: int = Field(16, ge=1, le=10_000, description="cells of a potential")
    family: Family = Field("mixture", description="kind of potentials")
    strength: Range = Field((1e-3, 0.5), description="range of the Weinberg eigenvalue eta")
    strength_spacing: Spacing = Field("log", description="how strengths fill their range")
    labels: Labels = Field("value", description="scattering lengths alone, or with their gradients")


class Network(_Keys):
    """The multilayer perceptron."""

    hidden: Widths = Field((32, 32), description="widths of the hidden layers")
    activation: Activation = Field("tanh", description="of every hidden layer")


class Training(_Keys):
    """How networks are fitted, round by round."""

    optimizer: Optimizer = Field("levenberg-marquardt", description="what moves the weights")
    members: int = Field(1, ge=1, le=10_000, description="networks of the ensemble, over seeds")
    rounds: int = Field(3, ge=1, le=20, description="rounds of the iteration")
    steps: Counts = Field((50, 20, 20), description="optimizer steps of round 1, 2, ..; the last holds on")
    patience: Count = Field(20, description="steps without a lower typical held-out error that end a round")
    time_limit: float | None = Field(None, gt=0, description="minutes a member may train")
    holdout: float = Field(0.2, gt=0, lt=1, description="fraction of the dataset held out")
    strength_floors: Floors = Field(
        (0.0, 0.02, 0.05), description="eta left out below it in round 1, 2, ..; the last holds on"
    )
    lower_orders: LowerOrders = Field("removed", description="from the model by construction, or corrected")
    remove: Remove = Field("learned", description="terms taken from the target; exact ones to compare only")
    warm_start: bool = Field(True, description="each round starts from the weights of the one before")
    directions: Count = Field(2, description="derivatives fitted a potential, where labels are gradients")
    precision: Precision = Field("double", description="of the numbers in training; networks end as double")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam")
    batch: Count = Field(256, description="samples in a mini-batch of Adam")


class Comparison(_Keys):
    """What is compared with the Born series."""

    order: int = Field(3, ge=1, le=20, description="highest Born order compared")


class StudyConfig(Comparison, Training, Network, Data, Common):
    """Everything a study is set up by; immutable, every value checked."""

    def generator(self) -> dict[str, Any]:
        """The keys that determine a dataset's numbers, and their values, ready for JSON."""
        return self.model_dump(mode="json", include={"seed", *Data.model_fields})


_TABLES: dict[str, type[_Keys]] = {
    "data": Data,
    "network": Network,
    "training": Training,
    "comparison": Comparison,
}
_COMMANDS = ("generate", "train", "iterate", "compare-born")


def load_config(
    preset: str | None = None, file: str | Path | None = None, overrides: Mapping[str, Any] | None = None
) -> StudyConfig:
    """The study configuration of a preset, a TOML file and single values, the later beating the earlier.

    `overrides` is keyed as the configuration; `None` stands for not given. `InputError` names the preset,
    file or flag, the key, what was expected and what it got.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    layers: list[dict[str, tuple[Any, str]]] = []
    if preset is not None:
        if preset not in preset_names():
            raise InputError(
                f"--preset: no preset {preset!r}.{suggestion(preset, preset_names())} "
                f"There are: {', '.join(preset_names()) or 'none'}."
            )
        layers.append(_parse(parse_toml(preset_text(preset), f"preset {preset}"), f"preset {preset}"))
    if file is not None:
        layers.append(_parse(read_toml(file, "--config: "), str(file)))
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    layers.append({key: (value, f"--{key.replace('_', '-')}") for key, value in given.items()})
    for layer in layers:
        for key, (value, origin) in layer.items():
            if key not in StudyConfig.model_fields:
                raise InputError(f"{origin}: unknown key.{suggestion(key, StudyConfig.model_fields)}")
            values[key], origins[key] = value, origin
    return resolve(values, origins)


def resolve(values: Mapping[str, Any], origins: Mapping[str, str]) -> StudyConfig:
    """The configuration of known keys; `InputError` names the origin of each value that is refused."""
    try:
        return StudyConfig(**values)
    except ValidationError as error:
        raise InputError(
            " ".join(dict.fromkeys(_explain(details, values, origins) for details in error.errors()))
        ) from None


def to_toml(config: StudyConfig) -> str:
    """The configuration as TOML text that `load_config` reads back as it was. Unset keys are left out."""
    lines = _toml_lines(config, Common)
    for table, keys in _TABLES.items():
        lines += ["", f"[{table}]", *_toml_lines(config, keys)]
    return "\n".join(lines) + "\n"


def _toml_lines(config: StudyConfig, keys: type[_Keys]) -> list[str]:
    return [
        f"{key} = {toml_value(getattr(config, key))}"
        for key in keys.model_fields
        if getattr(config, key) is not None
    ]


def toml_value(value: Any) -> str:
    """A text, number, truth value or list of them as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    # JSON's escapes are among TOML's, which also wants DEL escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_toml(file: str | Path, prefix: str = "") -> dict[str, Any]:
    """What a TOML file holds; `InputError`, with that prefix, where it cannot be read."""
    try:
        text = Path(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{prefix}{file}: no such file.") from None
    except UnicodeDecodeError:
        raise InputError(f"{prefix}{file}: expected TOML, got something that is no UTF-8 text.") from None
    except OSError as error:
        raise InputError(f"{prefix}{file} cannot be read: {error.strerror}.") from None
    return parse_toml(text, str(file))


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """What a TOML text holds; `InputError` names the source where it is no TOML."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{source}: not valid TOML: {error}.") from None


def _parse(document: Mapping[str, Any], source: str) -> dict[str, tuple[Any, str]]:
    """Each key's value, and where it stands, with the tables taken away."""
    tables = (*_TABLES, *_COMMANDS)
    found: dict[str, tuple[Any, str]] = {}
    for name, content in document.items():
        inside = isinstance(content, dict)
        if inside and name not in tables:
            raise InputError(
                f"{source}: unknown table [{name}].{suggestion(name, tables)} Tables: {', '.join(tables)}."
            )
        for key, value in content.items() if inside else [(name, content)]:
            where = f"{source}: {name}.{key}" if inside else f"{source}: {key}"
            if key not in StudyConfig.model_fields:
                raise InputError(f"{where}: unknown key.{suggestion(key, StudyConfig.model_fields)}")
            if key in found:
                raise InputError(
                    f"{where}: the key stands a second time, first as {found[key][1]}; keep one."
                )
            found[key] = value, where
    return found


def choices(key: str) -> tuple[str, ...]:
    """The names a key can take, where it takes names."""
    return tuple(StudyConfig.model_json_schema()["properties"][key].get("enum", ()))


def _explain(details: ErrorDetails, values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    """One pydantic error as: where, expected, got."""
    key = str(details["loc"][0])
    value = values[key]
    names = choices(key)
    shown = repr(list(value) if isinstance(value, tuple) else value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    near = suggestion(value, names) if isinstance(value, str) else ""
    expected = f"one of {', '.join(names)}" if names else _expected(key, details)
    return f"{origins[key]}: expected {expected}; got {shown}.{near}"


def _expected(key: str, details: ErrorDetails) -> str:
    if key in _LISTS:
        return _LISTS[key]
    bounds = {name: str(bound).removesuffix(".0") for name, bound in details.get("ctx", {}).items()}
    return {
        "int_type": "a whole number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "greater_than": "a number above {gt}",
        "greater_than_equal": "a number of at least {ge}",
        "less_than": "a number below {lt}",
        "less_than_equal": "a number of at most {le}",
    }.get(details["type"], details["msg"].replace("{", "{{").replace("}", "}}")).format(**bounds)


_LISTS = {
    "strength": "two numbers LO HI with 0 < LO <= HI",
    "steps": "steps of round 1, 2, .., each a whole number of at least 1, such as 100,60,40",
    "strength_floors": "a strength of at least 0 for round 1, 2, .., such as 0,0.02,0.05",
    "hidden": "the widths of 1 to 64 hidden layers, each at least 1, such as 64,64",
}
