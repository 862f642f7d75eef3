"""Build policies: check them with OPA, compile them to wasm, write what engines and auditors need."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dyocense_cli.adapters.policy.bounded import run_bounded
from dyocense_cli.adapters.policy.pack import Pack, load_pack, sha256
from dyocense_cli.errors import InputError, Ref, UnavailableError
from dyocense_cli.kernel.policy.catalogue import catalogue, package_of

__all__ = ["build_base", "build_own", "capabilities", "compile_wasm"]

ENTRYPOINT: Final = "dyocense/main/decision"

#: Out go network, environment, clock, randomness, signing and dynamic code: what is left is a pure function of policy, data and input,
#: so that a decision replays from its snapshot.
_GONE: Final = (
    "http.",
    "net.",
    "providers.",
    "io.jwt.",
    "rego.",
    "opa.",
    "trace",
    "print",
    "internal.print",
    "crypto.x509.",
    "graphql.",
    "uuid.",
    "rand.",
    "time.now",
)


def capabilities(opa: str) -> dict[str, Any]:
    """Return what policies may use, as OPA's capabilities document: no network, clock, randomness or environment."""
    listed = json.loads(_opa(opa, ["capabilities", "--current"], {}).decode())
    kept = [b for b in listed["builtins"] if not b.get("nondeterministic") and not b["name"].startswith(_GONE)]
    return {
        "builtins": [{k: _bare(b[k]) for k in ("name", "decl", "infix", "relation") if k in b} for b in kept],
        "future_keywords": [],
        "features": sorted(listed.get("features", [])),
        "wasm_abi_versions": [{"version": 1, "minor_version": 3}],
        "allow_net": [],
    }


def _bare(declaration: Any) -> Any:
    """Return a declaration without what is for readers: OPA reads it anew for every question."""
    if isinstance(declaration, dict):
        return {k: _bare(v) for k, v in declaration.items() if k != "description" and not (k == "name" and "type" in declaration)}
    return [_bare(v) for v in declaration] if isinstance(declaration, list) else declaration


def build_base(source: str, target: str, *, opa: str) -> list[str]:
    """Build the shipped pack of the folder `source` into `target` (pack.json, policy.wasm); return the files written.

    Raises
    ------
    InputError
        DY3003 if a rule is not documented; DY3006 if OPA refuses the policies.
    """
    rego = {p.name: p.read_text(encoding="utf-8") for p in sorted(Path(source).glob("*.rego")) if not p.name.endswith("_test.rego")}
    data = json.loads((Path(source) / "data.json").read_text(encoding="utf-8"))
    allowed = capabilities(opa)
    wasm = compile_wasm(rego, allowed, opa=opa)
    names = sorted(package_of(p, t).split(".")[2] for p, t in rego.items() if package_of(p, t).startswith("dyocense.rules."))
    document: dict[str, Any] = {
        "rego": rego,
        "data": data,
        "capabilities": allowed,
        "catalogue": catalogue(rego),
        "packages": names,
        "wasm_sha256": sha256(wasm),
    }
    document["sha256"] = sha256(json.dumps(document, sort_keys=True).encode())
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.wasm").write_bytes(wasm)
    (folder / "pack.json").write_text(json.dumps(document, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    return [str(folder / "pack.json"), str(folder / "policy.wasm")]


def build_own(folder: str, *, opa: str) -> list[str]:
    """Build a project's policies into its folder `build`: bundles and capabilities for OPA, wasm for where there is none.

    Raises
    ------
    InputError
        DY3001 to DY3004 for data or rules that cannot be taken; DY3006 if OPA refuses the policies.
    """
    pack = load_pack(folder)
    wasm = compile_wasm(
        {**{f"base/{p}": t for p, t in pack.base.items()}, **{f"own/{p}": t for p, t in pack.own.items()}},
        json.loads(pack.capabilities),
        opa=opa,
    )
    build = Path(folder) / "build"
    build.mkdir(exist_ok=True)
    note = json.dumps({"rego": pack.rego_digest, "wasm": sha256(wasm), "pack": pack.digest}, sort_keys=True)
    files = {"policy.wasm": wasm, "build.json": note.encode(), **bundles(pack)}
    for name, content in files.items():
        (build / name).write_bytes(content)
    return [str(build / name) for name in sorted(files)]


def bundles(pack: Pack) -> dict[str, bytes]:
    """Return the files that `opa eval` replays a decision record with."""
    return {"base.tar.gz": pack.base_bundle, "org.tar.gz": pack.org_bundle, "capabilities.json": pack.capabilities.encode()}


def compile_wasm(rego: Mapping[str, str], allowed: Mapping[str, Any], *, opa: str) -> bytes:
    """Return the wasm of Rego files.

    Raises
    ------
    InputError
        DY3006 if OPA refuses them, or if they call a builtin that wasm does not have natively.
    """
    files = {**{name: text.encode() for name, text in rego.items()}, "capabilities.json": json.dumps(allowed).encode()}
    _opa(opa, ["check", "--strict", "--capabilities", "capabilities.json", *sorted(rego)], files)
    made = _opa(
        opa,
        ["build", "-t", "wasm", "-e", ENTRYPOINT, "--capabilities", "capabilities.json", "-o", "out.tar.gz", *sorted(rego)],
        files,
        result="out.tar.gz",
    )
    with tarfile.open(fileobj=io.BytesIO(made), mode="r:gz") as tar:
        member = tar.extractfile("/policy.wasm")
        assert member is not None
        wasm = member.read()
    missing = _missing_builtins(wasm)
    if missing:
        raise InputError(
            "DY3006",
            f"wasm does not have {', '.join(missing)}",
            where=Ref("policies"),
            hints="write the rule without it; what the host knows it can pass in, as it does with meta.now",
        )
    return wasm


def _missing_builtins(wasm: bytes) -> list[str]:
    import wasmtime

    from dyocense_cli.adapters.policy.wasm_abi import WasmPolicy, engine

    made = engine()
    return sorted(json.loads(WasmPolicy(made, wasmtime.Module(made, wasm), b"{}").builtins()))


def _opa(opa: str, arguments: list[str], files: Mapping[str, bytes], *, result: str = "") -> bytes:
    with tempfile.TemporaryDirectory(prefix="dyocense-build-") as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        ended = run_bounded([opa, *arguments], stdin=b"", cwd=folder, timeout_s=60.0)
        if ended.code != 0:
            why = (ended.stderr or ended.stdout).decode("utf-8", "replace").strip()
            if not why:
                raise UnavailableError("DY4201", f"`{opa}` ended with exit code {ended.code} and said nothing")
            raise InputError(
                "DY3006", "OPA refuses the policies", where=Ref("policies"), why=why[:2000], hints="correct them; line numbers are OPA's"
            )
        return (Path(folder) / result).read_bytes() if result else ended.stdout
