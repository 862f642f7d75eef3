"""Frames between a solver's process and ours: a kind, a JSON head and named arrays, never code.

A frame is ``kind`` (1 byte), the head's length and the body's length (8 bytes each, little-endian), the head (JSON) and the body (NPZ,
read with ``allow_pickle=False``).
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from typing import IO, Any, Final

import numpy as np

__all__ = ["MODEL", "PLAN", "RESULT", "STOP", "read_frame", "write_frame"]

MODEL: Final = b"m"
STOP: Final = b"s"
PLAN: Final = b"p"
RESULT: Final = b"r"

_HEAD: Final = struct.Struct("<cQQ")


def write_frame(stream: IO[bytes], kind: bytes, head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write one frame and flush."""
    body = io.BytesIO()
    np.savez(body, **arrays)  # type: ignore[arg-type]  # names are ours
    text = json.dumps(head).encode()
    stream.write(_HEAD.pack(kind, len(text), body.tell()) + text)
    stream.write(body.getbuffer())
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[bytes, dict[str, Any], dict[str, np.ndarray]] | None:
    """Return the next frame, None at the end of the stream (also when it ends within a frame)."""
    start = _exactly(stream, _HEAD.size)
    if start is None:
        return None
    kind, head_size, body_size = _HEAD.unpack(start)
    head, body = _exactly(stream, head_size), _exactly(stream, body_size)
    if head is None or body is None:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as found:
        return kind, json.loads(head), {name: found[name] for name in found.files}


def _exactly(stream: IO[bytes], size: int) -> bytes | None:
    parts = []
    while size:
        part = stream.read(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
