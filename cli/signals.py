"""SIGINT and SIGTERM, both as an interrupt that cannot get lost."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_received: list[int] = []


class Stopped(KeyboardInterrupt):
    """A signal asked to stop. Whatever saves its state on Ctrl-C does so on SIGTERM too.

    A class of its own: where KeyboardInterrupt itself passes through compiled text, as during imports, Python
    later ends by the signal, whatever the exit code was to be.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


@contextmanager
def raised_as_stopped() -> Iterator[None]:
    """SIGINT and SIGTERM raise `Stopped` in the block; afterwards they do what they did before."""
    _received.clear()
    hook = sys.unraisablehook
    sys.unraisablehook = lambda swallowed: None if swallowed.exc_type is Stopped else hook(swallowed)
    former = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook


def check() -> None:
    """Raise again what was swallowed: Python drops an exception that arises in a finalizer."""
    if _received:
        raise Stopped(_received[-1])


def _stop(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise Stopped(number)
