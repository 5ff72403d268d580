"""Compiled kernels, kept on the disk between runs where there is a place for them, else made anew."""

import logging
import os
import sys
from collections.abc import Callable
from multiprocessing import parent_process
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserWideCacheLocator

_log = logging.getLogger(__name__)


def njit(*, cache: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit`, for which `cache` is a wish: nothing fails where compiled code cannot be stored.

    It is stored beside the source, or in the user's cache folder, or where NUMBA_CACHE_DIR says.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        compiled = numba.njit(**options)(function)
        if cache:
            try:
                compiled._cache = _Cache(function)
            except (RuntimeError, OSError) as error:
                _log.debug("%s is compiled in every process: %s", function.__name__, error)
        return compiled

    return decorate


_told = False


def tell_that_it_compiles() -> None:
    """One line, once, for who waits at a terminal or in a notebook: what was not stored is compiled first."""
    global _told
    waits = sys.stderr is not None and (sys.stderr.isatty() or "ipykernel" in sys.modules)
    if waits and not _told and parent_process() is None:
        print("Compiling what is used for the first time, and keeping it: up to a minute.", file=sys.stderr)
        _told = True


class _Places(CompileResultCacheImpl):
    _locator_classes = [  # noqa: RUF012
        place
        for place in CompileResultCacheImpl._locator_classes
        # of a user without a home it would be a folder called ~ in the current one
        if place is not UserWideCacheLocator or os.path.isabs(os.path.expanduser("~"))
    ]


class _Cache(FunctionCache):
    """A disk that is full, or a folder that has gone since, costs the cache and nothing else."""

    _impl_class = _Places

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            found = super().load_overload(sig, target_context)
        except OSError:
            self.disable()
            found = None
        if found is None:
            tell_that_it_compiles()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _log.debug("compiled code is not stored: %s", error)
            self.disable()
