"""`plan` through the real door."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dyocense_cli.artifacts.fingerprint import bytes_sha
from tests.cli.project import dyocense, environment, make_project, start

QUICK = ("--set", "forecast.num_scenarios=12", "--set", "forecast.reduce.to=6", "--set", "robust.aggregation=mean")


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which dairy was planned once."""
    project = make_project(tmp_path_factory.mktemp("planned"))
    done = dyocense("plan", "goals/dairy.yaml", *QUICK, "--json", cwd=project)
    assert done.code == 0, done.err
    (project / "first.json").write_text(done.out, "utf-8")
    return project


def first(planned: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((planned / "first.json").read_text("utf-8"))
    return document


def test_the_json_has_the_fields_of_the_contract(planned: Path) -> None:
    keys = {"run_id", "run_fingerprint", "status", "objective", "gap", "kpis", "risk", "steps", "binding_constraints", "shadow_prices", "evidence", "run_dir", "fingerprints", "warnings", "timings"}
    assert keys <= set(first(planned))


def test_a_run_directory_has_every_file_of_the_contract_and_hashes_match(planned: Path) -> None:
    run = planned / str(first(planned)["run_dir"])
    names = {"manifest.json", "goal.json", "policy.json", "scenarios.parquet", "scenarios.json", "optimodel.json", "hints.json", "solution.json", "stress.json", "explanation.json", "plan.csv", "report.html", "telemetry.json", "context/offers.parquet"}
    assert {n for n in names if not (run / n).is_file()} == set()
    statement = json.loads((run / "manifest.json").read_text("utf-8"))
    assert statement["subject"]
    for subject in statement["subject"]:
        assert bytes_sha((run / subject["name"]).read_bytes()) == "sha256:" + subject["digest"]["sha256"]


def test_a_second_run_is_all_cached_and_is_the_same_run(planned: Path) -> None:
    again = dyocense("plan", "goals/dairy.yaml", *QUICK, "--json", cwd=planned).json
    assert {s["state"] for s in again["timings"].values()} == {"cached"}
    before = first(planned)
    assert [again[k] for k in ("run_id", "run_fingerprint", "steps", "kpis")] == [before[k] for k in ("run_id", "run_fingerprint", "steps", "kpis")]


def test_place_time_zone_and_hash_seed_change_no_fingerprint(planned: Path, tmp_path: Path) -> None:
    other = make_project(tmp_path / "elsewhere" / "deep")
    done = dyocense("plan", "goals/dairy.yaml", *QUICK, "--json", cwd=other, TZ="Pacific/Kiritimati", PYTHONHASHSEED="77", LC_ALL="C")
    assert done.code == 0, done.err
    before = first(planned)
    assert done.json["run_fingerprint"] == before["run_fingerprint"]
    assert done.json["fingerprints"] == before["fingerprints"]
    assert done.json["steps"] == before["steps"]


def test_verbose_names_every_stage_and_every_step_of_the_solve(tmp_path: Path) -> None:
    assert dyocense("init", ".", "--template", "lot-sizing", cwd=tmp_path).code == 0
    quiet = dyocense("plan", "goals/line.yaml", "--quiet", cwd=tmp_path)
    assert "ask_forecast" not in quiet.err
    told = dyocense("plan", "goals/line.yaml", "--verbose", "--no-cache", cwd=tmp_path)
    assert told.out.partition("\nrun ")[0] == quiet.out.partition("\nrun ")[0]
    assert "ask_forecast" in told.err
    steps = [line for line in told.err.splitlines() if "best 3,7" in line]
    assert len(steps) == len({line.partition(" s  ")[2] for line in steps}) > 0


def test_an_override_is_part_of_the_fingerprint(planned: Path) -> None:
    done = dyocense("plan", "goals/dairy.yaml", *QUICK, "--set", "limits.budget.max=7000EUR", "--json", cwd=planned)
    assert done.code == 0, done.err
    assert done.json["fingerprints"]["goal_sha"] != first(planned)["fingerprints"]["goal_sha"]  # type: ignore[index]
    assert done.json["fingerprints"]["scenario_sha"] == first(planned)["fingerprints"]["scenario_sha"]  # type: ignore[index]


def test_progress_goes_to_standard_error_and_the_plan_to_standard_output(planned: Path) -> None:
    done = dyocense("plan", "goals/dairy.yaml", *QUICK, cwd=planned)
    assert done.code == 0
    assert "cached" in done.err
    assert "cached" not in done.out
    assert "report.html" in done.out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_keeps_the_best_plan_so_far(tmp_path: Path, number: signal.Signals, code: int) -> None:
    project = make_project(tmp_path)
    master, slave = pty.openpty()
    argv = [sys.executable, "-m", "dyocense_cli", "plan", "goals/dairy.yaml", "--set", "solver.mip_gap=0", "--set", "solver.time_limit=100s"]
    with (project / "out.txt").open("w") as out:
        process = subprocess.Popen(argv, cwd=project, env=environment(TERM="xterm"), stdout=out, stderr=slave)
    os.close(slave)
    seen = b""
    with contextlib.suppress(OSError):  # the terminal closes when the process ends
        while b"best " not in seen and (read := os.read(master, 4096)):
            seen += read
        process.send_signal(number)
        while read := os.read(master, 4096):
            seen += read
    assert process.wait(timeout=120) == code, seen.decode()
    os.close(master)
    manifests = list((project / "runs").glob("*/manifest.json"))
    assert len(manifests) == 1
    run = json.loads(manifests[0].read_text("utf-8"))["predicate"]
    assert (run["status"], run["termination"], run["reproducible"]) == ("FEASIBLE", "interrupted", False)
    solution = json.loads((manifests[0].parent / "solution.json").read_text("utf-8"))
    assert solution["steps"]
    assert solution["gap"] > 0


def test_killing_it_at_any_instant_leaves_whole_runs_and_a_working_next_command(tmp_path: Path) -> None:
    kills = 100 if os.environ.get("DYOCENSE_TEST_SCALE") == "full" else 10
    project = make_project(tmp_path)
    chance = random.Random(7)
    for number in range(kills):
        process = start("plan", "goals/dairy.yaml", *QUICK, "--set", f"forecast.seed={number % 3}", "--quiet", cwd=project)
        time.sleep(chance.uniform(0.05, 3.0))
        process.kill()
        process.communicate()
        for run in (project / "runs").glob("*"):
            if not run.name.startswith("."):
                statement = json.loads((run / "manifest.json").read_text("utf-8"))
                assert all(bytes_sha((run / s["name"]).read_bytes()) == "sha256:" + s["digest"]["sha256"] for s in statement["subject"])
    done = dyocense("plan", "goals/dairy.yaml", *QUICK, "--json", cwd=project)
    assert done.code == 0, done.err
    assert not list((project / "runs").glob(".part-*"))


def test_a_signal_after_the_solve_ends_the_run_soon_and_keeps_the_plan(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    process = start("plan", "goals/dairy.yaml", "--set", "limits.service.min=80%", cwd=project)
    assert process.stderr is not None
    for line in process.stderr:
        if "plan laid out" in line:
            process.send_signal(signal.SIGTERM)
            break
    process.communicate(timeout=120)
    assert process.returncode == 143
    manifest = next((project / "runs").glob("*/manifest.json"))
    run = json.loads(manifest.read_text("utf-8"))["predicate"]
    assert run["status"] in ("FEASIBLE", "OPTIMAL")
    assert (manifest.parent / "plan.csv").read_text("utf-8").count("\n") > 1
    again = dyocense("plan", "goals/dairy.yaml", "--set", "limits.service.min=80%", "--json", cwd=project)
    assert again.code == 0, again.err
    assert again.json["timings"]["solve"]["state"] == "cached"
    assert again.json["timings"]["explain"]["state"] == "run"
