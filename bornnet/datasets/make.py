"""The files of a dataset: all rows in one, or in shards, each by a process or a worker of a cluster."""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compute.pool import completed, executor, processors
from ..errors import BornnetError, InputError
from ..files.atomic import check_new_file, lock
from .content import ContentHash, shapes
from .labelled import Labelled
from .reader import DatasetReader, open_dataset
from .shards import ShardFolder
from .source import Ranges, Source
from .writer import DatasetWriter, new_dataset, write_index

_log = logging.getLogger(__name__)


def checked(reader: DatasetReader) -> tuple[Ranges, dict[str, bytes]]:
    """Read the dataset through: the ranges and the blocks of its hash; `InputError` where it is damaged."""
    ranges = Ranges()

    def rows(start: int, stop: int) -> Labelled:
        block = reader.rows(start, stop)
        ranges.add(block)
        return block

    return ranges, reader.check(rows)


def _write(writer: DatasetWriter, blocks: Iterator[Labelled], progress: Callable[[int], Any]) -> Ranges:
    ranges = Ranges()
    for rows in blocks:
        writer.append(rows)
        ranges.add(rows)
        progress(len(rows))
    return ranges


def _ahead(blocks: Iterator[Labelled]) -> Iterator[Labelled]:
    """The same blocks, each made while the one before is hashed and written."""
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, blocks, None)
        while (rows := coming.result()) is not None:
            coming = maker.submit(next, blocks, None)
            yield rows


def in_one_file(
    path: Path, source: Source, folder: ShardFolder, replace: bool, progress: Callable[[int], Any]
) -> Ranges:
    """Write all rows into one file."""
    with new_dataset(
        path,
        source.samples,
        source.cells,
        names=source.names,
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
        names=source.names,
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
        ranges, blocks = checked(reader)
        return _Shard(reader.sha256, blocks, ranges)
    except InputError as error:
        _log.warning("%s It is made anew.", error)
        return None


def in_shards(
    path: Path,
    source: Source,
    folder: ShardFolder,
    rows: int,
    scheduler: str | None,
    resume: bool,
    progress: Callable[[int], Any],
) -> tuple[Ranges, int]:
    """Write shards and the file that holds them together; also how many rows were there already."""
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
        content = ContentHash(shapes(0, 0, source.names))
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
            names=source.names,
            configuration=source.configuration,
            shards=[(task.path, task.stop - task.start, made[task.path].sha256) for task in tasks],
            content=content,
        )
        here.clear(keep=[task.path for task in tasks])
    return ranges, reused
