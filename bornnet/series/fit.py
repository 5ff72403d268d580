"""The iteration in memory: from two arrays, potentials and values, to a learned series."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from torch import nn

from ..config.load import AUTO, named_layer, resolved
from ..config.registry import MODULE
from ..config.schema import StudyConfig
from ..datasets.content import OBSERVABLE
from ..datasets.labelled import Labelled, split
from ..datasets.own import own_rows
from ..errors import InputError, Interrupted
from ..learners.base import Learner
from ..targets import Target
from ..targets import target as make_target
from ..targets.named import read_reference
from ..training.fit import Progress
from .automatic import for_rows
from .iteration import choose_scaling
from .learned import LearnedSeries
from .member import Member, checked_learner, device_of, learner_of, reached, rounds_of
from .noise import learned_noise

_ROUNDS = 3

Report = Callable[[int, int, Progress], Any]


def fit_series(
    potentials: Any,
    values: Any,
    *,
    learner: Any = "mlp",
    rounds: int = _ROUNDS,
    sigma: Any = None,
    seed: int = 0,
    members: int = 1,
    at: Any = None,
    target: str = "scattering_length",
    progress: bool | None = None,
    **settings: Any,
) -> LearnedSeries:
    """Learn the series of values as a function of potentials, order by order, in memory.

    The numbers are those of ``bornnet iterate`` on a dataset of the same rows with the same settings.

    Args:
        potentials: ``(N, cells)``, strengths eta below 1; that of a potential of both signs is that of |U|.
        values: ``(N,)``, the scattering length of each in units of the range; with ``observable="NAME"`` of
            anything else, whose truth bornnet does not know.
        learner: the name of a learner, or of several such as ``"flow,gp"``; ``"auto"`` for the one that suits
            the rows (`series.automatic`), whose name the series' ``config`` then has; or a torch module from
            ``(batch, cells)`` to ``(batch,)``, row by row, of which a copy in double precision is fitted,
            without dropout: residual connections, LayerNorm, attention, whatever torch can differentiate; or
            a list with both, such as ``["polynomial", module]``. Potentials reach it in units in which their
            RMS is 1/20 in every cell. Derivatives are torch.func's, slower than the perceptron's. It has no
            diagrams. Member 0 starts from the weights given, the others from new ones, drawn by
            ``reset_parameters`` of every layer.
        rounds: of the iteration; with ``learner="auto"`` the 3 that is the default leaves it to the rule.
        sigma: one standard deviation of the values' errors, ``(N,)`` or one for all; None: they are exact;
            ``"learn"``: to be found from the values (`series.noise`).
        seed: all random numbers follow from it.
        members: of the ensemble, over seeds.
        at: the reference U0 that the series starts from, ``(cells,)``, or its name such as
            ``"square:eta=0.95"``; U = 0 unless given. Strengths are then those of ``potentials - U0``.
        target: ``scattering_length``, or ``inverse`` where the values are 1/a0, in units of 1/range.
        progress: show how far it is; None: where stderr is a terminal, or in a notebook.
        settings: any other key of the configuration, such as ``hidden=(32, 32)`` or ``holdout=0.1``.

    Raises:
        InputError: arrays that do not fit together, NaN (its first index), a potential whose series diverges,
            a reference of other cells or one where the target is infinite, an unknown setting, too few
            rows, or a module of other shapes or without the derivatives that a fit needs.
        Interrupted: Ctrl-C came; nothing is left behind.
    """
    observable = settings.pop("observable", OBSERVABLE)
    if isinstance(sigma, str):
        sigma, settings["sigma"] = None, sigma
    data, learns = _rows(potentials, values, sigma, observable, at, target)
    names, module = _named(learner)
    given = {"learner": names, "rounds": rounds, "seed": seed, "members": members, **settings}
    if names == AUTO and rounds == _ROUNDS:
        del given["rounds"]
    study = resolved([named_layer(given, {key: key for key in given})])
    study = for_rows(study, data, known=observable == OBSERVABLE)
    study = study.changed(samples=len(data), cells=data.cells, observable=observable, target=target)
    study = study.changed(at=at if at is None or isinstance(at, str) else "an array")
    holding = study if module is None else _holding(study, module)
    training, held_out = split(data, study.holdout, study.seed)
    noise = None
    if study.sigma == "learn":
        training, held_out, noise = learned_noise(training, held_out, study.seed, learns.value)
    scaling = choose_scaling(training, *checked_learner(holding, noisy=training.sigma is not None))
    device = device_of(holding).type
    found, facts = [], []
    try:
        with _shown(holding, progress) as report:
            for number in range(study.members):
                learned, own = _learned(
                    Member(holding, number, training, held_out, scaling, device, learns), report
                )
                found.append(rounds_of(study).series(learned, data.cells))
                facts.append(own)
    except KeyboardInterrupt as stop:
        raise Interrupted("Interrupted: nothing is left behind. Call fit_series again.") from stop
    kept = replace(held_out, potentials=held_out.potentials[:], gradient=None)
    return LearnedSeries(tuple(found), study, kept, facts, learns, noise)


def _rows(
    potentials: Any, values: Any, sigma: Any, observable: str, at: Any, name: str
) -> tuple[Labelled, Target]:
    """The rows as the rounds see them, and what is learned."""
    if at is not None and np.ndim(potentials) == 2:
        at = read_reference(at, np.shape(potentials)[1]) if isinstance(at, str) else at
    learns = make_target(name if observable == OBSERVABLE else "given", at)
    if learns.reference is None:
        rows = own_rows(potentials, values, sigma=sigma, observable=observable)
        if observable == OBSERVABLE:
            _require_convergent(rows.strength)
        return rows, learns
    rows = own_rows(
        np.asarray(potentials, dtype=float) - learns.base(np.shape(potentials)[-1]),
        np.asarray(values, dtype=float) - learns.value,
        sigma=sigma,
    )
    return replace(rows, strength=learns.require(np.asarray(potentials, dtype=float))), learns


def _named(learner: Any) -> tuple[Any, nn.Module | None]:
    """The learners' names, and the torch module that stands among them, if any."""
    parts = list(learner) if isinstance(learner, list | tuple) else [learner]
    modules = [part for part in parts if isinstance(part, nn.Module)]
    if len(modules) > 1:
        raise InputError(f"learner: expected one torch module at most; got {len(modules)}.")
    for part in parts:
        if isinstance(part, type) and issubclass(part, nn.Module):
            raise InputError(f"learner: expected a module, got the class {part.__name__}: make one of it.")
    names = [MODULE if isinstance(part, nn.Module) else part for part in parts]
    return (names, modules[0]) if modules else (learner, None)


def _holding(study: StudyConfig, module: nn.Module) -> StudyConfig:
    """The configuration with the module, which no file can hold."""
    parts = (part.holding(module) if name == MODULE else part for name, part in study.parts())  # type: ignore[attr-defined]
    return study.changed(settings=tuple(parts))


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


def _require_convergent(strength: np.ndarray) -> None:
    if strength.max() >= 1:
        row = int(np.argmax(strength))
        raise InputError(
            f"potentials: row {row + 1}: expected a strength eta below 1, where the Born series converges; "
            f"got {strength[row]:.6g}. Leave such potentials out."
        )


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

    if study.reason is not None:
        print(f"bornnet: {study.reason}.", file=sys.stderr)
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
