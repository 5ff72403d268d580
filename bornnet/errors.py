"""The errors a user can meet. Each says what, where, expected and got, and what to do."""


class BornnetError(Exception):
    """Something failed while running. Commands exit with 1."""

    exit_code = 1


class InputError(BornnetError, ValueError):
    """Wrong usage or bad input. Commands exit with 2, and nothing has been written."""

    exit_code = 2


class Busy(InputError):
    """Another living process is writing the same output."""


class Interrupted(BornnetError):
    """Stopped by the user after the state was saved. Commands exit with 130."""

    exit_code = 130


class WorkerLost(BornnetError):
    """A process that ran a task, or its cluster, is gone."""


class DerivativeWarning(UserWarning):
    """A derivative was computed whose meaning the user should know (kinks of ReLU, for example)."""
