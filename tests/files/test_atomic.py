"""Outputs appear whole or not at all, are not overwritten unasked, and have one living writer."""

import errno
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from bornnet.errors import InputError
from bornnet.files.atomic import lock, new_directory, new_file


@pytest.fixture(params=["file", "directory"])
def output(request, tmp_path):
    """The same promises for both kinds: how to make one, fill it, and read it back."""

    class Output:
        path = tmp_path / "out"
        new = staticmethod(new_file if request.param == "file" else new_directory)

        @staticmethod
        def fill(temporary: Path, text: str) -> None:
            (temporary if request.param == "file" else temporary / "content").write_text(text)

        @classmethod
        def read(cls) -> str:
            return (cls.path if request.param == "file" else cls.path / "content").read_text()

    return Output


def entries(folder):
    return sorted(os.listdir(folder))


def test_appears_when_the_block_ends_and_leaves_nothing_else(output, tmp_path):
    with output.new(output.path) as temporary:
        output.fill(temporary, "new")
        assert not output.path.exists()
    assert output.read() == "new"
    assert entries(tmp_path) == ["out"]


def test_existing_output_is_refused_before_the_block_runs(output):
    with output.new(output.path) as temporary:
        output.fill(temporary, "old")
    with pytest.raises(InputError, match=r"out exists already; .*--force"), output.new(output.path):
        pytest.fail("the block ran")
    assert output.read() == "old"


def test_force_replaces(output, tmp_path):
    for text in ("old", "new"):
        with output.new(output.path, force=True) as temporary:
            output.fill(temporary, text)
    assert output.read() == "new"
    assert entries(tmp_path) == ["out"]


@pytest.mark.parametrize("failure", [RuntimeError(), OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_failure_leaves_the_former_output_and_no_temporary(output, tmp_path, failure):
    with output.new(output.path) as temporary:
        output.fill(temporary, "old")

    def fail_half_way():
        with output.new(output.path, force=True) as temporary:
            output.fill(temporary, "half")
            raise failure

    with pytest.raises(type(failure)):
        fail_half_way()
    assert output.read() == "old"
    assert entries(tmp_path) == ["out"]


def test_failed_flush_leaves_the_former_output(output, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with output.new(output.path) as temporary:
        output.fill(temporary, "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"), output.new(output.path, force=True) as temporary:
        output.fill(temporary, "new")
    assert output.read() == "old"
    assert entries(tmp_path) == ["out"]


def test_output_made_by_another_meanwhile_is_kept(output):

    def be_overtaken():
        with output.new(output.path) as temporary:
            output.fill(temporary, "ours")
            if temporary.is_dir():
                output.path.mkdir()
            output.fill(output.path, "theirs")

    with pytest.raises(InputError, match="exists already"):
        be_overtaken()
    assert output.read() == "theirs"


def test_second_writer_is_refused(output):
    with output.new(output.path) as temporary:
        output.fill(temporary, "first")
        with pytest.raises(InputError, match="written by another process"), output.new(output.path):
            pytest.fail("the block ran")
    assert output.read() == "first"


def _write_until_killed(new, path, ready):
    with new(path) as temporary:
        if temporary.suffix == ".part" and not temporary.is_dir():
            temporary.write_text("half")
        ready.set()
        signal.pause()


def test_killed_writer_leaves_neither_output_nor_lock(output, tmp_path):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    writer = context.Process(target=_write_until_killed, args=(output.new, output.path, ready))
    writer.start()
    assert ready.wait(20)
    with pytest.raises(InputError, match="another process"), lock(output.path):
        pytest.fail("the lock was taken from a living process")
    writer.kill()
    writer.join(20)
    assert not output.path.exists()
    with output.new(output.path) as temporary:
        output.fill(temporary, "after")
    assert output.read() == "after"
    assert entries(tmp_path) == ["out"]


def test_missing_parents_are_made(output):
    output.path = output.path / "deep" / "er"
    with output.new(output.path) as temporary:
        output.fill(temporary, "there")
    assert output.read() == "there"


def test_parent_that_is_a_file(output, tmp_path):
    (tmp_path / "plain").write_text("")
    with pytest.raises(InputError, match="plain is not a folder"), output.new(tmp_path / "plain" / "out"):
        pytest.fail("the block ran")


def test_unwritable_parent(output, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="cannot be written"), output.new(output.path):
        pytest.fail("the block ran")
    assert entries(tmp_path) == []


@pytest.mark.parametrize("length", [251, 256, 5000])
def test_name_that_is_too_long(output, tmp_path, length):
    """Also where only the temporary's name would be."""
    with pytest.raises(InputError, match="too long"), output.new(tmp_path / ("a" * length)):
        pytest.fail("the block ran")
    assert entries(tmp_path) == []


def test_file_is_not_written_over_a_folder(tmp_path):
    with pytest.raises(InputError, match="got a folder"), new_file(tmp_path, force=True):
        pytest.fail("the block ran")


def test_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "out")
    with pytest.raises(InputError, match="got a device or a pipe"), new_file(tmp_path / "out", force=True):
        pytest.fail("the block ran")


def test_folder_is_not_written_over_a_file(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="got a file"), new_directory(tmp_path / "out", force=True):
        pytest.fail("the block ran")
    assert (tmp_path / "out").read_text() == "mine"


def test_force_does_not_replace_a_folder_that_is_not_ours(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years")
    with (
        pytest.raises(InputError, match=r"holds no provenance\.json"),
        new_directory(tmp_path / "out", force=True, marker="provenance.json"),
    ):
        pytest.fail("the block ran")
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years"


def test_force_does_not_replace_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "out" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "out" / "here")
    with pytest.raises(InputError, match="current folder"), new_directory(tmp_path / "out", force=True):
        pytest.fail("the block ran")


def test_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    with new_directory(tmp_path / "out") as temporary:
        (temporary / "content").write_text("new")
    assert entries(tmp_path / "out") == ["content"]


def test_folder_whose_replacement_was_killed_between_the_renames_comes_back(tmp_path, monkeypatch):
    def replace(text, force=False):
        with new_directory(tmp_path / "out", force=force) as temporary:
            (temporary / "content").write_text(text)

    rename = os.replace

    def die_at_the_second(source, target):
        if Path(source).suffix == ".part":
            raise SystemExit
        rename(source, target)

    replace("old")
    monkeypatch.setattr(os, "replace", die_at_the_second)
    with pytest.raises(SystemExit):
        replace("new", force=True)
    monkeypatch.undo()
    assert entries(tmp_path) == [".out.old"]
    with pytest.raises(InputError, match="exists already"):
        replace("newer")
    assert (tmp_path / "out" / "content").read_text() == "old"
    assert entries(tmp_path) == ["out"]
