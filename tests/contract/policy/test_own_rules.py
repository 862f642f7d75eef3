"""An organisation's own rules: what they may do, what they may not, and where they decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.policy.build import build_own
from dyocense_cli.adapters.policy.opa_managed import OpaManaged
from dyocense_cli.adapters.policy.opa_process import OpaProcess
from dyocense_cli.adapters.policy.opa_wasm import OpaWasm
from dyocense_cli.adapters.policy.pack import Pack, bundle, load_pack
from dyocense_cli.errors import InputError, UnavailableError
from dyocense_cli.kernel.policy.answer import read_answer
from tests.opa import plain_question

HOUSE = """package dyocense.rules.house

# METADATA
# title: The goal has no title worth the name
# custom:
#   id: POL-H001
#   severity: error
#   message: "the title {title} is too short"
#   remediation: Say what the goal is for.
deny contains f if {
	not has_title
	f := {"id": "POL-H001", "path": ["title"], "args": {"title": object.get(input.goal, "title", "")}}
}

has_title if {
	is_string(input.goal.title)
	count(input.goal.title) > 3
}
"""


def _folder(tmp_path: Path, text: str = HOUSE, data: Any = None) -> str:
    folder = tmp_path / "policies"
    folder.mkdir(parents=True)
    (folder / "house.rego").write_text(text, encoding="utf-8")
    if data is not None:
        (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")
    return str(folder)


def _titled(title: str) -> dict[str, Any]:
    question = plain_question()
    question["goal"]["title"] = title
    return question


def test_own_rules_decide_in_opa(tmp_path: Path, opa_binary: str) -> None:
    engine = OpaProcess(opa_binary, load_pack(_folder(tmp_path)), cache=str(tmp_path.parent / "policy-cache"))
    assert read_answer(engine.decide(_titled("Bread for a week"))).allow
    answer = read_answer(engine.decide(_titled("x")))
    assert [t.id for t in answer.deny] == ["POL-H001"]
    assert answer.catalogue["POL-H001"]["package"] == "dyocense.rules.house"


def test_own_rules_without_opa_ask_for_a_build(tmp_path: Path) -> None:
    engine = OpaWasm(load_pack(_folder(tmp_path)), cache=str(tmp_path.parent / "policy-cache"))
    with pytest.raises(UnavailableError, match="own policies need OPA, and none is found") as caught:
        engine.decide(_titled("x"))
    assert caught.value.code == "DY4204"
    assert "dyocense policy build" in caught.value.hints[0]
    with pytest.raises(UnavailableError):
        engine.snapshot()


def test_own_rules_once_built_decide_without_opa(tmp_path: Path, opa_binary: str) -> None:
    folder = _folder(tmp_path)
    written = build_own(folder, opa=opa_binary)
    assert {Path(p).name for p in written} == {"policy.wasm", "build.json", "base.tar.gz", "org.tar.gz", "capabilities.json"}
    pack = load_pack(folder)
    wasm, opa = OpaWasm(pack, cache=str(tmp_path.parent / "policy-cache")), OpaProcess(opa_binary, pack, cache=str(tmp_path / "cache"))
    for title in ("Bread for a week", "x"):
        assert read_answer(wasm.decide(_titled(title))) == read_answer(opa.decide(_titled(title)))


def test_a_build_of_other_rules_does_not_decide(tmp_path: Path, opa_binary: str) -> None:
    folder = _folder(tmp_path)
    build_own(folder, opa=opa_binary)
    (Path(folder) / "house.rego").write_text(HOUSE.replace("> 3", "> 0"), encoding="utf-8")
    with pytest.raises(UnavailableError, match="is not made of these policies"):
        OpaWasm(load_pack(folder), cache=str(tmp_path.parent / "policy-cache")).decide(_titled("x"))


def test_an_altered_build_does_not_decide(tmp_path: Path, opa_binary: str) -> None:
    folder = _folder(tmp_path)
    build_own(folder, opa=opa_binary)
    wasm = Path(folder) / "build" / "policy.wasm"
    wasm.write_bytes(wasm.read_bytes() + b"\0")
    with pytest.raises(UnavailableError, match="is not made of these policies"):
        OpaWasm(load_pack(folder), cache=str(tmp_path.parent / "policy-cache")).decide(_titled("x"))


def test_data_changes_the_decision_without_a_build(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "data.yaml").write_text("vendors:\n  deny:\n    - {supplier: V1, reason: recall, since: 2026-11-27}\n", encoding="utf-8")
    answer = read_answer(OpaWasm(load_pack(str(folder)), cache=str(tmp_path.parent / "policy-cache")).decide(plain_question()))
    assert [(t.id, t.args["supplier"]) for t in answer.deny] == [("POL-V001", "V1")]


FORBIDDEN = {
    "http.send": 'http.send({"method": "get", "url": "http://127.0.0.1:1"})',
    "opa.runtime": "opa.runtime()",
    "net.lookup_ip_addr": 'net.lookup_ip_addr("localhost")',
    "time.now_ns": "time.now_ns()",
    "rand.intn": 'rand.intn("x", 3)',
    "uuid.rfc4122": 'uuid.rfc4122("x")',
    "io.jwt.encode_sign": "io.jwt.encode_sign({}, {}, {})",
    "rego.parse_module": 'rego.parse_module("x", "y")',
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_a_decision_may_not_use_is_refused(tmp_path: Path, opa_binary: str, name: str) -> None:
    folder = _folder(tmp_path, HOUSE + f"\nleak := {FORBIDDEN[name]}\n")
    pack = load_pack(folder)
    with pytest.raises(UnavailableError, match=f"undefined function {name}") as caught:
        OpaProcess(opa_binary, pack, cache=str(tmp_path.parent / "policy-cache")).decide(_titled("Bread"))
    assert caught.value.code == "DY4203"
    with pytest.raises(InputError, match="OPA refuses the policies") as refused:
        build_own(folder, opa=opa_binary)
    assert name in refused.value.why


def test_a_server_refuses_it_too(tmp_path: Path, opa_binary: str) -> None:
    pack = load_pack(_folder(tmp_path, HOUSE + f"\nleak := {FORBIDDEN['http.send']}\n"))
    engine = OpaManaged(opa_binary, lambda: pack, cache=str(tmp_path.parent / "policy-cache"))
    with pytest.raises(UnavailableError, match="OPA refuses the policies"):
        engine.decide(_titled("Bread"))
    engine.close()


def test_a_builtin_that_wasm_lacks_fails_the_build(tmp_path: Path, opa_binary: str) -> None:
    folder = _folder(tmp_path, HOUSE + '\nshown := sprintf("%v", [input.goal])\n' + 'deny contains f if {\n\tshown == "x"\n\tf := 1\n}\n')
    with pytest.raises(InputError, match="wasm does not have sprintf"):
        build_own(folder, opa=opa_binary)


@pytest.mark.parametrize("package", ["dyocense.main", "dyocense.rules.vendors", "dyocense.relax", "dyocense.lib", "dyocense.governance"])
def test_a_shipped_package_cannot_be_redefined(tmp_path: Path, package: str) -> None:
    with pytest.raises(InputError, match=f"this policy redefines the shipped package {package}") as caught:
        load_pack(_folder(tmp_path, HOUSE.replace("dyocense.rules.house", package)))
    assert caught.value.code == "DY3004"
    assert str(caught.value.where).endswith("house.rego:1:1")


@pytest.mark.parametrize("package", ["house", "dyocense.main.more", "dyocense.rules.vendors.more", "system.authz", "dyocense"])
def test_own_rules_stay_in_their_own_packages(tmp_path: Path, package: str) -> None:
    with pytest.raises(InputError, match="own rules may not be in package"):
        load_pack(_folder(tmp_path, HOUSE.replace("dyocense.rules.house", package)))


@pytest.mark.parametrize("line", ['package dyocense["rules"].vendors', "# package dyocense.rules.house", "packagedyocense.rules.house", ""])
def test_a_package_that_is_not_plainly_named_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match="this policy names no package"):
        load_pack(_folder(tmp_path, HOUSE.replace("package dyocense.rules.house", line)))


def test_opa_itself_refuses_a_pack_that_claims_a_shipped_package(tmp_path: Path, opa_binary: str) -> None:
    class Forged(Pack):
        """A pack whose second bundle claims, and fills, a shipped package."""

        @property
        def org_bundle(self) -> bytes:  # type: ignore[override]
            text = "package dyocense.rules.vendors\n\ndeny := set()\n"
            return bundle({"own/x.rego": text}, ["org", "dyocense/rules/vendors"], self.data)

    pack = load_pack()
    forged = Forged(pack.base, {}, pack.org, pack.capabilities, pack.rules, pack.packages)
    with pytest.raises(UnavailableError, match=r"overlapping roots|conflict"):
        OpaProcess(opa_binary, forged, cache=str(tmp_path)).decide(plain_question())


def test_opa_itself_refuses_a_file_outside_the_roots_of_its_bundle(tmp_path: Path, opa_binary: str) -> None:
    class Forged(Pack):
        """A pack whose second bundle hides a shipped package under roots it may claim."""

        @property
        def org_bundle(self) -> bytes:  # type: ignore[override]
            return bundle({"own/x.rego": "package dyocense.rules.vendors\n\nmore := 1\n"}, ["org"], self.data)

    pack = load_pack()
    forged = Forged(pack.base, {}, pack.org, pack.capabilities, pack.rules, pack.packages)
    with pytest.raises(UnavailableError, match="do not permit"):
        OpaProcess(opa_binary, forged, cache=str(tmp_path)).decide(plain_question())


def test_a_copy_of_the_shipped_files_is_the_shipped_pack(tmp_path: Path) -> None:
    pack = load_pack()
    folder = tmp_path / "policies"
    folder.mkdir()
    for name, text in pack.base.items():
        (folder / name).write_text(text, encoding="utf-8")
    again = load_pack(str(folder))
    assert again.own == {}
    assert again.digest == pack.digest


def test_a_rule_id_of_ours_is_not_theirs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="rule POL-V001 is a shipped one"):
        load_pack(_folder(tmp_path, HOUSE.replace("POL-H001", "POL-V001")))


def test_a_waiver_of_a_rule_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    waiver = {"rule": "POL-V01", "tenant": "*", "owner": "cpo", "reason": "stock", "expires": "2026-12-31"}
    with pytest.raises(InputError, match="a waiver names rule POL-V01, which does not exist") as caught:
        load_pack(_folder(tmp_path, data={"waivers": [waiver]}))
    assert caught.value.hints[0].startswith("did you mean POL-V0")
    assert load_pack(_folder(tmp_path / "other", data={"waivers": [{**waiver, "rule": "POL-H001"}, {**waiver, "rule": "DYO-X010"}]})).dated


def test_a_folder_that_is_not_there_means_the_shipped_pack(tmp_path: Path) -> None:
    assert load_pack(str(tmp_path / "none")).digest == load_pack().digest
