"""Plans obey policy: a denied supplier is avoided, caps bind and are priced under the rule's id."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.cli.app import run

GOAL = """dsl: goal/v1
id: weekly
owner: ana
model: replenishment
context: context.yaml
horizon: {periods: 3, every: week, start: 2026-11-30}
forecast: {model: naive, num_scenarios: 4, seed: 7}
objective: {cost: 1.0, shortage: 1.0}
limits:
  budget: {max: 4000 EUR, over: horizon}
robust: {aggregation: mean}
explain: {track: [budget], sensitivities: []}
solver: {backend: auto, time_limit: 20 s, mip_gap: 0.001, threads: 1, seed: 7}
"""

CONTEXT = """dsl: context/v1
currency: EUR
tables:
  skus:
    rows:
      - {sku: MILK, category: dairy, shortage_cost: 5, holding_cost: 0.01}
      - {sku: RYE, category: bakery, shortage_cost: 6, holding_cost: 0.01}
  suppliers:
    rows:
      - {supplier: V1, region: local, lead_days: 1}
      - {supplier: V4, region: overseas, lead_days: 1}
  offers:
    rows:
      - {sku: MILK, supplier: V1, price: 1.5}
      - {sku: MILK, supplier: V4, price: 1.0}
      - {sku: RYE, supplier: V1, price: 2.5}
      - {sku: RYE, supplier: V4, price: 2.0}
  stock:
    rows:
      - {sku: MILK, on_hand: 60}
      - {sku: RYE, on_hand: 40}
  history: {file: history.csv}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dyocense.toml").write_text("", encoding="utf-8")
    (tmp_path / "goal.yaml").write_text(GOAL, encoding="utf-8")
    (tmp_path / "context.yaml").write_text(CONTEXT, encoding="utf-8")
    days = [f"2026-{m:02d}-{d:02d}" for m, n in ((9, 30), (10, 31), (11, 29)) for d in range(1, n + 1)]
    rows = [f"{sku},{day},{base + i % 5}" for sku, base in (("MILK", 6), ("RYE", 4)) for i, day in enumerate(days)]
    (tmp_path / "history.csv").write_text("\n".join(["sku,date,quantity", *rows]) + "\n", encoding="utf-8")
    for name in ("DYOCENSE_OPA", "DYOCENSE_OPA_URL", "DYOCENSE_STORE", "DYOCENSE_POLICIES"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("DYOCENSE_GRAPH", "none")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _rule(project: Path, data: dict[str, Any]) -> None:
    (project / "policies").mkdir(exist_ok=True)
    (project / "policies" / "data.json").write_text(json.dumps(data), encoding="utf-8")


def _plan(capsys: pytest.CaptureFixture[str], *options: str, code: int = 0) -> dict[str, Any]:
    assert run(["plan", "goal.yaml", "--json", *options]) == code
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def _spend(plan: dict[str, Any], **which: str) -> float:
    return sum(s["cost"] for s in plan["steps"] if all(s[k] == v for k, v in which.items()))


def _explanation(plan: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((Path(plan["run_dir"]) / "explanation.json").read_text(encoding="utf-8"))
    return read


V4 = {"vendors": {"deny": [{"supplier": "V4", "reason": "recall", "owner": "quality"}]}}


def _caps(*caps: dict[str, Any]) -> dict[str, Any]:
    return {"spend": {"caps": {"*": [{"currency": "EUR", **c} for c in caps]}}}


def test_a_plan_avoids_a_denied_supplier_and_says_what_that_cost(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    free = _plan(capsys)
    assert {s["supplier"] for s in free["steps"]} == {"V4"}
    _rule(project, V4)
    obeying = _plan(capsys)
    assert {s["supplier"] for s in obeying["steps"]} == {"V1"}
    assert obeying["objective"] > free["objective"]
    (cost,) = [s for s in _explanation(obeying)["sensitivities"] if s["name"] == "POL-V001"]
    assert cost["delta"] == pytest.approx(free["objective"] - obeying["objective"], rel=0.01)
    assert run(["plan", "goal.yaml"]) == 0
    shown = capsys.readouterr()
    assert "supplier V4 is denied: recall; compiled into the model, so the plan obeys it" in shown.err
    assert re.search(r"Obeying POL-V001 costs (about )?[0-9.,]+ EUR", shown.out)


def test_without_compiling_it_refuses_before_any_forecast(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _rule(project, V4)
    monkeypatch.setattr(
        "dyocense_cli.adapters.forecaster.builtin.BuiltinForecaster.forecast", lambda *_: pytest.fail("a forecast was made")
    )
    assert run(["plan", "goal.yaml", "--no-compile-policy", "-q"]) == 4
    err = capsys.readouterr().err
    assert "error[POL-V001]: supplier V4 is denied: recall" in err
    assert "--> goal.yaml:5:10" in err


def test_lint_says_rule_line_column_and_remedy(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _rule(project, V4)
    assert run(["lint", "goal.yaml", "--format", "json"]) == 4
    found = [f for f in json.loads(capsys.readouterr().out)["findings"] if f["id"] == "POL-V001"]
    assert [(f["line"], f["column"]) for f in found] == [(5, 10)]
    assert found[0]["remediation"].startswith("Use V1, ")


def test_a_spend_cap_binds_and_is_priced_under_its_rule(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    free = _spend(_plan(capsys))
    _rule(project, _caps({"max": int(0.7 * free)}))
    capped = _plan(capsys)
    assert 0.6 * free < _spend(capped) <= 0.7 * free
    (rule,) = [b for b in _explanation(capped)["binding"] if b["rule"] == "POL-S001"]
    assert (rule["activity"], rule["limit"]) == (int(0.7 * free), int(0.7 * free))
    assert rule["price"] > 0.5
    assert rule["source"] == "policy:POL-S001"


@pytest.mark.parametrize(
    ("cap", "which"),
    [({"category": "dairy"}, {"sku": "MILK"}), ({"supplier": "V4"}, {"supplier": "V4"}), ({"over": "period"}, {"period": "t1"})],
)
def test_each_scope_of_a_cap_is_obeyed_or_refused(
    project: Path, capsys: pytest.CaptureFixture[str], cap: dict[str, str], which: dict[str, str]
) -> None:
    free = _plan(capsys)
    scope = which if "over" not in cap else {"period": max(free["steps"], key=lambda s: _spend(free, period=s["period"]))["period"]}
    most = int(0.5 * _spend(free, **scope))
    _rule(project, _caps({**cap, "max": most}))
    obeying = _plan(capsys)
    assert _spend(obeying, **scope) <= most + 0.01
    name = {"category": "POL-S003:dairy", "supplier": "POL-S004:V4", "over": "POL-S002"}[next(iter(cap))]
    model = json.loads((Path(obeying["run_dir"]) / "artifacts" / "optimodel.json").read_text(encoding="utf-8"))
    assert f'"{name}"' in json.dumps(model)
    assert run(["plan", "goal.yaml", "--no-compile-policy", "-q"]) == 4
    assert f"error[{name.partition(':')[0]}]" in capsys.readouterr().err


def test_what_policy_forbids_is_never_suggested_as_a_way_out(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "goal.yaml").write_text(GOAL.replace("limits:\n", "limits:\n  service: {min: 95 %, hold: mean}\n"), encoding="utf-8")
    _rule(project, _caps({"max": 1}))
    stuck = _plan(capsys, code=5)
    assert stuck["status"] == "INFEASIBLE"
    conflict = _explanation(stuck)["conflicts"][0]
    assert "POL-S001" in conflict["rules"]
    ways = _explanation(stuck)["ways"]
    assert not [r for w in ways for r in w["relaxations"] if r["rule"].startswith("POL-")]


def test_a_waived_denial_is_planned_with_and_reported(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiver = {"rule": "POL-V001", "tenant": "local", "args": {"supplier": "V4"}, "owner": "cpo", "reason": "stock", "expires": "2999-12-31"}
    _rule(project, {**V4, "waivers": [waiver]})
    plan = _plan(capsys)
    assert {s["supplier"] for s in plan["steps"]} == {"V4"}
    policy = json.loads((Path(plan["run_dir"]) / "policy.json").read_text(encoding="utf-8"))
    assert [(f["id"], f["waived"]) for f in policy["admission"]["findings"] if f["waived"]] == [
        ("POL-V001", "cpo: stock (until 2999-12-31)")
    ]
