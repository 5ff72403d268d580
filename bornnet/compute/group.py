"""Processes that fit one network together, each on its own share of the rows (torch.distributed).

Started by ``torchrun``, they find each other by `join`. Every optimizer needs sums alone (of losses,
gradients, normal equations), so that n processes walk the path of one, within rounding. Process 0 writes,
shows and decides. With one process every function gives back what it got.
"""

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import WorkerLost
from .launcher import launched

_Result = TypeVar("_Result")
_PATIENCE = timedelta(minutes=30)  # with a process that neither answers nor is gone

_alone = False  # whether this process does what the others wait for the result of
_joined = False  # whether this process has set out to meet others


def join() -> None:
    """Meet the other processes, where there are any and it has not been done."""
    global _joined
    if launched() and dist.is_available() and not dist.is_initialized():
        _joined = True
        _meet()
        atexit.register(_part)


def _meet() -> None:
    """Wait for the others in a thread: torch waits deaf to Ctrl-C and SIGTERM, which reach the main one."""
    backend = "cpu:gloo,cuda:nccl" if dist.is_nccl_available() else "gloo"
    errors: list[Exception] = []

    def meet() -> None:
        try:
            dist.init_process_group(backend, timeout=_PATIENCE)
        except Exception as error:
            errors.append(error)

    meeting = threading.Thread(target=meet, daemon=True)
    meeting.start()
    while meeting.is_alive():
        meeting.join(0.1)
    if errors:
        raise WorkerLost("the processes that torchrun started could not meet") from errors[0]


def _part() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def leave(code: int) -> None:
    """End this process with that exit code, where it belongs to several that did not all come to their end.

    Their threads of torch may still be talking to one that is gone, and abort an interpreter that winds up.
    """
    if _joined:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def local_processes() -> int:
    """How many of the processes are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", processes())) if active() else 1


def local_rank() -> int:
    """The number of this process among those on its machine."""
    return int(os.environ.get("LOCAL_RANK", rank())) if active() else 0


def active() -> bool:
    """Whether several processes work together."""
    return not _alone and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def rank() -> int:
    """The number of this process, 0 for the one that writes."""
    return dist.get_rank() if active() else 0


def processes() -> int:
    """How many processes work together."""
    return dist.get_world_size() if active() else 1


def total(tensor: Tensor) -> Tensor:
    """The sum of a tensor over all processes, in place."""
    if active():
        with _others():
            dist.all_reduce(tensor)
    return tensor


def agreed(tensor: Tensor) -> Tensor:
    """The tensor of process 0 everywhere, in place: rounding may differ from machine to machine."""
    if active():
        with _others():
            dist.broadcast(tensor, 0)
    return tensor


def decided(answer: bool) -> bool:
    """The answer of process 0 everywhere: clocks differ."""
    return bool(agreed(torch.tensor(int(answer))))


def everywhere(action: Callable[[], _Result]) -> _Result:
    """The result of the action in each process; an error in one of them is raised in all."""
    if not active():
        return action()
    result: Any = None
    error: Exception | None = None
    try:
        result = action()
    except Exception as raised:
        error = raised
    errors: list[Exception | None] = [None] * processes()
    with _others():
        dist.all_gather_object(errors, error)
    if error is not None:
        raise error
    for theirs in errors:
        if theirs is not None:
            raise theirs
    return result


def at_first(action: Callable[[], _Result]) -> _Result:
    """Run the action in process 0 alone; its result, or its error, in all."""
    if not active():
        return action()
    box = [everywhere(lambda: _by_itself(action) if rank() == 0 else None)]
    with _others():
        dist.broadcast_object_list(box, 0)
    return box[0]  # type: ignore[return-value]


def _by_itself(action: Callable[[], _Result]) -> _Result:
    """The action, with sums of this process alone: the others take no part in them."""
    global _alone
    _alone = True
    try:
        return action()
    finally:
        _alone = False


@contextmanager
def _others() -> Iterator[None]:
    """`WorkerLost` where another process is gone."""
    try:
        yield
    except RuntimeError as error:
        raise WorkerLost(
            f"one of {processes()} processes that train together is gone (killed, stopped, or out of memory)"
        ) from error
