"""What a process writes to a terminal."""

import os


def read_all(descriptor):
    """All that comes from our side of a pseudo-terminal until the other side is closed, as text."""
    shown = b""
    while True:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # how a terminal on Linux says that the other side has closed it
            break
        if not piece:
            break
        shown += piece
    return shown.decode()
