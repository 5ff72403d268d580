"""bornnet: what did a network learn of the Born series, order by order?

The public names below are imported on first use, so that ``import bornnet`` and the help texts of the
commands cost no import of torch or numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "scattering_length": "physics.scattering",
    "inverse_scattering_length": "physics.scattering",
    "scattering_length_and_gradient": "physics.scattering",
    "born_terms": "physics.born",
    "born_kernel": "physics.born",
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


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bornnet' has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
