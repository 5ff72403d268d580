"""Commands in processes of their own that can be killed, started in milliseconds from a warm server."""

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import time
from pathlib import Path

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["bornnet.cli.main", "bornnet.runs.rounds", "bornnet.datasets.generate"])


def _command(folder: str, arguments: list[str], file_size: int | None) -> None:
    """The body of the process; it makes the file `began` once its signals are handled."""
    os.chdir(folder)
    sys.argv = ["bornnet", *arguments]
    from bornnet.cli.main import main

    from bornnet.datasets import generate as generation
    from bornnet.runs import rounds as fitting

    def announced(work):
        def begun(*given, **options):
            Path("began").touch()
            return work(*given, **options)

        return begun

    fitting.fit_run = announced(fitting.fit_run)
    generation.generate = announced(generation.generate)
    fitting.CHECKPOINT_SECONDS = 0.01  # so that a short run has many
    if file_size is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # before and after the command, which handles them
    with (
        open("out.txt", "w") as out,
        open("err.txt", "w") as err,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main(arguments)
    sys.exit(code)


class Disturbed:
    """`bornnet ARGUMENTS` at work in a folder."""

    def __init__(self, folder: Path, *arguments: object, file_size: int | None = None) -> None:
        self.folder = folder
        (folder / "began").unlink(missing_ok=True)
        self.process = context.Process(target=_command, args=(str(folder), [*map(str, arguments)], file_size))
        self.process.start()

    def wait_until(self, happened) -> None:
        while self.process.is_alive() and not happened():
            time.sleep(0.001)

    def stop(self, number: int, delay: float) -> int:
        """Send a signal that long after the work began; the exit code (of a process that may be done)."""
        self.wait_until((self.folder / "began").exists)
        time.sleep(delay)
        if self.process.is_alive():
            os.kill(self.process.pid, number)
        return self.finish()

    def finish(self) -> int:
        self.process.join(120)
        assert self.process.exitcode is not None, "the command hangs"
        return self.process.exitcode

    @property
    def out(self) -> str:
        return (self.folder / "out.txt").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err.txt").read_text()
