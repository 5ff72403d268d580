"""Where a run came from, and the one command line that makes it again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import join, quote
from typing import Any

from ..comparison.compare import Comparison
from ..config.schema import Data, Iteration
from ..runs.directory import Run

_STATED = ("bornnet", "python", "numpy", "torch", "platform", "device", "threads")


def provenance(run: Run) -> dict[str, Any]:
    """Versions, dataset and command line, named for a reader. Where bornnet was installed is left out."""
    stored = run.provenance
    facts = {name: stored[name] for name in _STATED if name in stored}
    dataset = stored.get("dataset", {})
    facts |= {f"dataset {name}": dataset[name] for name in ("file", "samples", "sha256") if name in dataset}
    if stored.get("command"):
        facts["command"] = join(["bornnet", *map(str, stored["command"][1:])])
    return facts


def reproduction(comparison: Comparison) -> str:
    """One command line that makes the data, trains, and compares, with every setting as a flag."""
    assert comparison.run is not None
    run = comparison.run
    stored = run.provenance
    dataset = stored.get("dataset", {})
    source = dataset.get("configuration", {})
    # Names without folders: the command works wherever it is typed.
    data = quote(Path(str(dataset.get("file", "data.h5"))).name)
    out = quote(Path(comparison.source).resolve().name)
    values = run.config.flat("json")
    train = "train" in map(str, stored.get("command", [])[:2])
    own = (key for part in run.config.settings for key in type(part).model_fields)
    settings = list(dict.fromkeys(["seed", *Iteration.model_fields, *own]))
    if train:
        settings.remove("rounds")
    if "potentials" in source:
        made = [f"--potentials {quote(str(source['potentials']))}", f"--labels {source['labels']}"]
    else:
        made = _flags(values | source, ("seed", *Data.model_fields))
    steps = [
        [f"bornnet generate {data}", *made],
        [f"bornnet {'train' if train else 'iterate'} {data}", f"--out {out}", *_flags(values, settings)],
        [f"bornnet compare-born {out}", f"--order {comparison.reference.order}", "--report report.html"],
    ]
    return " && \\\n".join(map(_wrapped, steps))


def _wrapped(pieces: Sequence[str], width: int = 84) -> str:
    """The pieces on lines of a shell that end with a backslash."""
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("   ")
        lines[-1] += f" {piece}" if lines[-1] else piece
    return " \\\n".join(lines)


def _flags(values: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Configuration as flags; what is unset is left out."""
    parts = []
    for name in names:
        value, flag = values.get(name), "--" + name.replace("_", "-")
        if name == "warm_start":
            parts.append("--warm-start" if value else "--cold-start")
        elif isinstance(value, list):
            parts.append(f"{flag} {(' ' if name == 'strength' else ',').join(map(str, value))}")
        elif value is not None:
            parts.append(f"{flag} {quote(str(value))}")
    return parts
