"""Data that ships with bornnet: the presets of studies."""

from importlib.resources import files


def preset_names() -> list[str]:
    """The presets' names, sorted."""
    folder = files(__name__) / "presets"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def preset_text(name: str) -> str:
    """The TOML text of a preset; `name` is one of `preset_names`."""
    return (files(__name__) / "presets" / f"{name}.toml").read_text(encoding="utf-8")
