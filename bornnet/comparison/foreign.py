"""A network from elsewhere against the exact Born series."""

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files.potentials import read_potentials, require_finite
from ..learners.foreign.network import read_network
from ..learners.mlp.perceptron import Perceptron
from ..physics.families import sample_potentials
from ..physics.scattering import scattering_length
from ..physics.weinberg import weinberg_eigenvalue
from ..series.terms import MemberSeries
from .compare import tables
from .orders import exact_reference, require_room
from .result import Comparison


def compare_model(
    path: str | Path,
    cells: int | None = None,
    *,
    activation: str | None = None,
    layers: str | None = None,
    check: str | Path | None = None,
    potentials: str | Path | None = None,
    order: int = 3,
    samples: int = 2000,
    strength: tuple[float, float] = (1e-3, 0.5),
    seed: int = 0,
) -> Comparison:
    """Compare a network from anywhere, U ``(cells,)`` in and a0 out, on given or freshly drawn potentials.

    The file is read as `read_network` does, with its ``activation``, ``layers`` and ``check``. ``potentials``
    is a file of them; without it they are drawn from the family mixture. Raises `InputError` also where the
    network has not ``cells`` inputs, where eta of drawn potentials reaches 1, or a given one is zero.
    """
    read = read_network(path, activation=activation, layers=layers, check=check)
    inputs = read.network.inputs
    if cells is not None and inputs != cells:
        raise InputError(
            f"{path}: the network has {inputs} inputs, the potentials have {cells} cells; give "
            f"--cells {inputs}, or a network for {cells}."
        )
    if not 0 < strength[0] <= strength[1] < 1:
        raise InputError(
            f"--strength: expected 0 < LO <= HI < 1, where the Born series converges; got {strength[0]:g} "
            f"{strength[1]:g}."
        )
    if samples < 1:
        raise InputError(f"--samples: expected a whole number of at least 1; got {samples}.")
    require_room(inputs, order)
    if potentials is None:
        U, eta = sample_potentials("mixture", samples, inputs, strength=strength, spacing="log", seed=seed)
    else:
        U, eta = _given_potentials(potentials, inputs)
    series = MemberSeries((Perceptron(read.network),))
    return tables(
        source=str(path),
        run=None,
        strength=eta,
        reference=exact_reference(U, scattering_length(U), order),
        learned=[series],
        single=[series],
        baselines={},
        model=read,
    )


def _given_potentials(path: str | Path, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """The potentials of a file and eta of their moduli, below which the Born series converges for certain."""
    table = np.array(read_potentials(path), dtype=float)
    require_finite(path, table)
    if table.shape[1] != cells:
        raise InputError(
            f"{path}: expected potentials of {cells} cells, as the network has inputs, got {table.shape[1]}."
        )
    nothing = np.flatnonzero(~table.any(axis=1))
    if nothing.size:
        raise InputError(f"{path}: row {nothing[0] + 1} is zero everywhere and has no terms; leave it out.")
    return table, np.asarray(weinberg_eigenvalue(np.abs(table)))
