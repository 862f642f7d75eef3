"""A policy pack: the shipped rules, an organisation's data and its own rules, read once, hashed as one."""

from __future__ import annotations

import difflib
import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from dyocense_cli.errors import InputError, Ref, Span, StoreError
from dyocense_cli.kernel.policy.catalogue import catalogue, package_of
from dyocense_cli.kernel.policy.orgdata import check_data, merged

__all__ = ["BASE", "DATA_FILES", "Pack", "bundle", "load_pack", "sha256"]

#: Folder of the shipped pack: pack.json and policy.wasm, written by `scripts/build_policies.py`.
BASE: Final = Path(__file__).parent / "base"

_OWN: Final = re.compile(r"dyocense\.(?:rules|own)\.([A-Za-z_]\w*)")
#: Policy data of a folder is in one of these.
DATA_FILES: Final = ("data.json", "data.yaml", "data.yml")


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def bundle(files: Mapping[str, str], roots: list[str], data: Mapping[str, Any] | None = None) -> bytes:
    """Return an OPA bundle (tar.gz) whose manifest claims `roots`; the same bytes for the same content."""
    manifest = {"revision": "", "roots": sorted(roots), "rego_version": 1}
    content = {".manifest": json.dumps(manifest, sort_keys=True), **{f"{path}": text for path, text in files.items()}}
    if data is not None:
        content["data.json"] = json.dumps(data, sort_keys=True)
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=1) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, text in sorted(content.items()):
            encoded = text.encode()
            info = tarfile.TarInfo(name)
            info.size = len(encoded)
            tar.addfile(info, io.BytesIO(encoded))
    return buffer.getvalue()


@dataclass(frozen=True)
class Pack:
    """Rego by path, shipped and own; policy data; capabilities; the rules they document; wasm where it is built."""

    base: Mapping[str, str]
    own: Mapping[str, str]
    org: Mapping[str, Any]
    capabilities: str
    rules: Mapping[str, Mapping[str, str]]
    packages: tuple[str, ...]
    folder: str = ""
    base_wasm_sha: str = ""
    own_wasm: Path | None = field(default=None)

    @cached_property
    def data(self) -> dict[str, Any]:
        """The data document of the engine: the organisation's, under `org`."""
        return {"org": self.org}

    @cached_property
    def dated(self) -> bool:
        """Whether an answer depends on the day: there are waivers, or own rules read `input.meta.now`."""
        return bool(self.org.get("waivers")) or any("input.meta" in text for text in self.own.values())

    @cached_property
    def base_bundle(self) -> bytes:
        """The shipped rules as a bundle that owns their packages."""
        return bundle(self.base, [package_of(p, t).replace(".", "/") for p, t in self.base.items()])

    @cached_property
    def org_bundle(self) -> bytes:
        """Data and own rules as a bundle that owns `org`, the own packages and `pack`, which names the whole."""
        roots = {package_of(p, t).replace(".", "/") for p, t in self.own.items()}
        return bundle({f"own/{p}": t for p, t in self.own.items()}, ["org", "pack", *roots], {**self.data, "pack": self.digest})

    @cached_property
    def digest(self) -> str:
        """SHA-256 over sorted (path, SHA-256 of bytes) of Rego, data, manifests and capabilities."""
        parts = {f"base/{p}": t.encode() for p, t in self.base.items()} | {f"own/{p}": t.encode() for p, t in self.own.items()}
        parts["data.json"] = json.dumps(self.data, sort_keys=True).encode()
        parts["manifests"] = json.dumps([sorted(package_of(p, t) for p, t in f.items()) for f in (self.base, self.own)]).encode()
        parts["capabilities.json"] = self.capabilities.encode()
        return sha256("\n".join(f"{path} {sha256(data)}" for path, data in sorted(parts.items())).encode())

    @cached_property
    def rego_digest(self) -> str:
        """SHA-256 over the Rego alone: a wasm module is built from this, data is set at run time."""
        parts = {f"base/{p}": t for p, t in self.base.items()} | {f"own/{p}": t for p, t in self.own.items()}
        return sha256("\n".join(f"{path} {sha256(text.encode())}" for path, text in sorted(parts.items())).encode())


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((BASE / "pack.json").read_text(encoding="utf-8"))
    claimed = document.pop("sha256")
    if sha256(json.dumps(document, sort_keys=True).encode()) != claimed:
        raise StoreError("DY4206", "the shipped policies do not have the hash they were built with", hints="install dyocense-cli again")
    return document


