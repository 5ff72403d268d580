"""The calls that make a run, of which there are several where it was stopped: versions and times of each."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import InputError
from .directory import read_json
from .writing import RunDirectory

_log = logging.getLogger(__name__)
_FILE = "provenance.json"


def note_versions(run: RunDirectory, versions: Mapping[str, str]) -> None:
    """Say and record that a run goes on under other versions than before: under `resumed`, call by call."""
    provenance = read_json(run.path / _FILE)
    last = {**provenance, **(provenance.get("resumed") or [{}])[-1]}
    changes = [
        f"{name} {last.get(name)}, now {new}" for name, new in versions.items() if last.get(name) != new
    ]
    if changes:
        _log.warning("%s was begun under %s; rounding may differ.", run.path, ", ".join(changes))
        provenance["resumed"] = [*(provenance.get("resumed") or []), dict(versions)]
        run.write_json(_FILE, provenance)


@contextmanager
def timed(run: RunDirectory, began: float) -> Iterator[None]:
    """Add to the time of the run what has passed since `began` (`time.perf_counter`) when the block ends.

    Input that is refused leaves the run as it was.
    """
    try:
        yield
    except InputError:
        raise
    except BaseException:
        with suppress(OSError):  # of a disk that is full, as the error says
            _add(run, time.perf_counter() - began)
        raise
    _add(run, time.perf_counter() - began)


def _add(run: RunDirectory, seconds: float) -> None:
    provenance = read_json(run.path / _FILE)
    run.write_json(_FILE, {**provenance, "seconds": seconds_of(run.path) + seconds})


def seconds_of(path: str | Path) -> float:
    """What all calls together took that made the run; those that were killed are not counted."""
    return float(read_json(Path(path) / _FILE).get("seconds", 0.0))
