"""How Linear layers follow one another: as a file's names tell, or as the user says.

A state dict names modules that have weights. ``0.weight`` and ``2.weight`` are of a torch.nn.Sequential with
something between them; of ``linears.0`` and ``linears.1`` nobody can tell what happens between. What the
names leave open is asked for, never guessed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ...errors import InputError
from ...networks.activations import ACTIVATIONS
from .linears import Linear
from .weights import Weights

_WRAPPERS = ("module", "_orig_mod")  # of DataParallel and torch.compile


@dataclass(frozen=True)
class Layout:
    """Linear layers in the order of evaluation, each with the activation behind it; "" is none."""

    linears: Sequence[Linear]
    activations: Sequence[str]

    def __str__(self) -> str:
        """``8 -> 16 tanh -> 16 tanh -> 1``."""
        behind = [
            f"{linear.outputs} {activation}".rstrip()
            for linear, activation in zip(self.linears, self.activations, strict=True)
        ]
        return " -> ".join([str(self.linears[0].inputs), *behind])


def told_by_names(path: Path, linears: Sequence[Linear], activation: str | None, fits: str = "") -> Layout:
    """The layers of a torch.nn.Sequential, nested or not, with one activation between any two.

    Raises:
        InputError: the names leave open what stands between the layers, or no activation is given; `fits` is
            added to its message.
    """
    if len(linears) > 1:
        given, linears = linears, sorted(linears, key=_natural)
        if reason := _open(linears, in_order=_starts_at_zero(linears)):
            example = _example((given, linears), activation or "tanh")
            raise InputError(f'{path}: {reason}. Say what follows what by --layers, such as "{example}".')
        _require_fit(path, linears)
        if activation is None:
            raise InputError(
                f"{path}: the file does not tell the activation between its layers; give --activation, one "
                f"of {', '.join(row.name for row in ACTIVATIONS)}.{fits}"
            )
    return Layout(linears, [*[activation or ""] * (len(linears) - 1), ""])


def told_by_user(path: Path, weights: Weights, linears: Sequence[Linear], text: str) -> Layout:
    """The layers as ``text`` says: ``8 -> 16 tanh -> 16 tanh -> 1``; without an activation there is none.

    Raises:
        InputError: the text cannot be read, or other layers are in the file, or which is which is open.
    """
    steps = [_step(part) for part in re.split(r"->|→|,", text)]
    widths, activations = [width for width, _ in steps], [activation for _, activation in steps[1:]]
    if len(steps) < 2 or steps[0][1]:
        raise InputError(
            f'--layers: expected inputs, layers and the output, such as "8 -> 16 tanh -> 1"; got {text!r}.'
        )
    shapes = [(above, below) for below, above in pairwise(widths)]
    ordered = _in_order(path, weights, linears, shapes)
    if ordered is None:
        there = ", ".join(f"{linear.name} {linear.inputs} -> {linear.outputs}" for linear in linears)
        raise InputError(f"--layers: {text!r} are not the layers of {path}, which has {there}.")
    return Layout(ordered, activations)


def _step(part: str) -> tuple[int, str]:
    match = re.fullmatch(r"\s*(\d{1,6})\s*([a-z][a-z-]*)?\s*", part.lower())
    if match is None:
        raise InputError(
            f'--layers: expected widths with activations, such as "8 -> 16 tanh -> 1"; got {part.strip()!r}.'
        )
    name = match[2] or ""
    known = [row.name for row in ACTIVATIONS]
    if name and name not in known:
        raise InputError(f"--layers: expected an activation of {', '.join(known)}; got {name!r}.")
    return int(match[1]), name


def _in_order(
    path: Path, weights: Weights, linears: Sequence[Linear], shapes: list[tuple[int, int]]
) -> list[Linear] | None:
    """The layers in the order of the shapes; None where they are others.

    Layers of one shape come in the order of their numbers, or, from torch.save, in the one of the file.
    """
    alike: dict[tuple[int, ...], set[str]] = {}
    for linear in linears:
        alike.setdefault(tuple(linear.weight.shape), set()).add(re.sub(r"\d+", "", linear.name))
    if not weights.ordered and any(len(names) > 1 for names in alike.values()):
        raise InputError(
            f"{path}: layers of one shape whose names have no numbers, and safetensors does not keep their "
            "order; save them by torch.save."
        )
    numbered = len(set().union(*alike.values())) == 1
    waiting = list(linears) if weights.ordered and not numbered else sorted(linears, key=_natural)
    found = []
    for shape in shapes:
        fitting = next((linear for linear in waiting if tuple(linear.weight.shape) == shape), None)
        if fitting is None:
            return None
        waiting.remove(fitting)
        found.append(fitting)
    return None if waiting else found


def _natural(linear: Linear) -> list[str]:
    """A key that puts fc2 before fc10."""
    return [part.zfill(6) if part.isdecimal() else part for part in re.split(r"(\d+)", linear.name)]


def _open(linears: Sequence[Linear], in_order: bool) -> str | None:
    """What the names leave open, in words; None where they tell that one module stands between any two."""
    paths = [linear.path for linear in linears]
    common = 0
    while all(len(path) > common + 1 and path[common] == paths[0][common] for path in paths):
        common += 1
    names, numbers = paths[0][:common], [path[common:] for path in paths]
    if any(isinstance(part, str) for path in numbers for part in path):
        parts = sorted({str(path[0]) for path in numbers})
        return f"how its parts {', '.join(parts)} are joined is not in the file"
    if not in_order:
        return f"a module stands before {linears[0].name}, and what it does is not in the file"
    named = any(isinstance(part, str) and part not in _WRAPPERS for part in names)
    for first, second in pairwise(range(len(linears))):
        p, q = numbers[first], numbers[second]
        both = f"{linears[first].name} and {linears[second].name}"
        level = next((n for n, (a, b) in enumerate(zip(p, q, strict=False)) if a != b), None)
        if level is None:
            return f"how {both} are joined is not in the file"
        if _apart(p, q, level):
            continue
        if level == len(p) - 1:  # the first is no block, and the second begins the next
            return f"whether anything stands between {both} is not in the file"
        start = p[: level + 1]
        block = [linear for linear, n in zip(linears, numbers, strict=True) if n[: level + 1] == start]
        if (named or len(block) > 1) and block[0].inputs == block[-1].outputs:
            return f"whether blocks such as that of {linears[first].name} add their input is not in the file"
    return None


def _apart(p: Sequence[str | int], q: Sequence[str | int], level: int) -> bool:
    """Whether a module without weights stands between two places in nested lists of modules."""
    return int(q[level]) - int(p[level]) > 1 or any(int(part) for part in q[level + 1 :])


def _starts_at_zero(linears: Sequence[Linear]) -> bool:
    numbers = [part for part in linears[0].path if isinstance(part, int)]
    return not any(numbers)


def _example(orders: Sequence[Sequence[Linear]], activation: str) -> str:
    """What might be meant: the layers in an order in which they fit together, where one of these does."""
    for linears in orders:
        if all(above.inputs == below.outputs for below, above in pairwise(linears)):
            return str(Layout(linears, [*[activation] * (len(linears) - 1), ""]))
    return f"8 -> 16 {activation} -> 1"


def _require_fit(path: Path, linears: Sequence[Linear]) -> None:
    for below, above in pairwise(linears):
        if above.inputs != below.outputs:
            raise InputError(
                f"{path}: layer {above.name} takes {above.inputs} inputs where layer {below.name} gives "
                f"{below.outputs}."
            )
