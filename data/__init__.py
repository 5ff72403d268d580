"""Data that ships with bornnet: presets, and files of studies over many settings."""

from functools import cache
from typing import Any


def preset_names() -> list[str]:
    """The presets' names, sorted."""
    return _names("presets")


def preset_text(name: str) -> str:
    """The TOML text of a preset; `name` is one of `preset_names`."""
    return _text("presets", name)


def study_names() -> list[str]:
    """The names of the study files, sorted."""
    return _names("studies")


def study_text(name: str) -> str:
    """The TOML text of a study file; `name` is one of `study_names`."""
    return _text("studies", name)


def _names(folder: str) -> list[str]:
    entries = (_root() / folder).iterdir()
    return sorted(entry.name.removesuffix(".toml") for entry in entries if entry.name.endswith(".toml"))


def _text(folder: str, name: str) -> str:
    return (_root() / folder / f"{name}.toml").read_text(encoding="utf-8")


@cache
def _root() -> Any:
    from importlib.resources import files  # takes longer to import than a help text to show

    return files(__name__)
