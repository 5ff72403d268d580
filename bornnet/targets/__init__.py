"""Targets: what is learned as a function of the potential, and around which reference it is expanded.

Each is one file and one line in the table of `base`. Targets may import physics and config.
"""

from .base import Target as Target
from .base import target as target
