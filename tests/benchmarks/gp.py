"""The Gaussian process: against a kernel fit of thirty lines, and whether its deviations hold.

    python tests/benchmarks/gp.py fit [--cells 16] [--rows 4000] [--seed 1] [--peer]
    python tests/benchmarks/gp.py solver [--cells 16] [--rows 12500] [--seed 1] [--ranks 3000,10000]
    python tests/benchmarks/gp.py coverage [--cells 16] [--rows 2000] [--seeds 5]

`fit` prints the errors of the Taylor coefficients against the Born kernels, errors of held-out values over
their leading order, and CPU time: of bornnet's process, of the plain kernel fit, and with --peer of
scikit-learn's squared exponential, whose hyperparameters its own evidence chooses on at most 1,000 rows.
`solver` prints the same of the whole Cholesky factor, and of fits on at most so many rows that carry the
kernel (`--ranks`), to the same rows, of which a fifth is held out.
`coverage` prints the share of the exact coefficients within two of the stated deviations, over seeds.
"""

import argparse
import time
from collections.abc import Callable

from bornnet.cli.processor import prefer_wide_kernels

prefer_wide_kernels()

import numpy as np  # noqa: E402
import torch  # noqa: E402

from bornnet import fit_series  # noqa: E402
from bornnet.networks.packed import multisets  # noqa: E402
from bornnet.physics.born import born_kernel  # noqa: E402
from bornnet.physics.families import sample_potentials  # noqa: E402
from bornnet.physics.scattering import scattering_length  # noqa: E402

ORDERS = (1, 2, 3)
HELD_OUT = 1000


