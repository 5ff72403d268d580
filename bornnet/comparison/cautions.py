"""What training warned of, said again where its result is read: too few rows, an early end, the noise."""

from collections.abc import Sequence
from typing import Any

from ..config.schema import StudyConfig
from ..series.member import learner_of
from .residuals import Residuals

_AT_FLOOR = 1.3  # times the stated errors: held-out values can't be met much better than that
_ABOVE_FLOOR = 2.0


def cautions(
    config: StudyConfig, cells: int, rounds: Sequence[Sequence[dict[str, Any]]], residuals: Residuals
) -> list[str]:
    """Sentences about the rounds of every member, as their fits left them (`training_rows`, `left_out`,
    `steps`, `best_step`), and about what held-out residuals say of the stated errors."""
    return [
        *_few_rows(config, cells, rounds),
        *_left_out(rounds),
        *_early_ends(config, rounds),
        *_noise(residuals, config.learner),
    ]


def _few_rows(config: StudyConfig, cells: int, rounds: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    learner, settings = learner_of(config)
    weights = learner.weight_count(cells, settings)
    found = [(facts["training_rows"], facts["round"]) for member in rounds for facts in member]
    if weights is None or not found or min(found)[0] >= weights:
        return []
    rows, number = min(found)
    return [
        f"Round {number} had {rows:,} potentials for {weights:,} weights: between them what was learned "
        "can be wrong by more than the training error tells. Take more potentials, or a smaller network."
    ]


def _left_out(rounds: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    # earlier versions left out none, and their files do not say so
    found = [
        (facts.get("left_out", 0), facts["training_rows"], facts["round"]) for m in rounds for facts in m
    ]
    count, rows, number = max(found, default=(0, 0, 0))
    if not count:
        return []
    return [
        f"Round {number} left {count:,} of {rows:,} potentials out: the flow's steps do not follow them "
        "exactly enough, where its state comes near a pole on the way, or a cell is very deep. With more "
        "steps a cell (--substeps) fewer are left out."
    ]


def _early_ends(config: StudyConfig, rounds: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    learner, settings = learner_of(config)
    stopped, last, idle = set(), set(), set()
    for member in rounds:
        for facts in member:
            most = learner.most_steps(settings, facts["round"])
            patience = getattr(settings, "patience", None)  # chains and direct fits have none
            if most <= 1 or patience is None:
                continue
            if facts["best_step"] == 0:
                idle.add(facts["round"])
            elif facts["steps"] >= most and facts["best_step"] == facts["steps"]:
                last.add(facts["round"])
            elif facts["steps"] < most and facts["steps"] - facts["best_step"] < patience:
                stopped.add(facts["round"])
    found = []
    if idle:
        found.append(
            f"{_rounds(idle)} gained nothing on held-out potentials: weights are those of the beginning."
        )
    if last:
        found.append(f"{_rounds(last)} {_were(last)} still gaining at the last step: more steps would help.")
    if stopped and config.time_limit is not None:
        found.append(f"{_rounds(stopped)} {_were(stopped)} stopped by the time limit before the end.")
    return found


def _noise(residuals: Residuals, learners: Sequence[str]) -> list[str]:
    in_sigma = residuals.as_dict()["value"]["in_sigma"]
    if in_sigma is None:
        return []
    if in_sigma <= _AT_FLOOR:
        return [
            f"The noise floor is reached: held-out values are met to {in_sigma:.2g} of their stated "
            "errors. More training won't help; more potentials, stronger ones or smaller errors will."
        ]
    if in_sigma > _ABOVE_FLOOR:
        return [
            f"Held-out values are off by {in_sigma:.2g} of their stated errors: these are too small, some "
            "rows are wrong, or the learner cannot follow the values."
        ]
    return []


def _rounds(numbers: set[int]) -> str:
    ordered = sorted(numbers)
    named = ", ".join(map(str, ordered[:-1])) + (" and " if len(ordered) > 1 else "") + str(ordered[-1])
    return f"Round{'s' if len(ordered) > 1 else ''} {named}"


def _were(numbers: set[int]) -> str:
    return "were" if len(numbers) > 1 else "was"
