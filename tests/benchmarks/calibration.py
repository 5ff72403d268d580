"""Whether stated errors hold: how often exact coefficients and held-out terms lie within two of them.

    python tests/benchmarks/calibration.py [--learners gp flow mlp] [--samples 500 4000]
        [--noise 0.01] [--draws 20] [--bootstrap 0] [--cells 16] [--csv FILE] [--plot FILE]
    python tests/benchmarks/calibration.py --draw FILE [--plot FILE]

Every draw has the same potentials (a mixture of families, eta from 3e-3 to 0.5) and other noise; without
noise it has other potentials. Errors are held against the Born kernels, and the learned terms of potentials
held out against the Born terms. Printed are, an order each, the share within two stated standard deviations;
z, the root mean square of error over stated error, which is 1 where these are right on average; and the
relative kernel error (median over the draws). With `--bootstrap M` errors come from M members on rows drawn
anew, beside what each states. FILE has a line for every draw and order: draws that it has are not made again,
so that a run can be stopped and gone on with. `--draw` shows what it has and makes none.
"""

import argparse
import csv
import time
from collections import defaultdict
from pathlib import Path

from bornnet.cli.processor import prefer_wide_kernels

prefer_wide_kernels()

import numpy as np  # noqa: E402
import torch  # noqa: E402

import bornnet  # noqa: E402
from bornnet.errors import InputError  # noqa: E402
from bornnet.physics.families import sample_potentials  # noqa: E402

SETTINGS = {
    "gp": {"rounds": 1},
    "polynomial": {"rounds": 1, "degree": 2},
    "mlp": {"rounds": 1, "hidden": (16, 16), "steps": (120,)},
    "flow": {"rounds": 1, "hidden": (6, 6), "steps": (30,)},
    "flow,gp": {"rounds": 1, "flow.hidden": (6, 6), "flow.steps": (30,)},
}
ORDERS = (1, 2, 3)
KEYS = ("learner", "samples", "cells", "noise", "members", "seed")
FOUND = ("order", "coverage", "z", "terms", "error", "seconds")
ASKED = (0.90, 0.99)
Row = dict[str, str]


def draw_of(
    learner: str, samples: int, cells: int, noise: float, members: int, seed: int
) -> list[tuple[float, ...]]:
    """Per order: coverage of coefficients, z, coverage of terms, the kernel error, and the fit's seconds."""
    drawn = 1 if noise else 1 + seed  # without noise there is nothing else to draw
    U, _ = sample_potentials("mixture", samples + 500, cells, strength=(3e-3, 0.5), spacing="log", seed=drawn)
    a0 = bornnet.scattering_length(U)
    sigma = noise * np.abs(a0)
    values = a0 + sigma * np.random.default_rng([seed, 7]).standard_normal(len(a0))
    more = {"members": members, "bootstrap": True} if members else {}
    began = time.perf_counter()
    series = bornnet.fit_series(
        U[:samples],
        values[:samples],
        sigma=sigma[:samples] if noise else None,
        learner=learner.split(","),
        seed=seed,
        progress=False,
        **SETTINGS[learner],
        **more,
    )
    seconds = time.perf_counter() - began
    apart = U[samples:]
    exact_terms, terms, terms_std = (
        bornnet.born_terms(apart, max(ORDERS)),
        series.terms(apart, max(ORDERS)),
        series.terms_std(apart, max(ORDERS)),
    )
    rows = []
    for order in ORDERS:
        exact, learned = bornnet.born_kernel(order, cells), series.kernel(order)
        error = float(np.linalg.norm(learned - exact) / np.linalg.norm(exact))
        std = series.kernel_std(order)
        if std is None or terms_std is None or not std.any():
            rows.append((np.nan, np.nan, np.nan, error, seconds))
            continue
        ratio = np.abs(learned - exact) / np.maximum(std, 1e-300)
        of_terms = np.abs(terms[order - 1] - exact_terms[order - 1]) <= 2 * terms_std[order - 1]
        z = float(np.sqrt(np.mean(ratio**2)))
        rows.append((float(np.mean(ratio <= 2)), z, float(np.mean(of_terms)), error, seconds))
    return rows


