"""Kernel errors against training time: bornnet's iteration, the common recipe, and least squares.

    python tests/benchmarks/precision.py [--cells 16] [--samples 20000] [--seconds 120] [--plot FILE]

All learn from the same potentials (a mixture of families, eta from 3e-3 to 0.5), with networks of one size,
and are judged by the relative error of their Taylor coefficients at U = 0 against the Born kernels, which
none has seen. Times are of training alone, all on the threads stated; what judging takes is left out.

The common recipe is single precision, Adam over mini-batches of 256, a falling learning rate, inputs and
target scaled to an RMS of one, and a plain mean square; it also gets bornnet's scaling and weights, as a
second try.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from bornnet.cli.processor import prefer_wide_kernels

prefer_wide_kernels()

import numpy as np  # noqa: E402
import torch  # noqa: E402

from bornnet.compute.devices import limited_threads  # noqa: E402
from bornnet.datasets.labelled import Labelled  # noqa: E402
from bornnet.learners.base import Scaling, Task  # noqa: E402
from bornnet.learners.mlp.config import Config  # noqa: E402
from bornnet.learners.mlp.fit import initial_network  # noqa: E402
from bornnet.learners.mlp.perceptron import Perceptron  # noqa: E402
from bornnet.learners.mlp.remainder import TaylorRemainder  # noqa: E402
from bornnet.learners.polynomial.least_squares import affordable, fit_polynomial  # noqa: E402
from bornnet.networks.mlp import MLP  # noqa: E402
from bornnet.physics.born import born_kernel  # noqa: E402
from bornnet.physics.families import sample_potentials  # noqa: E402
from bornnet.physics.scattering import scattering_length_and_gradient  # noqa: E402
from bornnet.series.iteration import Rounds, choose_scaling, round_problem  # noqa: E402
from bornnet.series.terms import MemberSeries, Series  # noqa: E402
from bornnet.training.fit import OPTIMIZERS, Fit, Settings  # noqa: E402
from bornnet.training.levenberg_marquardt import LevenbergMarquardt  # noqa: E402
from bornnet.training.problem import Problem, Samples  # noqa: E402

ORDERS = (1, 2, 3)
HIDDEN = (32, 32)
Point = tuple[float, list[float]]
"""Seconds of training so far, and the kernel errors by order."""


OPTIMIZERS["straight"] = lambda model, samples, settings: LevenbergMarquardt(
    model, samples, path_order=1, robust=True
)
OPTIMIZERS["squares"] = lambda model, samples, settings: LevenbergMarquardt(model, samples)


def data(cells: int, samples: int, seed: int) -> tuple[Labelled, Labelled]:
    """Training and held-out potentials, the latter a fifth as many."""
    potentials, strength = sample_potentials(
        "mixture", samples + samples // 5, cells, strength=(3e-3, 0.5), seed=seed
    )
    labelled = Labelled(potentials, *_labels(potentials, strength))
    return labelled.rows(np.arange(samples)), labelled.rows(np.arange(samples, len(labelled)))


def _labels(potentials: np.ndarray, strength: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    length, gradient = scattering_length_and_gradient(potentials)
    return length, strength, gradient


def without_gradient(part: Labelled) -> Labelled:
    return Labelled(part.potentials, part.values, part.strength)


def judged(series: Series, kernels: list[np.ndarray]) -> list[float]:
    """The kernel errors by order."""
    return [
        float(np.linalg.norm(series.kernel(n) - kernel) / np.linalg.norm(kernel))
        for n, kernel in zip(ORDERS, kernels, strict=True)
    ]


def started(training: Labelled, seed: int) -> MLP:
    return initial_network(Task(training.cells, 1, seed=seed), Config(hidden=HIDDEN))


def physical(network: MLP, scaling: Scaling) -> Perceptron:
    return Perceptron(network).rescaled(scaling.inputs, scaling.output)


class Clock:
    """Points of a curve at times that grow by a factor, judging left out of the time."""

    def __init__(self, kernels: list[np.ndarray]) -> None:
        self.kernels = kernels
        self.points: list[Point] = []
        self.spent = 0.0
        self.last = 0.0

    def note(self, seconds: float, series: MemberSeries, always: bool = False) -> None:
        if always or seconds >= 1.25 * self.last:
            self.points.append((seconds, judged(series, self.kernels)))
            self.last = seconds


def iterated(
    training: Labelled,
    held_out: Labelled,
    kernels: list[np.ndarray],
    seconds: float,
    seed: int,
    optimizer: str,
) -> list[Point]:
    """Bornnet's three rounds, half, a quarter and a quarter of the time."""
    scaling, rounds, clock = (
        choose_scaling(training, Perceptron),
        Rounds((0.0, 0.02, 0.05), directions=1),
        Clock(kernels),
    )
    network = started(training, seed)
    finished: list[Perceptron] = []
    before = 0.0
    for number, share in enumerate((0.5, 0.25, 0.25), start=1):
        problem = round_problem(rounds, number, finished, training, held_out, scaling)
        model = TaylorRemainder(network, rounds.degree(number))

        def note(progress, network=network, before=before):
            series = MemberSeries((*finished, physical(network, scaling)))
            clock.note(before + progress.seconds, series, progress.finished)

        progress = Fit(model, problem, Settings(optimizer, steps=10**6, seconds=share * seconds)).run(note)
        before += progress.seconds
        finished.append(physical(network, scaling))
        clock.note(before, MemberSeries(tuple(finished)), True)
    return clock.points


