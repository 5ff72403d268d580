"""Flows: what they learn from few potentials, the law that they find, and what their integration costs.

    python tests/benchmarks/flow.py fit [--cells 16] [--samples 500] [--rounds 1] [--compare-cells 64]
    python tests/benchmarks/flow.py depth
    python tests/benchmarks/flow.py ease

`fit` trains on values alone (a mixture of families, eta from 3e-3 to 0.5, a fifth of them held out) and
prints the errors of the Taylor coefficients against the Born kernels, the deviation of the learned law from
-(r - y)^2, and the share of diagrams with three branches at a vertex, which the exact law does not have.
`depth` prints the error of learned values against the number of steps, for each integrator. `ease` prints how
many evaluations of G the values take at a few tolerances, and the kernel errors, for a range of penalties on
flows of three components; over several seeds, what a penalty saves of the first one's evaluations, and by how
much errors grow.
"""

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from math import factorial
from multiprocessing import get_context
from typing import Any

from bornnet.cli.processor import prefer_wide_kernels

prefer_wide_kernels()

import numpy as np  # noqa: E402
import torch  # noqa: E402

from bornnet.comparison.law import compare_law  # noqa: E402
from bornnet.compute.devices import limited_threads  # noqa: E402
from bornnet.learners.base import Task  # noqa: E402
from bornnet.learners.flow.accuracy import adaptive, truncation  # noqa: E402
from bornnet.learners.flow.config import Config  # noqa: E402
from bornnet.learners.flow.diagrams import vertex_share  # noqa: E402
from bornnet.learners.flow.fit import begin  # noqa: E402
from bornnet.learners.flow.learner import FlowLearner  # noqa: E402
from bornnet.learners.flow.tableaus import INTEGRATORS  # noqa: E402
from bornnet.physics.born import born_kernel  # noqa: E402
from bornnet.physics.families import sample_potentials  # noqa: E402
from bornnet.physics.scattering import scattering_length  # noqa: E402
from bornnet.series.terms import MemberSeries  # noqa: E402
from bornnet.training.problem import Problem, Samples  # noqa: E402

ORDERS = (1, 2, 3, 4)
FLOORS = (0.0, 0.02, 0.05, 0.1)
"""Strengths below which potentials are left out, in round 1, 2, .."""


@dataclass(frozen=True)
class Data:
    potentials: np.ndarray
    values: np.ndarray
    strength: np.ndarray

    def rows(self, index: np.ndarray | slice) -> "Data":
        return Data(self.potentials[index], self.values[index], self.strength[index])


def drawn(samples: int, cells: int, seed: int) -> Data:
    potentials, strength = sample_potentials("mixture", samples, cells, strength=(3e-3, 0.5), seed=seed)
    return Data(potentials, scattering_length(potentials), strength)


def trained(data: Data, config: Config, rounds: int, seed: int, quiet: bool = False) -> list[FlowLearner]:
    """The flows of all rounds, in physical units; round n learns what is left of the orders before."""
    held = len(data.values) // 5
    integral = float(np.median(np.abs(data.potentials).mean(axis=1) / data.strength))
    rms = float(np.sqrt(np.mean((data.values / data.strength) ** 2)))
    scaling = FlowLearner.scaling(np.ones(data.potentials.shape[1]), rms, integral, config)
    inputs, output = scaling.inputs, scaling.output
    learned: list[FlowLearner] = []
    before = None
    for number in range(1, rounds + 1):
        problem = _problem(data, held, learned, number, inputs[0], output)
        fit = begin(
            problem, Task(data.potentials.shape[1], number, number, rounds, seed=seed, before=before), config
        )
        progress = fit.run()
        if not quiet:
            print(
                f"round {number}: {progress.step} steps, {progress.seconds:.0f} s, held-out typical error "
                f"{progress.best_typical:.1e}"
            )
        before = fit.learned()
        learned.append(before.rescaled(inputs, output))
    return learned


def _problem(
    data: Data, held: int, learned: list[FlowLearner], number: int, factor: float, output: float
) -> Problem:
    parts = []
    for part in (data.rows(slice(held, None)), data.rows(slice(held))):
        part = part.rows(part.strength >= FLOORS[min(number, len(FLOORS)) - 1])
        values = part.values.copy()
        for order, learner in enumerate(learned, start=1):
            values -= learner.taylor_terms(part.potentials, order)[order]
        parts.append((part, values))
    unit = float(np.sqrt(np.mean((parts[0][1] / parts[0][0].strength ** number) ** 2)))
    return Problem(
        *(
            Samples(
                torch.from_numpy(part.potentials * factor),
                torch.from_numpy(values / output),
                torch.from_numpy(output / (unit * part.strength**number)),
            )
            for part, values in parts
        )
    )


