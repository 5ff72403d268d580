"""Making a dataset: labelled potentials, block by block, into one file or into shards."""

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config.schema import StudyConfig
from ..errors import BornnetError, InputError, Interrupted
from ..files.atomic import check_new_file, followed
from .content import row_bytes
from .make import checked, in_one_file, in_shards
from .own import Deviation, deviation, write_own
from .reader import open_dataset, read_configuration
from .shards import ShardFolder, differences, shard_rows
from .source import Ranges, Source

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Generated:
    """What was written: where, what is in it, and what it took.

    `values` is the range of the labels. `reused` is how many of the `samples` were there already, `shards` in
    how many files they are beside `path` (0 where they are in it), `bytes` the size of all files. Of given
    scattering lengths, `deviation` is how far they are from exact ones.
    """

    path: Path
    samples: int
    cells: int
    labels: str
    family: str | None
    strength: tuple[float, float]
    values: tuple[float, float]
    sha256: str
    shards: int
    reused: int
    bytes: int
    seconds: float
    observable: str = "scattering_length"
    deviation: Deviation | None = None


def generate_own(
    path: str | Path,
    potentials: Any,
    values: Any,
    *,
    sigma: Any = None,
    gradients: Any = None,
    observable: str = "scattering_length",
    force: bool = False,
) -> Generated:
    """Write the user's own values as a dataset, and say how far they are from exact ones, if known.

    Arguments and errors are those of `own.write_dataset`.
    """
    began = time.perf_counter()
    path = Path(path)
    given = {"sigma": sigma, "gradients": gradients, "observable": observable}
    rows, sha256 = write_own(path, potentials, values, force=force, **given)
    return Generated(
        path=path,
        samples=len(rows),
        cells=rows.cells,
        labels="value" if rows.gradient is None else "gradient",
        family=None,
        strength=(float(rows.strength.min()), float(rows.strength.max())),
        values=(float(rows.values.min()), float(rows.values.max())),
        sha256=sha256,
        shards=0,
        reused=0,
        bytes=path.stat().st_size,
        seconds=time.perf_counter() - began,
        observable=observable,
        deviation=deviation(rows) if observable == "scattering_length" else None,
    )


def generate(
    path: str | Path,
    config: StudyConfig,
    *,
    potentials: str | Path | None = None,
    rows_per_shard: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    resume: bool = False,
    progress: Callable[[int], Any] = lambda rows: None,
) -> Generated:
    """Draw potentials of the configured family and strengths, label them exactly, and write the dataset.

    With `potentials`, a CSV or NPY file of one potential U >= 0 a row, these are labelled instead; of the
    configuration, `labels` and `workers` then apply. Memory does not grow with the number of potentials.

    What fits one shard (`bornnet.datasets.shards`; `rows_per_shard` sets another size) is one file, made on
    `workers` threads. More is made in shards, each by one of `workers` processes, or by the Dask cluster of
    `scheduler`, whose workers must see `path` and `potentials` under the same names. The content and its
    SHA-256 are the same in every way. With `resume`, sound shards that an earlier call with the same
    configuration left are taken over. Processes are spawned: a script that makes shards needs the usual
    ``if __name__ == "__main__":``. `progress` is called with the rows as they are done.

    Raises:
        InputError: the output exists (unless `force`, or `resume` and it is of the same configuration) or
            does not fit on the disk, what is to be resumed was configured otherwise, or a potential is
            refused.
        Interrupted: Ctrl-C or SIGTERM came; finished shards are kept.
    """
    began = time.perf_counter()
    path = Path(path)
    check_new_file(path, force=force or resume)
    path = followed(path)  # shards stand beside the file itself
    source = Source(config, None if potentials is None else Path(potentials))
    rows = shard_rows(source.cells, source.names, rows_per_shard)
    folder = ShardFolder(path, source.configuration, rows)
    if resume and path.exists() and (ranges := _existing(path, source.configuration, force)):
        progress(source.samples)
        return _described(path, source, ranges, source.samples, began)
    _check_shards(path, folder, force, resume)
    _require_space(path, source, folder if resume else None)
    done = 0

    def advance(rows: int) -> None:
        nonlocal done
        done += rows
        _log.debug("%d of %d potentials labelled", done, source.samples)
        progress(rows)

    try:
        if scheduler is None and rows >= source.samples:
            ranges, reused = in_one_file(path, source, folder, force or resume, advance), 0
        else:
            ranges, reused = in_shards(path, source, folder, rows, scheduler, resume, advance)
    except KeyboardInterrupt as stop:
        kept = len(folder.own())
        if not kept:
            raise Interrupted("Interrupted: nothing was written. Run the same command again.") from stop
        raise Interrupted(
            f"Interrupted: {kept} finished shards are kept in {folder.path}. Go on with the same command and "
            "--resume."
        ) from stop
    except OSError as error:
        if not (kept := len(folder.own())):
            raise
        raise BornnetError(
            f"{path}: {error.strerror}. {kept} finished shards are kept in {folder.path}: go on with the "
            "same command and --resume."
        ) from error
    return _described(path, source, ranges, reused, began)


def _existing(path: Path, configuration: Mapping[str, Any], force: bool) -> Ranges | None:
    """What is in the dataset that is to be resumed, where it is finished and sound."""
    try:
        recorded = read_configuration(path)
    except InputError as error:
        if force:
            return None
        raise InputError(f"--resume: {error} --force replaces it.") from error
    if recorded != configuration:
        if force:
            return None
        raise InputError(
            f"--resume: {path} was generated otherwise: {differences(recorded, configuration)}. Give the "
            "same configuration, another name, or --force to replace it."
        )
    try:
        return checked(open_dataset(path, check=False))[0]
    except InputError as error:
        _log.warning("%s It is mended.", error)
        return None


def _check_shards(path: Path, folder: ShardFolder, force: bool, resume: bool) -> None:
    """`InputError` where shards of an unfinished dataset are there that are not to be gone on with."""
    own, others = folder.own(), folder.others()
    if path.exists() or force or not (own or others):
        return
    if not resume:
        raise InputError(
            f"{folder.path} holds shards of an unfinished dataset; give --resume to go on with it, or "
            "--force to replace it."
        )
    if not own:
        recorded = read_configuration(others[0])
        raise InputError(
            f"--resume: {folder.path} was begun otherwise: {folder.differences(recorded)}. Give the same "
            "configuration, another name, or --force to replace it."
        )


def _require_space(path: Path, source: Source, there: ShardFolder | None) -> None:
    parent = next(folder for folder in path.absolute().parents if folder.is_dir())
    needed = source.samples * row_bytes(source.cells, source.names)
    kept = sum(shard.stat().st_size for shard in there.own()) if there is not None else 0
    free = shutil.disk_usage(parent).free
    if needed - kept > free:
        raise InputError(
            f"{path}: {source.samples} potentials of {source.cells} cells take {needed / 1e9:.3g} GB, but "
            f"{free / 1e9:.3g} GB are free there; take fewer samples, or another disk."
        )


def _described(path: Path, source: Source, ranges: Ranges, reused: int, began: float) -> Generated:
    written = open_dataset(path, check=False)
    return Generated(
        path=path,
        samples=source.samples,
        cells=source.cells,
        labels=source.config.labels,
        family=source.config.family if source.file is None else None,
        strength=ranges.strength,
        values=ranges.values,
        sha256=written.sha256,
        shards=len(written.shards),
        reused=reused,
        bytes=sum(file.stat().st_size for file in (path, *written.shards)),
        seconds=time.perf_counter() - began,
        observable=source.observable,
    )
