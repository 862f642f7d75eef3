"""A way for sandboxed jobs to an OPA server: a socket in a private folder that passes on what a job may ask, and nothing else."""

from __future__ import annotations

import contextlib
import http.server
import socketserver
import threading
from typing import Final

from dyocense_cli.adapters.held import short_folder
from dyocense_cli.adapters.policy.opa_server import DECISION_PATH
from dyocense_cli.adapters.policy.wire import ANSWER_BYTES, Wire
from dyocense_cli.errors import UnavailableError

__all__ = ["OpaRelay"]

#: Decide, and read what names the snapshot; no writing, no queries, no other document.
PASSED: Final = frozenset({("POST", DECISION_PATH), ("GET", "/v1/config"), ("GET", "/v1/policies"), ("GET", "/v1/data/org")})


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: str, wire: Wire) -> None:
        super().__init__(path, _Handler)
        self.wire = wire


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    timeout = 30.0

    def address_string(self) -> str:
        """Return what stands for the client: a socket has no address."""
        return "job"

    def do_GET(self) -> None:
        """Pass a question on."""
        self._pass(None)

    def do_POST(self) -> None:
        """Pass a question with its document on."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > ANSWER_BYTES:
            self._say(413, b"{}")
            return
        self._pass(self.rfile.read(int(length)))

    def _pass(self, body: bytes | None) -> None:
        if (self.command, self.path) not in PASSED:
            self._say(403, b"{}")
            return
        try:
            status, text = self.server.wire.send(self.command, self.path, body)
        except UnavailableError:
            status, text = 503, b"{}"
        self._say(status, text)

    def _say(self, status: int, text: bytes) -> None:
        with contextlib.suppress(OSError):  # the job is gone
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


class OpaRelay:
    """Passes questions to the OPA at `url` from a socket that only this user can open, until `close`."""

    def __init__(self, url: str) -> None:
        self._folder, self._drop = short_folder("dyo-pol")  # socket paths end at 107 bytes
        self._server = _Server(str(self._folder / "s"), Wire(url))
        self._thread = threading.Thread(target=self._server.serve_forever, name="opa-relay", daemon=True)
        self._thread.start()

    def address(self) -> str:
        """Return ``unix://<socket>``, an address of an OPA server for `choose`."""
        return f"unix://{self._folder}/s"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._drop()