def read(path: Path | None) -> list[Row]:
    if path is None or not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path | None, rows: list[Row]) -> None:
    if path is None:
        return
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, (*KEYS, *FOUND), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def grouped(rows: list[Row]) -> dict[tuple[str, ...], list[Row]]:
    """Rows that differ in seed and order alone."""
    found = defaultdict(list)
    for row in rows:
        found[tuple(row[key] for key in KEYS[:-1])].append(row)
    return found


def of_order(rows: list[Row], order: int, key: str) -> np.ndarray:
    return np.array([float(row[key]) for row in rows if int(row["order"]) == order])


def show(rows: list[Row]) -> None:
    print("learner     potentials  noise  order  within 2 std      z  terms within 2  kernel error  draws")
    for (learner, samples, _, noise, members), part in grouped(rows).items():
        name = learner if members == "0" else f"{learner} x{members}"
        for order in ORDERS:
            within, z, terms, error = (of_order(part, order, key) for key in FOUND[1:5])
            print(
                f"{name:12}{samples:>10} {noise:>6} {order:6}  {within.mean():12.1%}  "
                f"{np.sqrt(np.mean(z**2)):5.2f}  {terms.mean():14.1%}  {np.median(error):12.1e}  {len(z):5}"
            )
        seconds = of_order(part, 1, "seconds")
        print(f"{'':12}{np.median(seconds):.1f} s a fit", flush=True)


def plot(rows: list[Row], path: Path) -> None:
    """Share of exact coefficients within two stated deviations: every draw, and their mean."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "bornnet"
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    groups = grouped(rows)
    for order, axes in zip(ORDERS, figure.subplots(1, len(ORDERS), sharey=True), strict=True):
        axes.axhspan(*(100 * share for share in ASKED), color="#009e73", alpha=0.15, lw=0)
        for place, part in enumerate(groups.values()):
            within = 100 * of_order(part, order, "coverage")
            beside = place + 0.25 * np.linspace(-1, 1, len(within)) if len(within) > 1 else [place]
            axes.plot(beside, within, ".", color="#7f7f7f", ms=4)
            axes.plot([place - 0.3, place + 0.3], 2 * [within.mean()], color="#d55e00", lw=2)
        names = [f"{key[0]}\n{int(key[1]):,}\n{100 * float(key[3]):g} %" for key in groups]
        axes.set_xticks(range(len(groups)), names, fontsize=8)
        axes.set_title(f"order {order}")
    figure.axes[0].set_ylabel("within two stated deviations, %")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--learners", nargs="+", default=["gp", "flow", "mlp"], choices=SETTINGS)
    parser.add_argument("--samples", nargs="+", type=int, default=[500])
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--noise", nargs="+", type=float, default=[0.01])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--bootstrap", type=int, default=0, metavar="M")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--draw", type=Path, metavar="CSV", help="show these draws and make none")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    made = read(options.draw or options.csv)
    known = {tuple(row[key] for key in KEYS) for row in made}
    wanted = [
        (learner, samples, options.cells, noise, options.bootstrap, seed)
        for noise in options.noise
        for samples in options.samples
        for seed in range(options.draws)
        for learner in options.learners
    ]
    for setting in [] if options.draw else wanted:
        named = dict(zip(KEYS, (str(part) for part in setting), strict=True))
        if tuple(named.values()) in known:
            continue
        try:
            found = draw_of(*setting)
        except InputError as error:
            print(f"{setting[0]}: {error}")
            continue
        rows = [
            {**named, **dict(zip(FOUND, (str(order), *(f"{value:.4g}" for value in one)), strict=True))}
            for order, one in zip(ORDERS, found, strict=True)
        ]
        append(options.csv, rows)
        made += rows
    show(made)
    if options.plot:
        plot(made, options.plot)


if __name__ == "__main__":
    main()
