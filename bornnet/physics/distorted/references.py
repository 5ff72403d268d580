"""Reference potentials by name: `square:eta=0.95`, `gaussian:a0=inf`, `yukawa:eta=0.5,width=0.2`.

A name from PROFILES, then one of three ways to say how strong it is, and the shape's own lengths in units of
the range where they differ from their defaults.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import erf, expit

from ...config.names import suggestion
from ...errors import InputError
from ..scattering import scattering_length
from ..validation import as_count
from ..weinberg import bound_states, weinberg_eigenvalue

_STRENGTHS = ("eta", "a0", "U")


@dataclass(frozen=True)
class _Profile:
    """A shape on `cells`, `on_cells(cells, *lengths)`, and its lengths with their defaults."""

    on_cells: Callable[..., np.ndarray]
    lengths: dict[str, float] = field(default_factory=dict)


def _edges(cells: int) -> np.ndarray:
    return np.arange(cells + 1) / cells


def _centres(cells: int) -> np.ndarray:
    return (np.arange(cells) + 0.5) / cells


def _square(cells: int, radius: float) -> np.ndarray:
    return np.clip(radius * cells - np.arange(cells), 0.0, 1.0)


def _gaussian(cells: int, width: float) -> np.ndarray:
    primitive = erf(_edges(cells) / (np.sqrt(2) * width)) * width * np.sqrt(np.pi / 2)
    return np.diff(primitive) * cells


def _exponential(cells: int, width: float) -> np.ndarray:
    return np.exp(-_centres(cells) / width)


def _yukawa(cells: int, width: float, heavy: float) -> np.ndarray:
    r = _centres(cells)
    return (np.exp(-r / width) - np.exp(-r / heavy)) / r


def _woods_saxon(cells: int, radius: float, diffuseness: float) -> np.ndarray:
    return expit((radius - _centres(cells)) / diffuseness)


PROFILES: dict[str, _Profile] = {
    "square": _Profile(_square, {"radius": 1.0}),
    "gaussian": _Profile(_gaussian, {"width": 0.3}),
    "exponential": _Profile(_exponential, {"width": 0.15}),
    "yukawa": _Profile(_yukawa, {"width": 0.3, "heavy": 0.1}),
    "woods-saxon": _Profile(_woods_saxon, {"radius": 0.7, "diffuseness": 0.05}),
}
"""1 for r < radius; exp(-r^2 / 2 width^2); exp(-r / width); (exp(-r / width) - exp(-r / heavy)) / r, a Yukawa
potential regularized by a heavier exchange; 1 / (1 + exp((r - radius) / diffuseness)). The first two are
averages over the cells, the others values at their centres, as in `families`."""


def reference(spec: str, cells: int) -> np.ndarray:
    """The reference potential that `spec` names, on `cells` cells.

    Args:
        spec: `NAME:KEY=NUMBER,..` with NAME in PROFILES and exactly one of `eta` (the largest Weinberg
            eigenvalue), `a0` (the smallest multiple of the profile with that scattering length, in units of
            the range; `inf` is the unitary limit) and `U` (the multiple of the profile itself); other keys
            are lengths of the profile.
        cells: at least 1.

    Returns:
        `(cells,)` float64, U >= 0.

    Raises:
        InputError: a spec that cannot be read or reached, or cells below 1.
    """
    cells = as_count("cells", cells)
    profile, key, number, lengths = _parse(spec)
    shape = profile.on_cells(cells, *lengths)
    if not (shape > 0).any():
        raise InputError(f"reference {spec!r}: expected lengths that {cells} cells can show, got U = 0")
    if key == "U":
        return number * shape
    eta = weinberg_eigenvalue(shape)
    if key == "eta":
        return number / eta * shape
    return _multiple(shape, number) * shape if np.isfinite(number) else shape / eta


def _parse(spec: str) -> tuple[_Profile, str, float, list[float]]:
    where = f"reference {spec!r}"
    name, _, rest = str(spec).partition(":")
    name = name.strip()
    if name not in PROFILES:
        raise InputError(
            f"{where}: expected one of {', '.join(PROFILES)}, got {name!r}.{suggestion(name, PROFILES)}"
        )
    lengths = dict(PROFILES[name].lengths)
    known = (*_STRENGTHS, *lengths)
    given: dict[str, float] = {}
    for entry in filter(None, (part.strip() for part in rest.split(","))):
        key, _, text = (part.strip() for part in entry.partition("="))
        if key not in known:
            raise InputError(
                f"{where}: expected keys {', '.join(known)}, got {key!r}.{suggestion(key, known)}"
            )
        if key in given:
            raise InputError(f"{where}: expected {key} once, got it twice")
        try:
            given[key] = float(text)
        except ValueError:
            raise InputError(f"{where}: expected {key}=NUMBER, got {entry!r}") from None
        _require_range(where, key, given[key])
    strengths = [key for key in _STRENGTHS if key in given]
    if len(strengths) != 1:
        got = " and ".join(strengths) if strengths else "none of them"
        raise InputError(f"{where}: expected one of eta=, a0= and U=, such as {name}:eta=0.5; got {got}")
    lengths.update({key: given[key] for key in lengths if key in given})
    if name == "yukawa" and lengths["heavy"] >= lengths["width"]:
        raise InputError(
            f"{where}: expected heavy below width, got {lengths['heavy']:g} and {lengths['width']:g}"
        )
    return PROFILES[name], strengths[0], given[strengths[0]], list(lengths.values())


def _require_range(where: str, key: str, number: float) -> None:
    if key == "a0":
        if np.isnan(number):
            raise InputError(f"{where}: expected a0 to be a number or inf, got nan")
    elif not 0 < number < np.inf:
        raise InputError(f"{where}: expected {key} to be positive and finite, got {number:g}")


def _multiple(shape: np.ndarray, length: float) -> float:
    """The smallest s > 0 at which s times the shape has that scattering length.

    a0 falls all the way between two new bound states: negative lengths are reached before the first, others
    between the first and the second.
    """
    states = 0 if length < 0 else 1

    def below(s: float) -> bool:
        bound = bound_states(s * shape)
        return bool(bound < states or (bound == states and scattering_length(s * shape) > length))

    low, high = 0.0, 1.0 / float(weinberg_eigenvalue(shape))
    while below(high):
        low, high = high, 2.0 * high
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (middle, high) if below(middle) else (low, middle)
    return high
