"""Jobs of tenants obey the project's policies, also with a goal and a context of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dyocense_cli.adapters.policy.opa_managed import OpaManaged
from dyocense_cli.adapters.policy.pack import load_pack
from dyocense_cli.serve.job import Job, Outcome, read_lines
from tests.opa import ROOT, opa_binary
from tests.unit.kernel.policy.world import CONTEXT, GOAL

__all__ = ["opa_binary"]


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "policies"
    folder.mkdir(parents=True)
    (folder / "data.json").write_text(json.dumps({"required": {"acme": [["limits", "service"]]}}), encoding="utf-8")
    return folder


@pytest.fixture
def address(policies: Path, opa_binary: str, tmp_path: Path) -> Iterator[str]:
    """Address of an OPA server that is kept for the project's policies."""
    keeper = OpaManaged(opa_binary, lambda: load_pack(str(policies)), cache=str(tmp_path / "opa"))
    yield keeper.address()
    keeper.close()


def _run(tmp_path: Path, tenant: str, settings: Mapping[str, str]) -> Outcome:
    folder = tmp_path / "jobs" / tenant
    folder.mkdir(parents=True)
    goal: Any = yaml.load(GOAL, yaml.BaseLoader)
    body = {"goal_dsl": {**goal, "constraints": {}}, "context": yaml.load(CONTEXT, yaml.BaseLoader)}
    job = Job(
        "r1",
        "compile",
        tenant,
        "enterprise",
        str(tmp_path / "project"),
        str(folder),
        str(folder / "store"),
        str(folder / "cache"),
        50,
        60.0,
        body,
        settings,
    )
    done = subprocess.run(
        [sys.executable, "-m", "dyocense_cli.serve.child"],
        input=job.to_json(),
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/nonexistent"},
        capture_output=True,
        check=False,
    )
    outcome = read_lines(done.stdout)
    assert outcome is not None, done.stderr.decode()
    return outcome


@pytest.mark.parametrize("kept", [True, False])
def test_an_inline_goal_is_refused_by_the_projects_policies(tmp_path: Path, policies: Path, address: str, kept: bool) -> None:
    outcome = _run(tmp_path, "acme", {"policies": str(policies), "opa_url": address if kept else ""})
    assert outcome.problem is not None
    assert (outcome.problem["code"], outcome.problem["status"]) == ("DY3010", 403)
    assert "POL-F001" in json.dumps(outcome.problem)


def test_a_kept_server_with_other_policies_gives_no_verdict(tmp_path: Path, policies: Path, address: str) -> None:
    (policies / "data.json").write_text("{}", encoding="utf-8")
    outcome = _run(tmp_path, "acme", {"policies": str(policies), "opa_url": address})
    assert outcome.problem is not None
    assert (outcome.problem["code"], outcome.problem["status"]) == ("DY4203", 503)
