"""Is the error that `solve` prints honest? Random potentials of all kinds, whose right a0 is known.

    python tests/benchmarks/solve_errors.py [--count 500] [--seed 0]

Closed forms by mpmath; functions, and tables of all spacings, starts and ends, whose right a0 is that of the
formula behind them, to infinity. Prints for each kind how often the true error is within the printed one
("within"), how often the printed one is then not more than 100 times as large ("and near"), and their ratio.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp, mpf

from bornnet import solve
from bornnet.errors import InputError


@dataclass(frozen=True)
class Case:
    """A potential, as `solve` takes it, and its a0."""

    kind: str
    exact: float
    given: dict[str, Any]


def strength(rng: np.random.Generator) -> float:
    return float(10 ** rng.uniform(-2, 1.6))


def square(rng: np.random.Generator) -> tuple[float, dict[str, Any]]:
    U, R = strength(rng), rng.uniform(0.3, 4)
    k = mp.sqrt(mpf(U))
    return float(R * (1 - mp.tan(k) / k)), {"shape": "square", "depth": U / R**2, "range": R}


def exponential(rng: np.random.Generator) -> tuple[float, dict[str, Any]]:
    """With z = 2 sqrt(U) exp(-r/2), u = J0(z) Y0(z0) - Y0(z) J0(z0); Y0 -> 2 (ln(z/2) + gamma) / pi."""
    U, R = strength(rng), rng.uniform(0.3, 4)
    z = 2 * mp.sqrt(mpf(U))
    a0 = 2 * (mp.log(z / 2) + mp.euler) - mp.pi * mp.bessely(0, z) / mp.besselj(0, z)
    return float(R * a0), {"shape": "exponential", "depth": U / R**2, "range": R}


def hulthen(rng: np.random.Generator) -> tuple[float, dict[str, Any]]:
    U, R = strength(rng), rng.uniform(0.3, 4)
    s = mp.sqrt(mpf(U))
    a0 = R * (2 * mp.euler + mp.digamma(1 + s) + mp.digamma(1 - s))
    return float(a0), {"shape": "hulthen", "depth": U / R**2, "range": R}


def poeschl_teller(rng: np.random.Generator) -> tuple[float, dict[str, Any]]:
    """a0 = gamma + psi(l + 1) - (pi / 2) tan(pi l / 2) with U = l (l + 1), in units of the range."""
    U, R = strength(rng), rng.uniform(0.3, 4)
    l = (mp.sqrt(1 + 4 * mpf(U)) - 1) / 2
    a0 = R * (mp.euler + mp.digamma(l + 1) - mp.pi / 2 * mp.tan(mp.pi * l / 2))
    return float(a0), {"shape": "poschl-teller", "depth": U / R**2, "range": R}


def hard_core(rng: np.random.Generator) -> tuple[float, dict[str, Any]]:
    """G. F. Gribakin and V. V. Flambaum, Phys. Rev. A 48, 546 (1993)."""
    R, beta = rng.uniform(0.5, 3), rng.uniform(0.5, 6)
    x = mpf(beta) ** 2 / (2 * mpf(R) ** 2)
    a0 = beta / 2 * mp.gamma(0.75) / mp.gamma(1.25) * mp.besselj(-0.25, x) / mp.besselj(0.25, x)
    return float(a0), {"shape": "hard-core-6", "depth": beta**4 / R**6, "range": R}


CLOSED = (square, exponential, hulthen, poeschl_teller, hard_core)


@dataclass(frozen=True)
class Formula:
    """The attraction U(r), its length scale, where a table of it may start and end, the power of its tail."""

    attraction: Callable[[np.ndarray], np.ndarray]
    scale: float
    start: float
    end: float
    power: int | None = None
    singular: bool = False


def formula(rng: np.random.Generator) -> Formula:
    """One of the potentials that people tabulate."""
    R = float(rng.uniform(0.5, 3))
    U = strength(rng) / R**2
    kind = rng.choice(8, p=(0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 0.1, 0.1))
    if kind == 0:
        return Formula(lambda r: U * np.exp(-((r / R) ** 2)), R, 0.0, 6 * R)
    if kind == 1:
        return Formula(lambda r: U * np.exp(-r / R), R, 0.0, 30 * R)
    if kind == 2:
        a = R * float(rng.uniform(0.1, 0.6))
        return Formula(lambda r: U / (1 + np.exp((r - R) / a)), a, 0.0, R + 30 * a)
    if kind == 3:
        return Formula(lambda r: U * np.exp(-r / R) * R / r, R, 0.0, 30 * R, singular=True)
    if kind == 4:
        V, c = U * float(rng.uniform(0.5, 5)), float(rng.uniform(0.3, 0.8))
        return Formula(
            lambda r: U * np.exp(-((r / R) ** 2)) - V * np.exp(-((r / (c * R)) ** 2)), c * R, 0.0, 6 * R
        )
    if kind == 5:
        depth = float(rng.uniform(0.3, 12)) / R**2
        return Formula(lambda r: 4 * depth * ((R / r) ** 6 - (R / r) ** 12), R / 3, 0.8 * R, 30 * R, 6)
    if kind == 6:
        a, depth = R * float(rng.uniform(0.15, 0.4)), float(rng.uniform(0.5, 20)) / R**2

        def morse(r: np.ndarray) -> np.ndarray:
            y = np.exp((R - r) / a)
            return depth * y * (2 - y)

        return Formula(morse, a, 0.0, R + 30 * a)
    V, c = U * float(rng.uniform(1, 8)), float(rng.uniform(0.3, 0.7))
    return Formula(
        lambda r: (U * np.exp(-r / R) - V * np.exp(-r / (c * R))) * R / r, c * R, 0.0, 30 * R, singular=True
    )


def grid(rng: np.random.Generator, chosen: Formula) -> np.ndarray:
    """Equal or growing spacings, from a tenth of the scale to one that is too coarse; sometimes cut off."""
    end = chosen.end * float(rng.choice([1.0, 1.0, 0.6, 0.3]))
    spacing = chosen.scale * float(10 ** rng.uniform(-1.4, -0.3))
    wall = chosen.power is not None
    if rng.random() < 0.3:
        first = chosen.start if wall else spacing * (0.01 if chosen.singular else 0.2)
        return np.geomspace(
            first, end, int(np.clip(3 * chosen.scale / spacing * np.log(end / first), 12, 600))
        )
    start = chosen.start if wall and rng.random() < 0.6 else spacing if chosen.singular or wall else 0.0
    count = int(np.clip((end - start) / spacing, 10, 1500))
    r = np.linspace(start, end, count)
    if rng.random() < 0.2:  # points not quite equal
        r[1:-1] += rng.uniform(-0.2, 0.2, count - 2) * (r[1] - r[0])
    return r


def cases(count: int, seed: int) -> Iterator[Case]:
    """A third closed forms, the rest tables and functions; each kind in turn."""
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        if index % 3 == 0:
            closed = CLOSED[index // 3 % len(CLOSED)]
            with mp.workdps(40):
                exact, given = closed(rng)
            yield Case("closed form", exact, given)
            continue
        chosen = formula(rng)
        far = 1e8 * chosen.scale if chosen.power else 1.6 * chosen.end
        exact = float(solve(function=chosen.attraction, end=far, tail="none").scattering_length)
        if index % 12 == 1:
            end = chosen.end * float(rng.uniform(0.3, 1))
            yield Case("function, cut off", exact, {"function": chosen.attraction, "end": end})
            continue
        r = grid(rng, chosen)
        with np.errstate(over="ignore"):
            given = {"r": r, "values": chosen.attraction(r)}
        if chosen.power and rng.random() < 0.5:
            yield Case("table with a tail", exact, {**given, "tail": chosen.power})
        else:
            repels = (given["values"] < 0).any() and (given["values"] > 0).any()
            yield Case("table with a wall" if repels else "table", exact, given)


@dataclass(frozen=True)
class Outcome:
    kind: str
    true: float
    printed: float
    seconds: float
    case: Case


def outcomes(count: int, seed: int) -> Iterator[Outcome]:
    """What became of each case; refused ones are left out."""
    for case in cases(count, seed):
        begun = time.process_time()
        try:
            solution = solve(**case.given)
        except InputError as error:
            print(f"refused: {case.kind}: {error}")
            continue
        seconds = time.process_time() - begun
        true = abs(float(solution.scattering_length) - case.exact)
        yield Outcome(case.kind, true, float(solution.error["total"]), seconds, case)


def shares(found: list[Outcome]) -> tuple[float, float, float]:
    """How many true errors are within the printed ones; of these, how many within 100 times; the median."""
    within = [one for one in found if one.true <= one.printed]
    ratios = np.array([one.printed / max(one.true, 1e-300) for one in within])
    return len(within) / len(found), float((ratios <= 100).mean()), float(np.median(ratios))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failures", action="store_true", help="Show those whose error is too small.")
    given = parser.parse_args()
    solve(shape="square", depth=1, range=1)  # compiles
    found = list(outcomes(given.count, given.seed))
    headings = ("cases", "within", "and near", "median ratio", "CPU seconds")
    print(f"{'kind':20}" + "".join(f"{heading:>14}" for heading in headings))
    for kind in [*sorted({one.kind for one in found}), "all"]:
        chosen = [one for one in found if kind in (one.kind, "all")]
        honest, near, median = shares(chosen)
        spent = np.mean([one.seconds for one in chosen])
        print(f"{kind:20}{len(chosen):14}{honest:14.1%}{near:14.1%}{median:14.3g}{spent:14.3f}")
    if given.failures:
        for one in found:
            if one.true > one.printed:
                words = {k: v for k, v in one.case.given.items() if k not in ("r", "values")}
                print(f"{one.kind}: a0 = {one.case.exact:.8g}, {words}")
                print(f"    off by {one.true:.2e}, printed {one.printed:.2e}")


if __name__ == "__main__":
    main()
