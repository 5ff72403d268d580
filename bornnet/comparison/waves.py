"""Example potentials with their zero-energy wave functions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..physics.wave import wave_function
from .orders import Reference

_END = 1.5  # ranges: enough to see the straight line outside
_POINTS = 151


@dataclass(frozen=True)
class Waves:
    """E full potentials, whatever the reference, and what they do to a wave.

    Attributes:
        potentials: ``(E, cells)``.
        values: ``(E,)``, of the target.
        r: ``(P,)``, in ranges.
        u: ``(E, P)``, at zero energy, of arbitrary size.
        line: ``(E, P)``, what u follows outside the range, continued inwards.
    """

    potentials: np.ndarray
    values: np.ndarray
    r: np.ndarray
    u: np.ndarray
    line: np.ndarray


def waves(reference: Reference, examples: Sequence[int]) -> Waves:
    """Of the held-out potentials in those rows."""
    rows, target = list(examples), reference.target
    potentials = target.base(reference.potentials.shape[1]) + reference.potentials[rows]
    r = np.linspace(0.0, _END, _POINTS)
    outside = wave_function(potentials, np.array([1.0, 2.0]))
    return Waves(
        potentials,
        target.value + reference.scattering_length[rows],
        r,
        wave_function(potentials, r),
        outside[:, :1] + (outside[:, 1:] - outside[:, :1]) * (r - 1),
    )
