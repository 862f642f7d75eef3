"""HTTP to an OPA server, over TCP or a Unix socket, within a deadline and a size."""

from __future__ import annotations

import contextlib
import http.client
import socket
from typing import Final
from urllib.parse import urlsplit

from dyocense_cli.errors import UnavailableError

__all__ = ["Wire"]

ANSWER_S: Final = 7.0
ANSWER_BYTES: Final = 8 << 20


class Wire:
    """Requests to one server; a connection each, so that a Wire may be shared between threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._parts = urlsplit(url)

    def send(self, method: str, path: str, body: bytes | None = None, *, timeout_s: float = ANSWER_S) -> tuple[int, bytes]:
        """Return status and body of the answer.

        Raises
        ------
        UnavailableError
            DY4201 if the server cannot be reached or breaks off, DY4202 if it is late, DY4205 if it says too much.
        """
        connection = self._connection(timeout_s)
        try:
            headers = {"Content-Type": "application/json", "Connection": "close"}
            with contextlib.suppress(BrokenPipeError):  # a server that refuses by the head does not read on; its answer is there
                connection.request(method, self._parts.path.rstrip("/") * (self._parts.scheme != "unix") + path, body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read(ANSWER_BYTES + 1)
        except TimeoutError as error:
            raise UnavailableError(
                "DY4202",
                f"OPA at {self.url} gave no verdict in time",
                why="no verdict is not a yes",
                hints="run `dyocense doctor` to see which engine decides",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(
                "DY4201",
                f"OPA at {self.url} cannot be reached",
                why=str(error),
                hints=("run `dyocense doctor` to see which engine decides", 'or plan a draft: `--policy-unavailable=draft --reason "…"`'),
            ) from error
        finally:
            connection.close()
        if len(text) > ANSWER_BYTES:
            raise UnavailableError("DY4205", f"OPA at {self.url} gave no verdict: it said more than {ANSWER_BYTES >> 20} MiB")
        return answer.status, text

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._parts.scheme == "unix":
            return _UnixConnection(self._parts.path, timeout_s)
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        try:
            return kind(self._parts.hostname or "", self._parts.port, timeout=timeout_s)
        except ValueError as error:
            raise UnavailableError(
                "DY4201", f"`{self.url}` is not the address of an OPA server", why=str(error), hints="give http://HOST:PORT or unix:///PATH"
            ) from error


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over the socket at a path."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
