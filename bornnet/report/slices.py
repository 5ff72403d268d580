"""Slices of coefficient tensors: maps over the first two radii, where those beyond stand still."""

from collections.abc import Mapping
from typing import Any

import numpy as np

SLICES = (0.25, 0.5, 0.75)
"""Where the radii beyond the second stand still."""


class Slices:
    """The slices of a tensor ``(cells,) * order`` that are drawn: one at order 2.

    Attributes:
        places: the index of each slice, which gives ``(cells, cells)``.
    """

    def __init__(self, order: int, cells: int) -> None:
        self.order, self.cells = order, cells
        self.fixed = sorted({min(int(place * cells), cells - 1) for place in SLICES}) if order > 2 else [0]
        self.places: list[Any] = [(slice(None), slice(None), *((cell,) * (order - 2))) for cell in self.fixed]

    def __len__(self) -> int:
        return len(self.fixed)

    def label(self, axes: Any, number: int) -> None:
        """Name the second radius, and where the others stand, beside a row of panels."""
        at = ", ".join(f"r_{{{n}}}" for n in range(3, self.order + 1))
        where = f"\nat ${at} = {(self.fixed[number] + 0.5) / self.cells:.3g}$" if at else ""
        axes.set_ylabel("$r_2$ (ranges)" + where)

    def columns(self, densities: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the maps show, as columns: every radius, and the densities by name."""
        r = (np.arange(self.cells) + 0.5) / self.cells
        first, second = np.meshgrid(r, r, indexing="ij")
        parts = []
        for place, cell in zip(self.places, self.fixed, strict=True):
            own = {"r1 (ranges)": first, "r2 (ranges)": second}
            own |= {f"r{n} (ranges)": np.full_like(first, r[cell]) for n in range(3, self.order + 1)}
            parts.append(own | {name: values[place] for name, values in densities.items()})
        return {name: np.concatenate([part[name].ravel() for part in parts]) for name in parts[0]}
