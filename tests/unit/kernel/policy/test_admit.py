"""A goal is asked about with its world, and rules that a model can obey are handed on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.policy import Admission, Cap, Principal
from dyocense_cli.errors import Span
from dyocense_cli.kernel.policy.admit import admit
from dyocense_cli.kernel.policy.document import admit_document
from tests.unit.kernel.policy.world import CONTEXT, GOAL, context_of, goal_of, pack_engine

V4: dict[str, Any] = {"vendors": {"deny": [{"supplier": "V4", "reason": "recall", "owner": "quality"}]}}
CAPS: dict[str, Any] = {
    "spend": {"caps": {"*": [{"max": 1000, "currency": "USD"}, {"max": 300, "currency": "EUR", "category": "dairy", "over": "period"}]}}
}
WAIVER = {"rule": "POL-V001", "tenant": "local", "args": {"supplier": "V4"}, "owner": "cpo", "reason": "stock", "expires": "2026-12-31"}


def _admit(tmp_path: Path, data: dict[str, Any], text: str = GOAL, as_of: str = "", **options: Any) -> Admission:
    engine = pack_engine(tmp_path, data)
    goal = goal_of(text)
    return admit(
        goal, context_of(goal), Principal(), decide=engine.decide, snapshot="sha256:1", engine="opa_wasm 1", as_of=as_of, **options
    )


def test_without_policies_of_ones_own_a_goal_is_allowed(tmp_path: Path) -> None:
    admission = _admit(tmp_path, {})
    assert admission.allow
    assert admission.findings == ()
    assert (admission.engine, admission.engine_version, admission.policy_snapshot) == ("opa_wasm", "1", "sha256:1")


def test_a_denied_supplier_is_kept_out_of_the_model(tmp_path: Path) -> None:
    admission = _admit(tmp_path, V4)
    assert admission.allow
    assert admission.denied_suppliers == {"V4": "POL-V001"}
    (found,) = admission.findings
    assert (found.id, found.severity) == ("POL-V001", "warning")
    assert found.message == "supplier V4 is denied: recall; compiled into the model, so the plan obeys it"


def test_without_compiling_the_same_rule_refuses_the_goal(tmp_path: Path) -> None:
    admission = _admit(tmp_path, V4, compile_policy=False)
    assert not admission.allow
    assert admission.denied == ("POL-V001",)
    assert admission.denied_suppliers == {}
    assert admission.caps == ()
    assert [f.severity for f in admission.findings] == ["error"]


def test_a_denial_stands_where_the_goal_names_the_supplier_with_what_to_do(tmp_path: Path) -> None:
    (found,) = _admit(tmp_path, V4, compile_policy=False).findings
    assert str(found.where) == "goals/weekly.yaml:12:17"
    assert found.pointer == "/constraints/keep_v4/expression"
    assert found.exact
    assert found.remediation.startswith("Use V1, which offers 1 of its 2 SKUs: +0.20 EUR a unit, lead time -1 days. ")
    assert "(quality)" in found.remediation
    assert found.docs == "docs/reference/policies.md#pol-v001"
    assert (found.source, found.package) == ("policy", "dyocense.rules.vendors")


def test_with_a_history_the_remedy_says_what_the_horizon_costs(tmp_path: Path) -> None:
    rows = "".join(f"      - {{sku: MILK, date: 2026-11-{d:02d}, quantity: 10}}\n" for d in range(1, 15))
    context = CONTEXT.replace("rates:\n", f"  history:\n    rows:\n{rows}rates:\n")
    engine = pack_engine(tmp_path, V4)
    goal = goal_of()
    admission = admit(goal, context_of(goal, context), Principal(), decide=engine.decide, snapshot="s")
    assert "+0.20 EUR a unit, about +28 EUR over the horizon, lead time -1 days." in admission.findings[0].remediation


def test_a_supplier_whose_skus_nobody_else_offers_has_no_stand_in(tmp_path: Path) -> None:
    data = {"vendors": {"deny": [{"supplier": s, "reason": "recall"} for s in ("V1", "V2", "V4")]}}
    assert {f.remediation.split(".")[0] for f in _admit(tmp_path, data).findings} == {"Nobody else who is allowed offers its SKUs"}


def test_a_supplier_that_the_goal_does_not_name_is_told_at_its_context(tmp_path: Path) -> None:
    (found,) = _admit(tmp_path, {"vendors": {"deny": [{"supplier": "V2", "reason": "recall"}]}}).findings
    assert found.pointer == "/context"
    assert isinstance(found.where, Span)
    assert found.where.line == 5


def test_a_supplier_without_offers_is_no_matter(tmp_path: Path) -> None:
    assert _admit(tmp_path, {"vendors": {"deny": [{"supplier": "V9", "reason": "recall"}]}}).findings == ()


def test_caps_reach_the_model_in_its_currency_and_are_named_after_their_rule(tmp_path: Path) -> None:
    admission = _admit(tmp_path, CAPS)
    assert admission.allow
    assert admission.caps == (
        Cap("POL-S001", "POL-S001", 500.0, "horizon", None, None),
        Cap("POL-S003:dairy:period", "POL-S003", 300.0, "period", "dairy", None),
    )
    assert [f.id for f in admission.findings] == ["POL-S001"]
    assert admission.findings[0].message.startswith("the budget is 4,000 EUR, over the spend cap of 500 EUR")


def test_of_two_caps_of_one_scope_the_smaller_counts(tmp_path: Path) -> None:
    admission = _admit(tmp_path, {"spend": {"caps": {"*": [{"max": 900, "currency": "EUR"}, {"max": 800, "currency": "EUR"}]}}})
    assert [(c.name, c.max) for c in admission.caps] == [("POL-S001", 800.0)]


def test_what_a_model_cannot_obey_refuses_the_goal_whatever_is_compiled(tmp_path: Path) -> None:
    admission = _admit(tmp_path, {**V4, "required": {"*": [["limits", "service"]]}})
    assert not admission.allow
    assert admission.denied == ("POL-F001",)
    assert admission.denied_suppliers == {"V4": "POL-V001"}


def test_a_cap_in_a_currency_without_a_rate_refuses_the_goal(tmp_path: Path) -> None:
    admission = _admit(tmp_path, {"spend": {"caps": {"*": [{"max": 900, "currency": "GBP"}]}}})
    assert admission.denied == ("POL-S006",)


def test_a_waiver_lets_the_supplier_into_the_model_and_is_reported(tmp_path: Path) -> None:
    admission = _admit(tmp_path, {**V4, "waivers": [WAIVER]}, as_of="2026-12-31T23:59:00Z")
    assert admission.allow
    assert admission.denied_suppliers == {}
    waived = [f for f in admission.findings if f.waived]
    assert [(f.id, f.waived) for f in waived] == [("POL-V001", "cpo: stock (until 2026-12-31)")]


def test_the_day_after_a_waiver_expired_the_rule_is_back(tmp_path: Path) -> None:
    admission = _admit(tmp_path, {**V4, "waivers": [WAIVER]}, as_of="2027-01-01", compile_policy=False)
    assert admission.denied == ("POL-V001",)
    assert {f.id: f.severity for f in admission.findings} == {"POL-V001": "error", "POL-G002": "warning"}


def test_facts_are_what_the_decision_read(tmp_path: Path) -> None:
    facts = _admit(tmp_path, V4).facts
    assert json.loads(facts["vendors.deny.V4"]) == V4["vendors"]["deny"][0]


def test_the_record_says_what_was_asked_and_answered(tmp_path: Path) -> None:
    record = json.loads(_admit(tmp_path, V4, as_of="2026-11-28").record)
    assert record["query"] == "data.dyocense.main.decision"
    assert record["input"]["meta"] == {"tenant": "local", "tier": "pro", "subject": "local", "now": "2026-11-28", "soon": "2026-12-12"}
    assert [f["id"] for f in record["result"]["deny"]] == ["POL-V001"]
    assert "catalogue" not in record["result"]


def test_a_comment_in_the_goal_changes_no_admission(tmp_path: Path) -> None:
    one, other = _admit(tmp_path, V4), _admit(tmp_path, V4, "# moved down\n\n" + GOAL)
    assert fingerprint(one) == fingerprint(other)
    assert one.findings[0].where != other.findings[0].where


def test_the_question_describes_the_world(tmp_path: Path) -> None:
    goal = goal_of()
    world: Any = admit_document(goal, context_of(goal), Principal(), as_of="")["world"]
    assert world["rates"] == {"USD": 0.5}
    assert [(s["id"], s["offers"], s["region"]) for s in world["suppliers"]] == [
        ("V1", 1, "local"),
        ("V2", 1, "local"),
        ("V4", 2, "overseas"),
    ]
    assert (world["skus"], world["cells"], world["currency"]) == (2, 8, "EUR")


def test_a_credential_in_an_expression_is_told_at_its_place(tmp_path: Path) -> None:
    text = GOAL.replace("owner: ana", 'owner: ana\ntitle: "api_key=abc123"')
    (found,) = _admit(tmp_path, {}, text).findings
    assert (found.id, found.severity, found.pointer) == ("POL-F003", "warning", "/title")
    assert "abc123" not in found.message


@pytest.mark.parametrize("name", ["policies: [vendors]", "policies: [all]"])
def test_known_policies_may_be_named(tmp_path: Path, name: str) -> None:
    assert _admit(tmp_path, {}, GOAL + name + "\n").allow


def test_an_unknown_policy_is_told_where_it_is_named(tmp_path: Path) -> None:
    (found,) = _admit(tmp_path, {}, GOAL + "policies: [vendors, spends]\n").findings
    assert found.message == "there is no policy spends; known: fields, spend, tiers, vendors"
    assert (found.pointer, found.exact) == ("/policies/1", True)