def kernel_errors(learned: list[FlowLearner], cells: int) -> list[float]:
    """Relative Frobenius errors of orders 1 to 4; order n is that of round n, or of the last."""
    errors = []
    for order in ORDERS:
        learner = learned[min(order, len(learned)) - 1]
        exact = born_kernel(order, cells)
        difference = learner.derivative_tensor(order, cells=cells) / factorial(order) - exact
        errors.append(float(np.linalg.norm(difference) / np.linalg.norm(exact)))
    return errors


def shown(errors: list[float]) -> str:
    return " / ".join(f"{error:.1e}" for error in errors)


def fit(given: argparse.Namespace) -> None:
    data = drawn(given.samples, given.cells, given.seed)
    config = Config(
        hidden=given.hidden, steps=tuple(given.steps), integrator=given.integrator, substeps=given.substeps
    )
    began = time.perf_counter()
    learned = trained(data, config, given.rounds, given.seed)
    print(
        f"{given.cells} cells, {given.samples} potentials, {given.rounds} rounds: "
        f"{time.perf_counter() - began:.0f} s, {len(learned[0].weights())} weights, "
        f"{torch.get_num_threads()} thread(s)"
    )
    for cells in {given.cells: 0, **dict.fromkeys(given.compare_cells, 0)}:
        print(f"kernel errors on {cells} cells, orders 1 to 4: {shown(kernel_errors(learned, cells))}")
        unseen = drawn(1000, cells, given.seed + 1000)
        for number, learner in enumerate(learned, start=1):
            law = compare_law([MemberSeries((learner,))], unseen.potentials, [0])
            assert law is not None
            print(
                f"  law of round {number}: RMS deviation {law.deviation:.1e} of its RMS", end="; powers of y "
            )
            print(", ".join(f"{c.deviation:.0e}" for c in law.coefficients), end="; ")
            print(f"p {law.momentum_deviation:.1e}, p g {law.response_deviation:.1e}")
        flow = learned[0].flow
        off = (learned[0](unseen.potentials) - unseen.values) / unseen.strength
        cut = truncation(flow, unseen.potentials) / unseen.strength
        print(
            f"  unseen potentials, over eta: median error {np.median(np.abs(off)):.1e}, RMS {_rms(off):.1e}"
        )
        print(f"  truncation, over eta: median {np.median(cut):.1e}, RMS {_rms(cut):.1e}")
    share = vertex_share(learned[min(4, len(learned)) - 1].flow, 4, 3, cells=given.cells)
    print(f"share of three branches at a vertex in order 4: {share:.1e}")


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def depth(given: argparse.Namespace) -> None:
    data = drawn(given.samples, given.cells, given.seed)
    flow = trained(data, Config(steps=tuple(given.steps)), 1, given.seed, quiet=True)[0].flow
    unseen = torch.from_numpy(drawn(500, given.cells, given.seed + 1000).potentials)
    with torch.no_grad():
        exact = flow.changed(substeps=8)(unseen)
        print(f"RMS error of the outputs by truncation, {given.cells} cells, against steps (layers) in all:")
        print(f"{'integrator':>12}" + "".join(f"{given.cells * m:>10}" for m in (1, 2, 4, 8)) + "   order")
        for name, method in INTEGRATORS.items():
            errors = []
            for substeps in (1, 2, 4, 8):
                found = flow.changed(integrator=name, substeps=substeps)(unseen)
                # the median: the steepest spikes are beyond any asymptotics
                errors.append(float((found - exact).abs().median()))
            rate = np.log2(errors[1] / errors[2])
            print(f"{name:>12}" + "".join(f"{e:10.1e}" for e in errors) + f"{rate:8.1f}   ({method.order})")


