"""What `train` and `iterate` share: their options, progress and results."""

from dataclasses import asdict
from shlex import quote
from typing import Any

import click

from bornnet.config.names import LABELS
from bornnet.config.registry import learner_config, learner_names
from bornnet.config.schema import Common, Data, Iteration

from .configured import configured, study_options
from .options import Name, force_option, resume_option, terminal_options, together
from .terminal import Terminal, table

training_options = together(
    configured(Iteration, without=("rounds",)),
    click.option(
        "--labels",
        type=Name(LABELS),
        help="Fit values alone, or gradients too.  [default: what the data have]",
    ),
    configured(Data, only=("observable",)),
    configured(*(learner_config(name) for name in learner_names())),
    configured(Common, only=("device",)),
)
run_options = together(
    click.option(
        "--out", required=True, type=click.Path(), metavar="RUN", help="The run directory to write."
    ),
    training_options,
    study_options,
    click.option("--dry-run", is_flag=True, help="Say what would be run and how large it is; write nothing."),
    click.option(
        "--at-once",
        type=click.IntRange(min=1),
        default=1,
        metavar="N",
        help="Members trained side by side, each on its share of --workers.",
    ),
    force_option,
    resume_option,
    terminal_options,
)


def run_fit(command: str, data: str, flags: dict[str, Any]) -> None:
    """Train as the flags say, show progress, and report what was written."""
    out, preset, config = flags.pop("out"), flags.pop("preset"), flags.pop("config")
    force, resume, dry_run = flags.pop("force"), flags.pop("resume"), flags.pop("dry_run")
    at_once = flags.pop("at_once")
    terminal: Terminal = flags.pop("terminal")
    study = _configuration(out, preset, config, flags, resume)
    study = _settled(study, data, terminal)
    if dry_run:
        from bornnet.runs.estimate import estimate

        plan = estimate(data, study, at_once=at_once)
        of_how_many = f" of {at_once} at once" if (at_once := min(at_once, study.members)) > 1 else ""
        terminal.result(
            {"dry_run": True, **plan},
            table(
                f"{command} {data}: what it would take (nothing is written)",
                ("round", "potentials", "weights", "steps, at most", "memory", "time, about"),
                [
                    (
                        r["round"],
                        f"{r['training_rows']:,}",
                        "-" if r["weights"] is None else f"{r['weights']:,}",
                        r["steps"],
                        _size(r["memory"]),
                        "not known" if r["seconds"] is None else duration(r["seconds"]),
                    )
                    for r in plan["rounds"]
                ],
                f"{_counted(plan['members'], 'member')}: {_about(plan['seconds'])}"
                f"Memory{of_how_many} is beyond what the program itself takes.",
            ),
        )
        return
    from bornnet.runs.rounds import fit_run
    from bornnet.series.member import learner_of

    learner, settings = learner_of(study)
    shares = [learner.most_steps(settings, number) for number in range(1, study.rounds + 1)]
    with terminal.progress("Training", study.members * sum(shares)) as advance:
        done: dict[int, int] = {}

        def report(member: int, number: int, progress: Any) -> None:
            # a round that ends early is worth its full share
            in_round = shares[number - 1] if progress.finished else progress.step
            steps = sum(shares[: number - 1]) + in_round
            who = f"member {member + 1}, " if study.members > 1 else ""
            errors = f"{progress.error:.1e} (held out {progress.held_out_error:.1e})"
            advance(steps - done.get(member, 0), f"{who}round {number}: {errors}")
            done[member] = steps

        fitted = fit_run(data, out, study, force=force, resume=resume, at_once=at_once, report=report)
    rows = [
        (
            f"{member + 1}",
            r["round"],
            f"{r['training_rows']:,}",
            f"{r['steps']} ({r['best_step']})",
            f"{r['held_out_error']:.1e}",
            f"{r['held_out_typical']:.1e}",
        )
        for member, rounds in enumerate(fitted.rounds)
        for r in rounds
    ]
    left_out = max(r["left_out"] for rounds in fitted.rounds for r in rounds)
    terminal.result(
        {
            "written": str(fitted.path),
            "members": study.members,
            "rounds": study.rounds,
            "fits": fitted.rounds,
            "held_out_error": [[r["held_out_error"] for r in rounds] for rounds in fitted.rounds],
            "seconds": fitted.seconds,
            **({} if fitted.noise is None else {"noise": asdict(fitted.noise)}),
        },
        table(
            f"Run {fitted.path}",
            ("member", "round", "potentials", "steps (best)", "held-out error", "typical"),
            rows,
            "Errors on held-out potentials, relative to the order that is due, or to the values' own errors: "
            "RMS, and their typical size, by which the best step is chosen. "
            + (
                f"Up to {left_out:,} potentials a round are left out: steps do not follow them. "
                * (left_out > 0)
            )
            + f"Time: {fitted.seconds:.0f} s.",
        ),
        *(() if fitted.noise is None else ("", f"Errors of the values: {fitted.noise}.")),
    )
    terminal.note(f"Wrote {fitted.path}. Next: bornnet compare-born {quote(out)}")


def _about(seconds: float | None) -> str:
    return "how long is not known. " if seconds is None else f"about {duration(seconds)} in all, at most. "


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _size(bytes_held: float) -> str:
    return f"{bytes_held / 1e9:.1f} GB" if bytes_held >= 1e9 else f"{bytes_held / 1e6:.0f} MB"


def duration(seconds: float) -> str:
    """About how long, in the unit that reads well."""
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s" if seconds >= 1 else "under 1 s"


def _settled(study: Any, data: str, terminal: Terminal) -> Any:
    """The study with a learner that suits the dataset, which is said, where it leaves that open."""
    from bornnet.config.load import AUTO

    if study.learner != (AUTO,):
        return study
    from bornnet.series.automatic import for_dataset

    study = for_dataset(study, data)
    terminal.note(f"{study.reason[0].upper()}{study.reason[1:]}.")
    return study


def _configuration(
    out: str, preset: str | None, config: str | None, flags: dict[str, Any], resume: bool
) -> Any:
    """The study; a resumed run without preset and file takes its own."""
    from pathlib import Path

    from bornnet.config.load import load_config

    if resume and preset is None and config is None and (Path(out) / "config.toml").is_file():
        config = str(Path(out) / "config.toml")
    return load_config(preset, config, flags)
