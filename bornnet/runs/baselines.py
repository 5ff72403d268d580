"""The rivals that a run is compared with, fitted to the same rows: least squares, and a Gaussian process."""

import logging
import re
from pathlib import Path

import numpy as np

from ..datasets.labelled import Labelled
from ..errors import InputError
from ..learners.base import Learner
from ..learners.gp.baseline import baseline
from ..learners.gp.learner import GaussianProcess
from ..learners.polynomial.least_squares import Polynomial, affordable, fit_polynomial
from ..learners.store import load_learner, save_learner
from .data import DEGREES, PROCESS_ROWS
from .directory import read_arrays
from .writing import RunDirectory

PROCESS = f"gp-{PROCESS_ROWS}"
POLYNOMIALS_FILE = "baselines.safetensors"
PROCESS_FILE = "baseline-gp.safetensors"

_log = logging.getLogger(__name__)


def fit_baselines(training: Labelled, cells: int, seed: int = 0) -> dict[str, Learner]:
    """By name: polynomials of the degrees that so many rows allow, and a Gaussian process on at most
    `PROCESS_ROWS` of them."""
    found: dict[str, Learner] = {
        f"least-squares-{degree}": fit_polynomial(
            training.potentials, training.values, 1 / training.strength, degree
        )
        for degree in DEGREES
        if affordable(cells, degree, len(training))
    }
    process = _fit_process(training, seed)
    return found if process is None else {**found, PROCESS: process}


def _fit_process(training: Labelled, seed: int) -> GaussianProcess | None:
    """None where there are too few rows, or they contradict each other."""
    chosen = np.sort(np.random.default_rng([seed, 17]).permutation(len(training))[:PROCESS_ROWS])
    rows = training.rows(chosen)
    try:
        return baseline(
            rows.potentials[:], rows.values, rows.strength, rows.sigma, rows=PROCESS_ROWS, seed=seed
        )
    except InputError as reason:
        _log.info("no Gaussian process to compare with: %s", reason)
        return None


def save_baselines(run: RunDirectory, baselines: dict[str, Learner]) -> None:
    """Least-squares polynomials in one file, as they always were, the Gaussian process in another."""
    arrays = {
        f"degree-{name.rpartition('-')[2]}/order-{order}": monomials
        for name, learner in baselines.items()
        if isinstance(learner, Polynomial)
        for order, monomials in enumerate(learner.monomials, start=1)
    }
    run.write_arrays(POLYNOMIALS_FILE, arrays)
    if PROCESS in baselines:
        save_learner(run.path / PROCESS_FILE, baselines[PROCESS], force=True)


def load_baselines(path: str | Path, cells: int) -> dict[str, Learner]:
    """The baselines of a run, by name; runs of earlier versions have polynomials alone."""
    arrays = read_arrays(Path(path) / POLYNOMIALS_FILE)
    found: dict[str, Learner] = {}
    for degree in sorted({int(re.findall(r"\d+", name)[0]) for name in arrays}):
        orders = tuple(arrays[f"degree-{degree}/order-{n}"] for n in range(1, degree + 1))
        found[f"least-squares-{degree}"] = Polynomial(cells, orders)
    file = Path(path) / PROCESS_FILE
    if file.is_file():
        found[PROCESS] = load_learner(file)[0]
    return found
