"""Making a dataset: potentials drawn, or the user's own, and labelled block by block."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .config import StudyConfig
from .errors import InputError
from .files.atomic import check_new_file
from .files.dataset import new_dataset
from .files.potentials import file_sha256, read_potentials, require_finite

_log = logging.getLogger(__name__)

BLOCK = 1 << 20
"""Numbers in a block of potentials: bounds the memory, and does not change the result."""


@dataclass(frozen=True)
class Generated:
    """What was written: where, what is in it, and what it took."""

    path: Path
    samples: int
    cells: int
    labels: str
    family: str | None
    strength: tuple[float, float]
    scattering_length: tuple[float, float]
    sha256: str
    bytes: int
    seconds: float


def generate(
    path: str | Path,
    config: StudyConfig,
    *,
    potentials: str | Path | None = None,
    force: bool = False,
    progress: Callable[[int], Any] = lambda rows: None,
) -> Generated:
    """Draw potentials of the configured family and strengths, label them exactly, and write the dataset.

    With `potentials`, a CSV or NPY file of one potential U >= 0 a row, these are labelled instead; of the
    configuration, `labels` and `workers` then apply. Numbers do not depend on `workers`. Memory does not
    grow with the number of potentials. `progress` is called with the rows done in each block.

    Raises:
        InputError: the output exists (unless `force`) or does not fit on the disk, or a potential is refused.
    """
    began = time.perf_counter()
    path = Path(path)
    check_new_file(path, force=force)
    if potentials is None:
        samples, cells, configuration = config.samples, config.cells, config.generator()
        blocks = _drawn(config)
    else:
        table = read_potentials(potentials)
        samples, cells = table.shape
        configuration = {
            "labels": config.labels,
            "potentials": Path(potentials).name,
            "potentials_sha256": file_sha256(potentials),
        }
        blocks = _given(potentials, table, config.workers)
    gradient = config.labels == "gradient"
    _require_space(path, samples, cells, gradient)
    ranges = {"strength": (np.inf, -np.inf), "scattering_length": (np.inf, -np.inf)}
    with new_dataset(
        path, samples, cells, gradient=gradient, configuration=configuration, force=force
    ) as writer:
        for block, strength in blocks:
            labels = _label(block, gradient, config.workers)
            writer.append(block, labels[0], strength, *labels[1:])
            for name, values in (("strength", strength), ("scattering_length", labels[0])):
                low, high = ranges[name]
                ranges[name] = (min(low, float(values.min())), max(high, float(values.max())))
            _log.debug("%d of %d potentials labelled", writer.rows, samples)
            progress(len(block))
    assert writer.sha256 is not None
    return Generated(
        path=path,
        samples=samples,
        cells=cells,
        labels=config.labels,
        family=None if potentials is not None else config.family,
        strength=ranges["strength"],
        scattering_length=ranges["scattering_length"],
        sha256=writer.sha256,
        bytes=path.stat().st_size,
        seconds=time.perf_counter() - began,
    )


def _rows(samples: int, cells: int) -> Iterator[tuple[int, int]]:
    step = 16 * max(1, BLOCK // 16 // cells)  # whole chunks of the families' random streams
    for start in range(0, samples, step):
        yield start, min(start + step, samples)


def _drawn(config: StudyConfig) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from .physics.families import sample_potentials

    for start, stop in _rows(config.samples, config.cells):
        yield sample_potentials(
            config.family,
            stop - start,
            config.cells,
            strength=config.strength,
            spacing=config.strength_spacing,
            seed=config.seed,
            start=start,
            workers=config.workers,
        )


def _given(
    path: str | Path, table: np.ndarray, workers: int | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from .physics.weinberg import weinberg_eigenvalue

    for start, stop in _rows(*table.shape):
        block = np.array(table[start:stop], dtype=float)
        require_finite(path, block, start)
        negative = np.argwhere(block < 0)
        if negative.size:
            row, column = (int(index) for index in negative[0])
            raise InputError(
                f"{path}: row {start + row + 1}, column {column + 1}: expected U >= 0 (attractive), got "
                f"{block[row, column]:g}: the strength eta of a dataset is defined for attractive potentials "
                "only. Leave such rows out; `bornnet solve` takes them."
            )
        yield block, weinberg_eigenvalue(block, workers=workers)


def _label(block: np.ndarray, gradient: bool, workers: int | None) -> tuple[np.ndarray, ...]:
    from .physics.scattering import scattering_length, scattering_length_and_gradient

    if gradient:
        return scattering_length_and_gradient(block, workers=workers)
    return (scattering_length(block, workers=workers),)


def _require_space(path: Path, samples: int, cells: int, gradient: bool) -> None:
    parent = next(folder for folder in path.absolute().parents if folder.is_dir())
    needed = 8 * samples * (cells * (1 + gradient) + 2)
    free = shutil.disk_usage(parent).free
    if needed > free:
        raise InputError(
            f"{path}: {samples} potentials of {cells} cells take {needed / 1e9:.3g} GB, but "
            f"{free / 1e9:.3g} GB are free there; take fewer samples, or another disk."
        )
