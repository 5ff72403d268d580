"""Families of attractive potentials, each potential at exactly the strength that was drawn for it.

A family is a measure over shapes; every shape is then scaled so that its Weinberg eigenvalue eta equals a
number drawn uniformly or log-uniformly from the range asked for. All random numbers are a pure function of
the seed, the family, the number of cells and the index of the potential: they come in chunks of fixed size,
each from its own Philox stream, so that a set can be cut and shared out anywhere and stays the same bit for
bit.

Adding a family is one function and one row of FAMILIES.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal
from zlib import crc32

import numpy as np
from scipy.special import erf

from ..config.names import suggestion
from ..errors import InputError
from .blocks import worker_count
from .validation import as_count
from .weinberg import weinberg_eigenvalue

Shapes = Callable[[np.random.Generator, int, int], np.ndarray]

_CHUNK = 1 << 16  # numbers drawn from one stream; part of what defines the data


def sample_potentials(
    family: str,
    samples: int,
    cells: int,
    *,
    strength: tuple[float, float],
    spacing: Literal["log", "uniform"] = "log",
    seed: int = 0,
    start: int = 0,
    workers: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw potentials `start .. start + samples` of the infinite sequence that (family, cells, seed) stands
    for.

    Args:
        family: a name in FAMILIES.
        samples: how many, 0 or more.
        cells: cells of each potential.
        strength: range of the Weinberg eigenvalue eta, `0 < low <= high`; from 1 on the Born series diverges.
            The same seed draws the same shapes for every range.
        spacing: whether log(eta) or eta is uniform.
        seed: any integer of at least 0.
        start: index of the first potential.
        workers: threads; all processors by default. The result does not depend on it.

    Returns:
        `(samples, cells)` potentials, and their `(samples,)` eta: exact to a few times 1e-16, relative.

    Raises:
        InputError: an unknown family or spacing, an empty or non-positive range, or a count below its least.
    """
    require_choices(family, spacing)
    samples, cells = as_count("samples", samples, 0), as_count("cells", cells)
    seed, start = as_count("seed", seed, 0), as_count("start", start, 0)
    low, high = strength_range(strength)
    potentials, eta = np.empty((samples, cells)), np.empty(samples)

    def draw(chunk: int, rows: int, kept: slice, place: slice) -> None:
        source = np.random.SeedSequence(seed, spawn_key=(crc32(family.encode()), cells, chunk))
        rng = np.random.Generator(np.random.Philox(source))
        position = rng.random(rows)
        asked = between(low, high, position, spacing)
        shapes = FAMILIES[family](rng, rows, cells)
        scale = asked[kept] / weinberg_eigenvalue(shapes[kept], workers=1)
        np.multiply(shapes[kept], scale[:, None], out=potentials[place])
        eta[place] = asked[kept]

    over_chunks(draw, samples, cells, start, workers)
    return potentials, eta


def over_chunks(
    draw: Callable[[int, int, slice, slice], None], samples: int, cells: int, start: int, workers: int | None
) -> None:
    """`draw(chunk, rows, kept, place)` for every chunk that holds some of the samples `start ..`, on threads:
    of the `rows` of the chunk those in `kept` are wanted, and belong at `place` of the result."""
    rows = max(1, _CHUNK // cells)

    def one(chunk: int) -> None:
        first = chunk * rows
        kept = slice(max(start - first, 0), min(start + samples - first, rows))
        draw(chunk, rows, kept, slice(first + kept.start - start, first + kept.stop - start))

    chunks = range(start // rows, (start + samples - 1) // rows + 1) if samples else range(0)
    threads = min(worker_count(workers), len(chunks))
    if threads <= 1:
        for chunk in chunks:
            one(chunk)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, chunks))


def require_choices(family: str, spacing: str) -> None:
    """Raise an `InputError` for an unknown family or spacing."""
    if family not in FAMILIES:
        raise InputError(
            f"family: expected one of {', '.join(FAMILIES)}, got {family!r}{suggestion(family, FAMILIES)}"
        )
    if spacing not in ("log", "uniform"):
        raise InputError(f"spacing: expected log or uniform, got {spacing!r}")


def between(low: float, high: float, position: np.ndarray, spacing: str) -> np.ndarray:
    """Strengths at positions from 0 to 1, uniform in themselves or (``"log"``) in their logarithm."""
    return low * (high / low) ** position if spacing == "log" else low + (high - low) * position


def strength_range(strength: Any) -> tuple[float, float]:
    """Low and high of a range of strengths, as numbers; `InputError` where it is none."""
    try:
        low, high = (float(bound) for bound in strength)
    except (TypeError, ValueError):
        raise InputError(f"strength: expected a range (low, high) of eta, got {strength!r}") from None
    if not 0 < low <= high < np.inf:
        raise InputError(f"strength: expected 0 < low <= high, got {low:g}, {high:g}")
    return low, high