def drawn(rows: int, cells: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    U, eta = sample_potentials("mixture", rows, cells, strength=(3e-3, 0.5), spacing="log", seed=seed)
    return U, scattering_length(U), eta


def plain_fit(U: np.ndarray, y: np.ndarray) -> tuple[list[np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """exp(x.y) - 1, each cell scaled by its RMS, one factor: kernels of orders 1 to 3, and values."""
    scale = 2 / (np.sqrt(np.mean(U**2, axis=0)) * np.sqrt(U.shape[1]))
    x = U * scale
    K = np.expm1(x @ x.T)
    K[np.diag_indices(len(K))] *= 1 + 1e-13
    L = torch.linalg.cholesky(torch.from_numpy(K))
    alpha = torch.cholesky_solve(torch.from_numpy(y)[:, None], L)[:, 0].numpy()
    legs = x * scale
    kernels = [
        alpha @ legs,
        (legs * alpha[:, None]).T @ legs / 2,
        np.einsum("n,ni,nj,nk->ijk", alpha, legs, legs, legs, optimize=True) / 6,
    ]
    return kernels, lambda V: np.expm1((V * scale) @ x.T) @ alpha


def peer_fit(U: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    x = U / np.sqrt(np.mean(U**2, axis=0))
    kernel = ConstantKernel(1.0, (1e-6, 1e9)) * RBF(10.0, (1e-2, 1e4))
    chosen = GaussianProcessRegressor(kernel, alpha=1e-12).fit(x[:1000], y[:1000]).kernel_
    process = GaussianProcessRegressor(chosen, alpha=1e-12, optimizer=None).fit(x, y)
    return lambda V: process.predict(V / np.sqrt(np.mean(U**2, axis=0)))


def show(name: str, kernels: list[np.ndarray] | None, held_out: np.ndarray, seconds: float) -> None:
    cells = 0 if kernels is None else kernels[0].shape[0]
    errors = [
        np.linalg.norm(k - born_kernel(n, cells)) / np.linalg.norm(born_kernel(n, cells))
        for n, k in enumerate(kernels or [], start=1)
    ]
    shown = "  ".join(f"{e:8.1e}" for e in errors) or "-".center(28)
    rms, median = np.sqrt(np.mean(held_out**2)), np.median(np.abs(held_out))
    print(f"{name:<24} {shown}   held out {rms:.1e} (median {median:.1e})   {seconds:6.1f} s CPU", flush=True)


def fit(cells: int, rows: int, seed: int, peer: bool) -> None:
    U, y, eta = drawn(rows + HELD_OUT, cells, seed)
    V, w, strength = U[rows:], y[rows:], eta[rows:]
    print(f"{rows} rows of {cells} cells: kernel errors of orders 1, 2, 3")

    def judged(name: str, fitted: Callable[[], tuple]) -> None:
        began = time.process_time()
        kernels, value = fitted()
        with np.errstate(over="ignore"):
            show(name, kernels, (value(V) - w) / strength, time.process_time() - began)

    def ours() -> tuple:
        series = fit_series(U[:rows], y[:rows], learner="gp", rounds=1, seed=seed)
        return [series.kernel(n) for n in ORDERS], series.predict

    judged("bornnet, --learner gp", ours)
    judged("plain kernel fit", lambda: plain_fit(U[:rows], y[:rows]))
    if peer:
        judged("scikit-learn", lambda: (None, peer_fit(U[:rows], y[:rows])))


def solver(cells: int, rows: int, seed: int, ranks: list[int]) -> None:
    U, y, eta = drawn(rows + HELD_OUT, cells, seed)
    V, w, strength = U[rows:], y[rows:], eta[rows:]
    print(f"{rows - rows // 5} rows of {cells} cells: kernel errors of orders 1, 2, 3")
    choices = [{"solver": "low-rank", "rank": rank} for rank in ranks] + [{"solver": "cholesky"}]
    for settings in choices:
        began = time.process_time()
        series = fit_series(U[:rows], y[:rows], learner="gp", rounds=1, seed=seed, rows=rows, **settings)
        seconds = time.process_time() - began
        chosen = series.members[0].learners[0].chosen
        name = f"low-rank, {chosen['rank']} rows" if "rank" in chosen else "cholesky"
        show(name, [series.kernel(n) for n in ORDERS], (series.predict(V) - w) / strength, seconds)


def coverage(cells: int, rows: int, seeds: int) -> None:
    inside: dict[int, list[np.ndarray]] = {n: [] for n in ORDERS}
    print(f"{rows} rows of {cells} cells: stated deviation over error, and coverage, orders 1, 2, 3")
    for seed in range(1, seeds + 1):
        U, y, _ = drawn(rows, cells, seed)
        series = fit_series(U, y, learner="gp", rounds=1, seed=seed)
        ratios = []
        for n in ORDERS:
            place = tuple(multisets(cells, n).T)
            error, std = (series.kernel(n) - born_kernel(n, cells))[place], series.kernel_std(n)[place]
            inside[n].append(np.abs(error) <= 2 * std)
            ratios.append(np.linalg.norm(std) / np.linalg.norm(error))
        covered = [np.mean(inside[n][-1]) for n in ORDERS]
        shown = "  ".join(f"{r:5.2f} {share:5.1%}" for r, share in zip(ratios, covered, strict=True))
        print(f"seed {seed}   {shown}", flush=True)
    total = np.concatenate([part for parts in inside.values() for part in parts])
    by_order = "  ".join(f"{np.mean(np.concatenate(inside[n])):.1%}" for n in ORDERS)
    print(f"all seeds by order {by_order}; all coefficients of all orders {total.mean():.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    for name, cells, rows in (("fit", 16, 4000), ("solver", 16, 12500), ("coverage", 16, 2000)):
        part = parts.add_parser(name)
        part.add_argument("--cells", type=int, default=cells)
        part.add_argument("--rows", type=int, default=rows)
    for name in ("fit", "solver"):
        parts.choices[name].add_argument("--seed", type=int, default=1)
    parts.choices["solver"].add_argument("--ranks", default="3000,10000")
    parts.choices["fit"].add_argument("--peer", action="store_true", help="scikit-learn too")
    parts.choices["coverage"].add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    if options.part == "fit":
        fit(options.cells, options.rows, options.seed, options.peer)
    elif options.part == "solver":
        solver(options.cells, options.rows, options.seed, [int(rank) for rank in options.ranks.split(",")])
    else:
        coverage(options.cells, options.rows, options.seeds)


if __name__ == "__main__":
    main()
