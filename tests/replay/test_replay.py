"""Recorded runs come back: same bytes in another folder, time zone, hash seed and Python, and the first difference is named."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli import wiring
from dyocense_cli.adapters.blobs.runs_directory import DirectoryRuns
from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.cli.app import run as dyocense
from dyocense_cli.kernel.evidence.claims import Workings
from dyocense_cli.ports.guard import Guard
from dyocense_cli.runner.bundle import bundle
from dyocense_cli.runner.order import Order
from dyocense_cli.runner.reasons import artifacts_of, reasons_of
from dyocense_cli.runner.references import manifest_of
from dyocense_cli.runner.replay import Replay, replay
from dyocense_cli.runner.snapshot import snapshot_artifact
from dyocense_cli.settings import load_settings

ROOT = Path(__file__).parents[2]
FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"

PAPERS = "goals/newsvendor.yaml"
DAIRY = "goals/dairy.yaml"
SMALL = {
    "forecast.num_scenarios": "8",
    "forecast.reduce.to": "4",
    "limits.service.min": "50 %",
    "solver.mip_gap": "0.05",
    "solver.time_limit": "90 s",
}
VARIED: list[tuple[str, dict[str, str]]] = [
    (PAPERS, {}),
    (PAPERS, {"robust.aggregation": "worst"}),
    (PAPERS, {"robust.aggregation": "cvar95", "solver.seed": "7"}),
    (PAPERS, {"robust.aggregation": "cvar90"}),
    (DAIRY, SMALL),
    (DAIRY, {**SMALL, "limits.budget.max": "1 EUR", "limits.service.min": "99 %"}),
    (DAIRY, {**SMALL, "robust.aggregation": "mean", "forecast.seed": "11"}),
]
MORE: list[tuple[str, dict[str, str]]] = [
    *((PAPERS, {"robust.aggregation": a, "solver.seed": str(s)}) for a in ("cvar60", "cvar80", "worst", "mean") for s in (1, 2)),
    (DAIRY, {**SMALL, "limits.moq": "false"}),
    (DAIRY, {**SMALL, "horizon.periods": "3"}),
    (DAIRY, {**SMALL, "robust.aggregation": "worst"}),
    (DAIRY, {**SMALL, "forecast.model": "naive"}),
    (DAIRY, {**SMALL, "limits.storage.max": "10 m3"}),
]
PYTHONS = [p for p in os.environ.get("DYOCENSE_REPLAY_PYTHONS", "").split(os.pathsep) if p]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    for name in ("goals", "fixtures/dairy", "fixtures/newsvendor"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "dyocense.toml").write_text('graph = "none"\ntier = "enterprise"\n')
    return folder


def _kernel(project: Path, **flags: str) -> Any:
    return wiring.build(load_settings({"graph": "none", **flags}, start=project))


@pytest.fixture(scope="module")
def recorded(project: Path) -> list[str]:
    kernel = _kernel(project)
    return [kernel.plan(Order(goal=goal, overrides=sets)).run_id for goal, sets in (*VARIED, *(MORE if FULL else []))]


@pytest.fixture(scope="module")
def bundles(project: Path, recorded: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("bundles")
    runs = DirectoryRuns(str(project / "runs"))
    paths = []
    for i, run_id in enumerate(recorded):
        paths.append(folder / f"{i:02d}.zip")
        paths[-1].write_bytes(bundle(runs, run_id))
    return paths


def _elsewhere(folder: Path, python: str, bundles: list[Path], environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """Replay all bundles in one process of another folder and environment; return its reports."""
    program = "import sys\nfrom dyocense_cli.cli.app import run\nfor path in sys.argv[1:]:\n    run(['replay', '--bundle', path, '--json'])\n    print('\\0')\n"
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR", "DYOCENSE_OPA")}
    done = subprocess.run(
        [python, "-c", program, *map(str, bundles)],
        cwd=folder, env={**kept, "PYTHONPATH": str(ROOT), **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(part) for part in done.stdout.split("\0") if part.strip()]


def test_runs_replay_to_the_same_bytes_in_another_folder_zone_and_hash_seed(bundles: list[Path], tmp_path: Path) -> None:
    reports = _elsewhere(tmp_path, sys.executable, bundles, {"TZ": "Pacific/Chatham", "PYTHONHASHSEED": "4711", "LC_ALL": "C"})
    assert len(reports) == len(bundles)
    for report in reports:
        assert report["equal"], report["first_difference"]
        assert report["good"]
        # a solve that a busy machine stopped by the clock is verified, not run again
        assert {s["state"] for s in report["stages"]} <= {"equal", "verified"}, report["stages"]


@pytest.mark.parametrize("python", PYTHONS or [sys.executable])
def test_runs_replay_to_the_same_bytes_on_another_python(bundles: list[Path], tmp_path: Path, python: str) -> None:
    """Programs of other minor versions are named by DYOCENSE_REPLAY_PYTHONS; without it this one replays the first two runs."""
    bundles = bundles if PYTHONS else bundles[:2]
    for report in _elsewhere(tmp_path, python, bundles, {"TZ": "America/Caracas", "PYTHONHASHSEED": "1"}):
        assert report["equal"], report["first_difference"]


def test_the_same_goal_elsewhere_leaves_the_same_files(project: Path, recorded: list[str], tmp_path: Path) -> None:
    """Not only the stages: plan.csv, report.html, tables and JSON views, all but clocks and the manifest."""
    other = tmp_path / "deep" / "er"
    shutil.copytree(project, other, ignore=shutil.ignore_patterns("runs", ".dyocense"))
    program = "import sys\nfrom dyocense_cli.cli.app import run\nsys.exit(run(sys.argv[1:]))\n"
    goal, sets = VARIED[4]
    arguments = ["plan", goal, "--quiet", *(part for k, v in sets.items() for part in ("--set", f"{k}={v}"))]
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR", "DYOCENSE_OPA")}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=other, env={**kept, "PYTHONPATH": str(ROOT), "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "99"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    here, there = DirectoryRuns(str(project / "runs")), DirectoryRuns(str(other / "runs"))
    first, second = recorded[4], there.list()[0]
    # the stored solution carries the solver's seconds beside what it says; its fingerprint does not count them
    clocks = {"telemetry.json", "manifest.json", "manifest.json.sha256", "artifacts/solution.json"}
    assert set(here.names(first)) == set(there.names(second))
    assert [n for n in here.names(first) if n not in clocks and here.read(first, n) != there.read(second, n)] == []
    assert fingerprint(snapshot_artifact(here, first, "solution")) == fingerprint(snapshot_artifact(there, second, "solution"))


def _again(project: Path, run_id: str, tmp_path: Path, **flags: str) -> Replay:
    kernel = _kernel(project, cache=str(tmp_path / "cache"), **flags)
    return replay(kernel, DirectoryRuns(str(project / "runs")), run_id)


def _with_manifest(project: Path, run_id: str, folder: Path, **changes: Any) -> DirectoryRuns:
    """Copy a run with other words in its manifest, its checksum made anew."""
    from dyocense_cli.runner.signature import CHECKSUM, checksum_line

    source = DirectoryRuns(str(project / "runs"))
    files = {n: source.read(run_id, n) for n in source.names(run_id)}
    statement = json.loads(files.pop("manifest.json"))
    statement["predicate"].update(changes)
    written = json.dumps(statement).encode()
    files[CHECKSUM] = checksum_line(written)
    target = DirectoryRuns(str(folder))
    target.commit(run_id, files, written)
    return target


def test_a_solve_that_a_clock_stopped_is_verified_not_run_again(project: Path, recorded: list[str], tmp_path: Path) -> None:
    runs = _with_manifest(project, recorded[0], tmp_path / "runs", reproducible=False)
    found = replay(_kernel(project, cache=str(tmp_path / "cache")), runs, recorded[0])
    states = {s.stage: s.state for s in found.stages}
    assert states.pop("solve") == "verified"
    assert set(states.values()) == {"equal"}
    assert found.equal


def test_the_first_difference_names_stage_field_and_both_values(
    project: Path, recorded: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage that means something else now: the plan's currency is spelled in small letters."""
    from dyocense_cli.kernel.plan import interpret as stage

    original = stage.interpret

    def changed(*args: Any, **options: Any) -> Any:
        plan = original(*args, **options)
        return dataclasses.replace(plan, currency=plan.currency.lower())

    monkeypatch.setattr(stage, "interpret", changed)
    found = _again(project, recorded[0], tmp_path)
    assert not found.equal
    assert found.same_kpis
    assert found.first is not None
    assert (found.first.stage, found.first.path, found.first.old, found.first.new) == ("interpret", "currency", "EUR", "eur")