class Exact:
    """The variable-phase equation in the place of a flow: no flow that is right can take fewer evaluations by
    much, since its output obeys this equation."""

    components, factor, state, gain = 1, 1.0, "value", 1.0

    def __init__(self, unit: float) -> None:
        self.unit = unit

    def drive_at(self, s: torch.Tensor, r: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return -x * (r - self.unit * s) ** 2 / self.unit

    def read_out(self, s: torch.Tensor) -> torch.Tensor:
        return s[..., 0]


def evaluations(flow: Any, potentials: np.ndarray, tolerances: list[float]) -> list[float]:
    """Mean of each tolerance."""
    return [float(adaptive(flow, potentials, tolerance=t).evaluations.mean()) for t in tolerances]


@dataclass(frozen=True)
class Eased:
    evaluations: list[float]
    errors: list[float]
    seconds: float


def eased(given: argparse.Namespace, seed: int, weight: float | None) -> Eased:
    """What a flow takes that was fitted under a penalty of that weight; None for the exact law."""
    data = drawn(given.samples, given.cells, seed)
    unseen = drawn(40, given.cells, seed + 1000).potentials
    if weight is None:
        law = Exact(float(np.sqrt(np.mean((data.values / data.strength) ** 2))))
        return Eased(evaluations(law, unseen, given.tolerances), [], 0.0)
    config = Config(
        hidden=given.hidden,
        activation=given.activation,
        drive=given.drive,
        components=given.components,
        readout="linear",
        steps=tuple(given.steps),
        substeps=given.substeps,
        patience=given.patience,
        ease=(given.bend, weight) if weight else None,
    )
    began = time.process_time()
    learned = trained(data, config, 1, seed, quiet=True)
    seconds = time.process_time() - began
    taken = evaluations(learned[0].flow, unseen, given.tolerances)
    return Eased(taken, kernel_errors(learned, given.cells), seconds)


def ease(given: argparse.Namespace) -> None:
    print(
        f"{given.cells} cells, {given.samples} potentials, {given.components} components, hidden layers "
        f"{given.hidden}, {given.activation}, {given.drive} drive, penalty on {given.bend}"
    )
    # a step never crosses an edge: one step of RK45 takes an evaluation where it begins, and six more
    print(f"evaluations a potential, at least {7 * given.cells}, to tolerances of what is read out")
    heads = "".join(f"{tolerance:8.0e}" for tolerance in given.tolerances)
    print(f"seed    weight{heads}   kernel errors, orders 1 to 4             processor time")
    found: dict[float, list[Eased]] = {weight: [] for weight in given.weights}
    tasks = [(seed, weight) for seed in given.seeds for weight in (None, *given.weights)]
    seeds, weights = zip(*tasks, strict=True)
    with ProcessPoolExecutor(
        given.workers, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        results = pool.map(eased, repeat(given, len(tasks)), seeds, weights)
        for (seed, weight), one in zip(tasks, results, strict=True):
            name = "exact law" if weight is None else f"{weight:.0e}"
            taken = "".join(f"{count:8.0f}" for count in one.evaluations)
            print(f"{seed:4}{name:>10}{taken}   {shown(one.errors):36} {one.seconds:6.0f} s", flush=True)
            if weight is not None:
                found[weight].append(one)
    first, *others = given.weights
    for weight in others:
        counts = [np.sum([one.evaluations for one in found[w]], axis=0) for w in (weight, first)]
        saved = " / ".join(f"{share:.0%}" for share in 1 - counts[0] / counts[1])
        errors = [np.log([one.errors for one in found[w]]) for w in (weight, first)]
        change = errors[0] - errors[1]
        means = " / ".join(f"{factor:.2f}" for factor in np.exp(change.mean(axis=0)))
        print(
            f"{weight:.0e} beside {first:.0e}: saved {saved}; errors, geometric means, times {means}", end=""
        )
        if len(change) > 1:
            spread = np.exp(change.std(axis=0, ddof=1) / len(change) ** 0.5)
            print(f", each to a factor of {' / '.join(f'{factor:.2f}' for factor in spread)}", end="")
        print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("fit", "depth", "ease"))
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="of ease")
    parser.add_argument("--workers", type=int, default=2, help="of ease: fits at a time, of a thread each")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--steps", type=int, nargs="+", default=[80, 30])
    parser.add_argument("--hidden", type=lambda text: tuple(map(int, text.split(","))), default=(12, 12))
    parser.add_argument("--integrator", default="dop853", choices=INTEGRATORS)
    parser.add_argument("--substeps", type=int)
    parser.add_argument("--compare-cells", type=int, nargs="*", default=[])
    parser.add_argument("--components", type=int, default=3, help="of ease")
    parser.add_argument("--drive", default="linear", choices=("linear", "general"), help="of ease")
    parser.add_argument("--patience", type=int, default=300, help="of ease: all fits take all steps")
    parser.add_argument("--activation", default="tanh", help="of ease")
    parser.add_argument(
        "--bend", type=lambda text: int(text) if text.isdigit() else text, default="error", help="of ease"
    )
    parser.add_argument(
        "--weights", type=float, nargs="+", default=[0, 1e-4, 1e-3, 1e-2, 1e-1], help="of ease"
    )
    parser.add_argument(
        "--tolerances", type=float, nargs="+", default=[1e-6, 1e-8, 1e-10, 1e-12], help="of ease"
    )
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    with limited_threads(given.threads):
        {"fit": fit, "depth": depth, "ease": ease}[given.what](given)


if __name__ == "__main__":
    main()
