"""The potentials that a run is judged on: its own held-out ones, or others on another number of cells."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError
from ..physics.families import sample_potentials
from ..physics.scattering import scattering_length
from ..runs.directory import Run, load_held_out


def held_out(run: Run, cells: int | None = None) -> dict[str, np.ndarray]:
    """`potentials (N, D)`, `scattering_length (N,)` and `strength (N,)` that nothing was fitted to.

    Args:
        cells: D. Where it is not the run's own, as many potentials are drawn as the run held out, of its
            family and strengths. Potentials of a file are of no family: theirs are the same ones, each cell
            cut into several.

    Raises `InputError` where the learner is tied to the run's cells, or a file's cells cannot be cut so.
    """
    own = load_held_out(run.path)
    if cells is None or cells == run.cells:
        return own
    require_any_cells(run, cells)
    if configuration_of(run).keys() & {"potentials", "given"}:
        return {**own, "potentials": _cut(run, own["potentials"], cells)}
    config = run.config
    potentials, strength = sample_potentials(
        config.family,
        len(own["potentials"]),
        cells,
        strength=config.strength,
        spacing=config.strength_spacing,
        seed=config.seed,  # on other cells the same seed draws others
    )
    return {
        "potentials": potentials,
        "scattering_length": scattering_length(potentials),
        "strength": strength,
    }


def configuration_of(run: Run) -> Mapping[str, Any]:
    """How the run's dataset was made: with ``potentials`` of a file, or with ``given`` values too."""
    return run.provenance.get("dataset", {}).get("configuration", {})


def require_any_cells(run: Run, cells: int) -> None:
    """`InputError` where the run's learner or target does not take potentials of so many cells."""
    if cells < 1:
        raise InputError(f"cells: expected a whole number of at least 1; got {cells}.")
    if run.target.reference is not None and cells != run.cells:
        raise InputError(
            f"cells: {run.path} expands around a reference of {run.cells} cells, and has no series "
            f"on {cells}; leave cells out."
        )
    tied = next((learner for member in run.learners for learner in member if not learner.any_cells), None)
    if tied is not None and cells != run.cells:
        raise InputError(
            f"cells: the learner of {run.path}, {','.join(run.config.learner)}, is tied to its {run.cells} "
            f"cells and has no kernels on {cells}; leave cells out, or train a learner that takes any "
            "number, such as flow."
        )


def _cut(run: Run, potentials: np.ndarray, cells: int) -> np.ndarray:
    parts, rest = divmod(cells, run.cells)
    if rest:
        raise InputError(
            f"cells: the potentials of {run.path} come from a file, and each of their {run.cells} cells can "
            f"only be cut into several; expected a multiple of {run.cells}, got {cells}."
        )
    return np.repeat(potentials, parts, axis=1)
