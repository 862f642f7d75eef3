"""Choose the policy engine: a server by URL, an OPA that was named, one on the search path, else the embedded module."""

from __future__ import annotations

import shutil

from dyocense_cli.adapters.policy.opa_process import OpaProcess
from dyocense_cli.adapters.policy.opa_wasm import OpaWasm
from dyocense_cli.adapters.policy.pack import load_pack
from dyocense_cli.ports import PolicyEngine

__all__ = ["choose"]


def choose(*, opa: str = "", url: str = "", policies: str = "", cache: str) -> PolicyEngine:
    """Return the engine that decides.

    Parameters
    ----------
    opa : str
        Path or name of an OPA executable (`--opa`, DYOCENSE_OPA or config); one that is named but not there is an error when it
        is asked, never a reason to ask another. Empty: `opa` on PATH, else the embedded module.
    url : str
        ``http://…``, ``https://…`` or ``unix://…`` of a running OPA (DYOCENSE_OPA_URL); wins over all. ``kept://…`` is one that
        `serve` keeps for its workers.
    policies : str
        Folder with an organisation's data and rules; may not exist, then the shipped pack decides.
    cache : str
        Folder for what is derived of binaries and modules.
    """
    if url:
        from dyocense_cli.adapters.policy.opa_server import OpaKept, OpaServer

        return OpaKept(url, load_pack(policies or None)) if url.startswith("kept://") else OpaServer(url)
    pack = load_pack(policies or None)
    if opa:
        return OpaProcess(shutil.which(opa) or opa, pack, cache=cache)
    found = shutil.which("opa")
    return OpaProcess(found, pack, cache=cache) if found else OpaWasm(pack, cache=cache)
