"""References as people name them: a profile with its strength, or a file of one potential."""

from pathlib import Path

import numpy as np

from ..config.names import suggestion
from ..errors import InputError
from ..files.potentials import read_potentials, require_finite
from ..physics.distorted.references import PROFILES, reference


def read_reference(at: str, cells: int) -> np.ndarray:
    """The reference ``(cells,)`` that ``at`` names, as `physics.distorted.references.reference` reads it, or
    the one row of a CSV or NPY file.

    Raises:
        InputError: no such profile and no such file, a file of several rows, or of other cells.
    """
    profile = at.partition(":")[0].strip()
    if profile in PROFILES:
        return reference(at, cells)
    if not (Path(at).exists() or Path(at).suffix.lower() in (".csv", ".npy")):
        raise InputError(
            f"reference {at!r}: expected a CSV or NPY file of one potential, or one of {', '.join(PROFILES)} "
            f"with its strength, such as square:eta=0.95; got {profile!r}.{suggestion(profile, PROFILES)}"
        )
    table = read_potentials(at)
    if len(table) != 1:
        raise InputError(f"{at}: expected one reference potential, got {len(table)} rows.")
    if table.shape[1] != cells:
        raise InputError(
            f"{at}: expected {cells} cells, as many as the potentials have, got {table.shape[1]}."
        )
    require_finite(at, table)
    return np.array(table[0], dtype=float)
