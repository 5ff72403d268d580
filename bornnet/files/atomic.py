"""Outputs that appear whole or not at all, are never overwritten unasked, and have one writer at a time.

An output is built under a temporary name in its own folder, flushed to the disk and renamed into place; a
failure at any moment before the rename leaves what stood there as it was. The writer holds an advisory lock,
which the operating system releases when its owner dies, so that no lock outlives a killed process, and the
temporary of a killed process is simply taken over by the next writer.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from ..errors import Busy, InputError

_Result = TypeVar("_Result")


@contextmanager
def new_file(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary path for the block to write, which becomes `path` when the block ends without an error.

    A symbolic link is written through. Missing parent folders are made. `InputError` where `path` exists
    (unless `force`), is a folder, is being written by another process, or lies in a folder that cannot be
    written; the block has then not run.
    """
    path = Path(path)
    check_new_file(path, force=force)
    path = followed(path)
    with lock(path):
        check_new_file(path, force=force)
        with appearing(path) as temporary:
            yield temporary
            check_new_file(path, force=force)


def followed(path: str | Path) -> Path:
    """Where a symbolic link leads to, whether anything is there or not; any other path as it is."""
    return Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)


@contextmanager
def appearing(path: Path, *, unique: bool = False) -> Iterator[Path]:
    """A temporary path for the block to write, which then takes the place of whatever stands at `path`.

    For who holds the lock of `path`; or, with `unique`, for several processes that may write the same content
    there, each under a temporary name of its own.
    """
    temporary = _beside(path, f"{uuid4().hex}.part" if unique else "part")
    _remove(temporary)
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    finally:
        _remove(temporary)


@contextmanager
def new_directory(path: str | Path, *, force: bool = False, marker: str | None = None) -> Iterator[Path]:
    """A temporary folder for the block to fill, which becomes `path` when the block ends without an error.

    An existing empty folder is replaced; one with content only with `force`, and then only if it holds a file
    called `marker` (where one is named), so that a mistyped path cannot cost a user's other work. Otherwise
    as `new_file`.
    """
    path = Path(path)
    check_new_directory(path, force=force, marker=marker)
    with lock(path):
        temporary, former = _beside(path, "part"), _beside(path, "old")
        if former.exists() and not path.exists():
            os.replace(former, path)  # its replacement was killed between the two renames below
        check_new_directory(path, force=force, marker=marker)
        _remove(temporary)
        try:
            temporary.mkdir()
            yield temporary
            for file in temporary.rglob("*"):
                _flush(file)
            check_new_directory(path, force=force, marker=marker)
            if path.exists():
                _remove(former)
                os.replace(path, former)
            os.replace(temporary, path)
            _flush(path.parent)
            _remove(former)
        finally:
            _remove(temporary)


def check_new_file(path: str | Path, *, force: bool = False) -> None:
    """Raise the `InputError` that `new_file` would, before any work is done."""
    path = Path(path)
    _check_name(path)
    if path.is_dir():
        raise InputError(f"{path}: expected a file to write, got a folder; name a file inside it.")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: expected a file to write, got a device or a pipe.")
    if os.path.lexists(path) and not force:
        raise InputError(f"{path} exists already; give another name, or --force to replace it.")
    _check_parent(followed(path))


def check_new_directory(path: str | Path, *, force: bool = False, marker: str | None = None) -> None:
    """Raise the `InputError` that `new_directory` would, before any work is done."""
    path = Path(path)
    _check_name(path)
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
        raise InputError(f"{path}: expected the name of a folder to write, got a file or a link.")
    if path.is_dir() and any(path.iterdir()):
        if not force:
            raise InputError(f"{path} exists already; give another name, or --force to replace it.")
        if Path.cwd().resolve().is_relative_to(path.resolve()):
            raise InputError(f"{path} holds the current folder and is not replaced; give another name.")
        if marker is not None and not (path / marker).is_file():
            raise InputError(f"{path} holds no {marker}, so it is not ours to replace; give another name.")
    _check_parent(path)


@contextmanager
def lock(path: str | Path) -> Iterator[None]:
    """Hold the one writer's place at `path`; `Busy` where a living process holds it.

    The lock is an advisory `flock` on `.<name>.lock` beside `path`.
    """
    path = Path(path)
    file = _beside(path, "lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _acquire(file)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    if descriptor is None:
        raise Busy(f"{path} is being written by another process; wait for it, or give another name.")
    try:
        yield
    finally:
        # Unlinked while still held: a newcomer that has opened this inode then sees that it is gone.
        with suppress(OSError):
            file.unlink()
        os.close(descriptor)


def when_free(action: Callable[[], _Result], wait: float) -> _Result:
    """The action's result, once no other process writes its output; tried again every so many seconds."""
    while True:
        try:
            return action()
        except Busy:
            time.sleep(wait)


def _beside(path: Path, ending: str) -> Path:
    """A hidden name next to `path`, which may be as short as `.`"""
    whole = Path(os.path.abspath(path))
    return whole.with_name(f".{whole.name}.{ending}")


def _acquire(file: Path) -> int | None:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(file)):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _check_name(path: Path) -> None:
    """`InputError` where the file system has no such names, nor the longer ones that stand beside it."""
    try:
        _beside(path, "part").lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; give another name.") from error


def _check_parent(path: Path) -> None:
    parent = path.parent
    while not os.path.lexists(parent):
        parent = parent.parent
    if not parent.is_dir():
        raise InputError(f"{path}: {parent} is not a folder.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"{path}: the folder {parent} cannot be written.")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