def recipe(
    training: Labelled,
    held_out: Labelled,
    kernels: list[np.ndarray],
    seconds: float,
    seed: int,
    *,
    weighted: bool,
) -> list[Point]:
    """Adam in single precision over mini-batches; the epochs that fit the time, so that its schedule ends."""
    scaling = choose_scaling(training, Perceptron)
    if not weighted:
        rms = np.sqrt(np.mean(training.potentials[:] ** 2, axis=0))
        scaling = Scaling(1 / rms, float(np.sqrt(np.mean(training.values**2))))

    def samples(part: Labelled) -> Samples:
        weights = 1 / part.strength if weighted else np.ones(len(part))
        return Samples(
            torch.from_numpy(part.potentials[:] * scaling.inputs),
            torch.from_numpy(part.values / scaling.output),
            torch.from_numpy(weights),
        ).to(torch.device("cpu"), torch.float32)

    problem = Problem(samples(training), samples(held_out))

    def fit(epochs: int) -> tuple[Fit, MLP]:
        start = started(training, seed)
        network = start.to(torch.float32)
        return Fit(
            TaylorRemainder(network, 1), problem, Settings("adam", steps=epochs, patience=10**6, seed=seed)
        ), network

    epoch_seconds = fit(3)[0].run().seconds / 3
    clock = Clock(kernels)
    full, network = fit(max(1, int(seconds / epoch_seconds)))

    def note(progress):
        clock.note(progress.seconds, MemberSeries((physical(_double(network), scaling),)), progress.finished)

    full.run(note)
    return clock.points


def _double(network: MLP) -> MLP:
    copy = MLP(network.inputs, network.hidden, network.activation)
    copy.load_state_dict(network.state_dict())
    return copy


def least_squares(training: Labelled, kernels: list[np.ndarray], degree: int) -> list[Point]:
    began = time.perf_counter()
    fitted = fit_polynomial(training.potentials, training.values, 1 / training.strength, degree)
    seconds = time.perf_counter() - began
    return [(seconds, judged(fitted, kernels))]


def curves(cells: int, samples: int, seconds: float, seed: int) -> dict[str, list[Point]]:
    training, held_out = data(cells, samples, seed)
    kernels = [born_kernel(order, cells) for order in ORDERS]
    values, held_values = without_gradient(training), without_gradient(held_out)
    found = {
        "bornnet, values": iterated(values, held_values, kernels, seconds, seed, "levenberg-marquardt"),
        "bornnet, values and gradients": iterated(
            training, held_out, kernels, seconds, seed, "levenberg-marquardt"
        ),
        "bornnet, straight steps": iterated(values, held_values, kernels, seconds, seed, "straight"),
        "bornnet, plain squares": iterated(values, held_values, kernels, seconds, seed, "squares"),
        "float32 Adam": recipe(values, held_values, kernels, seconds, seed, weighted=False),
        "float32 Adam, our weights": recipe(values, held_values, kernels, seconds, seed, weighted=True),
    }
    for degree in (1, 2, 3):
        if affordable(cells, degree, samples):
            found[f"least squares, degree {degree}"] = least_squares(values, kernels, degree)
    return found


def draw(found: dict[str, list[Point]], path: Path, title: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(11, 4.2), sharey=True, layout="constrained")
    for panel, order in zip(panels, ORDERS, strict=True):
        for position, (name, points) in enumerate(found.items()):
            times, errors = [t for t, _ in points], [e[order - 1] for _, e in points]
            mark = "o" if len(points) == 1 else ""
            panel.plot(times, errors, color=f"C{position}", marker=mark, label=name)
        panel.set(xscale="log", yscale="log", xlabel="training time / s", title=f"order {order}")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("kernel error (relative)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description="Kernel errors against training time.")
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="of training, each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    with limited_threads(given.threads):
        found = curves(given.cells, given.samples, given.seconds, given.seed)
    threads = "1 thread" if given.threads == 1 else f"{given.threads} threads"
    title = f"{given.cells} cells, {given.samples:,} potentials, {threads}"
    print(f"Kernel errors after training on {title}")
    print(f"{'':32}{'seconds':>9}{'order 1':>10}{'order 2':>10}{'order 3':>10}")
    for name, points in found.items():
        seconds, errors = points[-1]
        print(f"{name:32}{seconds:9.1f}" + "".join(f"{error:10.1e}" for error in errors))
    if given.plot:
        draw(found, given.plot, title)
        print(f"Wrote {given.plot}.", file=sys.stderr)


if __name__ == "__main__":
    main()
