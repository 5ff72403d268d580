"""Rows as the rounds see them: displacements from the reference, and values less the value there.

So the base point of every learner is zero, whatever the reference; at U0 = 0 the rows are what they were.
"""

from dataclasses import replace

from ..datasets.labelled import Labelled
from ..files.view import view
from ..targets import Target


def displaced(rows: Labelled, target: Target) -> Labelled:
    """The rows as displacements from the target's reference. ``InputError`` where that has other cells."""
    if target.reference is None:
        return rows
    return replace(
        rows,
        potentials=view(rows.potentials).displaced(target.base(rows.cells)),
        values=rows.values - target.value,
    )
