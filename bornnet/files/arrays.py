"""Named arrays in a safetensors file, with a checksum: nothing in it can run, and damage is found.

The file's metadata is one JSON text under the key `bornnet`: `format`, `facts` (anything JSON can hold) and
`sha256`, the SHA-256 of one line per array, sorted by name, and then of the facts: `name dtype shape
digest\\n`, digest being the SHA-256 of the array's bytes. One key alone, because safetensors writes several
in any order, and the same content is to give the same file.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..errors import InputError
from .atomic import new_file

_KEY = "bornnet"


def save_arrays(
    path: str | Path,
    arrays: Mapping[str, np.ndarray],
    *,
    form: str,
    facts: Mapping[str, Any] | None = None,
    force: bool = False,
) -> None:
    """Write the arrays with facts that stand with them. `InputError` as for `new_file`."""
    content = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    stated = dict(facts or {})
    head = {"format": form, "facts": stated, "sha256": _sha256(content, stated)}
    metadata = {_KEY: json.dumps(head, sort_keys=True, allow_nan=False)}
    with new_file(path, force=force) as temporary:
        temporary.write_bytes(save(content, metadata))  # safetensors' own files are for their owner alone


def load_arrays(
    path: str | Path, *, form: str | Sequence[str]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and facts of a file that `save_arrays` wrote; of several forms, ``facts["form"]`` says which.

    `InputError` where the file is missing, of another format, truncated, or not what was written. No memory
    is taken for more than the file holds.
    """
    path = Path(path)
    forms = (form,) if isinstance(form, str) else tuple(form)
    wanted = " or ".join(forms)
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if _KEY not in metadata:
                raise InputError(
                    f"{path}: expected a {wanted} file of bornnet, got another safetensors file."
                )
            head = json.loads(metadata[_KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        found, facts, recorded = head["format"], head["facts"], head["sha256"]
    except InputError:
        raise
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: truncated, damaged or no safetensors file ({error}).") from error
    if found not in forms:
        raise InputError(f"{path}: expected a {wanted} file, got {found!r}.")
    if not isinstance(facts, dict) or _sha256(arrays, facts) != recorded:
        raise InputError(f"{path}: damaged or changed: its content does not have the SHA-256 recorded in it.")
    return arrays, facts if isinstance(form, str) else {**facts, "form": found}


def _sha256(arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        shape = "x".join(map(str, array.shape))
        bytes_digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        digest.update(f"{name} {array.dtype.str} {shape} {bytes_digest}\n".encode())
    digest.update(json.dumps(facts, sort_keys=True).encode())
    return digest.hexdigest()