def load_pack(folder: str | None = None) -> Pack:
    """Return the shipped pack, with the data and own rules of a project's `policies` folder if there is one.

    A file that equals a shipped one is the shipped one; `*_test.rego` and the folder `build` are left out.

    Raises
    ------
    InputError
        DY3001 to DY3004 for data or rules that cannot be taken; no engine has been asked by then.
    StoreError
        DY4206 if the shipped pack was altered.
    """
    shipped = _shipped()
    base: dict[str, str] = shipped["rego"]
    root = Path(folder) if folder else None
    own = _own_rules(root, base) if root is not None and root.is_dir() else {}
    org = _own_data(root, shipped["data"]) if root is not None and root.is_dir() else shipped["data"]
    rules = {**shipped["catalogue"], **_own_catalogue(own, shipped["catalogue"])}
    _known_waivers(org, rules, str(root))
    names = {package_of(p, t).split(".")[2] for p, t in own.items() if package_of(p, t).startswith("dyocense.rules.")}
    built = root / "build" / "policy.wasm" if root is not None and own else None
    return Pack(
        base,
        own,
        org,
        json.dumps(shipped["capabilities"], sort_keys=True),
        rules,
        tuple(sorted({*shipped["packages"], *names})),
        folder=str(root) if root is not None and root.is_dir() else "",
        base_wasm_sha=shipped["wasm_sha256"],
        own_wasm=built,
    )


def _own_rules(root: Path, base: Mapping[str, str]) -> dict[str, str]:
    shipped = {package_of(p, t): t for p, t in base.items()}
    own: dict[str, str] = {}
    for path in sorted(root.rglob("*.rego")):
        name = path.relative_to(root).as_posix()
        if name.endswith("_test.rego") or name.startswith("build/"):
            continue
        text = path.read_text(encoding="utf-8")
        package = package_of(str(path), text)
        if shipped.get(package) == text:
            continue
        if package in shipped:
            raise InputError(
                "DY3004",
                f"this policy redefines the shipped package {package}",
                where=Span(str(path), 1, 1),
                hints="put own rules into a package of their own, such as `package dyocense.rules.house`",
            )
        if not _OWN.fullmatch(package):
            raise InputError(
                "DY3004",
                f"own rules may not be in package {package}",
                where=Span(str(path), 1, 1),
                hints="use `package dyocense.rules.<name>`, or `dyocense.own.<name>` for what rules share",
            )
        own[name] = text
    return own


def _own_data(root: Path, base: Mapping[str, Any]) -> dict[str, Any]:
    found = [root / name for name in DATA_FILES if (root / name).is_file()]
    if not found:
        return dict(base)
    if len(found) > 1:
        raise InputError(
            "DY3001", f"policy data is in both {found[0].name} and {found[1].name}", where=Ref(str(root)), hints="keep one of them"
        )
    text = found[0].read_text(encoding="utf-8")
    try:
        data = json.loads(text) if found[0].suffix == ".json" else yaml.load(text, _Plain)  # noqa: S506  # a safe loader
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise InputError("DY3001", "policy data cannot be read", where=Ref(str(found[0])), why=str(error)) from error
    return merged(base, check_data(data or {}, file=str(found[0])))


class _Plain(yaml.SafeLoader):
    """Dates stay text, as in JSON."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _known_waivers(org: Mapping[str, Any], rules: Mapping[str, Any], place: str) -> None:
    for waiver in org["waivers"]:
        rule = waiver["rule"]
        if rule.startswith("POL-") and rule not in rules:
            near = difflib.get_close_matches(rule, rules, n=1)
            raise InputError(
                "DY3001",
                f"policy data: a waiver names rule {rule}, which does not exist",
                where=Ref(place),
                hints=f"did you mean {near[0]}?" if near else "dyocense policy explain lists the rules",
            )


def _own_catalogue(own: Mapping[str, str], shipped: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    rules = catalogue(own)
    for rule_id, rule in rules.items():
        if rule_id in shipped:
            raise InputError("DY3003", f"rule {rule_id} is a shipped one", where=Ref(rule["file"]), hints="give own rules ids of their own")
    return rules
