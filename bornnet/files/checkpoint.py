"""Checkpoints: the state of a fit in progress, with a checksum, and loaded without running anything in it."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from .atomic import new_file

_DIGEST = 32  # bytes of a SHA-256


def save_checkpoint(file: Path, state: Mapping[str, Any]) -> None:
    """Tensors and plain values, with a SHA-256 before them."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    with new_file(file, force=True) as temporary:
        temporary.write_bytes(hashlib.sha256(content).digest() + content)


def load_checkpoint(file: Path) -> dict[str, Any] | None:
    """The state, on the CPU; None where there is no file, `InputError` where it is damaged."""
    if not file.is_file():
        return None
    stored = file.read_bytes()
    digest, content = stored[:_DIGEST], stored[_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        raise InputError(
            f"{file}: the checkpoint is damaged (its checksum does not fit). Delete it and --resume: the "
            "round starts again, finished rounds are kept."
        )
    return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
