"""What zero-energy scattering says of given potentials, each number with its error."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

PARTS = ("total", "integration", "interpolation", "cut_off", "inside", "discretization")
"""Of an error: in all; of the integration; of a table between its points; of what is behind the end; of what
is below the first point of a table; of cells in place of the potential."""

_SHOWN = 20  # potentials of a table


@dataclass(frozen=True)
class Solution:
    """What is known of potentials, lengths in the unit that `solve` was given.

    For a batch of shape `(...)`: `scattering_length`, `inverse_scattering_length`, `effective_range`,
    `strength` (the Weinberg eigenvalue eta) and `bound_states` have that shape, `born_terms` `(order, ...)`.
    Infinite or NaN is what does not exist: `effective_range` where a0 = 0 or the tail forbids it,
    `born_terms` of a hard core. `converges` says of each Born series whether it converges: True, False, or
    None where that is not known.

    `error`: absolute errors of the scattering length, `(...)` for each of `PARTS`, NaN where one does not
    apply. `errors`: those of other quantities, by name. `warnings`: a list for each potential.
    """

    scattering_length: np.ndarray
    inverse_scattering_length: np.ndarray
    effective_range: np.ndarray
    strength: np.ndarray
    converges: list[bool | None]
    bound_states: np.ndarray
    born_terms: np.ndarray
    error: Mapping[str, np.ndarray]
    errors: Mapping[str, np.ndarray] = field(default_factory=dict)
    warnings: list[list[str]] = field(default_factory=list)
    unit: str = "ranges"

    def __len__(self) -> int:
        return int(np.size(self.scattering_length))

    def __repr__(self) -> str:
        if np.ndim(self.scattering_length):
            return f"<Solution of {len(self)} potentials, lengths in {self.unit}>"
        total = float(self.error["total"])
        return (
            f"<Solution: a0 = {significant(float(self.scattering_length), total)} +- {total:.1e} "
            f"{self.unit}, eta = {float(self.strength):.6g}, {int(self.bound_states)} bound>"
        )

    def _repr_html_(self) -> str:
        names = ("scattering_length", "effective_range", "strength", "bound_states")
        a0, r, eta, bound = (np.atleast_1d(getattr(self, name))[:_SHOWN] for name in names)
        errors = np.atleast_1d(self.error["total"])
        rows = "".join(
            f"<tr><td>{row + 1}</td><td>{significant(float(a0[row]), float(errors[row]))}</td>"
            f"<td>{errors[row]:.1e}</td><td>{r[row]:.6g}</td><td>{eta[row]:.6g}</td><td>{bound[row]}</td></tr>"
            for row in range(len(a0))
        )
        titles = ("potential", "a₀", "error", "effective range", "η", "bound states")
        head = "".join(f"<th>{title}</th>" for title in titles)
        more = f"; the first {_SHOWN}" if len(self) > _SHOWN else ""
        caption = f"{len(self)} potential{'s' if len(self) > 1 else ''}, lengths in {escape(self.unit)}{more}"
        return f"<table><caption>{caption}</caption><tr>{head}</tr>{rows}</table>"

    @property
    def born_sums(self) -> np.ndarray:
        """`(order, ...)`: row n-1 is the Born approximation of order n."""
        with np.errstate(invalid="ignore", over="ignore"):
            return np.cumsum(self.born_terms, axis=0)

    @property
    def born_errors(self) -> np.ndarray:
        """`(order, ...)`: the Born approximations' relative errors; NaN where a0 is 0 or infinite."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            errors = self.born_sums / self.scattering_length - 1
        return np.where(np.isfinite(self.scattering_length) & np.isfinite(errors), errors, np.nan)

    def single(self) -> "Solution":
        """The one potential of a batch `(1,)`, as a batch `()`."""
        return Solution(
            scattering_length=self.scattering_length[0],
            inverse_scattering_length=self.inverse_scattering_length[0],
            effective_range=self.effective_range[0],
            strength=self.strength[0],
            converges=self.converges,
            bound_states=self.bound_states[0],
            born_terms=self.born_terms[:, 0],
            error={part: values[0] for part, values in self.error.items()},
            errors={name: values[0] for name, values in self.errors.items()},
            warnings=self.warnings,
            unit=self.unit,
        )

    def records(self) -> Iterator[dict[str, Any]]:
        """All of each potential of a batch `(N,)`, as plain numbers."""
        sums, errors = self.born_sums, self.born_errors
        for row in range(len(self)):
            yield {
                "scattering_length": float(self.scattering_length[row]),
                "inverse_scattering_length": float(self.inverse_scattering_length[row]),
                "effective_range": float(self.effective_range[row]),
                "strength": float(self.strength[row]),
                "born_series_converges": self.converges[row],
                "bound_states": int(self.bound_states[row]),
                "born_terms": self.born_terms[:, row].tolist(),
                "born_sums": sums[:, row].tolist(),
                "born_errors": errors[:, row].tolist(),
                "error": {part: float(values[row]) for part, values in self.error.items()},
                **{f"{name}_error": float(values[row]) for name, values in self.errors.items()},
                "warnings": list(self.warnings[row]) if self.warnings else [],
            }


def significant(value: float, error: float, most: int = 12) -> str:
    """The value in as many digits as survive the error: its last one is of the error's size."""
    if not np.isfinite(value) or not np.isfinite(error) or error <= 0:
        return f"{value:.1g}" if error == np.inf else f"{value:.{most}g}"
    place = int(np.floor(np.log10(error)))
    leading = int(np.floor(np.log10(abs(value)))) if value else place
    digits = max(leading - place + 1, 1)
    if digits > most:
        return f"{value:.{most}g}"
    if 1e-4 <= abs(value) < 1e12:
        return f"{round(value, -place):.{max(-place, 0)}f}"
    return f"{value:.{digits - 1}e}"
