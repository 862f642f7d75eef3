"""Compile a kernel with numba where it is installed.

The kernels are plain Python over NumPy arrays; without numba they still run, far too slowly for real use, so
`price_and_reinsert.attempt` declines by name when `AVAILABLE` is false.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["AVAILABLE", "kernel", "strict"]

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    AVAILABLE = True

    def _compile(function: F, *, loose: bool) -> F: ...

else:
    try:
        import numba
    except ImportError:
        AVAILABLE = False

        def _compile(function, **_):
            return function

    else:
        AVAILABLE = True

        def _compile(function, *, loose):
            options = {"nogil": True, "fastmath": loose, "boundscheck": False, "error_model": "numpy"}
            try:
                return numba.njit(cache=True, **options)(function)
            except RuntimeError:  # no writable cache folder: compile anew in each process
                return numba.njit(**options)(function)


def kernel(function: F) -> F:
    """Return `function` compiled to machine code that releases the GIL; unchanged where numba is absent.

    Arithmetic may be reassociated: values agree with plain Python to rounding, and no kernel uses infinities or NaN.
    """
    return _compile(function, loose=True)


def strict(function: F) -> F:
    """Return `function` compiled as `kernel` does, with every operation rounded in the order written."""
    return _compile(function, loose=False)
