"""The process that computes one run, started as the worker starts it, without a sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .api import REPO


def run(
    tmp_path: Path, kind: str, body: dict[str, Any], *, stop: bool = False, **more: Any
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Return what the child printed last, if it is an outcome, and all that it said before."""
    folder = tmp_path / "job"
    folder.mkdir(exist_ok=True)
    if stop:
        (folder / "stop").touch()
    job = {
        "run_id": "r",
        "kind": kind,
        "tenant_id": "acme",
        "tier": "pro",
        "project": str(REPO),
        "folder": str(folder),
        "store": str(tmp_path / "store"),
        "cache": str(tmp_path / "cache"),
        "scenarios": 20,
        "time_limit_s": 15.0,
        "body": body,
        "settings": {"policies": str(REPO / "policies")},
        **more,
    }
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "dyocense_cli.serve.child"],
        input=json.dumps(job).encode(),
        capture_output=True,
        env=environment,
        check=False,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    if said and said[-1]["what"] == "outcome":
        return said[-1], said[:-1]
    return None, said


def inline_goal() -> dict[str, Any]:
    goal: dict[str, Any] = yaml.safe_load((REPO / "goals" / "newsvendor.yaml").read_text())
    goal["context"] = "fixtures/newsvendor/context.yaml"
    goal["model"] = "goals/models/newsvendor.yaml"
    if goal.get("horizon", {}).get("start") is not None:
        goal["horizon"]["start"] = str(goal["horizon"]["start"])
    return goal


def test_a_model_is_compiled_and_then_solved_by_its_public_form(tmp_path: Path) -> None:
    compiled, _ = (
        run(tmp_path / "a", "compile", {"goal_dsl": inline_goal(), "context": {}, "scenarios": {}})
        if (tmp_path / "a").mkdir() is None
        else (None, [])
    )
    assert compiled is not None
    assert "result" in compiled, compiled
    model = compiled["result"]["optimodel"]
    assert set(model) >= {"vars", "obj", "constraints"}
    assert set(compiled["result"]["hints"]) == {"track", "sensitivities"}
    (tmp_path / "b").mkdir()
    solved, said = run(tmp_path / "b", "solve", {"optimodel": model, "seed": 1, "time_limit_sec": 10})
    assert solved is not None
    assert "result" in solved, solved
    assert solved["result"]["status"] == "OPTIMAL"
    assert solved["result"]["kpis"]["bought"] == 109
    assert solved["figures"]["solver_wall_time"] > 0
    assert [s["state"] for s in said if s.get("stage") == "solve"] == ["begin", "run"]


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("plan", {"goal_id": "absent"}, "DY2002"),
        ("plan", {"goal_dsl": {"dsl": "goal/v1"}}, "DY2000"),
        ("plan", {"goal_id": "newsvendor", "context_ref": "../../etc/passwd"}, "DY2002"),
        ("plan", {"goal_id": "newsvendor", "context_ref": "pyproject.toml"}, "DY2002"),
        ("forecast", {"skus": [], "horizon": 4, "num_scenarios": 3}, "DY2002"),
    ],
)
def test_wrong_input_is_a_problem_with_its_code(tmp_path: Path, kind: str, body: dict[str, Any], code: str) -> None:
    outcome, _ = run(tmp_path, kind, body)
    assert outcome is not None
    assert (outcome["problem"]["code"], outcome["problem"]["status"]) == (code, 422), outcome


def test_an_inline_goal_reads_only_the_shared_folders(tmp_path: Path) -> None:
    goal = {**inline_goal(), "context": "../../../pyproject.toml"}
    outcome, _ = run(tmp_path, "plan", {"goal_dsl": goal})
    assert outcome is not None
    assert outcome["problem"]["code"] == "DY2001", outcome


def test_a_stop_before_the_solve_ends_without_a_plan(tmp_path: Path) -> None:
    outcome, said = run(tmp_path, "plan", {"goal_id": "newsvendor"}, stop=True)
    assert outcome is None
    assert not any(s.get("stage") == "solve" for s in said)


def test_scenarios_are_held_to_the_tenants_limit(tmp_path: Path) -> None:
    outcome, _ = run(tmp_path, "forecast", {"skus": [], "horizon": 2, "num_scenarios": 3, "context_ref": "dairy"}, scenarios=2)
    assert outcome is not None
    assert outcome["result"]["num_scenarios"] == 2
    wrong, _ = (
        run(tmp_path / "x", "forecast", {"skus": ["NONE"], "horizon": 2, "num_scenarios": 3, "context_ref": "dairy"})
        if (tmp_path / "x").mkdir() is None
        else (None, [])
    )
    assert wrong is not None
    assert "no SKU is named `NONE`" in wrong["problem"]["detail"]
