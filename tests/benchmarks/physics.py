"""Accuracy and speed of the physics engine: `python tests/benchmarks/physics.py` prints the tables.

The references are the slow twins of the tests. Times are the best of several runs; threads are stated.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mpmath import mpf
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "physics"))

from physics_twins import (
    POTENTIALS,
    core_and_well_length,
    exact_born_terms,
    exact_gradient,
    exact_length,
    exact_strength,
    integrated_edge,
    two_step_length,
)
from test_discretize import SMOOTH
from test_discretize import exact_length as exact_smooth_length

import bornnet
from bornnet.physics.discretize import discretize
from bornnet.physics.families import sample_potentials

CONSOLE = Console(width=None if sys.stdout.isatty() else 110)
ROWS, CELLS = 1_000_000, 64


def main() -> None:
    accuracy_against_fifty_digits()
    accuracy_against_closed_forms()
    accuracy_of_discretization()
    potentials, _ = sample_potentials("mixture", ROWS, CELLS, strength=(1e-3, 0.9), seed=1)
    speed(potentials)
    speed_against_numpy(potentials)
    speed_against_jitr()
    linearity()


def relative_error(value: float, exact: mpf) -> float:
    return float(abs(mpf(float(value)) - exact) / abs(exact))


def accuracy_against_fifty_digits() -> None:
    table = Table(
        "potential",
        "cells",
        "1/a0",
        "a0",
        "gradient",
        "Born 1-6",
        "eta",
        "solve_ivp",
        title="Relative errors against 50 digits",
    )
    for name, potential in POTENTIALS.items():
        potential = potential[:200]
        exact = exact_length(potential)
        gradient = bornnet.scattering_length_and_gradient(potential[:64])[1]
        exact_slopes = exact_gradient(potential[:64])
        largest = max(abs(slope) for slope in exact_slopes)
        slopes = max(float(abs(mpf(g) - e) / largest) for g, e in zip(gradient, exact_slopes, strict=True))
        born = "-"
        if len(potential) <= 16 and np.max(np.abs(potential)) > 1e-12:
            terms, size = bornnet.born_terms(potential, 6), bornnet.born_terms(np.abs(potential), 6)
            rational = exact_born_terms(potential, 6)
            errors = [abs(float(e) - t) / abs(s) for t, s, e in zip(terms, size, rational, strict=True)]
            born = f"{max(errors):.0e}"
        eta = "-"
        if (potential >= 0).all():
            eta = f"{relative_error(bornnet.weinberg_eigenvalue(potential), exact_strength(potential)):.0e}"
        u, v = integrated_edge(potential) if len(potential) <= 64 else (np.nan, np.nan)
        integrator = abs(1 - u / v - float(exact)) / abs(float(exact))
        table.add_row(
            name,
            str(len(potential)),
            f"{relative_error(bornnet.inverse_scattering_length(potential), 1 / exact):.0e}",
            f"{relative_error(bornnet.scattering_length(potential), exact):.0e}",
            f"{slopes:.0e}",
            born,
            eta,
            "-" if np.isnan(integrator) else f"{integrator:.0e}",
        )
    table.caption = (
        "Gradient over its largest entry; Born terms over those of |U|; solve_ivp: error of DOP853 itself."
    )
    CONSOLE.print(table)


def accuracy_against_closed_forms() -> None:
    table = Table("potential", "a0", "relative error of a0", "error of 1/a0", title="Closed forms, 64 cells")
    threshold = (np.pi / 2) ** 2
    depths = [1e-12, 1e-3, 1.0, *(threshold * (1 + shift) for shift in (-1e-4, -1e-9, 1e-9, 1e-4)), 30.0, 4e3]
    for depth in [*depths, -1.0, -1e6]:
        potential = np.full(64, depth)
        _closed_form(table, f"square, U = {depth:.12g}", potential, exact_length([depth]))
    edge = mpf(20) / 64
    inside = np.arange(64) < 20
    for inner, outer in ((5.0, 1.0), (12.0, 0.01)):
        exact = two_step_length(inner, outer, edge)
        _closed_form(table, f"two steps, {inner:g} and {outer:g}", np.where(inside, inner, outer), exact)
    for core, well in ((1e2, 20.0), (1e6, 20.0)):
        exact = core_and_well_length(core, well, edge)
        _closed_form(table, f"core {core:g}, well {well:g}", np.where(inside, -core, well), exact)
    CONSOLE.print(table)


def _closed_form(table: Table, name: str, potential: np.ndarray, exact: mpf) -> None:
    inverse = abs(mpf(float(bornnet.inverse_scattering_length(potential))) - 1 / exact)
    table.add_row(
        name,
        f"{float(exact):.6g}",
        f"{relative_error(bornnet.scattering_length(potential), exact):.1e}",
        f"{float(inverse):.1e}",
    )


def accuracy_of_discretization() -> None:
    cells = (16, 32, 64, 128)
    table = Table(
        "smooth potential", "order", *(f"{n} cells" for n in cells), title="Relative error of a0 on cells"
    )
    for name, potential in SMOOTH.items():
        exact = exact_smooth_length(name)
        for order in (2, 4, 6):
            lengths = [bornnet.scattering_length(discretize(potential, n, order=order)) for n in cells]
            table.add_row(name, str(order), *(f"{abs(length / exact - 1):.1e}" for length in lengths))
    CONSOLE.print(table)


def best_time(run: Callable[[], object], repeats: int = 5) -> float:
    run()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def speed(potentials: np.ndarray) -> None:
    copy = np.empty_like(potentials)
    copying = best_time(lambda: np.copyto(copy, potentials))
    table = Table(
        "1,000,000 potentials of 64 cells",
        "threads",
        "seconds",
        "million/s",
        "x copying",
        title="Speed of the engine",
    )
    table.add_row("copying the array in memory", "1", f"{copying:.3f}", f"{ROWS / copying / 1e6:.1f}", "1")
    functions: dict[str, Callable[..., object]] = {
        "a0": bornnet.scattering_length,
        "a0 and gradient": bornnet.scattering_length_and_gradient,
        "Born terms 1 to 3": lambda U, workers: bornnet.born_terms(U, 3, workers=workers),
        "eta": bornnet.weinberg_eigenvalue,
        "bound states": bornnet.bound_states,
    }
    for name, function in functions.items():
        for threads in (1, 2):
            seconds = best_time(lambda f=function, n=threads: f(potentials, workers=n), 3)
            table.add_row(
                name,
                str(threads),
                f"{seconds:.3f}",
                f"{ROWS / seconds / 1e6:.2f}",
                f"{seconds / copying:.1f}",
            )
    for threads in (1, 2):
        began = time.perf_counter()
        sample_potentials("mixture", ROWS, CELLS, strength=(1e-3, 0.9), seed=2, workers=threads)
        seconds = time.perf_counter() - began
        table.add_row(
            "drawing them (mixture)",
            str(threads),
            f"{seconds:.3f}",
            f"{ROWS / seconds / 1e6:.2f}",
            f"{seconds / copying:.1f}",
        )
    CONSOLE.print(table)


def numpy_scattering_length(potentials: np.ndarray) -> np.ndarray:
    """The transfer matrices of attractive cells, vectorized over the potentials: what one writes in numpy."""
    cells = potentials.shape[1]
    u, v = np.zeros(len(potentials)), np.ones(len(potentials))
    for depth in potentials.T:
        k = np.sqrt(np.maximum(depth, 1e-12))
        c, s = np.cos(k / cells), np.sin(k / cells)
        u, v = c * u + s / k * v, c * v - k * s * u
    return 1 - u / v


def speed_against_numpy(potentials: np.ndarray) -> None:
    some = potentials[:100_000]
    table = Table(
        "100,000 potentials of 64 cells", "threads", "million/s", "largest error", title="Against numpy"
    )
    exact = bornnet.scattering_length(some)
    numpy_time = best_time(lambda: numpy_scattering_length(some), 3)
    error = np.max(np.abs(numpy_scattering_length(some) / exact - 1))
    table.add_row("numpy transfer matrices", "1", f"{len(some) / numpy_time / 1e6:.3f}", f"{error:.0e}")
    for threads in (1, 2):
        seconds = best_time(lambda n=threads: bornnet.scattering_length(some, workers=n))
        table.add_row(
            f"bornnet, {numpy_time / seconds:.0f} times faster",
            str(threads),
            f"{len(some) / seconds / 1e6:.2f}",
            "-",
        )
    CONSOLE.print(table)


def speed_against_jitr() -> None:
    """Gaussian wells, in a batch for us; each solver at its cheapest setting that reaches an accuracy."""
    try:
        from jitr.reactions.system import Asymptotics, Channels
        from jitr.rmatrix import Solver
    except ImportError:
        CONSOLE.print("jitr is not installed (pip install jitr): no comparison with it.")
        return
    rng = np.random.default_rng(0)
    few, many = 300, 1_000
    depth, width = rng.uniform(1, 8, many), rng.uniform(0.15, 0.5, many)

    def wells(r: np.ndarray) -> np.ndarray:
        return depth[:, None, None] * np.exp(-((r / width[:, None, None]) ** 2))

    exact = bornnet.scattering_length(discretize(wells, 256))

    def ours(cells: int) -> tuple[float, float]:
        def run() -> np.ndarray:
            return bornnet.scattering_length(discretize(wells, cells), workers=1)

        return float(np.max(np.abs(run() / exact - 1))), best_time(run, 3) / many

    def theirs(basis: int, k: float) -> tuple[float, float]:
        """a0 = 1 - R at a momentum k so small that it does not matter; their Descouvemont R is u / (r u')."""
        one = np.ones(1)
        channels = Channels(k**2 * one, k * one, one, 0 * one, k, 0 * one, np.ones((1, 1)))
        waves = [
            np.array([factor * np.exp(sign * 1j * k)])
            for factor, sign in ((1, 1), (1, -1), (1j, 1), (-1j, -1))
        ]
        solver = Solver(basis)
        free = solver.free_matrix(channels.a, channels.l, channels.E, channels.mu)
        boundary = solver.precompute_boundaries(channels.a)

        def run() -> np.ndarray:
            return np.array(
                [
                    1
                    - solver.solve(
                        channels,
                        Asymptotics(*waves),
                        local_interaction=lambda r, u, w: -u * np.exp(-((r / w) ** 2)),
                        local_args=well,
                        free_matrix=free,
                        basis_boundary=boundary,
                    )[0][0, 0].real
                    for well in zip(depth[:few], width[:few], strict=True)
                ]
            )

        return float(np.max(np.abs(run() / exact[:few] - 1))), best_time(run, 3) / few

    our_settings = {f"{cells} cells": ours(cells) for cells in range(12, 65, 2)}
    their_settings = {
        f"{n} functions, k = {k:g}": theirs(n, k) for n in range(8, 31, 2) for k in (1e-4, 1e-5, 1e-6)
    }
    table = Table(
        "accuracy",
        "bornnet",
        "us",
        "jitr",
        "us",
        "times faster",
        title="Smooth potentials against jitr, 1 thread",
    )
    for accuracy in (1e-4, 1e-5, 1e-6, 1e-7, 3e-8):
        row, times = [], []
        for settings in (our_settings, their_settings):
            good = {name: seconds for name, (error, seconds) in settings.items() if error <= accuracy}
            name = min(good, key=good.__getitem__, default="not reached")
            times.append(good.get(name, np.nan))
            row += [name, f"{times[-1] * 1e6:.2f}"]
        table.add_row(f"{accuracy:.0e}", *row, f"{times[1] / times[0]:.0f}")
    CONSOLE.print(table)


def linearity() -> None:
    table = Table(
        "potentials", "cells", "ns per cell: a0", "a0 and gradient", "eta", title="Cost per cell, 1 thread"
    )
    rng = np.random.default_rng(0)
    for rows, cells in (
        (1_000, 64),
        (10_000, 64),
        (100_000, 64),
        (1_000_000, 16),
        (1_000, 1_000),
        (100, 10_000),
    ):
        potentials = rng.uniform(0, 2, (rows, cells))
        row = []
        for function in (
            bornnet.scattering_length,
            bornnet.scattering_length_and_gradient,
            bornnet.weinberg_eigenvalue,
        ):
            seconds = best_time(lambda f=function, U=potentials: f(U, workers=1), 3)
            row.append(f"{seconds / rows / cells * 1e9:.2f}")
        table.add_row(f"{rows:,}", f"{cells:,}", *row)
    CONSOLE.print(table)


if __name__ == "__main__":
    main()
