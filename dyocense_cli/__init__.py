"""A decision kernel for the command line."""

from __future__ import annotations

import os
from pathlib import Path

__all__: list[str] = []


def _same_sums_everywhere() -> None:
    """Let linear algebra add in one order on every machine.

    The library behind numpy picks its inner loops by the processor and by the number of threads; sums then differ in the last bit, and a
    run would not replay elsewhere. It reads these settings when numpy is first imported; what the user sets wins.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as file:
            flags = file.read(8192)
    except OSError:
        return
    if " avx2 " in flags and " fma " in flags:
        os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")


_same_sums_everywhere()
