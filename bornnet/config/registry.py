"""The table of learners: where the settings and the class of each stand. A new learner is one line here.

Settings are imported for help texts and configurations, classes when something is fitted or opened.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InputError
from .names import suggestion

if TYPE_CHECKING:
    from .schema import LearnerConfig


class Entry(NamedTuple):
    """Where a learner's settings and its class stand: ``module:name``, or the classes themselves."""

    config: Any
    learner: Any


_TABLE: dict[str, Entry] = {
    "mlp": Entry("bornnet.learners.mlp.config:Config", "bornnet.learners.mlp.perceptron:Perceptron"),
    "polynomial": Entry(
        "bornnet.learners.polynomial.config:Config", "bornnet.learners.polynomial.least_squares:Polynomial"
    ),
    "gp": Entry("bornnet.learners.gp.config:Config", "bornnet.learners.gp.learner:GaussianProcess"),
    "flow": Entry("bornnet.learners.flow.config:Config", "bornnet.learners.flow.learner:FlowLearner"),
}
_CHAIN = "bornnet.learners.chain:Chain"  # chosen by naming several

MODULE = "module"
"""The name of learners that are torch modules: given as objects, from Python, and not chosen by name."""

_GIVEN: dict[str, Entry] = {
    MODULE: Entry("bornnet.learners.module.config:Config", "bornnet.learners.module.learner:ModuleLearner"),
}


def learner_names() -> tuple[str, ...]:
    """The learners that can be chosen by name."""
    return tuple(_TABLE)


def known_learners() -> tuple[str, ...]:
    """The learners that configurations and files may name: also those that are given as objects."""
    return (*_TABLE, *_GIVEN)


def register(name: str, config: "type[LearnerConfig]", learner: type) -> None:
    """Add a learner of one's own to the table: its settings, and its class (`learners.base.Learner`).

    Commands, configurations, run directories and comparisons then take it by its name. Raises `InputError`
    where the name is taken or is none that a file can hold.
    """
    if name in _GIVEN or _TABLE.get(name, Entry(config, learner)) != Entry(config, learner):
        raise InputError(f"learner {name!r} is there already; take another name.")
    if not name.isidentifier():
        raise InputError(f"learner: expected a name of letters, digits and _; got {name!r}.")
    _TABLE[name] = Entry(config, learner)


def require_learner(name: str, where: str) -> None:
    """`InputError`, with the nearest name, where there is no such learner."""
    if name not in known_learners():
        raise InputError(
            f"{where}: expected one of {', '.join(_TABLE)}, or several with commas between; got {name!r}."
            f"{suggestion(name, _TABLE)}"
        )


def learner_config(name: str) -> "type[LearnerConfig]":
    """The settings of a learner that is in the table."""
    return _found((_TABLE | _GIVEN)[name].config)


def learner_class(name: str) -> Any:
    """The class of a learner that is in the table, or of a chain of them."""
    return _found(_CHAIN if name == "chain" else (_TABLE | _GIVEN)[name].learner)


def _found(entry: Any) -> Any:
    if not isinstance(entry, str):
        return entry
    module, _, name = entry.partition(":")
    return getattr(import_module(module), name)
