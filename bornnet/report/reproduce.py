"""Where a run came from, and the one command line that makes it again."""

import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from shlex import join, quote
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..comparison.result import Comparison
from ..config.schema import Data, Iteration

if TYPE_CHECKING:
    from ..runs.directory import Run

_STATED = ("bornnet", "python", "numpy", "torch", "platform", "device", "threads")


def provenance(run: "Run") -> dict[str, Any]:
    """Versions, dataset and command line, named for a reader. Where bornnet was installed is left out."""
    stored = run.provenance
    facts = {name: stored[name] for name in _STATED if name in stored}
    dataset = stored.get("dataset", {})
    facts |= {f"dataset {name}": dataset[name] for name in ("file", "samples", "sha256") if name in dataset}
    if stored.get("command"):
        facts["command"] = join(["bornnet", *map(str, stored["command"][1:])])
    return facts


def made_by() -> dict[str, str]:
    """When, with what and where a page is written: date, versions, the commit of a checkout, processor."""
    facts = {
        "date": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z"),
        "bornnet": __version__,
        "numpy": version("numpy"),
        "torch": version("torch"),
        "python": platform.python_version(),
        "processor": processor(),
    }
    return facts | ({"git commit": found} if (found := commit(Path(__file__).parents[2])) else {})


def commit(folder: Path) -> str | None:
    """The git commit that a folder is a checkout of, with a word where files differ; None without one."""
    if not (folder / ".git").exists():
        return None
    try:
        told = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip().replace("-dirty", ", with changes") or None


def processor() -> str:
    """Its name as the system tells it."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        told = ""
    name = re.search(r"^model name\s*:\s*(.+)$", told, re.M)
    return name[1].strip() if name else platform.processor() or platform.machine()


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
        without = {"observable"} | ({"at", "target"} if values.get("at") is None else set())
        made = _flags(values | source, ("seed", *(key for key in Data.model_fields if key not in without)))
    steps = [
        *([] if "given" in source else [[f"bornnet generate {data}", *made]]),
        [f"bornnet {'train' if train else 'iterate'} {data}", f"--out {out}", *_flags(values, settings)],
        [
            f"bornnet compare-born {out}",
            f"--order {comparison.order}",
            *([f"--cells {comparison.cells}"] if comparison.cells != comparison.cells_fitted else []),
            "--report report.html",
        ],
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
        elif isinstance(value, bool):
            parts.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, list):
            parts.append(f"{flag} {(' ' if name == 'strength' else ',').join(map(str, value))}")
        elif value is not None:
            parts.append(f"{flag} {quote(str(value))}")
    return parts
