"""TOML, read and written."""

import json
import tomllib
from pathlib import Path
from typing import Any

from ..errors import InputError


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
        text = Path(file).read_text(encoding="utf-8-sig")  # editors of other systems put a byte order mark
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
