"""SHA-256 fingerprints over canonical bytes, ``sha256:`` and 64 hex digits."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NewType

from dyocense_cli.artifacts.canonical import Json, canonical_json

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Fingerprint", "array_sha", "bytes_sha", "json_sha"]

Fingerprint = NewType("Fingerprint", str)


def bytes_sha(data: bytes | memoryview) -> Fingerprint:
    """Return the fingerprint of raw bytes."""
    return Fingerprint("sha256:" + hashlib.sha256(data).hexdigest())


def json_sha(value: Json) -> Fingerprint:
    """Return the fingerprint of a JSON value, over its RFC 8785 bytes."""
    return bytes_sha(canonical_json(value))


def array_sha(array: np.ndarray) -> str:
    """Return the SHA-256 (64 hex digits) of an array's little-endian C-order bytes; dtype and shape count beside it."""
    import numpy as np

    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    data = np.ascontiguousarray(array)
    return hashlib.sha256(data.view(np.uint8).reshape(-1).data if data.size else b"").hexdigest()
