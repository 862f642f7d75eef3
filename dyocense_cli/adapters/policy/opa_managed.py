"""The OPA server that `serve` keeps: one process per policy snapshot, on a socket that only this user can open."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from dyocense_cli.adapters.held import short_folder
from dyocense_cli.adapters.policy.bounded import run_bounded
from dyocense_cli.adapters.policy.exchange import snapshot_of
from dyocense_cli.adapters.policy.identity import identify
from dyocense_cli.adapters.policy.opa_server import ask_server
from dyocense_cli.adapters.policy.pack import Pack, bundle
from dyocense_cli.adapters.policy.wire import Wire
from dyocense_cli.errors import UnavailableError

__all__ = ["AUTHZ", "OpaManaged"]

HEALTHY_S: Final = 30.0
DRAIN_S: Final = 10.0

#: Who may ask what of the server: the decision, which pack it holds, and its health, nothing else (no policies, no data, no queries).
AUTHZ: Final = """package system.authz

default allow := false

allow if {
	input.method == "POST"
	input.path == ["v1", "data", "dyocense", "main", "decision"]
}

allow if {
	input.method == "GET"
	input.path in [["health"], ["v1", "data", "pack"]]
}
"""


#: Runs a command until it ends or standard input does, as it does when the process that keeps the server is killed.
_UNTIL_EOF: Final = """exec 3<&0
"$0" "$@" </dev/null &
server=$!
(cat <&3 >/dev/null; kill $server 2>/dev/null) &
watch=$!
wait $server
code=$?
kill $watch 2>/dev/null
exit $code"""


@dataclass
class _Server:
    """One process with the pack it was started with."""

    process: subprocess.Popen[bytes]
    folder: Path
    drop: Callable[[], None]
    wire: Wire
    pack: Pack
    asked: int = 0
    idle: threading.Condition = field(default_factory=threading.Condition)


class OpaManaged:
    """Keep an OPA server for the pack that `read` returns; `refresh` swaps it when the pack has changed.

    The first question starts it. A process that has died is started again; a question that meets its death has no verdict.
    """

    name: ClassVar[str] = "opa_managed"
    features: ClassVar[frozenset[str]] = frozenset({"own_rules"})

    def __init__(self, binary: str, read: Callable[[], Pack], *, cache: str) -> None:
        self._binary = binary
        self._read = read
        self._cache = cache
        self._swap = threading.Lock()
        self._now: _Server | None = None

    def decide(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the decision on a document; see `ports.PolicyEngine`."""
        server = self._take()
        try:
            return ask_server(server.wire, document, server.pack)
        finally:
            with server.idle:
                server.asked -= 1
                server.idle.notify_all()

    def snapshot(self) -> str:
        """Return the policy snapshot of the server that decides now; see `ports.PolicyEngine`."""
        return snapshot_of(self._held().digest, self.version())

    def version(self) -> str:
        """Return ``opa_managed <version> sha256:<hash of the binary>``."""
        return f"{self.name} {identify(self._binary, cache=self._cache)}"

    def dated(self) -> bool:
        """Say whether answers depend on the day; see `ports.PolicyEngine`."""
        return self._held().dated

    def _held(self) -> Pack:
        with self._swap:
            return self._now.pack if self._now is not None else self._read()

    def address(self) -> str:
        """Return ``kept://<socket>#<version>`` for `choose` in another process, once the server holds the pack of now.

        Raises
        ------
        UnavailableError
            DY42xx if there is no server to name.
        """
        self.refresh()
        with self._swap:
            assert self._now is not None
            return f"kept://{self._now.folder}/s#{self.version()}"

    def refresh(self) -> bool:
        """Start a server for a changed pack, wait until it is healthy, let it decide from now on, drain the old one.

        Returns whether the pack had changed. If the new one does not get healthy the old one goes on deciding.

        Raises
        ------
        UnavailableError
            DY4201 or DY4203 if the new pack cannot be served.
        """
        pack = self._read()
        with self._swap:
            old = self._now
            if old is not None and old.pack.digest == pack.digest and old.process.poll() is None:
                return False
            self._now = self._start(pack)
        if old is not None:
            _drain(old)
        return True

    def close(self) -> None:
        """Answer what is asked, then stop the server."""
        with self._swap:
            old, self._now = self._now, None
        if old is not None:
            _drain(old)

    def _take(self) -> _Server:
        with self._swap:
            if self._now is None or self._now.process.poll() is not None:
                dead, self._now = self._now, self._start(self._read())
                if dead is not None:
                    _stop(dead)
            server = self._now
            with server.idle:
                server.asked += 1
            return server

    def _start(self, pack: Pack) -> _Server:
        folder, drop = short_folder("dyo-pol")  # socket paths end at 107 bytes
        try:
            argv = self._prepare(pack, folder)
            process = subprocess.Popen(
                ["/bin/sh", "-c", _UNTIL_EOF, *argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder / "empty",
                env={},
                start_new_session=True,
                umask=0o177,
            )
        except (OSError, ValueError) as error:
            drop()
            raise UnavailableError(
                "DY4201", f"`{self._binary}` cannot be run", why=str(error), hints="give a working OPA with DYOCENSE_OPA"
            ) from error
        except UnavailableError:
            drop()
            raise
        server = _Server(process, folder, drop, Wire(f"unix://{folder}/s"), pack)
        try:
            self._await_health(server)
        except UnavailableError:
            _stop(server)
            raise
        return server

    def _prepare(self, pack: Pack, folder: Path) -> list[str]:
        """Write the bundles, have OPA check them under the capabilities, return the server's command line."""
        (folder / "empty").mkdir(mode=0o700)
        bundles = {"base": pack.base_bundle, "org": pack.org_bundle, "authz": bundle({"authz.rego": AUTHZ}, ["system/authz"])}
        paths = [str(folder / f"{name}.tar.gz") for name in bundles]
        for path, data in zip(paths, bundles.values(), strict=True):
            Path(path).write_bytes(data)
        (folder / "capabilities.json").write_text(pack.capabilities, encoding="utf-8")
        check = [self._binary, "check", "--strict", "--capabilities", str(folder / "capabilities.json"), "-b", *paths[:2]]
        ended = run_bounded(check, stdin=b"", cwd=str(folder / "empty"), timeout_s=HEALTHY_S)
        if ended.code != 0:
            raise UnavailableError(
                "DY4203",
                "OPA refuses the policies",
                why=ended.stderr.decode("utf-8", "replace")[:500].strip(),
                hints="`dyocense policy test` shows the faults of own policies",
            )
        return [
            self._binary,
            "run",
            "--server",
            "--disable-telemetry",
            "--addr",
            f"unix://{folder}/s",
            "--authorization",
            "basic",
            "--log-level",
            "error",
            "-b",
            *paths,
        ]

    def _await_health(self, server: _Server) -> None:
        deadline = time.monotonic() + HEALTHY_S
        while server.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(UnavailableError):
                if server.wire.send("GET", "/health?bundles", timeout_s=2.0)[0] == 200:
                    Path(server.folder / "s").chmod(0o600)
                    return
            time.sleep(0.02)
        code = server.process.poll()
        what = f"ended with exit code {code}" if code is not None else f"is not healthy after {HEALTHY_S:g} s"
        raise UnavailableError("DY4201", f"the OPA server {what}", hints="give a working OPA with DYOCENSE_OPA")


def _drain(server: _Server) -> None:
    """Let the questions under way be answered, then stop."""
    with server.idle:
        server.idle.wait_for(lambda: server.asked == 0, timeout=DRAIN_S)
    _stop(server)


def _stop(server: _Server) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server.process.pid, signal.SIGTERM)
    try:
        server.process.wait(timeout=5.0)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
    if server.process.stdin is not None:
        server.process.stdin.close()
    server.drop()
