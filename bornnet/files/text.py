"""Text files as they come from people's programs: compressed, in several encodings, with comments."""

import gzip
import re
import sys
import zlib
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError

NPY = b"\x93NUMPY"
_GZIP = b"\x1f\x8b"
_NAMED = {
    b"PK\x03\x04": "a zip archive, as .npz and .xlsx are; save the one table in it as .csv or .npy",
    b"\x89HDF": "an HDF5 file; a dataset of bornnet needs no reading as a table",
    b"BZh": "a bzip2 archive; unpack it first",
    b"\xfd7zXZ": "an xz archive; unpack it first",
    b"(\xb5/\xfd": "a zstd archive; unpack it first",
}
"""First bytes of other kinds of files, and what they are."""

_COMMENT = re.compile(r"[#!]|%(?=\s*[A-Za-z])")
"""Where a comment starts within a line; `5 %` alone is no comment, but a number that cannot be read."""

_SEPARATOR = re.compile(r"sep=.", re.IGNORECASE)
"""A first line in which spreadsheets state what parts the columns."""

_PLAIN = str.maketrans({"\N{MINUS SIGN}": "-", "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " "})


class Line(NamedTuple):
    """A line that is neither empty nor a comment, with its number in the file, from 1."""

    number: int
    text: str


STDIN = Path("<stdin>")
"""Standard input, as errors name it; commands take it by the name `-`."""

_piped: dict[Hashable, bytes] = {}
"""What has come through pipes, such as those of a shell's `<(command)`, which can be read once."""


def is_pipe(path: Path) -> bool:
    """Whether the file is a pipe, or a terminal: something that is gone once it has been read."""
    return path == STDIN or path.is_fifo() or path.is_char_device()


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader | BytesIO]:
    """The file, open for reading bytes; `InputError` where it is missing or cannot be read."""
    try:
        if is_pipe(path):
            yield BytesIO(_of_pipe(path))
        else:
            with path.open("rb") as file:
                yield file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None


def _of_pipe(path: Path) -> bytes:
    """All that came through it, however often it is asked for."""
    if path == STDIN:
        key: Hashable = sys.stdin
        read = sys.stdin.buffer.read
    else:
        status = path.stat()
        key, read = (status.st_dev, status.st_ino), path.read_bytes
    if key not in _piped:
        _piped[key] = read()
    return _piped[key]


def unpacked(path: Path, content: bytes) -> bytes:
    """The content, decompressed where it is gzip's; `InputError` where that is truncated or damaged."""
    if not content.startswith(_GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: truncated or damaged gzip file ({error}).") from None


def text_lines(path: Path, content: bytes) -> tuple[list[Line], list[str]]:
    """Lines without their comments, and the comment lines before the first of them.

    UTF-8 with or without its mark, UTF-16 with it, and Latin-1 are read. Comments start with `#`, `!` or `%`.
    `InputError` where the content is no text.
    """
    lines: list[Line] = []
    comments: list[str] = []
    for number, whole in enumerate(_decoded(path, content).splitlines(), 1):
        text = whole.strip()
        if number == 1 and _SEPARATOR.fullmatch(text):
            continue
        if text.startswith(("#", "!", "%")):
            if not lines:
                comments.append(text.lstrip("#!% \t"))
            continue
        if any(mark in text for mark in "#!%"):
            text = _COMMENT.split(text, maxsplit=1)[0].rstrip()
        if text:
            lines.append(Line(number, text))
    return lines, comments


def _decoded(path: Path, content: bytes) -> str:
    kind = next((kind for start, kind in _NAMED.items() if content.startswith(start)), "another kind of file")
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0" if wide else content.decode("latin-1")
    if any(character in text for character in "\0\1\2\3\4\5\6\7\x0e\x0f\x7f"):
        raise InputError(f"{path}: expected CSV text or a NumPy array (.npy), got {kind}.")
    return text.translate(_PLAIN) if not text.isascii() else text
