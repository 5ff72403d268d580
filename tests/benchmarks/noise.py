"""Learners on noisy values beside an oracle: what noise costs at each order.

    python tests/benchmarks/noise.py [--learners gp,flow,mlp] [--samples 4000] [--noise 0.01] [--plot FILE]

16 cells, a mixture of families, eta from 3e-3 to 0.5, all from one draw of potentials and one of noise. The
oracle is told all other orders exactly, by the Born terms and the scattering length itself, and finds the
coefficients of one order by weighted least squares: no method that knows nothing of neighbouring cells can be
better on average. With several values of `--noise` (commas between) the figure shows error against noise.
"""

import argparse
import time
from itertools import combinations_with_replacement

from bornnet.cli.processor import prefer_wide_kernels

prefer_wide_kernels()

import numpy as np  # noqa: E402
import torch  # noqa: E402

import bornnet  # noqa: E402
from bornnet.networks.packed import unpack  # noqa: E402
from bornnet.physics.families import sample_potentials  # noqa: E402

SETTINGS = {
    "gp": {"rounds": 1},
    "mlp": {"rounds": 1, "hidden": (16, 16), "steps": (120,)},
    "flow": {"rounds": 1, "hidden": (6, 6), "steps": (30,)},
}
ORDERS = (1, 2, 3)


def oracle(U: np.ndarray, noise: np.ndarray, sigma: np.ndarray, order: int) -> float:
    """The kernel error of weighted least squares for one order, all others known exactly."""
    cells = U.shape[1]
    places = np.array(list(combinations_with_replacement(range(cells), order)))
    design = np.prod(U[:, places], axis=2)
    if design.shape[1] > len(U):
        return float("nan")
    # the target is the exact term of that order and the noise: what is found is off by the noise's fit alone
    scale = np.linalg.norm(design / sigma[:, None], axis=0)
    off = np.linalg.lstsq(design / sigma[:, None] / scale, noise / sigma, rcond=None)[0] / scale
    counted = np.ones(len(places))
    for k, place in enumerate(places):
        counted[k] = _orderings(place)
    exact = bornnet.born_kernel(order, cells)
    return float(np.linalg.norm(unpack(off / counted, cells, order)) / np.linalg.norm(exact))


def _orderings(place: np.ndarray) -> float:
    """In how many orders the cells of a monomial can be written."""
    _, times = np.unique(place, return_counts=True)
    found, left = 1.0, len(place)
    for count in times:
        for k in range(count):
            found *= (left - k) / (k + 1)
        left -= count
    return found


def errors(learner: str, U: np.ndarray, values: np.ndarray, sigma: np.ndarray) -> list[float]:
    series = bornnet.fit_series(U, values, sigma=sigma, learner=learner, progress=False, **SETTINGS[learner])
    found = []
    for order in ORDERS:
        exact = bornnet.born_kernel(order, U.shape[1])
        found.append(float(np.linalg.norm(series.kernel(order) - exact) / np.linalg.norm(exact)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--learners", default="gp,flow,mlp")
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--noise", default="0.01")
    parser.add_argument("--plot", metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    U, _ = sample_potentials(
        "mixture", options.samples, options.cells, strength=(3e-3, 0.5), spacing="log", seed=1
    )
    exact = bornnet.scattering_length(U)
    levels = [float(level) for level in options.noise.split(",")]
    curves: dict[str, list[list[float]]] = {}
    print(f"{options.cells} cells, {options.samples} potentials, one thread; kernel errors (over the oracle)")
    for level in levels:
        sigma = level * np.abs(exact)
        noise = sigma * np.random.default_rng([0, 7]).standard_normal(len(exact))
        best = [oracle(U, noise, sigma, order) for order in ORDERS]
        curves.setdefault("oracle", []).append(best)
        print(f"noise {level:g}: oracle {'  '.join(f'{e:.1e}' for e in best)}", flush=True)
        for learner in options.learners.split(","):
            began = time.perf_counter()
            found = errors(learner, U, exact + noise, sigma)
            curves.setdefault(learner, []).append(found)
            shown = "  ".join(f"{e:.1e} ({e / b:.2f})" for e, b in zip(found, best, strict=True))
            print(f"  {learner:6} {shown}  {time.perf_counter() - began:.0f} s", flush=True)
    if options.plot:
        plot(options.plot, levels, curves)


def plot(path: str, levels: list[float], curves: dict[str, list[list[float]]]) -> None:
    """Kernel error against noise, a panel an order."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for order, axes in zip(ORDERS, figure.subplots(1, len(ORDERS), sharex=True), strict=True):
        for name, rows in curves.items():
            line = {"color": "black", "linestyle": "--"} if name == "oracle" else {"marker": "o"}
            axes.loglog(levels, [row[order - 1] for row in rows], label=name, **line)
        axes.set(title=f"order {order}", xlabel="noise, relative")
    figure.axes[0].set_ylabel("kernel error, relative")
    figure.axes[0].legend()
    figure.savefig(path)


if __name__ == "__main__":
    main()
