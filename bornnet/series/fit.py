"""The iteration in memory: from two arrays, potentials and values, to a learned series."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..config.load import named_layer, resolved
from ..config.schema import StudyConfig
from ..datasets.labelled import Labelled, split
from ..errors import InputError, Interrupted
from ..learners.base import Learner
from ..physics.weinberg import weinberg_eigenvalue
from ..training.fit import Progress
from .iteration import choose_scaling
from .learned import HeldOut, LearnedSeries
from .member import Member, device_of, learner_of, reached, rounds_of

Report = Callable[[int, int, Progress], Any]


def fit_series(
    potentials: Any,
    values: Any,
    *,
    learner: str = "mlp",
    rounds: int = 3,
    sigma: Any = None,
    seed: int = 0,
    members: int = 1,
    progress: bool | None = None,
    **settings: Any,
) -> LearnedSeries:
    """Learn the series of values as a function of potentials, order by order, in memory.

    The numbers are those of ``bornnet iterate`` on a dataset of the same rows with the same settings.

    Args:
        potentials: ``(N, cells)``, U >= 0, strengths eta below 1.
        values: ``(N,)``, the scattering length of each in units of the range.
        learner: the name of a learner, or of several such as ``"flow,gp"``.
        rounds: of the iteration.
        sigma: one standard deviation of the values' errors; not taken yet by any learner.
        seed: all random numbers follow from it.
        members: of the ensemble, over seeds.
        progress: show how far it is; None: where stderr is a terminal, or in a notebook.
        settings: any other key of the configuration, such as ``hidden=(32, 32)`` or ``holdout=0.1``.

    Raises:
        InputError: arrays that do not fit together, NaN (its first index), a potential without a Born series,
            an unknown setting, or too few rows.
        Interrupted: Ctrl-C came; nothing is left behind.
    """
    if sigma is not None:
        raise InputError("sigma: known errors of the values are not taken into account yet; leave it out.")
    U, y = _arrays(potentials, values)
    given = {"learner": learner, "rounds": rounds, "seed": seed, "members": members, **settings}
    study = resolved([named_layer(given, {key: key for key in given})])
    study = study.changed(samples=len(U), cells=U.shape[1])
    data = Labelled(U, y, _strengths(U))
    training, held_out = split(data, study.holdout, study.seed)
    scaling = choose_scaling(training, *learner_of(study))
    device = device_of(study).type
    found, facts = [], []
    try:
        with _shown(study, progress) as report:
            for number in range(study.members):
                learned, own = _learned(Member(study, number, training, held_out, scaling, device), report)
                found.append(rounds_of(study).series(learned, U.shape[1]))
                facts.append(own)
    except KeyboardInterrupt as stop:
        raise Interrupted("Interrupted: nothing is left behind. Call fit_series again.") from stop
    kept = HeldOut(held_out.potentials[:], held_out.values, held_out.strength)
    return LearnedSeries(tuple(found), study, kept, facts)


def _learned(member: Member, report: Report) -> tuple[list[Learner], list[dict[str, Any]]]:
    finished: list[Learner] = []
    facts = []
    for number in range(1, member.study.rounds + 1):
        problem = member.problem(number, finished).loaded()
        fit = member.begin(number, problem, finished)

        def after_step(progress: Progress, number: int = number) -> None:
            report(member.number, number, progress)

        fit.run(after_step)
        finished.append(member.learned(fit))
        facts.append(reached(member.facts(number, problem, fit.progress)))
    return finished, facts


def _arrays(potentials: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    U, y = np.asarray(potentials, dtype=float), np.asarray(values, dtype=float)
    if U.ndim != 2 or not U.size:
        raise InputError(f"potentials: expected an array (N, cells), got shape {U.shape}.")
    if y.shape != (len(U),):
        raise InputError(f"values: expected one for each of {len(U)} potentials, got shape {y.shape}.")
    for name, array in (("potentials", U), ("values", y)):
        strange = np.argwhere(~np.isfinite(array))
        if len(strange):
            index = [int(i) for i in strange[0]]
            raise InputError(f"{name}{index}: expected a finite number, got {array[tuple(index)]}.")
    return np.ascontiguousarray(U), y


def _strengths(U: np.ndarray) -> np.ndarray:
    strength = weinberg_eigenvalue(U)
    if not np.all(strength > 0):
        row = int(np.argmin(strength))
        raise InputError(
            f"potentials[{row}]: it is zero everywhere, so it has no leading order; leave it out."
        )
    if strength.max() >= 1:
        row = int(np.argmax(strength))
        raise InputError(
            f"potentials[{row}]: expected a strength eta below 1, where the Born series converges; got "
            f"{strength[row]:.6g}. Leave such potentials out."
        )
    return strength


@contextmanager
def _shown(study: StudyConfig, progress: bool | None) -> Iterator[Report]:
    """A progress bar on stderr, or nothing."""
    if progress is None:
        progress = sys.stderr.isatty() or "ipykernel" in sys.modules
    if not progress:
        yield lambda member, number, state: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    learner, settings = learner_of(study)
    shares = [learner.most_steps(settings, number) for number in range(1, study.rounds + 1)]
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Learning", total=study.members * sum(shares))

        def report(member: int, number: int, state: Progress) -> None:
            within = shares[number - 1] if state.finished else state.step
            done = member * sum(shares) + sum(shares[: number - 1]) + within
            bar.update(task, completed=done, description=f"round {number}: {state.held_out_typical:.1e}")

        yield report
