"""bornnet: what did a network learn of the Born series, order by order?

Potentials are float64 arrays ``(.., cells)`` in units of their range; ``U > 0`` attracts, and the wave obeys
``u'' = -U u``. The scattering length is ``a0 = 1 - u(1)/u'(1)``; its Born series converges where the strength
eta is below 1. Arrays of numpy or of torch in, the same out.

Scattering:
    scattering_length, inverse_scattering_length, scattering_length_and_gradient: a0, 1/a0, d a0 / d U_i
    born_terms, born_kernel: the exact terms of order n, and their coefficients ``(cells,) * n``
    inverse_born_terms, inverse_born_kernel: those of 1/a0, around a potential
    weinberg_eigenvalue, strength, bound_states: eta; how far to the nearest singularity; bound states
    solve: a potential of your own, in r, with the error of what comes out
    reference: a potential by its name, such as ``square:eta=0.95``, that a series can start from

Networks:
    MLP, taylor_terms, derivative_tensor, diagrams: derivatives to any order, along potentials or all of them

Learning:
    fit_series: from potentials and values to a LearnedSeries: ``kernel(n)``, ``terms(U, n)``, ``predict(U)``
    compare: how far what was learned is from the exact series
    save_series, load_series: in one file
    load_run: what the command ``bornnet iterate`` left behind
    write_dataset: your own rows for the commands
    equal_cells: potentials of uneven or different cells on common ones
    register: a learner of your own

``bornnet guide`` in a terminal explains all of it, with examples that are run by the tests. The names are
imported on first use, so that ``import bornnet`` costs no import of torch or numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "write_dataset": "datasets.own",
    "scattering_length": "physics.scattering",
    "inverse_scattering_length": "physics.scattering",
    "scattering_length_and_gradient": "physics.scattering",
    "born_terms": "physics.born",
    "born_kernel": "physics.born",
    "inverse_born_terms": "physics.inverse_born",
    "inverse_born_kernel": "physics.inverse_born",
    "equal_cells": "physics.equal_cells",
    "strength": "physics.distorted.strength",
    "reference": "physics.distorted.references",
    "weinberg_eigenvalue": "physics.weinberg",
    "bound_states": "physics.weinberg",
    "MLP": "networks.mlp",
    "derivative_tensor": "networks.derivatives",
    "taylor_terms": "networks.jets",
    "diagrams": "diagrams.diagram",
    "load_run": "runs.directory",
    "save_series": "series.learned",
    "load_series": "series.learned",
    "LearnedSeries": "series.learned",
    "fit_series": "series.fit",
    "compare": "comparison.compare",
    "register": "config.registry",
    "solve": "solving.solve",
}

__all__ = ["__version__", *_HOME]

if TYPE_CHECKING:
    from .comparison.compare import compare as compare
    from .config.registry import register as register
    from .diagrams.diagram import diagrams as diagrams
    from .networks.derivatives import derivative_tensor as derivative_tensor
    from .networks.jets import taylor_terms as taylor_terms
    from .networks.mlp import MLP as MLP
    from .physics.born import born_kernel as born_kernel
    from .physics.born import born_terms as born_terms
    from .physics.distorted.references import reference as reference
    from .physics.distorted.strength import strength as strength
    from .physics.equal_cells import equal_cells as equal_cells
    from .physics.inverse_born import inverse_born_kernel as inverse_born_kernel
    from .physics.inverse_born import inverse_born_terms as inverse_born_terms
    from .physics.scattering import inverse_scattering_length as inverse_scattering_length
    from .physics.scattering import scattering_length as scattering_length
    from .physics.scattering import scattering_length_and_gradient as scattering_length_and_gradient
    from .physics.weinberg import bound_states as bound_states
    from .physics.weinberg import weinberg_eigenvalue as weinberg_eigenvalue
    from .runs.directory import load_run as load_run
    from .series.fit import fit_series as fit_series
    from .series.learned import LearnedSeries as LearnedSeries
    from .series.learned import load_series as load_series
    from .series.learned import save_series as save_series
    from .solving.solve import solve as solve


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bornnet' has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
