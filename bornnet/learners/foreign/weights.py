"""The named tensors of a file: a state dict as safetensors or by torch.save, alone or in a checkpoint."""

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ...errors import InputError

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")
_BEFORE_1_6 = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # torch.save's magic number, pickled
_EXPECTED = "expected a state dict, written by torch.save(model.state_dict(), FILE)"
_DEEPEST = 3  # dictionaries within a checkpoint's dictionary


@dataclass(frozen=True)
class Weights:
    """Tensors by name, in the file's order.

    Attributes:
        tensors: what the state dict holds.
        part: where it stands in a checkpoint, such as ``model_state_dict``; ``""`` for the whole file.
        ordered: whether the order is the one in which the modules were made; safetensors sorts by name.
    """

    tensors: Mapping[str, Tensor]
    part: str
    ordered: bool


def is_ours(path: Path) -> bool:
    """Whether bornnet wrote the safetensors file."""
    if path.suffix.lower() != ".safetensors":
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return "bornnet" in (file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: truncated, damaged or no safetensors file ({error}).") from None


def read_weights(path: Path) -> Weights:
    """The one state dict in a file; `InputError` where there is none, or several, or another kind of file."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: expected a model that ends in {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    if path.suffix.lower() == ".safetensors":
        return Weights(_read_safetensors(path), "", ordered=False)
    content = _read_torch(path)
    found = list(_state_dicts(content))
    if not found and (layer := _quantized(content)) is not None:
        raise InputError(
            f"{path}: {layer} is quantized, its weights packed for whole numbers; save the model as it was "
            "before torch.ao.quantization, torch.save(model.state_dict(), FILE)."
        )
    if len(found) != 1:
        named = ": " + ", ".join(part for part, _ in found) if found else ""
        raise InputError(
            f"{path}: {_EXPECTED}, or a checkpoint with one in it, got {len(found)} of them{named}; save the "
            "one that is meant alone."
        )
    part, tensors = found[0]
    return Weights(tensors, part, ordered=True)


def _state_dicts(content: Any, part: str = "", depth: int = 0) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    """Dictionaries of tensors by name, with their places; what an optimizer keeps has numbers for names."""
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return
    names = [name for name in content if isinstance(name, str)]
    if any(
        name.endswith(".weight") or ("weight" in name and isinstance(content[name], Tensor)) for name in names
    ):
        yield part, content
        return
    for name in names:
        yield from _state_dicts(content[name], f"{part}.{name}" if part else name, depth + 1)


def _quantized(content: Any, part: str = "", depth: int = 0) -> str | None:
    """A layer whose weights torch has packed for whole numbers, as quantized modules state them."""
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return None
    for name in (name for name in content if isinstance(name, str)):
        place = f"{part}.{name}" if part else name
        if "_packed_params" in name:
            return place.partition("._packed_params")[0]
        if (found := _quantized(content[name], place, depth + 1)) is not None:
            return found
    return None


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: truncated, damaged or no safetensors file ({error}).") from None


def _read_torch(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        if file.read(len(_BEFORE_1_6)) == _BEFORE_1_6:
            raise InputError(
                f"{path}: written by PyTorch before 1.6, or in its format; load it there and write it again: "
                "torch.save(model.state_dict(), FILE)."
            )
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member.filename.partition("/")[2] for member in archive.infolist()]
            unpacked = sum(member.file_size for member in archive.infolist())
        if kind := _other_kind(members):
            raise InputError(f"{path}: {_EXPECTED}, got {kind}, whose code is not run.")
        if unpacked > path.stat().st_size:  # torch.save never compresses
            raise InputError(f"{path}: {_EXPECTED}, got a compressed archive.")
        with warnings.catch_warnings(action="ignore"):  # of quantized and sparse tensors, named later
            content = torch.load(path, weights_only=True, map_location="cpu")
    except InputError:
        raise
    except UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        what = f"other objects ({named[1]})" if named else "other objects"
        raise InputError(
            f"{path}: {_EXPECTED}, got {what}, which are not loaded because they could run code."
        ) from None
    except (zipfile.BadZipFile, OSError, RuntimeError, EOFError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: {_EXPECTED} ({str(error).splitlines()[0]}).") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: {_EXPECTED}, got a {type(content).__name__}.")
    return content


def _other_kind(members: list[str]) -> str | None:
    if any(member.startswith("code/") for member in members):
        return "a TorchScript program"
    if "archive_format" in members or any(member.startswith("models/") for member in members):
        return "a program of torch.export"
    return None
