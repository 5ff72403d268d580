"""Datasets of different cells as one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..physics.equal_cells import equal_cells
from .labelled import Labelled
from .reader import DatasetReader, open_dataset
from .writer import write_rows


def merge(path: Path, sources: Sequence[Path], *, force: bool = False) -> tuple[Labelled, str]:
    """Write the rows of all sources as one dataset on the fewest equal cells that have all edges.

    Values, strengths and errors stay as they are: a potential of cells that are cut is the same one.
    Gradients by its old cells tell nothing of those by the new ones, and are left behind.

    Returns the rows and the SHA-256 of their content. Raises ``InputError`` where a source is no dataset, is
    of another observable, or around a reference, and where some have errors and others none.
    """
    datasets = [open_dataset(source) for source in sources]
    first = datasets[0]
    for own in datasets:
        if own.observable != first.observable:
            raise InputError(
                f"{own.path}: expected values of {first.observable}, as in {first.path}; got "
                f"{own.observable}."
            )
        if own.reference is not None:
            raise InputError(
                f"{own.path}: it is of displacements from a reference, which stands in its own cells; "
                "generate it around the reference on the common cells."
            )
        if _noisy(own) != _noisy(first):
            with_errors, without = (own, first) if _noisy(own) else (first, own)
            raise InputError(
                f"{with_errors.path} has errors of its values (sigma) and {without.path} has none; give both "
                "errors, or none."
            )
    parts = [own.labelled(gradient=False) for own in datasets]
    rows = Labelled(
        equal_cells([part.potentials[:] for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.strength for part in parts]),
        None,
        np.concatenate([part.sigma for part in parts if part.sigma is not None]) if _noisy(first) else None,
    )
    configuration = {
        "given": "merged",
        "labels": "value",
        "observable": first.observable,
        "sources": [{"name": own.path.name, "sha256": own.sha256} for own in datasets],
    }
    return rows, write_rows(path, rows, configuration=configuration, force=force)


def _noisy(dataset: DatasetReader) -> bool:
    return "sigma" in dataset.names
