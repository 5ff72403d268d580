"""Where tasks run: on processes of this machine, or on a Dask cluster, through one interface.

Both ways give a `concurrent.futures.Executor`. A task is a function of a module with arguments that can be
pickled; it must not mind being run twice, for a cluster repeats what a lost worker had begun.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, TypeVar

from .. import __version__
from ..errors import InputError, WorkerLost

_log = logging.getLogger(__name__)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
CONNECT_SECONDS = 10
_MEANWHILE_SECONDS = 0.5
_WATCH_SECONDS = 2.0


@contextmanager
def executor(workers: int | None = None, scheduler: str | None = None) -> Iterator[Executor]:
    """An executor of `workers` local processes (all processors by default), or of a Dask cluster.

    `scheduler` is the address of a Dask scheduler, such as ``tcp://node1:8786``; the cluster then decides how
    many tasks run at once, and `workers` does not matter. Local processes are spawned: a script that calls
    this needs the usual ``if __name__ == "__main__":``.

    When the block ends with an error, tasks not yet begun are cancelled. Local ones at work are told to stop
    by a `KeyboardInterrupt`, also when this process is killed outright, and are waited for; on a cluster
    they run to their end.

    Raises:
        InputError: no scheduler answers at the address, or dask.distributed is not installed.
    """
    if scheduler is not None:
        with _cluster(scheduler) as pool:
            yield pool
        return
    context = multiprocessing.get_context("spawn")
    lifeline, held = context.Pipe(duplex=False)
    pool = _Processes(workers or processors(), mp_context=context, initializer=_follow, initargs=(lifeline,))
    try:
        yield pool
    except BaseException:
        held.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        held.close()
        lifeline.close()


def completed(
    pool: Executor,
    function: Callable[[_Item], _Result],
    items: Iterable[_Item],
    meanwhile: Callable[[], Any] | None = None,
) -> Iterator[tuple[_Item, _Result]]:
    """Each item with its `function(item)`, in the order in which they are done.

    `meanwhile` is called after every half second in which none was done. An exception of a task is raised
    here. `WorkerLost` where a worker, or the cluster, was lost.
    """
    tasks: dict[Future[_Result], _Item] = {pool.submit(function, item): item for item in items}
    while tasks:
        done = as_completed(tasks, timeout=_MEANWHILE_SECONDS if meanwhile else None)
        while tasks:
            try:
                task = next(done)
            except TimeoutError:
                if meanwhile is not None:
                    meanwhile()
                break
            try:
                result = task.result()
            except (BrokenProcessPool, CancelledError) as error:
                raise WorkerLost(_LOST) from error
            except Exception as error:
                if type(error).__name__ == "KilledWorker":  # of distributed, which need not be installed
                    raise WorkerLost(_LOST) from error
                raise
            yield tasks.pop(task), result


_LOST = (
    "a worker was lost, or the cluster's scheduler: killed, at the end of its time, or out of memory; what "
    "was finished is kept. Give it what it lacks, or take fewer --workers, and go on with --resume."
)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Processes(ProcessPoolExecutor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(_interruptible, fn, *args, **kwargs)


_at_work = False
_stopping = False


def _interruptible(function: Callable[..., _Result], *args: Any, **kwargs: Any) -> _Result:
    global _at_work
    _at_work = True
    try:
        if _stopping:  # the pool hands out tasks ahead of time
            raise KeyboardInterrupt
        return function(*args, **kwargs)
    finally:
        _at_work = False


def _follow(lifeline: Connection) -> None:
    """Set up a worker that stops when its parent does.

    A Ctrl-C reaches the whole group of processes; that the parent alone decides on it keeps the order.
    """

    def watch() -> None:
        lifeline.poll(None)  # nothing is ever sent: the parent has let go of its end, or is dead
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=watch, daemon=True).start()


def _stop(number: int, frame: FrameType | None) -> None:
    global _stopping
    if _stopping:
        return
    _stopping = True
    threading.Thread(target=_leave, daemon=True).start()
    if _at_work:
        raise KeyboardInterrupt


def _leave() -> None:
    while _at_work:
        time.sleep(0.01)
    time.sleep(1)  # to hand over the result and be dismissed by the pool, unless it is gone or broken
    os._exit(1)


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "--scheduler needs dask.distributed, which is not installed: pip install 'bornnet[cluster]'."
        ) from error
    try:
        # A client that fails to connect would take its time and complain on its own.
        with ThreadPoolExecutor(1) as apart:  # from an event loop that may be running, as in notebooks
            apart.submit(asyncio.run, _knock(address)).result()
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise InputError(
            f"--scheduler: no Dask scheduler answers at {address!r} ({error}). Start one with `dask "
            "scheduler`, which prints its address, and workers with `dask worker ADDRESS`."
        ) from error
    with Client(address, timeout=CONNECT_SECONDS, set_as_default=False) as client:
        _require_same_version(client, address)
        ended = threading.Event()
        threading.Thread(target=_watch, args=(client, address, ended), daemon=True).start()
        try:
            with client.get_executor(pure=False) as pool:
                try:
                    yield pool
                except BaseException:
                    pool.shutdown(wait=False)
                    raise
        finally:
            ended.set()


def _watch(client: Any, address: str, ended: threading.Event) -> None:
    """Say so where the cluster has no workers, or none any more: the work waits for new ones."""
    had_some = True
    while not ended.is_set():
        try:
            has_some = bool(client.scheduler_info()["workers"])
        except Exception:  # the scheduler is gone, as the tasks will tell
            return
        if had_some and not has_some:
            _log.warning(
                "the cluster at %s has no workers; waiting for some. Ctrl-C keeps what is finished.", address
            )
        had_some = has_some
        ended.wait(_WATCH_SECONDS)


async def _knock(address: str) -> None:
    from distributed.comm import connect

    comm = await connect(address, timeout=CONNECT_SECONDS)
    await comm.close()


def _require_same_version(client: Any, address: str) -> None:
    try:
        there = client.run_on_scheduler(_version)
    except Exception as error:
        there = f"none that can be imported ({type(error).__name__})"
    if there != __version__:
        raise InputError(
            f"--scheduler: expected bornnet {__version__} on the cluster at {address}, as here, got {there}; "
            "install the same in the environment of its scheduler and workers."
        )


def _version() -> str:
    return __version__
