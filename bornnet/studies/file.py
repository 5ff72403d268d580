"""Study files: many settings of one command, in a few lines of TOML.

    command = "iterate"            # or "train"
    preset = "quick"               # what all settings start from
    seeds = [1, 2, 3]              # every setting once with each: error bars

    [base]                         # what differs from the preset: keys of the configuration, or `data`
    steps = [60, 40, 25]

    [grid]                         # every combination of these
    hidden = [[16, 16], [32, 32]]
    activation = ["tanh", "gelu"]

    [vary]                         # the base with one of these at a time
    samples = [2000, 8000]

    [[settings]]                   # the base with these, as they stand
    optimizer = "adam"
    steps = [300]

All parts may be left out. The base is itself a setting, unless there is a grid and nothing is varied. A
dataset is generated for each seed, and for each setting with data of its own; or it is the file `data` (from
the study file's folder), and seeds then stand for initial weights and the split. A run has one thread
unless `workers` stands in the base, so that results do not depend on how many run at once.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..config.load import Layer, named_layer, preset_layer, resolved, study_keys
from ..config.names import suggestion
from ..config.registry import learner_config
from ..config.schema import STUDY_KEYS, Data, StudyConfig
from ..config.toml import parse_toml, read_toml, toml_value
from ..data import study_names, study_text
from ..errors import InputError

_MOST_RUNS = 10_000
_MOST_SEEDS = 1000
_BASE_ONLY = ("device", "order", "workers")

_Values = Annotated[list[Any], Field(min_length=1)]


class _Form(BaseModel):
    """The parts of a study file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    command: Literal["iterate", "train"] = "iterate"
    preset: str | None = None
    seeds: list[Annotated[int, Field(ge=0, lt=2**63)]] | None = Field(
        None, min_length=1, max_length=_MOST_SEEDS
    )
    base: dict[str, Any] = {}
    grid: dict[str, _Values] = {}
    vary: dict[str, _Values] = {}
    settings: list[dict[str, Any]] = []


@dataclass(frozen=True)
class Setting:
    """One setting of a study.

    Attributes:
        changes: the keys that make it up, with their values; none in the base.
        config: all of its configuration; the seed is that of each run.
        data: the dataset; None where the study generates it.
    """

    changes: dict[str, Any]
    config: StudyConfig
    data: Path | None

    @property
    def name(self) -> str:
        """What a table calls it."""
        return ", ".join(f"{key} {_shown(value)}" for key, value in self.changes.items()) or "base"

    @property
    def slug(self) -> str:
        """What its folder is called."""
        return slug(self.changes)


@dataclass(frozen=True)
class Study:
    """A study file, read and checked.

    Attributes:
        source: the file.
        command: ``iterate`` or ``train``.
        seeds: each setting is run with each.
        base: what all settings start from.
        settings: in the order of the file, none twice.
        form: the file's parts with the base in full, as `to_toml` writes them.
    """

    source: Path
    command: str
    seeds: tuple[int, ...]
    base: Setting
    settings: tuple[Setting, ...]
    form: dict[str, Any]

    def to_toml(self) -> str:
        """The study as a file that needs no preset and no other folder, and reads back as it was."""
        lines = [f"command = {toml_value(self.command)}", f"seeds = {toml_value(self.seeds)}"]
        for part in ("base", "grid", "vary"):
            if self.form[part]:
                lines += ["", f"[{part}]", *_toml_lines(self.form[part])]
        for values in self.form["settings"]:
            lines += ["", "[[settings]]", *_toml_lines(values)]
        return "\n".join(lines) + "\n"

    def differs_from(self, earlier: "Study") -> str | None:
        """Where a setting of both has another meaning in each, or the command has; None where nowhere."""
        if self.command != earlier.command:
            return f"command: {earlier.command} before, {self.command} now"
        former = {setting.slug: setting for setting in earlier.settings}
        for setting in self.settings:
            before = former.get(setting.slug)
            if before is None:
                continue
            if before.data != setting.data:
                return f"{setting.name}: data {before.data} before, {setting.data} now"
            earlier_values = before.config.flat()
            for key, value in setting.config.flat().items():
                was = earlier_values.get(key)
                if key != "workers" and was != value:
                    return f"{setting.name}: {key} {_shown(was)} before, {_shown(value)} now"
        return None


