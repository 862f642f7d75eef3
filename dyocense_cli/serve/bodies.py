"""Request bodies before anything reads them: type, size, JSON without traps, depth."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dyocense_cli.codes import CODES

__all__ = ["BodyGate", "depth_of"]

#: A JSON string; possessive, so that hostile input costs linear time.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS: Final = bytes(b for b in range(256) if b not in b"[]{}")
_LARGE: Final = 1 << 18
_DIGITS: Final = 18
_JSON: Final = re.compile(rb"application/([\w.+-]+\+)?json\s*(;.*)?", re.IGNORECASE)


def depth_of(data: bytes) -> int:
    """Return the deepest nesting of brackets outside strings; linear, so that it can stand before the parser."""
    depth = deepest = 0
    for byte in _STRING.sub(b"", data).translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"an integer of {len(text)} digits does not fit 64 bits")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is no finite number")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        seen: set[str] = set()
        twice = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]  # adds as it looks
        raise ValueError(f"the key `{twice[:60]}` is given twice")
    return out


def _parse(data: bytes) -> None:
    """Raise ValueError for what is not JSON or means different things to different readers."""
    value = json.loads(data, parse_constant=_constant, parse_int=_integer, parse_float=_number, object_pairs_hook=_unique)
    if b"\\u" in data:
        text = json.dumps(value, ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError("a text holds half a character (a lone surrogate)") from error
        if "\\u0000" in text:
            raise ValueError("a text holds the character NUL")


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class BodyGate:
    """ASGI middleware: 413 above the limit, 415 for other types, 400 for what is not plain JSON; the body is read once and handed on."""

    def __init__(self, app: ASGIApp, *, limit: int, depth: int) -> None:
        self._app = app
        self._limit = limit
        self._depth = depth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body read and checked."""
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH", "DELETE"):
            await self._app(scope, receive, send)
            return
        try:
            headers = dict(scope["headers"])
            data = await self._read(headers, receive)
            if data:
                _check_type(headers)
            if len(data) > _LARGE:
                await run_in_threadpool(self._check, data)
            else:
                self._check(data)
        except _RefusedError as refusal:
            await _answer(send, refusal.status, refusal.detail, str(scope["path"]))
            return
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": data, "more_body": False}

        await self._app(scope, replay, send)

    async def _read(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit:
            raise _RefusedError(413, f"the body has {int(declared)} bytes, the limit is {self._limit}")
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _RefusedError(400, "the body ended early")
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > self._limit:
                raise _RefusedError(413, f"the body is larger than the limit of {self._limit} bytes")
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    def _check(self, data: bytes) -> None:
        if not data:
            return
        if depth_of(data) > self._depth:
            raise _RefusedError(400, f"the body is nested deeper than {self._depth} levels")
        try:
            _parse(data)
        except (ValueError, RecursionError) as error:
            raise _RefusedError(400, f"the body is not JSON: {str(error)[:120]}") from None


def _check_type(headers: Mapping[bytes, bytes]) -> None:
    kind = headers.get(b"content-type", b"application/json").strip()
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if not _JSON.fullmatch(kind) or coding != b"identity":
        said = (kind if coding == b"identity" else coding).decode("latin-1")[:80]
        raise _RefusedError(415, f"a body of type `{said}` is not taken: send application/json, not compressed")


async def _answer(send: Send, status: int, detail: str, path: str) -> None:
    code = "DY1053" if status == 415 else "DY1050"
    body: dict[str, Any] = {
        "type": f"urn:dyocense:error:{code}",
        "title": CODES[code],
        "status": status,
        "detail": detail,
        "instance": path,
        "code": code,
        "hints": [],
    }
    data = json.dumps(body).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})
