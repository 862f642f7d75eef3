"""The same Rego as WebAssembly, decided in this process: the embedded engine where no `opa` is found."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import tempfile
import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dyocense_cli.adapters.policy.exchange import accepted, parsed, question, snapshot_of
from dyocense_cli.adapters.policy.pack import BASE, Pack, sha256
from dyocense_cli.errors import StoreError, UnavailableError

if TYPE_CHECKING:
    import wasmtime

    from dyocense_cli.adapters.policy.wasm_abi import WasmPolicy

__all__ = ["OpaWasm", "load_module"]


class OpaWasm:
    """Ask a pack compiled to wasm; `cache` is a folder for machine code, checked by hash before use."""

    name: ClassVar[str] = "opa_wasm"
    features: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, pack: Pack, *, cache: str) -> None:
        self._pack = pack
        self._cache = cache
        self._one_at_a_time = threading.Lock()

    def decide(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the decision on a document; see `ports.PolicyEngine`."""
        with self._one_at_a_time:
            results = parsed(self._policy.evaluate(question(document)), engine="policy.wasm")
        one = results[0] if isinstance(results, list) and len(results) == 1 else None
        return accepted(one.get("result") if isinstance(one, Mapping) else None, self._pack, engine="policy.wasm")

    def snapshot(self) -> str:
        """Return the policy snapshot; see `ports.PolicyEngine`."""
        return snapshot_of(self._pack.digest, self.version())

    def version(self) -> str:
        """Return ``opa_wasm wasmtime-<version> sha256:<hash of the module>``."""
        return f"{self.name} wasmtime-{importlib.metadata.version('wasmtime')} sha256:{sha256(self._wasm)}"

    def dated(self) -> bool:
        """Say whether answers depend on the day; see `ports.PolicyEngine`."""
        return self._pack.dated

    @cached_property
    def _wasm(self) -> bytes:
        if not self._pack.own:
            wasm = (BASE / "policy.wasm").read_bytes()
            if sha256(wasm) != self._pack.base_wasm_sha:
                raise StoreError(
                    "DY4206", "the shipped policy.wasm does not have the hash it was built with", hints="install dyocense-cli again"
                )
            return wasm
        return self._built()

    def _built(self) -> bytes:
        """Return the module that `policy build` made of own rules, if it was made of these."""
        place = self._pack.own_wasm
        if place is not None and place.is_file():
            wasm = place.read_bytes()
            with contextlib.suppress(OSError, ValueError, AttributeError):
                note = json.loads(place.with_name("build.json").read_text(encoding="utf-8"))
                if note.get("rego") == self._pack.rego_digest and note.get("wasm") == sha256(wasm):
                    return wasm
        stale = place is not None and place.is_file()
        what = "the built policy.wasm is not made of these policies" if stale else "own policies need OPA, and none is found"
        raise UnavailableError(
            "DY4204",
            f"no verdict: {what}",
            hints=("run `dyocense policy build` once where OPA is installed", "or give an OPA with `--opa PATH` or DYOCENSE_OPA"),
        )

    @cached_property
    def _policy(self) -> WasmPolicy:
        from dyocense_cli.adapters.policy.wasm_abi import WasmPolicy

        data = json.dumps(self._pack.data).encode("ascii")
        return WasmPolicy(*load_module(self._wasm, cache=self._cache), data)


def load_module(wasm: bytes, *, cache: str) -> tuple[wasmtime.Engine, wasmtime.Module]:
    """Return an engine and a module compiled for it, from the folder `cache` if this module was compiled there by this version before."""
    import wasmtime

    from dyocense_cli.adapters.policy.wasm_abi import engine

    made = engine()
    place = Path(cache) / f"policy-{sha256(wasm)[:16]}-{importlib.metadata.version('wasmtime')}.bin"
    with contextlib.suppress(OSError, wasmtime.WasmtimeError):
        stored = place.read_bytes()
        if sha256(stored[64:]).encode() == stored[:64]:  # machine code is run: only what was stored whole
            return made, wasmtime.Module.deserialize(made, bytearray(stored[64:]))
    module = wasmtime.Module(made, wasm)
    _store(place, bytes(module.serialize()))
    return made, module


def _store(place: Path, code: bytes) -> None:
    with contextlib.suppress(OSError):  # a folder that cannot be written costs time, nothing else
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent)  # readable by its owner only
        with os.fdopen(handle, "wb") as file:
            file.write(sha256(code).encode() + code)
        Path(name).replace(place)