def read_study(file: str | Path) -> Study:
    """The study that a file describes, or one that ships with bornnet, by its name.

    Raises `InputError`, which names the file, key, what was expected and what it got, for a bad value
    anywhere, a setting or dataset that cannot be, and more than 10,000 runs.
    """
    file = Path(file)
    shipped = not file.exists() and str(file) in study_names()
    form = _form(parse_toml(study_text(str(file)), str(file)) if shipped else read_toml(file), file)
    preset = preset_layer(form.preset) if form.preset else Layer({}, typed=False)
    seeds = tuple(form.seeds or [resolved([preset]).seed])
    if len(set(seeds)) < len(seeds):
        raise InputError(f"{file}: seeds: expected different numbers; got {_brief(list(seeds))}.")
    reader = _Settings(file, form, preset)
    base = reader.setting({}, {})
    _require_few(file, form, len(seeds))
    settings: dict[tuple[StudyConfig, Path | None], Setting] = {}
    for setting in chain(reader.grid(), [base] if not form.grid or form.vary else [], reader.others()):
        settings.setdefault((setting.config, setting.data), setting)
    _require_own_folders(file, settings.values())
    _require_meaning(file, form, settings.values())
    return Study(
        source=file,
        command=form.command,
        seeds=seeds,
        base=base,
        settings=tuple(settings.values()),
        form={
            "base": _in_full(base, form.command),
            "grid": {key: [reader.placed(key, value) for value in form.grid[key]] for key in form.grid},
            "vary": {key: [reader.placed(key, value) for value in form.vary[key]] for key in form.vary},
            "settings": [{key: reader.placed(key, v) for key, v in own.items()} for own in form.settings],
        },
    )


class _Settings:
    """Settings made from the parts of a study file."""

    def __init__(self, file: Path, form: _Form, preset: Layer) -> None:
        self.file, self.form, self.preset = file, form, preset
        for key in form.base:
            self._require_key(key, f"{file}: base.{key}")
        for part in ("grid", "vary"):
            for key in getattr(form, part):
                self._require_key(key, f"{file}: {part}.{key}", varied=True)
        for number, own in enumerate(form.settings, start=1):
            for key in own:
                self._require_key(key, f"{file}: settings {number}: {key}", varied=True)

    def grid(self) -> Iterator[Setting]:
        if not self.form.grid:
            return
        numbered = [list(enumerate(values, start=1)) for values in self.form.grid.values()]
        for combination in product(*numbered):
            chosen = dict(zip(self.form.grid, combination, strict=True))
            yield self.setting(
                {key: value for key, (_, value) in chosen.items()},
                {key: f"{self.file}: grid.{key}, value {number}" for key, (number, _) in chosen.items()},
            )

    def others(self) -> Iterator[Setting]:
        for key, values in self.form.vary.items():
            for number, value in enumerate(values, start=1):
                yield self.setting({key: value}, {key: f"{self.file}: vary.{key}, value {number}"})
        for number, own in enumerate(self.form.settings, start=1):
            yield self.setting(own, {key: f"{self.file}: settings {number}: {key}" for key in own})

    def setting(self, changes: Mapping[str, Any], origins: Mapping[str, str]) -> Setting:
        """The base with some changes; `origins` says of each where it stands."""
        base = {"workers": 1, **self.form.base}
        where = {key: f"{self.file}: base.{key}" for key in base}
        data = changes.get("data", base.get("data"))
        preset = self.preset
        own = {key: value for key, value in changes.items() if key != "data"}
        base.pop("data", None)
        if data is not None:
            origin = {**where, **origins}["data"]
            data = Path(self.placed("data", data, origin))
            brought = [key for key in (*self.form.base, *changes) if key in Data.model_fields]
            if brought:
                raise InputError(
                    f"{ {**where, **origins}[brought[0]] }: the dataset {data} brings its "
                    "own potentials; leave "
                    f"out {brought[0]}, or data, and the study generates what it needs."
                )
            preset = Layer(
                {k: v for k, v in preset.values.items() if k[1] not in Data.model_fields}, typed=False
            )
        # the base may hold settings of learners that are varied: each takes its own
        layers = [preset, named_layer(base, where, typed=False), named_layer(own, origins)]
        if self.form.command == "train":
            layers.append(named_layer({"rounds": 1}, {"rounds": "train"}, typed=False))
        config = resolved(layers)
        if data is None and config.strength[1] >= 1:
            raise InputError(
                f"{ {**where, **origins}.get('strength', self.file) }: expected strengths "
                "below 1, where the Born "
                f"series converges; got {_brief(list(config.strength))}."
            )
        values = config.flat()
        return Setting(
            {key: str(data) if key == "data" else values.get(key, changes[key]) for key in changes},
            config.changed(seed=0),
            data,
        )

    def placed(self, key: str, value: Any, origin: str = "") -> Any:
        """The value; a path to data from the study file's folder as one that holds everywhere."""
        if key != "data":
            return value
        if not isinstance(value, str) or not value or "\0" in value:
            raise InputError(f"{origin}: expected the path of a dataset; got {_brief(value)}.")
        return str((self.file.parent / value).absolute())

    def _require_key(self, key: str, where: str, *, varied: bool = False) -> None:
        if key == "seed":
            raise InputError(f"{where}: give seeds = [..] at the top of the file instead.")
        if key == "rounds" and self.form.command == "train":
            raise InputError(
                f"{where}: means nothing for train, which has one round; leave it out, or iterate."
            )
        keys = ("data", *study_keys())
        if key.rpartition(".")[2] not in keys:
            raise InputError(f"{where}: unknown key.{suggestion(key, keys)}")
        if varied and key in _BASE_ONLY:
            raise InputError(
                f"{where}: can stand in [base] alone, since it changes no network; move it there."
            )


