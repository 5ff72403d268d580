"""The settings that a study's parts make up: the grids, what is varied, and what stands by itself."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ..config.load import Layer, named_layer, resolved, study_keys
from ..config.names import suggestion
from ..config.schema import Data, StudyConfig
from ..datasets.source import Source
from ..errors import InputError
from ..series.automatic import for_dataset, for_generated
from .form import Form, brief

_BASE_ONLY = ("device", "order", "workers")


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
        return ", ".join(f"{key} {shown(value)}" for key, value in self.changes.items()) or "base"

    @property
    def slug(self) -> str:
        """What its folder is called."""
        return slug(self.changes)


class Settings:
    """Settings made from the parts of a study file."""

    def __init__(self, file: Path, form: Form, preset: Layer) -> None:
        self.file, self.form, self.preset = file, form, preset
        for key in form.base:
            self._require_key(key, f"{file}: base.{key}")
        for part, tables in (("grid", form.grid), ("vary", [form.vary])):
            for key in (key for table in tables for key in table):
                self._require_key(key, f"{file}: {part}.{key}", varied=True)
        for number, own in enumerate(form.settings, start=1):
            for key in own:
                self._require_key(key, f"{file}: settings {number}: {key}", varied=True)

    def grid(self) -> Iterator[Setting]:
        for grid in self.form.grid:
            yield from self._combinations(grid)

    def _combinations(self, grid: Mapping[str, list[Any]]) -> Iterator[Setting]:
        numbered = [list(enumerate(values, start=1)) for values in grid.values()]
        for combination in product(*numbered):
            chosen = dict(zip(grid, combination, strict=True))
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
        config = for_generated(config) if data is None else for_dataset(config, data)
        if data is None and config.strength[1] >= 1:
            raise InputError(
                f"{ {**where, **origins}.get('strength', self.file) }: expected strengths "
                f"below 1, where the {'Born' if config.at is None else 'distorted-wave'} "
                f"series converges; got {brief(list(config.strength))}."
            )
        if data is None:
            try:
                Source(config, None).target  # noqa: B018
            except InputError as error:
                key = "at" if config.at is not None else "target"
                raise InputError(f"{ {**where, **origins}.get(key, self.file) }: {error}") from None
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
            raise InputError(f"{origin}: expected the path of a dataset; got {brief(value)}.")
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
    return Path(value).stem if key == "data" else shown(value).replace(",", "-")


def shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
