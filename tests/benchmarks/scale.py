"""Generating large datasets: `python tests/benchmarks/scale.py [--full] [--folder DIR]` prints the tables.

A million potentials of 64 cells, ten with --full: the time of its parts, whole runs by threads, by processes
and by a Dask cluster on this machine with their memory, the disk's own rate beside them, and what the file
that holds the shards together costs. Every way must give the same SHA-256.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import psutil
from distributed import Client
from rich.console import Console
from rich.table import Table

from bornnet.config.load import load_config
from bornnet.datasets.content import HASHED_ROWS, ContentHash, array_names, row_bytes, shapes
from bornnet.datasets.generate import Generated, generate
from bornnet.datasets.reader import open_dataset
from bornnet.datasets.shards import write_layout
from bornnet.physics.families import sample_potentials
from bornnet.physics.scattering import scattering_length

CONSOLE = Console(width=None if sys.stdout.isatty() else 110)
CELLS = 64
PIECE = 1 << 17


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--full", action="store_true", help="ten million potentials: 5 GB, minutes")
    arguments.add_argument("--folder", type=Path, help="where to write; a temporary folder unless given")
    options = arguments.parse_args()
    rows = 10_000_000 if options.full else 1_000_000
    CONSOLE.print(f"{rows:,} potentials of {CELLS} cells, family mixture; {os.cpu_count()} processors\n")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        parts(rows)
        whole(rows, Path(folder))
        index(Path(folder))


def timed(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def parts(rows: int) -> None:
    """What a potential costs, part by part, on one thread; the parts go to all workers alike."""
    config = load_config(overrides={"cells": CELLS})
    sample_potentials(config.family, 10, CELLS, strength=config.strength)  # compile
    seconds = dict.fromkeys(("draw, and scale to its eta", "a0", "SHA-256"), 0.0)
    piece = min(rows, PIECE)

    def draw() -> None:
        potentials[:], _ = sample_potentials(config.family, piece, CELLS, strength=config.strength, workers=1)

    potentials = np.empty((piece, CELLS))
    scattering_length(potentials[:10])
    steps = (
        draw,
        lambda: scattering_length(potentials, workers=1),
        lambda: ContentHash(["U"]).update("U", potentials),
    )
    table = Table("part", "potentials/s, one thread", "s for all, two", title="Parts")
    for name, step in zip(seconds, steps, strict=True):
        each = min(timed(step) for _ in range(3)) / piece
        table.add_row(name, f"{1 / each:,.0f}", f"{each * rows / 2:.1f}")
    CONSOLE.print(table)


def whole(rows: int, folder: Path) -> None:
    config = {"samples": rows, "cells": CELLS, "seed": 1}
    size = rows * row_bytes(CELLS, array_names())
    shard = rows // 8 // HASHED_ROWS * HASHED_ROWS
    table = Table("by", "s", "potentials/s", "MB/s", "of the disk", "memory, MB", title="Whole runs")
    rate = disk_rate(folder, min(size, 1 << 30))
    seen = set()

    def run(name: str, workers: int, one_file: bool, scheduler: str | None = None) -> None:
        out = folder / "d.h5"
        with peak_memory() as memory:
            made: Generated = generate(
                out,
                load_config(overrides={**config, "workers": workers}),
                rows_per_shard=rows if one_file else shard,
                scheduler=scheduler,
                force=True,
            )
        seen.add(made.sha256)
        speed = made.bytes / made.seconds
        table.add_row(
            f"{name}, {made.shards or 1} file{'s' if made.shards else ''}",
            f"{made.seconds:.1f}",
            f"{rows / made.seconds:,.0f}",
            f"{speed / 1e6:.0f}",
            f"{speed / rate:.0%}",
            f"{memory[0] / 1e6:,.0f}",
        )

    run("1 thread", 1, True)
    run("2 threads", 2, True)
    run("1 process", 1, False)
    run("2 processes", 2, False)
    with cluster(2) as address:
        run("2 Dask workers", 2, False, address)
    reading = timed(lambda: open_dataset(folder / "d.h5"))
    assert len(seen) == 1, "the ways differ"
    table.caption = (
        f"The disk's own rate, a plain file written and flushed: {rate / 1e6:,.0f} MB/s. Memory: all "
        "processes together, pages they share counted once. All have the same SHA-256. Reading and "
        f"checking all rows in blocks: {size / reading / 1e6:,.0f} MB/s."
    )
    CONSOLE.print(table)


def index(folder: Path) -> None:
    """The file that holds shards together, of many that need not be there."""
    table = Table(
        "shards", "written, s", "size, MB", "opened and last row read by h5py, s", title="The index"
    )
    for count in (100, 1_000, 10_000):
        path = folder / f"index-{count}.h5"
        arrays = shapes(count * HASHED_ROWS, CELLS, array_names())
        shards = [
            (folder / "d.h5.shards" / f"00000000-{i:04d}.h5", HASHED_ROWS, "0" * 64) for i in range(count)
        ]

        def write(path: Path = path, arrays: dict = arrays, shards: list = shards) -> None:
            with h5py.File(path, "w") as file:
                write_layout(file, arrays, shards)

        def read(path: Path = path) -> None:
            with h5py.File(path) as file:
                file["potentials"][-1]

        table.add_row(
            f"{count:,}", f"{timed(write):.2f}", f"{path.stat().st_size / 1e6:.2f}", f"{timed(read):.3f}"
        )
    CONSOLE.print(table)


def disk_rate(folder: Path, size: int) -> float:
    """Bytes a second of a plain file, written in large pieces and flushed; the best of three."""
    piece = np.random.default_rng(0).bytes(1 << 24)
    path = folder / "plain"

    def write() -> None:
        with path.open("wb") as file:
            for _ in range(size // len(piece)):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    rate = size // len(piece) * len(piece) / min(timed(write) for _ in range(3))
    path.unlink()
    return rate


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """The largest memory of this process and its descendants seen in the block."""
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            total = 0
            for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            most[0] = max(most[0], total)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """A Dask scheduler and workers of one thread, each a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
        file = Path(folder) / "scheduler.json"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        processes = [subprocess.Popen([*command, "--scheduler-file", str(file)], **quiet)]
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-dashboard"]
        try:
            worker += ["--scheduler-file", str(file)]
            processes += [subprocess.Popen(worker, **quiet) for _ in range(workers)]
            while not file.exists():
                time.sleep(0.1)
            with Client(scheduler_file=str(file), set_as_default=False) as client:
                client.wait_for_workers(workers)
                address = client.scheduler.address
            yield address
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()
