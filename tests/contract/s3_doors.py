"""Stores on the real S3 server, each in a prefix of its own, and a door in front of it that a test can shut."""

from __future__ import annotations

import http.client
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit
from uuid import uuid4

from minio import Minio
from minio.error import S3Error

__all__ = ["Door", "bucket_url", "keys"]

BUCKET = "dyocense-tests"


def bucket_url() -> str:
    """Return the URL of a prefix that no other test has."""
    endpoint = os.environ["DYOCENSE_S3_ENDPOINT"]
    client = Minio(
        endpoint.split("://")[1],
        os.environ["DYOCENSE_S3_ACCESS_KEY"],
        os.environ["DYOCENSE_S3_SECRET_KEY"],
        secure=endpoint.startswith("https"),
    )
    try:
        client.make_bucket(BUCKET)
    except S3Error as error:
        if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
    return f"s3://{BUCKET}/{uuid4().hex}"


def keys(endpoint: str = "") -> dict[str, str]:
    """Return the connection arguments of the S3 adapters; few tries, so that a shut door is noticed soon."""
    return {
        "endpoint": endpoint or os.environ["DYOCENSE_S3_ENDPOINT"],
        "access_key": os.environ["DYOCENSE_S3_ACCESS_KEY"],
        "secret_key": os.environ["DYOCENSE_S3_SECRET_KEY"],
    }


class Door:
    """An HTTP proxy to the real server. `shut(path, method)` is asked before each request; True drops the connection unanswered.

    `after` is told each request that was answered; with `mute` its answer is dropped on the way back, as when a network breaks late.
    """

    def __init__(self) -> None:
        self.shut: Callable[[str, str], bool] = lambda path, method: False
        self.mute: Callable[[str, str], bool] = lambda path, method: False
        self.log: list[tuple[str, str]] = []
        door = self
        target = urlsplit(os.environ["DYOCENSE_S3_ENDPOINT"])

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if door.shut(self.path, self.command):
                    self.close_connection = True
                    self.connection.close()
                    return
                upstream = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    upstream.putheader(name, value)
                upstream.endheaders(body)
                answer = upstream.getresponse()
                data = answer.read()
                door.log.append((self.command, self.path))
                if door.mute(self.path, self.command):
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                upstream.close()

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = forward  # names of the library

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None:
                """A dropped connection is what this door is for."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
