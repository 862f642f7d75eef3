"""Webhooks on the wire: which addresses may be called, how a message is signed, one try to send it."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
import urllib.parse
from collections.abc import Sequence
from typing import Final

import httpx

from dyocense_cli.errors import AccessError, UsageError
from dyocense_cli.ports.service import Webhook
from dyocense_cli.serve.config import ServeConfig

__all__ = ["Address", "Network", "allowed_networks", "reachable", "send", "signature"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_TIMEOUT_S: Final = 10.0
_LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
#: Addresses that carry an IPv4 address in their last 32 bits, and so may lead to a private one (RFC 6052).
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Return ``v1=`` and the HMAC-SHA256 of ``timestamp.body``: what a receiver computes to know that we sent it."""
    return "v1=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def allowed_networks(config: ServeConfig) -> tuple[Network, ...]:
    """Return the private networks that webhooks may go to: those of `webhook_allow`; on one's own machine (SQLite) the machine itself.

    Raises
    ------
    UsageError
        DY1021 for a network that is none.
    """
    text = config.settings["webhook_allow"].replace(",", " ").split()
    named = text or (_LOOPBACK if config.database_url.startswith("sqlite") else ())
    try:
        return tuple(ipaddress.ip_network(n) for n in named)
    except ValueError as error:
        raise UsageError("DY1021", f"webhook_allow: {error}", hints="write networks such as 10.1.0.0/16, 127.0.0.0/8") from error


def _plain(text: str) -> Address:
    """Return an address, or the IPv4 address that it stands for."""
    found = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64:
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        return found.ipv4_mapped or found.sixtofour or found
    return found


def _may_call(address: Address, allowed: Sequence[Network]) -> bool:
    return (address.is_global and not address.is_multicast) or any(address.version == n.version and address in n for n in allowed)


def reachable(url: str, allowed: Sequence[Network]) -> str:
    """Return an address of a URL's host when all of them may be called: a tenant may not make the service call its neighbours.

    Raises
    ------
    AccessError
        DY3114 (HTTP 422) if one of them is private, or the host is not known.
    """
    try:
        split = urllib.parse.urlsplit(url)
        host, _port = split.hostname or "", split.port
        found = sorted({str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except (OSError, ValueError) as error:  # UnicodeError of a name that cannot be one is a ValueError
        raise AccessError("DY3114", "the host of the address is not known", hints="check the address", http_status=422) from error
    if not host or not found or not all(_may_call(_plain(a), allowed) for a in found):
        raise AccessError(
            "DY3114",
            f"`{host[:100]}` is a private address: it is not called",
            hints="the operator allows networks with DYOCENSE_WEBHOOK_ALLOW",
            http_status=422,
        )
    return found[0]


def send(hook: Webhook, item: str, body: str, *, now_s: float, allowed: Sequence[Network]) -> bool:
    """Send one message once and say whether it arrived; the connection goes to the very address that was checked.

    Raises
    ------
    AccessError
        DY3114 for an address that may not be called (a name may lead elsewhere today).
    httpx.HTTPError
        If the receiver cannot be reached.
    """
    address = reachable(hook.url, allowed)
    url = httpx.URL(hook.url)
    data, stamp = body.encode(), str(int(now_s))
    secrets = [hook.secret] + ([hook.previous] if hook.previous and now_s < hook.previous_until else [])
    headers = {
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/json",
        "User-Agent": "dyocense-webhook/1",
        "Webhook-Id": item,
        "Webhook-Timestamp": stamp,
        "Webhook-Signature": " ".join(signature(s, stamp, data) for s in secrets),
    }
    with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
        request = client.build_request(
            "POST", url.copy_with(host=address), content=data, headers=headers, extensions={"sni_hostname": url.host}
        )
        answer = client.send(request, stream=True)  # what a receiver says besides its status is not read
        answer.close()
    return answer.is_success