def _centres(cells: int) -> np.ndarray:
    return (np.arange(cells) + 0.5) / cells


def _log_uniform(rng: np.random.Generator, low: float, high: float, rows: int) -> np.ndarray:
    """A column of numbers, uniform in the logarithm."""
    return low * (high / low) ** rng.random((rows, 1))


def rough(rng: np.random.Generator, rows: int, cells: int) -> np.ndarray:
    """Independent cells, from a single spike to all of them at once: each a uniform number to the power
    cells/c, with one concentration c for all cells, log-uniform from 0.1 to 100. (For small c that is
    Dirichlet's distribution of total concentration c.) Spikes come everywhere equally often."""
    concentration = _log_uniform(rng, 0.1, 100.0, rows)
    weights = rng.standard_exponential((rows, cells))  # -log of a uniform number; the powers may underflow
    weights *= -cells / concentration
    weights -= weights.max(axis=1, keepdims=True)
    return np.exp(weights, out=weights)


def smooth(rng: np.random.Generator, rows: int, cells: int) -> np.ndarray:
    """exp(g), g a Gaussian process on [0, 1] with reflecting ends: standard deviation log-uniform from 0.1 to
    3, correlation length log-uniform from 0.05 to 1."""
    modes = 32
    k = np.arange(1, modes + 1)
    deviation = _log_uniform(rng, 0.1, 3.0, rows)
    length = _log_uniform(rng, 0.05, 1.0, rows)
    spectrum = np.exp(-((np.pi * k * length) ** 2) / 4)
    spectrum *= deviation / np.sqrt((spectrum**2).sum(axis=1, keepdims=True) / 2)
    amplitude = rng.standard_normal((rows, modes)) * spectrum
    # einsum, not BLAS: its sums do not depend on the number of threads
    return np.exp(np.einsum("rk,kc->rc", amplitude, np.cos(np.pi * k[:, None] * _centres(cells))))


def square(rng: np.random.Generator, rows: int, cells: int) -> np.ndarray:
    """Constant between two edges, cell averages: half of them wells from r = 0 with a uniform radius, half
    shells between two uniform radii; none thinner than 1e-3."""
    edges = np.sort(rng.random((rows, 2)), axis=1) * (1 - 1e-3)
    inner = np.where(rng.random((rows, 1)) < 0.5, 0.0, edges[:, :1])
    outer = edges[:, 1:] + 1e-3
    left = np.arange(cells) / cells
    return np.clip((np.minimum(outer, left + 1 / cells) - np.maximum(inner, left)) * cells, 0.0, 1.0)


def gaussian(rng: np.random.Generator, rows: int, cells: int) -> np.ndarray:
    """exp(-r^2 / 2w^2), cell averages, w log-uniform from 0.05 to 1."""
    width = _log_uniform(rng, 0.05, 1.0, rows)
    return np.diff(erf(np.arange(cells + 1) / cells / (np.sqrt(2) * width)), axis=1)


def exponential(rng: np.random.Generator, rows: int, cells: int) -> np.ndarray:
    """exp(-r / w), w log-uniform from 0.05 to 1."""
    return np.exp(-_centres(cells) / _log_uniform(rng, 0.05, 1.0, rows))


def yukawa(rng: np.random.Generator, rows: int, cells: int) -> np.ndarray:
    """(exp(-r / w) - exp(-r / s)) / r at the centres of the cells: a Yukawa potential of range w, log-uniform
    from 0.1 to 1, regularized by a heavier exchange of range s = w times a uniform number from 0.05 to
    0.95."""
    width = _log_uniform(rng, 0.1, 1.0, rows)
    heavy = width * rng.uniform(0.05, 0.95, (rows, 1))
    r = _centres(cells)
    return -np.exp(-r / width) * np.expm1(r / width - r / heavy) / r


def mixture(rng: np.random.Generator, rows: int, cells: int) -> np.ndarray:
    """Half of the potentials rough, the others from the smoother families, all equally likely.

    Smooth wells are what is met with; but they never single out a pair or triple of cells, so that a network
    that has seen few rough ones has its errors there.
    """
    smoother = [shapes for name, shapes in FAMILIES.items() if name not in ("rough", "mixture")]
    kind = np.minimum(rng.integers(2 * len(smoother), size=rows), len(smoother))
    potentials = np.empty((rows, cells))
    for index, shapes in enumerate((*smoother, rough)):
        chosen = kind == index
        potentials[chosen] = shapes(rng, int(chosen.sum()), cells)
    return potentials


FAMILIES: dict[str, Shapes] = {
    "rough": rough,
    "smooth": smooth,
    "square": square,
    "gaussian": gaussian,
    "exponential": exponential,
    "yukawa": yukawa,
    "mixture": mixture,
}
