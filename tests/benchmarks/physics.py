"""Accuracy and speed of the physics engine: `python tests/benchmarks/physics.py` prints the tables.

The references are the slow twins of the tests. Times are the best of several runs; threads are stated.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mpmath import mpf
from numba import njit
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "cases"))

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
from smooth_potentials import SMOOTH
from smooth_potentials import exact_length as exact_smooth_length

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
    others = Table(
        "smooth potential",
        "cells",
        *(f"Born {n}" for n in range(1, 5)),
        "eta",
        title="Relative errors of Born terms and eta, order 6",
    )
    for name, potential in SMOOTH.items():
        exact = exact_smooth_length(name)
        for order in (2, 4, 6):
            lengths = [bornnet.scattering_length(discretize(potential, n, order=order)) for n in cells]
            table.add_row(name, str(order), *(f"{abs(length / exact - 1):.1e}" for length in lengths))
        exact = _terms_and_strength(potential, 4096)
        for count in (64, 256):
            errors = np.abs(_terms_and_strength(potential, count) / exact - 1)
            others.add_row(name, str(count), *("-" if np.isnan(e) else f"{e:.0e}" for e in errors))
    CONSOLE.print(table)
    CONSOLE.print(others)


def _terms_and_strength(potential: Callable[[np.ndarray], np.ndarray], cells: int) -> np.ndarray:
    U = discretize(potential, cells)
    eta = bornnet.weinberg_eigenvalue(U) if (U >= 0).all() else np.nan
    return np.append(bornnet.born_terms(U, 4), eta)


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
    """Gaussian wells, from the function U(r) to a0, which includes evaluating it, on one thread.

    Ours: all in a batch, brought onto cells and solved. jitr: one by one through its Solver, with all that
    does not depend on the potential computed before, and with the kinetic matrix alone as its free matrix,
    which is zero energy exactly; also its compiled R-matrix by itself, in a compiled loop around all
    potentials. Each at its cheapest setting that reaches the accuracy for all potentials.
    """
    try:
        from jitr.reactions.system import Asymptotics, Channels
        from jitr.rmatrix import Solver
        from jitr.rmatrix.core import rmatrix_with_inverse
    except ImportError:
        CONSOLE.print("jitr is not installed (pip install '.[bench]'): no comparison with it.")
        return
    rng = np.random.default_rng(0)
    count = 500
    depth, width = rng.uniform(1, 8, count), rng.uniform(0.15, 0.5, count)

    def wells(r: np.ndarray) -> np.ndarray:
        return depth[:, None, None] * np.exp(-((r / width[:, None, None]) ** 2))

    exact = bornnet.scattering_length(discretize(wells, 512))

    def measured(run: Callable[[], np.ndarray]) -> tuple[float, float]:
        return float(np.max(np.abs(run() / exact - 1))), best_time(run) / count

    def ours(cells: int) -> tuple[float, float]:
        return measured(lambda: bornnet.scattering_length(discretize(wells, cells), workers=1))

    one = np.ones(1)
    channels = Channels(one, one, one, 0 * one, 1.0, 0 * one, np.ones((1, 1)))
    waves = Asymptotics(
        *(value * np.ones(1, dtype=complex) for value in (1, 1, 1j, -1j))
    )  # behind R: not used

    def solver(basis: int) -> tuple[float, float]:
        """a0 = 1 - R: Descouvemont's R is u / (r u')."""
        solver = Solver(basis)
        given = {
            "free_matrix": solver.kinetic_matrix(1.0, 0 * one),
            "basis_boundary": solver.precompute_boundaries(1.0),
        }

        def attraction(r: np.ndarray, depth: float, width: float) -> np.ndarray:
            return -depth * np.exp(-((r / width) ** 2))

        def length(well: tuple[float, float]) -> float:
            R, _, _ = solver.solve(channels, waves, local_interaction=attraction, local_args=well, **given)
            return 1 - R[0, 0].real

        return measured(lambda: np.array([length(well) for well in zip(depth, width, strict=True)]))

    @njit
    def lengths(kinetic, potentials, boundary):
        result = np.empty(len(potentials))
        for row in range(len(potentials)):
            matrix = kinetic - np.diag(potentials[row])
            R, _ = rmatrix_with_inverse(matrix, boundary, 1, len(kinetic), 1.0)
            result[row] = 1 - R[0, 0].real
        return result

    def core(basis: int) -> tuple[float, float]:
        solver = Solver(basis)
        kinetic, boundary = solver.kinetic_matrix(1.0, 0 * one), solver.precompute_boundaries(1.0)
        nodes = solver.kernel.quadrature.abscissa[None]
        return measured(lambda: lengths(kinetic, wells(nodes)[:, 0], boundary))

    settings = [
        {f"{n} cells": ours(n) for n in range(12, 81, 4)},
        {f"{n} functions": solver(n) for n in range(8, 25)},
        {f"{n} functions": core(n) for n in range(8, 25)},
    ]
    table = Table(
        "accuracy",
        *("bornnet", "us", "jitr's Solver", "us", "times faster", "its R-matrix alone, us", "times faster"),
        title="Smooth potentials against jitr, 1 thread",
    )
    for accuracy in (1e-4, 1e-5, 1e-6, 1e-7, 3e-8, 1e-8, 3e-9, 1e-9, 1e-10):
        chosen = []
        for options in settings:
            good = {name: seconds * 1e6 for name, (error, seconds) in options.items() if error <= accuracy}
            name = min(good, key=good.__getitem__, default="not reached")
            chosen.append((name, good.get(name, np.nan)))
        (cells, mine), (functions, solving), (_, alone) = chosen
        row = [cells, f"{mine:.2f}", functions, f"{solving:.1f}", f"{solving / mine:.0f}"]
        table.add_row(f"{accuracy:.0e}", *row, f"{alone:.1f}", f"{alone / mine:.1f}")
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
