"""A configuration from preset, file and flags: the later beats the earlier, and every mistake is named.

In a TOML file a key stands at the top level or, as the reader likes it, in a table: `[data]`, `[network]`,
`[training]`, `[comparison]`, or the name of a command; these only group. What stands in a table with a
learner's name, such as `[gp]`, holds where that learner is chosen, and is passed over elsewhere; so is, in a
preset, any key that belongs to another learner.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..data import preset_names, preset_text
from ..errors import InputError
from .explain import explain
from .kinds import Chain
from .names import suggestion
from .registry import known_learners, learner_config, learner_names, require_learner
from .schema import STUDY_KEYS, Comparison, Data, Iteration, Keys, StudyConfig
from .toml import parse_toml, read_toml, toml_value

AUTO = "auto"
"""The learner that stands for what is best for the dataset."""

_TABLES: dict[str, type[Keys]] = {"data": Data, "training": Iteration, "comparison": Comparison}
_GROUPS = ("data", "network", "training", "comparison", "generate", "train", "iterate", "compare-born")


@dataclass(frozen=True)
class Layer:
    """Values of one origin.

    Attributes:
        values: by learner (None: whichever is chosen) and key, each value with where it stands.
        typed: whether the user gave them: then they do not yield to the dataset, and each must mean
        something.
    """

    values: Mapping[tuple[str | None, str], tuple[Any, str]]
    typed: bool = True


def load_config(
    preset: str | None = None, file: str | Path | None = None, overrides: Mapping[str, Any] | None = None
) -> StudyConfig:
    """The study configuration of a preset, a TOML file and single values, the later beating the earlier.

    `overrides` is keyed as the configuration; `None` stands for not given. `InputError` names the preset,
    file or flag, the key, what was expected and what it got.
    """
    layers = []
    if preset is not None:
        layers.append(preset_layer(preset))
    if file is not None:
        layers.append(document_layer(read_toml(file, "--config: "), str(file)))
    layers.append(flag_layer(overrides or {}))
    return resolved(layers)


def preset_layer(name: str) -> Layer:
    """The values of a study that ships."""
    if name not in preset_names():
        raise InputError(
            f"--preset: no preset {name!r}.{suggestion(name, preset_names())} "
            f"There are: {', '.join(preset_names()) or 'none'}."
        )
    document = parse_toml(preset_text(name), f"preset {name}")
    return Layer(document_layer(document, f"preset {name}").values, typed=False)


def document_layer(document: Mapping[str, Any], source: str) -> Layer:
    """The values of a TOML document."""
    found: dict[tuple[str | None, str], tuple[Any, str]] = {}
    groups = (*_GROUPS, *known_learners())
    for name, content in document.items():
        inside = isinstance(content, dict)
        if inside and name not in groups:
            raise InputError(
                f"{source}: unknown table [{name}].{suggestion(name, groups)} Tables: {', '.join(groups)}."
            )
        of = name if inside and name in known_learners() else None
        for key, value in content.items() if inside else [(name, content)]:
            where = f"{source}: {name}.{key}" if inside else f"{source}: {key}"
            _require_known(of, key, where)
            if (of, key) in found:
                raise InputError(
                    f"{where}: the key stands a second time, first as {found[of, key][1]}; keep one."
                )
            found[of, key] = value, where
    return Layer(found)


def flag_layer(values: Mapping[str, Any]) -> Layer:
    """Values that flags give; None stands for not given."""
    return named_layer(values, {key: f"--{key.replace('_', '-')}" for key in values})


def named_layer(values: Mapping[str, Any], origins: Mapping[str, str], *, typed: bool = True) -> Layer:
    """Values with where each stands; a key is ``key`` or, in a chain, ``learner.key``; None: not given."""
    found: dict[tuple[str | None, str], tuple[Any, str]] = {}
    for name, value in values.items():
        if value is None:
            continue
        learner, dot, key = name.rpartition(".")
        of = learner if dot else None
        if of is not None:
            require_learner(of, origins[name])
        _require_known(of, key, origins[name])
        found[of, key] = value, origins[name]
    return Layer(found, typed)


def resolved(layers: Sequence[Layer]) -> StudyConfig:
    """The configuration of layers, the later beating the earlier.

    `InputError` names the origin of each value that is refused.
    """
    chain = _chain(layers)
    if chain == (AUTO,):
        return _unsettled(layers)
    study, parts = _Values(), [_Values() for _ in chain]
    for name in chain:
        defaults = learner_config(name).iteration
        study.set(defaults, f"default of {name}")
    typed = set()
    for layer in layers:
        # what stands in a learner's own table is said more closely than what stands outside
        for (of, key), (value, origin) in sorted(
            layer.values.items(), key=lambda item: item[0][0] is not None
        ):
            if of is not None and of not in chain:
                continue
            if key in STUDY_KEYS:
                study.set({key: value}, origin)
                if layer.typed:
                    typed.add(key)
                continue
            having = [n for n, name in enumerate(chain) if key in learner_config(name).model_fields]
            for n in having:
                if of in (None, chain[n]):
                    parts[n].set({key: value}, origin)
            if not having and layer.typed and of is None:
                raise InputError(_of_another(key, origin, chain))
    settings = tuple(part.checked(learner_config(name)) for name, part in zip(chain, parts, strict=True))
    config = study.checked(StudyConfig, settings=settings)
    assert isinstance(config, StudyConfig)
    config._typed = frozenset(typed)
    return config


def _unsettled(layers: Sequence[Layer]) -> StudyConfig:
    """The configuration of a study whose learner is chosen by the dataset: `settled` gives that learner its
    settings."""
    study, typed = _Values(), set()
    for layer in layers:
        for (_, key), (value, origin) in layer.values.items():
            if key in STUDY_KEYS:
                study.set({key: value}, origin)
                if layer.typed:
                    typed.add(key)
    config = study.checked(StudyConfig, settings=())
    assert isinstance(config, StudyConfig)
    config._typed, config._layers = frozenset(typed), tuple(layers)
    return config


def settled(config: StudyConfig, chosen: Mapping[str, Any], reason: str) -> StudyConfig:
    """The configuration with the learner of `chosen` in place of `auto`, and its other settings where the
    user gave none; ``reason`` is kept beside it."""
    given = [
        Layer({place: value for place, value in layer.values.items() if place[1] != "learner"}, layer.typed)
        for layer in config._layers
    ]
    first = named_layer(chosen, {name: f"learner auto: {name}" for name in chosen}, typed=False)
    found = resolved([first, *given])
    # what was changed since, such as the seed of one run of a study
    own = {"learner", "settings", *(name for name in chosen if name in STUDY_KEYS)}
    for name in found.learner:
        own |= set(learner_config(name).iteration)
    found = found.changed(**{key: getattr(config, key) for key in STUDY_KEYS if key not in own})
    found._reason = reason
    return found


def checked(model: type[Keys], values: Mapping[str, Any], origin: str) -> Any:
    """Values of a model's keys that all stand in one place, such as a dataset; `InputError` names that."""
    found = _Values()
    for key, value in values.items():
        found.set({key: value}, f"{origin}: {key}")
    return found.checked(model)


