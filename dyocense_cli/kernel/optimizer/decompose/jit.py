"""Compile a kernel with numba where it is installed.

The kernels are plain Python over NumPy arrays; without numba they still run, far too slowly for real use, so
`price_and_reinsert.attempt` declines by name when `AVAILABLE` is false.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["AVAILABLE", "kernel"]

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    AVAILABLE = True

    def _compile(function: F) -> F: ...

else:
    try:
        import numba
    except ImportError:
        AVAILABLE = False

        def _compile(function):
            return function

    else:
        AVAILABLE = True

        def _compile(function):
            options = {"nogil": True, "fastmath": True, "boundscheck": False, "error_model": "numpy"}
            try:
                return numba.njit(cache=True, **options)(function)
            except RuntimeError:  # no writable cache folder: compile anew in each process
                return numba.njit(**options)(function)


def kernel(function: F) -> F:
    """Return `function` compiled to machine code that releases the GIL; unchanged where numba is absent.

    Arithmetic may be reassociated: values agree with plain Python to rounding, and no kernel uses infinities or NaN.
    """
    return _compile(function)