def _call(project: Path, *arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    before = Path.cwd()
    os.chdir(project)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = dyocense(list(arguments))
    finally:
        os.chdir(before)
    return code, out.getvalue(), err.getvalue()


def test_the_command_says_how_many_stages_are_equal(project: Path, recorded: list[str]) -> None:
    code, out, err = _call(project, "replay", recorded[0], "--verify")
    assert code == 0, err
    assert "stages equal" in out
    assert "≠" not in out
    code, out, err = _call(project, "replay", recorded[0], "--against", wiring.package_version())
    assert code == 0, err
    assert "figures are equal" in out
    code, _, err = _call(project, "replay", recorded[0], "--against", "99.0")
    assert code == 2
    assert wiring.package_version() in err


def test_another_installation_can_be_asked(project: Path, recorded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code, _, err = _call(project, "replay", recorded[0], "--against", sys.executable)
    assert code == 0, err


def test_an_altered_snapshot_is_not_replayed(project: Path, recorded: list[str], tmp_path: Path) -> None:
    shutil.copytree(project / "runs" / recorded[0], tmp_path / "runs" / recorded[0])
    path = tmp_path / "runs" / recorded[0] / "artifacts" / "context.json"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    code, _, err = _call(project, "replay", recorded[0], "--store", str(tmp_path / "runs"))
    assert code == 8
    assert "artifacts/context.json: was altered" in err


def test_every_claim_of_every_line_of_a_real_run_holds(project: Path, recorded: list[str]) -> None:
    runs = DirectoryRuns(str(project / "runs"))
    held = artifacts_of(runs, recorded[4])
    workings = Workings(held)
    shas = {name: fingerprint(artifact) for name, artifact in held.items()}
    assert held["plan"].steps
    for step in held["plan"].steps:
        found, _ = reasons_of(runs, recorded[4], step.line)
        assert {"order", "price", "forecast", "scenarios", "netted", "policy"} <= {c.kind for c in found.claims}
        for claim in found.claims:
            assert workings.holds(claim), claim
            assert all(shas[i.artifact] == i.sha for i in claim.inputs)
            assert all(", row " in i.place for i in claim.inputs if i.artifact == "context"), claim


def test_reasons_that_a_clock_cut_are_told_not_kept_and_taken_from_the_record(project, monkeypatch):
    kernel = _kernel(project)
    with monkeypatch.context() as late:
        late.setattr("dyocense_cli.kernel.explain.explain.Guard", partial(Guard, 0.0))
        cut = kernel.plan(Order(goal=PAPERS, overrides={"solver.seed": "77"}))
    manifest = manifest_of(kernel.runs, cut.run_id)
    assert manifest["reproducible"] is False
    assert any("explain" in warning and "cut by the clock" in warning for warning in manifest["warnings"])
    back = replay(_kernel(project), kernel.runs, cut.run_id)
    assert back.equal
    assert {s.stage: s.state for s in back.stages}["explain"] == "taken"
    again = _kernel(project).plan(Order(goal=PAPERS, overrides={"solver.seed": "77"}))
    assert manifest_of(kernel.runs, again.run_id)["reproducible"] is True