def slug(changes: Mapping[str, Any]) -> str:
    """A folder's name for some keys and values: readable, and as good as sure to be its own."""
    full = ",".join(f"{key}={_plain(key, value)}" for key, value in changes.items()) or "base"
    plain = re.sub(r"[^A-Za-z0-9.,=_-]", "_", full)[:100]
    if plain == full:
        return plain
    return f"{plain}-{hashlib.sha256(json.dumps(changes).encode()).hexdigest()[:8]}"


def _plain(key: str, value: Any) -> str:
    return Path(value).stem if key == "data" else _shown(value).replace(",", "-")


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _form(document: Mapping[str, Any], file: Path) -> _Form:
    for key in document:
        if key not in _Form.model_fields:
            hint = suggestion(key, _Form.model_fields) or f" Parts: {', '.join(_Form.model_fields)}."
            if key in ("data", *study_keys()):
                hint = " It is a key of the configuration; put it under [base]."
            raise InputError(f"{file}: {key}: unknown key.{hint}")
    try:
        return _Form(**document)
    except ValidationError as error:
        details = error.errors()[0]
        part = str(details["loc"][0])
        where = ".".join(map(str, details["loc"][:2])) if part in ("grid", "vary") else part
        raise InputError(
            f"{file}: {where}: expected {_EXPECTED[part]}; got {_brief(details['input'])}."
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


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _require_few(file: Path, form: _Form, seeds: int) -> None:
    combinations = prod(map(len, form.grid.values())) if form.grid else 0
    runs = seeds * (combinations + sum(map(len, form.vary.values())) + len(form.settings) + 1)
    if runs > _MOST_RUNS:
        raise InputError(
            f"{file}: expected at most {_MOST_RUNS:,} runs; got about {runs:,}. Take fewer values in [grid], "
            "fewer seeds, or part the study."
        )


def _require_own_folders(file: Path, settings: Any) -> None:
    names: dict[str, Setting] = {}
    for setting in settings:
        other = names.setdefault(setting.slug, setting)
        if other is not setting:
            raise InputError(
                f"{file}: {other.name} and {setting.name} would share the folder {setting.slug}; give the "
                "datasets different names."
            )


def _require_meaning(file: Path, form: _Form, settings: Iterable[Setting]) -> None:
    """`InputError` where a key of the base belongs to no learner that the study has."""
    chosen = {name for setting in settings for name in setting.config.learner}
    having = {key for name in chosen for key in learner_config(name).model_fields} | {"data", *STUDY_KEYS}
    for key in form.base:
        if key.rpartition(".")[2] not in having:
            others = ", ".join(sorted(chosen))
            raise InputError(
                f"{file}: base.{key}: a setting of another learner than {others}; leave it out, or choose "
                "that learner."
            )


def _in_full(base: Setting, command: str) -> dict[str, Any]:
    """The base's whole configuration; without what a study file does not take there, or the data bring."""
    left_out = {
        "seed",
        *(Data.model_fields if base.data else ()),
        *(["rounds"] if command == "train" else ()),
    }
    values = {k: v for k, v in base.config.flat().items() if k not in left_out and v is not None}
    return values | ({"data": str(base.data)} if base.data else {})


def _toml_lines(values: Mapping[str, Any]) -> list[str]:
    return [
        f"{toml_value(key) if '.' in key else key} = {toml_value(value)}" for key, value in values.items()
    ]
