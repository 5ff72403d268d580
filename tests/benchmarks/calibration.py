"""Whether stated errors hold: how often exact coefficients and held-out terms lie within two of them.

    python tests/benchmarks/calibration.py [--learners gp,polynomial,mlp,flow] [--samples 500] [--noise 0.01]
        [--draws 20] [--bootstrap 0] [--cells 16] [--csv FILE]

Every draw has the same potentials (a mixture of families, eta from 3e-3 to 0.5) and other noise; without
noise it has other potentials. Errors are held against the Born kernels, and the learned terms of potentials
held out against the Born terms. Printed are, an order each, the share within two stated standard deviations;
z, the root mean square of error over stated error, which is 1 where these are right on average; and the
relative kernel error (median over the draws). With `--bootstrap M` errors come from M members on rows drawn
anew, beside what each states.
"""

import argparse
import csv
import time

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
    "mlp": {"rounds": 3, "hidden": (16, 16), "steps": (30, 15, 15)},
    "flow": {"rounds": 1, "hidden": (6, 6), "steps": (30,)},
}
ORDERS = (1, 2, 3)
COLUMNS = (
    "learner",
    "samples",
    "noise",
    "draws",
    "members",
    "order",
    "coverage",
    "z",
    "terms",
    "error",
    "seconds",
)


def draw_of(
    learner: str, samples: int, cells: int, noise: float, seed: int, members: int
) -> list[list[float]]:
    """Per order: coverage of coefficients, mean square of error over stated error, coverage of terms, and
    the kernel error."""
    drawn = 1 if noise else 1 + seed  # without noise there is nothing else to draw
    U, _ = sample_potentials("mixture", samples + 500, cells, strength=(3e-3, 0.5), spacing="log", seed=drawn)
    a0 = bornnet.scattering_length(U)
    sigma = noise * np.abs(a0)
    values = a0 + sigma * np.random.default_rng([seed, 7]).standard_normal(len(a0))
    more = {"members": members, "bootstrap": True} if members else {}
    series = bornnet.fit_series(
        U[:samples],
        values[:samples],
        sigma=sigma[:samples] if noise else None,
        learner=learner,
        seed=seed,
        progress=False,
        **SETTINGS[learner],
        **more,
    )
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
            rows.append([np.nan, np.nan, np.nan, error])
            continue
        ratio = np.abs(learned - exact) / np.maximum(std, 1e-300)
        of_terms = np.abs(terms[order - 1] - exact_terms[order - 1]) <= 2 * terms_std[order - 1]
        rows.append([np.mean(ratio <= 2), np.mean(ratio**2), np.mean(of_terms), error])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--learners", default="gp,polynomial,flow,mlp")
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--noise", type=float, default=0.01)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--bootstrap", type=int, default=0, metavar="M")
    parser.add_argument("--csv")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = []
    print(f"{options.cells} cells, {options.samples} potentials, noise {options.noise:g}, one thread")
    print("learner      order  within 2 std      z  terms within 2  kernel error")
    for learner in options.learners.split(","):
        began = time.perf_counter()
        found = []
        for seed in range(options.draws):
            try:
                one = draw_of(learner, options.samples, options.cells, options.noise, seed, options.bootstrap)
            except InputError as error:
                print(f"{learner}: {error}")
                break
            found.append(one)
        if not found:
            continue
        seconds = time.perf_counter() - began
        table = np.array(found)
        for order, part in zip(ORDERS, table.transpose(1, 0, 2), strict=True):
            within, squares, terms = part[:, :3].mean(axis=0)
            error = float(np.median(part[:, 3]))
            print(
                f"{learner:12} {order:5}  {within:12.1%}  {squares**0.5:5.2f}  {terms:14.1%}  {error:12.1e}",
                flush=True,
            )
            setting = (learner, options.samples, options.noise, len(found), options.bootstrap)
            lines.append((*setting, order, within, squares**0.5, terms, error, seconds))
        print(f"{'':12} {len(found)} draws, {seconds:.0f} s", flush=True)
    if options.csv:
        with open(options.csv, "w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *lines])


if __name__ == "__main__":
    main()
