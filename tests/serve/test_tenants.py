"""Two tenants who try to see each other."""

from __future__ import annotations

import uuid

import pytest

from dyocense_cli.adapters.sql.figures import add_figures
from dyocense_cli.ports.service import Figures
from dyocense_cli.serve.config import read_config
from dyocense_cli.serve.names import TOP_TENANTS

from .api import Service, settings_for


def test_every_endpoint_with_a_foreign_id_is_404_as_for_an_unknown_one(service: Service) -> None:
    mine = service.post("/plans", {"goal_id": "newsvendor"}).json()["run_id"]
    other = {"tenant": service.tenant + "-other"}
    for run_id in (mine, str(uuid.uuid4()), "x", "..%2F..", "0" * 64):
        for path in ("", "/events", "/artifacts/report.html", "/artifacts/manifest.json", "/artifacts/..%2Fmanifest.json"):
            answer = service.get(f"/runs/{run_id}{path}", **other)
            assert answer.status_code == 404, (run_id, path)
        cancelled = service.http.delete(f"/runs/{run_id}", headers=service.headers(**other))
        assert cancelled.status_code == 404
    foreign, unknown = service.get(f"/runs/{mine}", **other).json(), service.get(f"/runs/{uuid.uuid4()}", **other).json()
    foreign.pop("instance")
    unknown.pop("instance")
    assert foreign == unknown
    assert service.get(f"/runs/{mine}").json()["status"] == "queued"
    assert service.get("/runs", **other).json()["runs"] == []
    assert service.get("/usage", **other).json()["budgets"]["solver_sec"]["reserved"] == 0


def test_webhooks_of_one_tenant_hear_nothing_of_another(service: Service) -> None:
    service.post("/webhooks", {"url": "http://127.0.0.1:9/a"})
    assert service.parts.outbox(service.tenant).webhooks()
    assert service.parts.outbox(service.tenant + "-other").webhooks() == []


def test_artifacts_outside_the_run_cannot_be_named(service: Service) -> None:
    run_id = service.post("/plans", {"goal_id": "newsvendor"}).json()["run_id"]
    for name in ("../secret", "%2e%2e/secret", "/etc/passwd", "artifacts/goal.json", "telemetry.json", "report.html"):
        assert service.get(f"/runs/{run_id}/artifacts/{name}").status_code == 404


def test_metrics_keep_a_bound_on_names(service: Service) -> None:
    for i in range(TOP_TENANTS + 10):
        add_figures(
            service.parts.engine,
            Figures(
                f"m-{service.tenant}-{i}",
                service.parts.now_s(),
                f"many-{i}",
                "free",
                f"goal-{i}",
                "plan",
                "succeeded",
                {"solver_wall_time": 1.0, "budget_left": 0.5},
            ),
        )
    token = service.token(scope="kernel.operate")
    text = service.http.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text
    names = {line.split('tenant_id="')[1].split('"')[0] for line in text.splitlines() if line.startswith("dyocense_solver_seconds_total{")}
    assert "other" in names
    assert len(names) <= TOP_TENANTS + 1
    again = service.http.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text
    count = [line for line in again.splitlines() if line.startswith("dyocense_runs_total{") and "many-0" in line]
    assert count == [line for line in text.splitlines() if line.startswith("dyocense_runs_total{") and "many-0" in line]


def test_a_tenants_file_gives_tiers_and_own_limits(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "tenants.yaml"
    path.write_text("tenants:\n  gold: {tier: enterprise, parallel_solves: 3}\n  small: free\n")
    config = read_config(settings_for(Path(str(tmp_path)) / "state", "sqlite://", tenants=str(path)))
    assert (config.tier_of("gold", "free").name, config.tier_of("gold", "free").parallel_solves) == ("enterprise", 3)
    assert config.tier_of("small", "pro").name == "free"
    assert config.tier_of("unlisted", "pro").name == "pro"
    for wrong in ("[1]", "gold: {tier: platinum}", "gold: {tier: pro, weight: heavy}", "a: [", "gold: {tier: pro, weight: 0}"):
        path.write_text(wrong)
        with pytest.raises(Exception, match=r"DY3103|tenant|tier") as caught:
            read_config(settings_for(Path(str(tmp_path)) / "state", "sqlite://", tenants=str(path)))
        assert getattr(caught.value, "code", "") == "DY3103"
