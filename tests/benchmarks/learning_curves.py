"""Kernel errors against the number of potentials: bornnet's learners and the usual recipe.

    python tests/benchmarks/learning_curves.py --out FILE.csv [--learner NAME ..] [--potentials N ..]
    python tests/benchmarks/learning_curves.py --draw FILE.csv --plot FILE.svg

All learn from scattering lengths alone, of the mixture of families of the preset `quick` (eta from 3e-3 to
0.5, even in its logarithm), a fifth of the potentials held out, and are judged by their Taylor coefficients
at U = 0 against the Born kernels, which none has seen. The usual recipe is a tanh perceptron of the same size
in single precision: 10,000 steps of Adam over mini-batches of 64 with a falling learning rate, inputs and
target scaled to an RMS of one, a plain mean square, and the weights of the least held-out error. Each point
is appended to the file once it is known.
"""

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path

from bornnet.cli.processor import prefer_wide_kernels

prefer_wide_kernels()

import numpy as np  # noqa: E402
import torch  # noqa: E402

import bornnet  # noqa: E402
from bornnet.compute.devices import limited_threads  # noqa: E402
from bornnet.physics.families import sample_potentials  # noqa: E402

ORDERS = (1, 2, 3, 4)
HIDDEN = (32, 32)
Kernel = Callable[[int], np.ndarray]
NAMES = {
    "usual": "usual recipe (Adam, float32)",
    "mlp": "perceptron",
    "gp": "Gaussian process",
    "flow": "flow along r",
    "flow,gp": "flow, then Gaussian process",
}


def usual(potentials: np.ndarray, values: np.ndarray, seed: int, steps: int = 10_000) -> Kernel:
    """The recipe of any tutorial; its Taylor coefficients by order."""
    torch.manual_seed(seed)
    rms, scale = np.sqrt(np.mean(potentials**2, axis=0)), float(np.sqrt(np.mean(values**2)))
    inputs = torch.from_numpy(potentials / rms).float()
    target = torch.from_numpy(values / scale).float()
    held = len(values) // 5
    network = bornnet.MLP(potentials.shape[1], HIDDEN).float()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    best, kept = np.inf, {}
    for step in range(steps):
        batch = torch.randint(held, len(values), (64,))
        loss = (network(inputs[batch]) - target[batch]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            with torch.no_grad():
                error = float((network(inputs[:held]) - target[:held]).square().mean())
            if error < best:
                best, kept = error, {key: value.clone() for key, value in network.state_dict().items()}
    network.load_state_dict(kept)
    network = network.double()
    with torch.no_grad():
        network.layers[0].weight.div_(torch.from_numpy(rms))
    factorial = np.cumprod(ORDERS)
    return lambda n: bornnet.derivative_tensor(network, n).numpy() * scale / factorial[n - 1]


def fitted(learner: str, potentials: np.ndarray, values: np.ndarray, seed: int) -> Kernel:
    """The kernels of one of bornnet's learners, with the settings of the preset `quick`."""
    settings = {
        "mlp": {"rounds": 4, "steps": (50, 20, 20, 20), "strength_floors": (0.0, 0.02, 0.05, 0.1)},
        "gp": {"rounds": 1},
        "flow": {"rounds": 1, "fit_rows": 3000},
        "flow,gp": {"rounds": 1, "flow.fit_rows": 1000},
    }[learner]
    return bornnet.fit_series(
        potentials, values, learner=learner, seed=seed, progress=False, workers=1, **settings
    ).kernel


def measure(learner: str, potentials: int, cells: int, seed: int) -> dict[str, object]:
    """One point of the curves."""
    U, _ = sample_potentials("mixture", potentials, cells, strength=(3e-3, 0.5), spacing="log", seed=seed)
    values = bornnet.scattering_length(U)
    began = time.perf_counter()
    kernel = usual(U, values, seed) if learner == "usual" else fitted(learner, U, values, seed)
    seconds = time.perf_counter() - began
    exact = {n: bornnet.born_kernel(n, cells) for n in ORDERS}
    errors = {
        f"order_{n}": f"{np.linalg.norm(kernel(n) - exact[n]) / np.linalg.norm(exact[n]):.2e}" for n in ORDERS
    }
    return {
        "learner": learner, "potentials": potentials, "cells": cells, "seed": seed,
        **errors, "seconds": f"{seconds:.1f}",
    }  # fmt: skip


def appended(path: Path, row: dict[str, object]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def draw(rows: list[dict[str, str]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "bornnet"
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 4, figsize=(10, 3.6), sharey=True, layout="constrained")
    marks = {
        "usual": ("#7f7f7f", "s"),
        "mlp": ("#0072b2", "o"),
        "gp": ("#d55e00", "D"),
        "flow": ("#009e73", "^"),
        "flow,gp": ("#cc79a7", "v"),
    }
    for panel, order in zip(panels, ORDERS, strict=True):
        for learner, (color, mark) in marks.items():
            points = sorted(
                (int(row["potentials"]), float(row[f"order_{order}"]))
                for row in rows
                if row["learner"] == learner and row[f"order_{order}"]
            )
            if points:
                x, y = zip(*points, strict=True)
                panel.plot(x, y, color=color, marker=mark, ms=4, label=NAMES[learner])
        panel.set(xscale="log", yscale="log", xlabel="potentials", title=f"order {order}")
        panel.grid(alpha=0.3)
    panels[0].set_ylim(top=2e3)
    panels[0].set_ylabel("error of the learned kernel (relative)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description="Kernel errors against the number of potentials.")
    parser.add_argument("--learner", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--potentials", nargs="+", type=int, default=[100, 200, 500, 1000, 2000])
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--out", type=Path, help="CSV, a line is appended for each point")
    parser.add_argument("--draw", type=Path, metavar="CSV", help="draw these points and measure none")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    if given.draw is None:
        with limited_threads(1):
            for potentials in given.potentials:
                for learner in given.learner:
                    row = measure(learner, potentials, given.cells, given.seed)
                    print(*row.values(), flush=True)
                    if given.out:
                        appended(given.out, row)
    if given.plot and (source := given.draw or given.out):
        with source.open(newline="") as file:
            draw(list(csv.DictReader(file)), given.plot)


if __name__ == "__main__":
    main()
