"""Checks of damaged files in a process of their own: HDF5 may crash on one before anybody can say what is
wrong, as about one flipped byte in some tens of thousands makes it do."""

import faulthandler
import os
import traceback
import warnings
from collections.abc import Callable


def checked_apart(check: Callable[[], None]) -> None:
    """Run the check in a forked process and fail where it does; that the process crashes is no failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, from Python 3.12 on
        child = os.fork()
    if not child:
        code = 1
        try:
            faulthandler.disable()
            check()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert os.waitstatus_to_exitcode(status) <= 0, "the check has failed: see the traceback above"
