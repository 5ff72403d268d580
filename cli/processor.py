"""Which of OpenBLAS's kernels numpy is to use."""

import os
from pathlib import Path

_NEEDED = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}


def prefer_wide_kernels() -> None:
    """Have OpenBLAS take its AVX-512 kernels where the processor has the instructions.

    OpenBLAS goes by the processor's model and falls back to AVX2 for models newer than itself, which costs
    a third of the speed of the matrix products that training consists of. It reads the variable once, when
    numpy is first imported; a value that the user has set stands.
    """
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split("flags", 2)[1]
    except (OSError, IndexError):
        return
    if set(flags.splitlines()[0].split()) >= _NEEDED:
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
