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

Several tables ``[[grid]]`` are several grids, such as one a learner. All parts may be left out. The base is
itself a setting, unless there is a grid and nothing is varied. A dataset is generated for each seed, and for
each setting with data of its own; or it is the file `data` (from the study file's folder), and seeds then
stand for initial weights and the split. A run has one thread unless `workers` stands in the base, so that
results do not depend on how many run at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any

from ..config.load import Layer, preset_layer, resolved
from ..config.registry import learner_config
from ..config.schema import STUDY_KEYS, Data, StudyConfig
from ..config.toml import parse_toml, read_toml, toml_value
from ..data import study_names, study_text
from ..errors import InputError
from .form import Form, brief, read_form
from .grid import Setting, Settings, shown

_MOST_RUNS = 10_000


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
        for part in ("base", "vary"):
            if self.form[part]:
                lines += ["", f"[{part}]", *_toml_lines(self.form[part])]
        for part in ("grid", "settings"):
            for values in self.form[part]:
                lines += ["", f"[[{part}]]", *_toml_lines(values)]
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
                    return f"{setting.name}: {key} {shown(was)} before, {shown(value)} now"
        return None


def read_study(file: str | Path) -> Study:
    """The study that a file describes, or one that ships with bornnet, by its name.

    Raises `InputError`, which names the file, key, what was expected and what it got, for a bad value
    anywhere, a setting or dataset that cannot be, and more than 10,000 runs.
    """
    file = Path(file)
    shipped = not file.exists() and str(file) in study_names()
    form = read_form(parse_toml(study_text(str(file)), str(file)) if shipped else read_toml(file), file)
    preset = preset_layer(form.preset) if form.preset else Layer({}, typed=False)
    seeds = tuple(form.seeds or [resolved([preset]).seed])
    if len(set(seeds)) < len(seeds):
        raise InputError(f"{file}: seeds: expected different numbers; got {brief(list(seeds))}.")
    reader = Settings(file, form, preset)
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
            "base": _in_full(base, form, preset, settings.values()),
            "grid": [_placed(reader, grid) for grid in form.grid],
            "vary": _placed(reader, form.vary),
            "settings": [{key: reader.placed(key, v) for key, v in own.items()} for own in form.settings],
        },
    )


def _require_few(file: Path, form: Form, seeds: int) -> None:
    combinations = sum(prod(map(len, grid.values())) for grid in form.grid)
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


def _require_meaning(file: Path, form: Form, settings: Iterable[Setting]) -> None:
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


def _in_full(base: Setting, form: Form, preset: Layer, settings: Iterable[Setting]) -> dict[str, Any]:
    """The base's whole configuration, with what stands there for other learners; without what a study file
    does not take there, or the data bring."""
    left_out = {
        "seed",
        *(Data.model_fields if base.data else ()),
        *(["rounds"] if form.command == "train" else ()),
    }
    values = {k: v for k, v in base.config.flat().items() if k not in left_out and v is not None}
    values |= {k: v for k, v in form.base.items() if k not in values}
    # other learners have other rounds unless somebody gave them
    others = {name for setting in settings for name in setting.config.learner} - set(base.config.learner)
    for key in {key for name in others for key in learner_config(name).iteration} & set(values):
        if key not in form.base and (None, key) not in preset.values:
            values[f"{base.config.learner[0]}.{key}"] = values.pop(key)
    return values | ({"data": str(base.data)} if base.data else {})


def _placed(reader: Settings, table: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    return {key: [reader.placed(key, value) for value in values] for key, values in table.items()}


def _toml_lines(values: Mapping[str, Any]) -> list[str]:
    return [
        f"{toml_value(key) if '.' in key else key} = {toml_value(value)}" for key, value in values.items()
    ]