def _chain(layers: Sequence[Layer]) -> tuple[str, ...]:
    """The learners chosen, each known and named once."""
    chosen, origin = next(
        (layer.values[None, "learner"] for layer in reversed(layers) if (None, "learner") in layer.values),
        (StudyConfig.model_fields["learner"].default, "learner"),
    )
    values = _Values()
    values.set({"learner": chosen}, origin)
    chain = values.checked(_Chosen).learner
    if chain == (AUTO,):
        return chain
    for name in chain:
        require_learner(name, origin)
        if chain.count(name) > 1:
            raise InputError(f"{origin}: expected different learners in a chain; got {name} more than once.")
    return chain


class _Chosen(Keys):
    learner: Chain


@dataclass
class _Values:
    """Values to be checked, and where each stands."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def set(self, values: Mapping[str, Any], origin: str) -> None:
        for key, value in values.items():
            self.values[key], self.origins[key] = value, origin

    def checked(self, model: type[Keys], **more: Any) -> Any:
        try:
            return model(**self.values, **more)
        except ValidationError as error:
            explained = (explain(model, details, self.values, self.origins) for details in error.errors())
            raise InputError(" ".join(dict.fromkeys(explained))) from None


def _require_known(of: str | None, key: str, where: str) -> None:
    keys = _keys_of(of)
    if key not in keys:
        raise InputError(f"{where}: unknown key.{suggestion(key, keys)}")


def _keys_of(learner: str | None) -> tuple[str, ...]:
    if learner is not None:
        return (*Iteration.model_fields, *learner_config(learner).model_fields)
    own = (key for name in learner_names() for key in learner_config(name).model_fields)
    return tuple(dict.fromkeys((*STUDY_KEYS, *own)))


def study_keys() -> tuple[str, ...]:
    """Every key there is, with those of all learners."""
    return _keys_of(None)


def _of_another(key: str, origin: str, chain: Sequence[str]) -> str:
    owners = [name for name in learner_names() if key in learner_config(name).model_fields]
    return (
        f"{origin}: a setting of learner {' and '.join(owners)}, but {','.join(chain)} is "
        "chosen. Leave it out, "
        f"or choose {owners[0]}."
    )


def to_toml(config: StudyConfig) -> str:
    """The configuration as TOML text that `load_config` reads back as it was. Unset keys are left out."""
    lines = [
        *_lines(
            config, [key for key in STUDY_KEYS if not any(key in t.model_fields for t in _TABLES.values())]
        )
    ]
    for table, keys in _TABLES.items():
        lines += ["", f"[{table}]", *_lines(config, keys.model_fields)]
    for name, part in config.parts():
        lines += ["", f"[{name}]", *_lines(part, type(part).model_fields)]
    return "\n".join(lines) + "\n"


def _lines(config: Keys, keys: Any) -> Iterator[str]:
    for key in keys:
        if (value := getattr(config, key)) is not None:
            yield f"{key} = {toml_value(','.join(value) if key == 'learner' else value)}"
