"""Checks of damaged files in a process of their own: HDF5 may crash on one, or never come back, before
anybody can say what is wrong, as about one flipped byte in some tens of thousands makes it do."""

import faulthandler
import os
import resource
import traceback
import warnings
from collections.abc import Callable

_SECONDS = 30  # of processor time, where a check takes a fraction of one


def checked_apart(check: Callable[[], None]) -> None:
    """Run the check in a forked process and fail where it does; that the process crashes, or is killed for
    the time that it takes, is no failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, from Python 3.12 on
        child = os.fork()
    if not child:
        code = 1
        try:
            faulthandler.disable()
            resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
            check()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert os.waitstatus_to_exitcode(status) <= 0, "the check has failed: see the traceback above"
