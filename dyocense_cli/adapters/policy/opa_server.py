"""An OPA server that runs already: decisions over HTTP, its policies read once for catalogue and snapshot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

from dyocense_cli.adapters.policy.exchange import accepted, parsed, question, snapshot_of
from dyocense_cli.adapters.policy.pack import Pack
from dyocense_cli.adapters.policy.wire import Wire
from dyocense_cli.errors import InputError, UnavailableError
from dyocense_cli.kernel.policy.catalogue import catalogue, package_of

__all__ = ["DECISION_PATH", "OpaKept", "OpaServer", "ask_server"]

DECISION_PATH: Final = "/v1/data/dyocense/main/decision?strict-builtin-errors=true"


class OpaServer:
    """Ask the OPA at `url`, which holds the organisation's policies and decides with those."""

    name: ClassVar[str] = "opa_server"
    features: ClassVar[frozenset[str]] = frozenset({"own_rules"})

    def __init__(self, url: str) -> None:
        self._wire = Wire(url)

    def decide(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the decision on a document; see `ports.PolicyEngine`."""
        return ask_server(self._wire, document, self._pack)

    def snapshot(self) -> str:
        """Return the policy snapshot; see `ports.PolicyEngine`."""
        return snapshot_of(self._pack.digest, self.version())

    def version(self) -> str:
        """Return ``opa_server <version>``."""
        return f"{self.name} {self._said_version}"

    def dated(self) -> bool:
        """Say whether answers depend on the day; see `ports.PolicyEngine`."""
        return True

    @cached_property
    def _said_version(self) -> str:
        value = self._get("/v1/config", "null")
        found = value.get("result") if isinstance(value, Mapping) else None
        labels = found.get("labels") if isinstance(found, Mapping) else None
        version = labels.get("version") if isinstance(labels, Mapping) else None
        return version if isinstance(version, str) else "unknown"

    @cached_property
    def _pack(self) -> Pack:
        """The policies as the server has them.

        Raises
        ------
        UnavailableError
            DY4203 if the server does not show them, has none, or has undocumented rules: then no snapshot can be named.
        """
        listed = self._get("/v1/policies", "its policies")
        items = listed.get("result") if isinstance(listed, Mapping) else None
        files = {str(i.get("id")): i.get("raw") for i in items if isinstance(i, Mapping)} if isinstance(items, list) else {}
        rego = {name: raw for name, raw in files.items() if isinstance(raw, str) and not name.endswith("_test.rego")}
        data = self._get("/v1/data/org", "its data")
        org = data.get("result") if isinstance(data, Mapping) else None
        try:
            names = {package_of(n, t).split(".")[2] for n, t in rego.items() if package_of(n, t).startswith("dyocense.rules.")}
            rules = catalogue(rego)
        except InputError as error:
            raise self._unfit(error.message) from error
        if not names or not isinstance(org, Mapping):
            raise self._unfit("it holds no dyocense policies")
        return Pack(rego, {}, org, "", rules, tuple(sorted(names)))

    def _unfit(self, why: str) -> UnavailableError:
        return UnavailableError(
            "DY4203",
            f"OPA at {self._wire.url} gave no verdict: {why}",
            hints=("load the bundles that `dyocense policy build` writes into it", "run `dyocense doctor` to see which engine decides"),
        )

    def _get(self, path: str, what: str) -> Any:
        status, text = self._wire.send("GET", path)
        if status != 200:
            if what == "null":
                return None
            raise self._unfit(f"it does not show {what} (HTTP {status})")
        return parsed(text, engine=f"OPA at {self._wire.url}")


class OpaKept:
    """Ask the server that another process keeps (`OpaManaged.address`), as long as it holds the pack that is to decide."""

    name: ClassVar[str] = "opa_managed"
    features: ClassVar[frozenset[str]] = frozenset({"own_rules"})

    def __init__(self, address: str, pack: Pack) -> None:
        socket, _, self._version = address.partition("#")
        self._wire = Wire(socket.replace("kept://", "unix://", 1))
        self._pack = pack

    def decide(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the decision on a document; see `ports.PolicyEngine`.

        Raises
        ------
        UnavailableError
            DY4203 if the server holds another pack: its policies have changed meanwhile.
        """
        status, text = self._wire.send("GET", "/v1/data/pack")
        held = parsed(text, engine=f"OPA at {self._wire.url}") if status == 200 else None
        if not isinstance(held, Mapping) or held.get("result") != self._pack.digest:
            raise UnavailableError("DY4203", f"OPA at {self._wire.url} gave no verdict: it holds other policies", hints="try again")
        return ask_server(self._wire, document, self._pack)

    def snapshot(self) -> str:
        """Return the policy snapshot; see `ports.PolicyEngine`."""
        return snapshot_of(self._pack.digest, self.version())

    def version(self) -> str:
        """Return ``opa_managed <version> sha256:<hash of the binary>``, as its keeper said."""
        return self._version

    def dated(self) -> bool:
        """Say whether answers depend on the day; see `ports.PolicyEngine`."""
        return self._pack.dated


def ask_server(wire: Wire, document: Mapping[str, Any], pack: Pack) -> Mapping[str, Any]:
    """Return the decision of an OPA server that holds `pack`.

    Raises
    ------
    UnavailableError
        DY42xx if there is no verdict.
    """
    body = b'{"input":' + question(document) + b"}"
    status, text = wire.send("POST", DECISION_PATH, body)
    if status != 200:
        raise UnavailableError(
            "DY4203",
            f"OPA at {wire.url} gave no verdict: HTTP {status}",
            why=_message(text),
            hints="run `dyocense doctor` to see which engine decides",
        )
    answer = parsed(text, engine=f"OPA at {wire.url}")
    return accepted(answer.get("result") if isinstance(answer, Mapping) else None, pack, engine=f"OPA at {wire.url}")


def _message(text: bytes) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    return str(value.get("message", ""))[:300] if isinstance(value, Mapping) else ""
