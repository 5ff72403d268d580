"""Deviations from a reference potential, of both signs, each at exactly the strength that was drawn for it.

The shapes are those of the families. A third of the deviations are attractive everywhere, a third repulsive
everywhere, and a third the difference of two shapes of the family, so that signs mix. As in `families`, all
random numbers come in chunks of fixed size from streams of their own.
"""

from typing import Any, Literal
from zlib import crc32

import numpy as np

from ..families import FAMILIES, between, over_chunks, require_choices, strength_range
from ..validation import as_count
from ..weinberg import weinberg_eigenvalue
from .strength import strength as strength_around
from .waves import Target, as_reference


def sample_deviations(
    family: str,
    samples: int,
    cells: int,
    *,
    at: Any = None,
    target: Target = "scattering_length",
    strength: tuple[float, float],
    spacing: Literal["log", "uniform"] = "log",
    seed: int = 0,
    start: int = 0,
    workers: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw deviations `start .. start + samples` of the infinite sequence that (family, cells, seed) stands
    for.

    Args:
        family: a name in FAMILIES.
        samples: how many, 0 or more.
        cells: cells of each potential.
        at: the reference U0, `(cells,)`; U0 = 0 by default.
        target: `scattering_length`, or `inverse` for 1 / a0.
        strength: range of the strength around the reference (`distorted.strength`), `0 < low <= high`;
            from 1 on the series of the target diverges. The same seed draws the same shapes and signs for
            every range, reference and target.
        spacing: whether log(strength) or the strength is uniform.
        seed: any integer of at least 0.
        start: index of the first deviation.
        workers: threads; all processors by default. The result does not depend on it.

    Returns:
        `(samples, cells)` deviations U, where U0 + U is the potential, and their `(samples,)` strengths.

    Raises:
        InputError: an unknown family, spacing or target, an empty or non-positive range, a count below its
            least, a bad reference, or a target that is infinite there.
    """
    require_choices(family, spacing)
    samples, cells = as_count("samples", samples, 0), as_count("cells", cells)
    seed, start = as_count("seed", seed, 0), as_count("start", start, 0)
    low, high = strength_range(strength)
    reference = np.zeros(cells) if at is None else as_reference(at, cells)
    strength_around(np.zeros(cells), reference, target)  # refuses a bad reference before anything is drawn

    deviations, eta = np.empty((samples, cells)), np.empty(samples)

    def draw(chunk: int, rows: int, kept: slice, place: slice) -> None:
        key = (crc32(b"deviations"), crc32(family.encode()), cells, chunk)
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=key)))
        position = rng.random(rows)
        asked = between(low, high, position, spacing)
        shapes = _signed(rng, family, rows, cells)[kept]
        scale = asked[kept] / strength_around(shapes, reference, target, workers=1)
        np.multiply(shapes, scale[:, None], out=deviations[place])
        eta[place] = asked[kept]

    over_chunks(draw, samples, cells, start, workers)
    return deviations, eta


def _signed(rng: np.random.Generator, family: str, rows: int, cells: int) -> np.ndarray:
    """Shapes with signs. In mixed ones the repulsive part has 0.1 to 10 times the strength of the other."""
    kind = rng.integers(3, size=rows)
    balance = 10.0 ** rng.uniform(-1.0, 1.0, (rows, 1))
    one, other = (_normalized(FAMILIES[family](rng, rows, cells)) for _ in range(2))
    shapes = np.where(kind[:, None] == 1, -one, one)
    mixed = kind == 2
    difference = one[mixed] - balance[mixed] * other[mixed]
    # With one or two cells both shapes may be the same: then one sign is all there is.
    nothing = np.abs(difference).max(axis=1, initial=0.0) < 1e-6
    difference[nothing] = one[mixed][nothing]
    shapes[mixed] = difference
    return shapes


def _normalized(shapes: np.ndarray) -> np.ndarray:
    return shapes / weinberg_eigenvalue(shapes, workers=1)[:, None]
