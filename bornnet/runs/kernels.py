"""Learned coefficients as files for other programs: ``.npy``, ``.csv`` or ``.h5``."""

import csv
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..compute.memory import require_memory
from ..errors import InputError
from ..files.atomic import check_new_file, new_file
from ..files.hdf5 import hdf5_bytes
from .directory import load_run

ENDINGS = (".npy", ".csv", ".h5")


def write_kernel(
    path: str | Path, order: int, out: str | Path, *, force: bool = False
) -> tuple[np.ndarray, np.ndarray | None, list[Path]]:
    """Write the order's coefficients that the run at ``path`` has learned, and their deviations.

    ``.npy``: the tensor ``(cells,) * order``, and beside it ``NAME_std.npy`` where there are errors.
    ``.csv``: a line for each entry, its cells from 0 and ``coefficient``, ``coefficient_std``.
    ``.h5``: ``/coefficient`` and ``/coefficient_std``. The coefficients are ``D^n f / n!``:
    those of the Born kernel.

    Returns the tensor, its standard deviation or None, and the files. ``InputError`` where there is no
    finished round, the ending is another, a file exists (unless ``force``), or it does not fit in memory.
    """
    out = Path(out)
    if out.suffix not in ENDINGS:
        raise InputError(f"{out}: expected a name that ends in {', '.join(ENDINGS)}, got {out.suffix!r}.")
    if order < 1:
        raise InputError(f"order: expected a whole number of at least 1, got {order}.")
    check_new_file(out, force=force)
    run = load_run(path)
    if run.finished_rounds == 0:
        raise InputError(f"{path}: no round is finished by all members yet; wait, or go on with --resume.")
    require_memory(
        32.0 * float(run.cells) ** order, f"order {order} at {run.cells} cells", "take a lower order."
    )
    series = run.series
    kernel, std = series.kernel(order), series.kernel_std(order)
    beside = out.with_name(f"{out.stem}_std.npy")
    files = [out, beside] if out.suffix == ".npy" and std is not None else [out]
    for file in files:
        check_new_file(file, force=force)
    with ExitStack() as stack:
        places = [stack.enter_context(new_file(file, force=force)) for file in files]
        _write(out.suffix, places, kernel, std)
    return kernel, std, files


def _write(ending: str, places: list[Path], kernel: np.ndarray, std: np.ndarray | None) -> None:
    if ending == ".npy":
        for place, array in zip(places, (kernel, std), strict=False):
            assert array is not None
            with place.open("wb") as file:
                np.save(file, array)
    elif ending == ".csv":
        with places[0].open("w", newline="") as text:
            lines = csv.writer(text)
            cells = [f"cell_{n}" for n in range(1, kernel.ndim + 1)]
            lines.writerow([*cells, "coefficient", "coefficient_std"])
            for index, value in np.ndenumerate(kernel):
                lines.writerow([*index, repr(float(value)), "" if std is None else repr(float(std[index]))])
    else:
        arrays = {"coefficient": kernel} | ({} if std is None else {"coefficient_std": std})
        places[0].write_bytes(hdf5_bytes(lambda file: file.update(arrays)))
