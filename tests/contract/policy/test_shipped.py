"""The shipped pack is what its sources say, and its sources are as they should be."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from dyocense_cli.adapters.policy import opa_wasm, pack
from dyocense_cli.adapters.policy.build import build_base
from dyocense_cli.adapters.policy.opa_wasm import OpaWasm, load_module
from dyocense_cli.adapters.policy.pack import BASE, load_pack, sha256
from dyocense_cli.adapters.policy.tools import test as run_policy_tests
from dyocense_cli.defaults import default
from dyocense_cli.errors import StoreError
from dyocense_cli.kernel.policy.orgdata import check_data
from tests.opa import ROOT, plain_question

SOURCE = ROOT / "policies"


def test_the_shipped_pack_is_built_of_the_sources(opa_binary: str, tmp_path: Path) -> None:
    build_base(str(SOURCE), str(tmp_path), opa=opa_binary)
    for name in ("pack.json", "policy.wasm"):
        assert (tmp_path / name).read_bytes() == (BASE / name).read_bytes(), "run scripts/build_policies.py"


def test_the_sources_are_formatted_and_strict(opa_binary: str, tmp_path: Path) -> None:
    (tmp_path / "caps.json").write_text(load_pack().capabilities, encoding="utf-8")
    listed = subprocess.run([opa_binary, "fmt", "--list", str(SOURCE)], capture_output=True, text=True, check=True)
    assert listed.stdout.strip() == ""
    checked = subprocess.run(
        [opa_binary, "check", "--strict", "--capabilities", str(tmp_path / "caps.json"), str(SOURCE)], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr


def test_the_tests_of_the_sources_pass_and_cover_them(opa_binary: str) -> None:
    tested = run_policy_tests(str(SOURCE), opa=opa_binary)
    assert tested.passed >= 80
    assert {Path(n).name for n in tested.files} == {p.name for p in SOURCE.glob("*.rego") if not p.name.endswith("_test.rego")}
    assert min(tested.files.values()) >= 95.0


def test_every_rule_is_documented_and_its_template_names_arguments_it_gets() -> None:
    rules = load_pack().rules
    assert len(rules) >= 25
    for rule in rules.values():
        assert rule["title"]
        assert rule["message"][0].islower() or rule["message"][0] == "{"
        assert not rule["message"].endswith(".")
        assert rule["remediation"].endswith(".")
        assert rule["effect"] in ("", "supplier", "cap")


def test_capabilities_leave_a_pure_function() -> None:
    allowed = json.loads(load_pack().capabilities)
    names = {b["name"] for b in allowed["builtins"]}
    assert allowed["allow_net"] == []
    assert "count" in names
    assert not [n for n in names if n.startswith(("http.", "net.", "opa.", "rand.", "uuid.", "rego.")) or n in ("time.now_ns", "trace")]


def test_the_shipped_data_has_the_shape_it_asks_of_others_and_the_tiers_of_the_defaults() -> None:
    org = load_pack().org
    check_data(org, file="shipped")
    for tier, caps in org["tiers"].items():
        assert caps["scenarios"] == default(f"tier.{tier}.scenarios")
        assert caps["time_limit_s"] == default(f"tier.{tier}.time_limit_s")


def test_an_altered_pack_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (BASE / "pack.json").read_text(encoding="utf-8")
    (tmp_path / "pack.json").write_text(text.replace("default allowed := false", "default allowed := true"), encoding="utf-8")
    monkeypatch.setattr(pack, "BASE", tmp_path)
    pack._shipped.cache_clear()
    with pytest.raises(StoreError, match="do not have the hash"):
        load_pack()
    monkeypatch.undo()
    pack._shipped.cache_clear()
    assert load_pack().rules


def test_an_altered_module_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "policy.wasm").write_bytes((BASE / "policy.wasm").read_bytes()[:-1])
    monkeypatch.setattr(opa_wasm, "BASE", tmp_path)
    with pytest.raises(StoreError, match=r"policy\.wasm does not have the hash"):
        OpaWasm(load_pack(), cache=str(tmp_path)).decide(plain_question())


def test_compiled_code_is_kept_and_an_altered_copy_is_made_again(tmp_path: Path) -> None:
    wasm = (BASE / "policy.wasm").read_bytes()
    load_module(wasm, cache=str(tmp_path))
    (kept,) = tmp_path.iterdir()
    stored = kept.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0
    assert sha256(stored[64:]).encode() == stored[:64]
    kept.write_bytes(stored[:-1] + b"?")
    _, module = load_module(wasm, cache=str(tmp_path))
    assert [e.name for e in module.exports if e.name == "opa_eval"] == ["opa_eval"]
    assert kept.read_bytes() == stored
    assert OpaWasm(load_pack(), cache=str(tmp_path)).decide(plain_question())["allow"] is True
