"""What `torchrun` tells the processes that it starts side by side."""

import os

_VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def launched() -> bool:
    """Whether this process is one of several."""
    return all(name in os.environ for name in _VARIABLES) and os.environ["WORLD_SIZE"] != "1"


def first() -> bool:
    """Whether this process is the only one, or the one of several that writes and shows."""
    return not launched() or os.environ["RANK"] == "0"
