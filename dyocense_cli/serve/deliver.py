"""Deliver what the outbox holds, at least once: signed webhooks, evidence to the graph, snapshots to the object store."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import logging
import socket
import threading
import urllib.parse
from typing import Any, Final

import httpx

from dyocense_cli.errors import DyocenseError
from dyocense_cli.serve.config import ServeConfig
from dyocense_cli.serve.store import kernel_run_of, push_run, tenant_settings
from dyocense_cli.wiring_service import Parts

__all__ = ["Deliverer", "is_public", "signature"]

_log = logging.getLogger("dyocense.deliver")
_EVERY_S: Final = 0.5
_FIRST_RETRY_S: Final = 2.0
_LONGEST_RETRY_S: Final = 3600.0
_GIVE_UP_AFTER: Final = 30


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Return ``v1=`` and the HMAC-SHA256 of ``timestamp.body``: what a receiver computes to know that we sent it."""
    return "v1=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def is_public(url: str) -> bool:
    """Say whether every address of a URL's host is a public one; a tenant may not make the service call its neighbours."""
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(str(a).partition("%")[0]).is_global for a in found)


class Deliverer:
    """A thread that sends what is due; several processes may deliver at once, receivers tell repeats by ``Webhook-Id``."""

    def __init__(self, config: ServeConfig, parts: Parts, *, allow_private: bool | None = None) -> None:
        self._config = config
        self._parts = parts
        # on one's own machine, hooks to oneself are the rule; a service on Postgres is taken for a shared one
        self._allow_private = config.database_url.startswith("sqlite") if allow_private is None else allow_private
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="deliver", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the item in hand."""
        self._halt.set()
        self._thread.join(timeout=15)

    def _loop(self) -> None:
        while not self._halt.wait(_EVERY_S):
            try:
                self.deliver_due()
            except DyocenseError as error:
                _log.warning("%s", error.message)
            except Exception:  # the thread lives on: what failed is due again
                _log.exception("delivery failed")

    def deliver_due(self) -> int:
        """Deliver everything that is due now and return how many items arrived."""
        arrived = 0
        for item, tenant, kind, attempts in self._parts.due_items():
            box = self._parts.outbox(tenant)
            stored = box.read(item)
            if stored is None or not stored[2] or attempts >= _GIVE_UP_AFTER:  # another process delivered it meanwhile
                box.delivered(item)
                continue
            try:
                sent = self._webhook(tenant, item, stored[1], stored[2]) if kind == "webhook" else self._evidence(tenant, stored[2])
            except (DyocenseError, httpx.HTTPError, OSError) as error:
                _log.warning("%s %s: %s", kind, item, error)
                sent = False
            if sent:
                box.delivered(item)
                arrived += 1
            else:
                box.postpone(item, self._parts.now_s() + min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2.0**attempts))
        return arrived

    def _webhook(self, tenant: str, item: str, url: str, body: str) -> bool:
        secret = next((s for _, u, s in self._parts.outbox(tenant).webhooks() if u == url), None)
        if secret is None:
            return True  # the webhook is gone
        if not self._allow_private and not is_public(url):
            _log.warning("webhook %s goes to a private address; not sent", item)
            return True
        data = body.encode()
        stamp = str(int(self._parts.now_s()))
        headers = {
            "Content-Type": "application/json",
            "Webhook-Id": item,
            "Webhook-Timestamp": stamp,
            "Webhook-Signature": signature(secret, stamp, data),
        }
        answer = httpx.post(url, content=data, headers=headers, timeout=10.0, follow_redirects=False)
        return answer.is_success

    def _evidence(self, tenant: str, body: str) -> bool:
        """Merge a run's evidence into the graph and push its files to the object store; merging and pushing again change nothing."""
        run_id = str(json.loads(body)["run_id"])
        row = self._parts.runs(tenant).read(run_id)
        kernel_run = kernel_run_of(row)
        if row is None or not kernel_run:
            return True
        settings: Any = tenant_settings(self._config, tenant, row.tier)
        push_run(self._config, settings, tenant, kernel_run)
        return True
