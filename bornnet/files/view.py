"""Rows of an array that may stay on a disk: taken, displaced and scaled when they are asked for.

Between a file and an optimizer rows are selected (a split, the strengths of a round, the share of a
process), displaced (a reference) and scaled (the units of a learner). None of it copies them: a `View`
remembers what is to be done, and does it to the rows of a block.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np


class RowSource(Protocol):
    """An array ``(N, .., cells)``: of numpy, or one that reads or makes the rows asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice | np.ndarray, /) -> np.ndarray: ...


@dataclass(frozen=True)
class View:
    """``(source[index] - origin) * scale``, by the rows that are asked for; itself a `RowSource`.

    Attributes:
        source: where the rows are.
        index: ``(N,)``, which of them; None for all.
        origin: ``(cells,)``, what they are displaced by; None for zero.
        scale: ``(cells,)``, by what they are multiplied; None for one.
    """

    source: RowSource
    index: np.ndarray | None = None
    origin: np.ndarray | None = None
    scale: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self), *self.source.shape[1:]

    def __len__(self) -> int:
        return len(self.source) if self.index is None else len(self.index)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        found = self.source[rows if self.index is None else self.index[rows]]
        if self.origin is not None:
            found = found - self.origin
        return found if self.scale is None else found * self.scale

    def rows(self, index: slice | np.ndarray) -> "View":
        """Those rows of this view."""
        own = np.arange(len(self)) if self.index is None else self.index
        return replace(self, index=own[index].copy())  # a part alone does not keep the whole in memory

    def displaced(self, origin: np.ndarray) -> "View":
        """The rows less ``origin (cells,)``, before any scale."""
        assert self.origin is None, "rows are displaced once"
        assert self.scale is None, "rows are displaced before they are scaled"
        return replace(self, origin=origin)

    def scaled(self, scale: np.ndarray) -> "View":
        """The rows in units of one over ``scale (cells,)``."""
        assert self.scale is None, "rows are scaled once"
        return replace(self, scale=scale)


def view(source: RowSource) -> View:
    """All rows of a source: of a view that view, so that views stand on no other views."""
    return source if isinstance(source, View) else View(source)
