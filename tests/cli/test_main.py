"""The frame around all commands: help, versions, errors, exit codes, signals, and quick answers."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import click
import numpy as np
import pytest
from bornnet.cli import main as main_module
from bornnet.cli.main import main
from bornnet.cli.options import terminal_options
from bornnet.cli.signals import Stopped
from bornnet.cli.terminal import printable, strict

import bornnet
from bornnet.errors import BornnetError, InputError, Interrupted

COMMANDS = main_module.bornnet.list_commands(click.Context(main_module.bornnet))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_goes_to_stdout(run, command):
    outcome = run(command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"bornnet {command} " in outcome.out.split("Example")[1]


def test_group_help_lists_the_commands(run):
    outcome = run("--help")
    assert outcome.code == 0
    assert all(command in outcome.out for command in COMMANDS)


def test_version(run):
    assert run("--version").out == f"bornnet {bornnet.__version__}\n"


QUICK = [
    ["--version"],
    ["--help"],
    ["generat"],
    *([c, "--help"] for c in COMMANDS),
    *([c, "--nope"] for c in COMMANDS),
]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_help_version_and_usage_errors_are_quick(arguments):
    """Under 0.3 s, the best of many, since other work on the machine is not ours to measure: beside other
    tests it can't be told, so that it is not among the fast ones."""
    command = [sys.executable, "-m", "bornnet.cli.main", *arguments]
    best = np.inf
    for _ in range(20):
        began = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False)
        best = min(best, time.perf_counter() - began)
        if best < 0.3:
            break
    assert best < 0.3


@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_help_version_and_usage_errors_import_no_heavy_library(arguments):
    code = (
        "import sys; from bornnet.cli.main import main; main(sys.argv[1:]);"
        "print(sorted({'torch', 'numba', 'numpy', 'h5py', 'matplotlib', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", ["solve", "predict", "kernels", "diagrams", "guide", "completion"])
def test_help_without_keys_of_the_configuration_does_without_its_models(command):
    """They are half of the time of a help text that has them."""
    code = (
        "import sys; from bornnet.cli.main import main; main(sys.argv[1:]);print('pydantic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command, "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing command. Try 'bornnet --help'."),
        (["generat"], "No such command 'generat'. Did you mean 'generate'? Commands: generate"),
        (["--vresion"], "No such option '--vresion'. Did you mean '--version'?"),
        (["generate"], "Missing argument 'OUT.h5'. Try 'bornnet generate --help'."),
        (["generate", "o.h5", "--sampels", "3"], "No such option '--sampels'. "),
        (["generate", "o.h5", "--samples", "many"], "'many' is not a valid integer"),
        (["generate", "o.h5", "--family", "gausian"], "got 'gausian'. Did you mean 'gaussian'?"),
        (["generate", "o.h5", "--strength", "1"], "Option '--strength' requires 2 arguments."),
        (["generate", "o.h5", "two.h5"], "Got unexpected extra argument (two.h5)"),
    ],
)
def test_usage_errors(refused, arguments, message):
    assert message in refused(*arguments)


@pytest.fixture
def failing(monkeypatch):
    """A command `fail` that raises what it is told to."""
    raised = []

    @click.command()
    @click.option("--verbose", is_flag=True)
    def fail(verbose):
        raise raised[0]

    monkeypatch.setitem(main_module.bornnet.commands, "fail", fail)
    monkeypatch.setattr(type(main_module.bornnet), "list_commands", lambda self, ctx: ["fail"])
    monkeypatch.setattr(type(main_module.bornnet), "get_command", lambda self, ctx, name: fail)
    return raised.append


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("a.csv: row 3: expected 4, got 5."), 2, "Error: a.csv: row 3: expected 4, got 5."),
        (BornnetError("it diverged."), 1, "Error: it diverged."),
        (Interrupted("Interrupted: saved."), 130, "Interrupted: saved."),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (Stopped(signal.SIGTERM), 143, "Interrupted."),
        (MemoryError("Unable to allocate 9 TiB"), 1, "Error: out of memory. Unable to allocate 9 TiB"),
        (OSError(errno.ENOSPC, "No space left on device", "a.h5"), 1, "Error: the disk is full; "),
        (OSError(errno.EROFS, "Read-only file system", "a.h5"), 1, "Error: a.h5: Read-only file system."),
        (ZeroDivisionError("oops"), 1, "Error: ZeroDivisionError: oops (the traceback comes with --verbose)"),
        (
            InputError("a\x1b[31m\nb.csv is [bold]missing[/bold]."),
            2,
            r"Error: a\x1b[31m\nb.csv is [bold]missing",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_errors_are_one_line_and_an_exit_code(run, failing, error, code, line):
    failing(error)
    outcome = run("fail")
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.strip().startswith(line)
    assert outcome.err.strip().count("\n") == 0


def test_interrupted_by_sigterm_after_saving_is_143(run, failing):
    error = Interrupted("Interrupted: saved.")
    error.__cause__ = Stopped(signal.SIGTERM)
    failing(error)
    assert run("fail").code == 143


def test_traceback_only_with_verbose(run, failing):
    failing(BornnetError("it diverged."))
    assert "Traceback" not in run("fail").err
    outcome = run("fail", "--verbose")
    assert "Traceback" in outcome.err
    assert outcome.err.endswith("Error: it diverged.\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals(run, monkeypatch, number, code):
    @click.command()
    def wait():
        os.kill(os.getpid(), number)
        time.sleep(10)

    monkeypatch.setattr(type(main_module.bornnet), "get_command", lambda self, ctx, name: wait)
    assert run("generate").code == code


def test_signal_swallowed_by_a_finalizer_stops_at_the_next_step(run, monkeypatch):
    class Finalized:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)

    steps = []

    @click.command()
    @terminal_options
    def work(terminal):
        with terminal.progress("Working", 3) as advance:
            for step in range(3):
                if step == 1:
                    Finalized()
                steps.append(step)
                advance()

    monkeypatch.setattr(type(main_module.bornnet), "get_command", lambda self, ctx, name: work)
    outcome = run("generate")
    assert (outcome.code, outcome.err.strip()) == (143, "Interrupted.")
    assert steps == [0, 1]


def test_signal_handlers_are_put_back(run):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT), sys.unraisablehook
    run("--version")
    assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT), sys.unraisablehook)


def test_closed_pipe_is_quiet():
    """`bornnet --help | head -0` shows no traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bornnet.cli.main", "generate", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait()


def test_strict_json_of_whatever_numpy_gives():
    value = {
        "a": np.float64("nan"),
        "b": np.array([1.0, np.inf, -np.inf]),
        "c": (np.int64(3), np.bool_(True), None, "x"),
        4: np.float32(0.5),
    }
    assert strict(value) == {"a": None, "b": [1.0, None, None], "c": [3, True, None, "x"], "4": 0.5}
    json.dumps(strict(value), allow_nan=False)


def test_printable_keeps_letters_and_shows_controls():
    assert printable("a0 η ψ\x1b[2J\r\n\u202e") == r"a0 η ψ\x1b[2J\r\n\u202e"


def test_main_takes_its_arguments_from_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bornnet", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("bornnet ")
