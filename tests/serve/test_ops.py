"""Alert rules fire when they should, and dashboards ask for metrics that exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest
import sqlalchemy as sa
import yaml

from dyocense_cli.adapters.clock.frozen import FrozenClock
from dyocense_cli.serve.metrics import ServiceMetrics
from dyocense_cli.wiring_service import Parts

from .api import REPO

RULES = REPO / "ops" / "prometheus"
NAME = re.compile(r"\bdyocense_[a-z0-9_]+")


def _promtool() -> str:
    program = shutil.which("promtool")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("needs promtool, and CI allows no skip")
        pytest.skip("needs promtool: apt install prometheus")
    return program


def _metric_names() -> set[str]:
    metrics = ServiceMetrics(Parts(sa.create_engine("sqlite://"), None, FrozenClock(), 5.0))
    out = set()
    for family in metrics.registry.collect():
        out |= {family.name, *(family.name + s for s in ("_total", "_bucket", "_sum", "_count"))}
    return out


def test_the_rules_are_well_formed_and_their_tests_pass() -> None:
    program = _promtool()
    for arguments in (["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"], ["check", "config", "prometheus.yml"]):
        done = subprocess.run([program, *arguments], cwd=RULES, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_that_fires() -> None:
    rules = yaml.safe_load((RULES / "rules.yml").read_text())
    alerts = {r["alert"] for g in rules["groups"] for r in g["rules"] if "alert" in r}
    tests = yaml.safe_load((RULES / "rules_test.yml").read_text())["tests"]
    fired = {t["alertname"] for one in tests for t in one["alert_rule_test"] if t["exp_alerts"]}
    assert fired == alerts


def test_rules_and_dashboards_ask_for_metrics_that_exist() -> None:
    known = _metric_names()
    rules = yaml.safe_load((RULES / "rules.yml").read_text())
    asked = [r["expr"] for g in rules["groups"] for r in g["rules"]]
    board = json.loads((REPO / "ops" / "grafana" / "dyocense.json").read_text())
    asked += [t["expr"] for p in board["panels"] for t in p["targets"]]
    for expression in asked:
        for name in NAME.findall(re.sub(r"dyocense:[a-z0-9_:]+", "", expression)):
            assert name in known, name
    assert {"Solver time against budget", "Solve latency", "Stage cache hit rate", "Evidence lag"} <= {p["title"] for p in board["panels"]}
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(set(places)) == len(places)


def test_every_metric_that_the_design_names_is_there_by_tenant_tier_and_goal() -> None:
    metrics = ServiceMetrics(Parts(sa.create_engine("sqlite://"), None, FrozenClock(), 10.0))
    names = ("solver_wall_time", "mip_gap", "status_code", "forecast_rmse", "scenario_count", "evidence_write_ms", "queue_wait", "budget_left")
    for name in names:
        [found] = [c for c in (*metrics._histograms.values(), *metrics._gauges.values()) if c._name.startswith(f"dyocense_{name}")]
        assert found._labelnames == ("tenant_id", "tier", "goal_id"), name
    assert metrics._stages._labelnames == ("tenant_id", "tier", "goal_id", "cached")  # cache hits
