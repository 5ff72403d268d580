"""Making a dataset: labelled potentials, block by block, into one file or into shards."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compute.pool import completed, executor, processors
from ..config.schema import StudyConfig
from ..errors import BornnetError, InputError, Interrupted
from ..files.atomic import check_new_file, lock
from .content import ContentHash, row_bytes, shapes
from .reader import DatasetReader, Rows, open_dataset, read_configuration
from .shards import ShardFolder, differences, shard_rows
from .source import Ranges, Source
from .writer import DatasetWriter, new_dataset, write_index

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Generated:
    """What was written: where, what is in it, and what it took.

    `reused` is how many of the `samples` were there already, `shards` in how many files they are beside
    `path` (0 where they are in it), `bytes` the size of all files.
    """

    path: Path
    samples: int
    cells: int
    labels: str
    family: str | None
    strength: tuple[float, float]
    scattering_length: tuple[float, float]
    sha256: str
    shards: int
    reused: int
    bytes: int
    seconds: float


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
    source = Source(config, None if potentials is None else Path(potentials))
    rows = shard_rows(source.cells, source.gradient, rows_per_shard)
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
            ranges, reused = _one_file(path, source, folder, force or resume, advance), 0
        else:
            ranges, reused = _in_shards(path, source, folder, rows, scheduler, resume, advance)
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


def _checked(reader: DatasetReader) -> tuple[Ranges, dict[str, bytes]]:
    """Read the dataset through: the ranges and the blocks of its hash; `InputError` where it is damaged."""
    ranges = Ranges()

    def rows(start: int, stop: int) -> Rows:
        block = reader.rows(start, stop)
        ranges.add(block)
        return block

    return ranges, reader.check(rows)


def _write(writer: DatasetWriter, blocks: Iterator[Rows], progress: Callable[[int], Any]) -> Ranges:
    ranges = Ranges()
    for rows in blocks:
        writer.append(rows.potentials, rows.scattering_length, rows.strength, rows.gradient)
        ranges.add(rows)
        progress(len(rows))
    return ranges


def _ahead(blocks: Iterator[Rows]) -> Iterator[Rows]:
    """The same blocks, each made while the one before is hashed and written."""
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, blocks, None)
        while (rows := coming.result()) is not None:
            coming = maker.submit(next, blocks, None)
            yield rows


def _one_file(
    path: Path, source: Source, folder: ShardFolder, replace: bool, progress: Callable[[int], Any]
) -> Ranges:
    with new_dataset(
        path,
        source.samples,
        source.cells,
        gradient=source.gradient,
        configuration=source.configuration,
        force=replace,
    ) as writer:
        blocks = source.blocks(0, source.samples, source.config.workers)
        ranges = _write(writer, blocks if source.config.workers == 1 else _ahead(blocks), progress)
    folder.clear()
    return ranges


@dataclass(frozen=True)
class _Task:
    """A shard to make: its rows, and where."""

    source: Source
    path: Path
    start: int
    stop: int
    configuration: Mapping[str, Any]


@dataclass(frozen=True)
class _Shard:
    """What a finished shard holds, for putting all of them together."""

    sha256: str
    blocks: dict[str, bytes]
    ranges: Ranges


def _make(task: _Task) -> _Shard:
    source = task.source
    with new_dataset(
        task.path,
        task.stop - task.start,
        source.cells,
        gradient=source.gradient,
        configuration=task.configuration,
        shared=True,
    ) as writer:
        ranges = _write(writer, source.blocks(task.start, task.stop, 1), lambda rows: None)
    assert writer.sha256 is not None
    return _Shard(writer.sha256, writer.content.finished(), ranges)


def _take_over(task: _Task) -> _Shard | None:
    """The shard of the task as it stands, where it is whole and sound."""
    if not task.path.exists():
        return None
    try:
        reader = open_dataset(task.path, check=False)
        if reader.configuration != task.configuration or len(reader) != task.stop - task.start:
            raise InputError(f"{task.path}: expected a shard of this dataset, got another one.")
        ranges, blocks = _checked(reader)
        return _Shard(reader.sha256, blocks, ranges)
    except InputError as error:
        _log.warning("%s It is made anew.", error)
        return None


def _in_shards(
    path: Path,
    source: Source,
    folder: ShardFolder,
    rows: int,
    scheduler: str | None,
    resume: bool,
    progress: Callable[[int], Any],
) -> tuple[Ranges, int]:
    absolute = Source(source.config, source.file and source.file.absolute())
    here = ShardFolder(path.absolute(), source.configuration, rows)
    tasks = [
        _Task(
            absolute, here.shard(index), start, min(start + rows, source.samples), here.configuration(index)
        )
        for index, start in enumerate(range(0, source.samples, rows))
    ]
    check_new_file(tasks[0].path, force=True)
    source.require_attractive()
    made: dict[Path, _Shard] = {}
    with lock(path), folder.writing():
        if resume:
            found = ((task.path, _take_over(task)) for task in tasks)
            made = {place: shard for place, shard in found if shard is not None}
        reused = sum(task.stop - task.start for task in tasks if task.path in made)
        progress(reused)
        missing = [task for task in tasks if task.path not in made]
        if missing:
            workers = min(source.config.workers or processors(), len(missing))
            with executor(workers, scheduler) as pool:
                for task, shard in completed(pool, _make, missing):
                    made[task.path] = shard
                    _log.debug("%d of %d shards done", len(made), len(tasks))
                    progress(task.stop - task.start)
        content = ContentHash(shapes(0, 0, source.gradient))
        ranges = Ranges()
        for task in tasks:
            if not task.path.is_file():
                raise BornnetError(
                    f"{task.path} was written by a worker but is not here; the output must lie on a file "
                    "system that all workers share under the same name."
                )
            content.extend(made[task.path].blocks)
            ranges.merge(made[task.path].ranges)
        write_index(
            path,
            source.samples,
            source.cells,
            gradient=source.gradient,
            configuration=source.configuration,
            shards=[(task.path, task.stop - task.start, made[task.path].sha256) for task in tasks],
            content=content,
        )
        here.clear(keep=[task.path for task in tasks])
    return ranges, reused


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
        return _checked(open_dataset(path, check=False))[0]
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
    needed = source.samples * row_bytes(source.cells, source.gradient)
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
        scattering_length=ranges.scattering_length,
        sha256=written.sha256,
        shards=len(written.shards),
        reused=reused,
        bytes=sum(file.stat().st_size for file in (path, *written.shards)),
        seconds=time.perf_counter() - began,
    )
