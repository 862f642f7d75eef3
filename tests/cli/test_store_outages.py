"""The object store or the graph goes away in mid-run: exit 7, all kept, one command completes it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dyocense_cli.cli.app import run as dyocense
from tests.contract import s3_doors

ROOT = Path(__file__).parents[2]
GOAL = "goals/newsvendor.yaml"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("goals", "fixtures/newsvendor"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "dyocense.toml").write_text('graph = "none"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def door(minio: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[s3_doors.Door]:
    made = s3_doors.Door()
    for name, value in s3_doors.keys(made.endpoint).items():
        monkeypatch.setenv(f"DYOCENSE_S3_{name.upper()}", value)
    yield made
    made.close()


def _call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = dyocense(list(arguments))
    out = capsys.readouterr()
    return code, out.out, out.err


def test_a_store_that_goes_away_keeps_the_run_and_push_completes_it(
    project: Path, door: s3_doors.Door, capsys: pytest.CaptureFixture[str]
) -> None:
    url = s3_doors.bucket_url()
    door.shut = lambda path, method: method == "PUT" and "report.html" in path
    code, _, err = _call(capsys, "plan", GOAL, "--store", url, "--quiet")
    assert code == 7
    assert "files not yet uploaded" in err
    assert "dyocense runs push" in err
    door.shut = lambda path, method: False
    code, out, err = _call(capsys, "evidence", "verify", "--store", url)
    assert code == 0, err
    run_id = out.split()[1]
    assert (project / "runs" / run_id / "manifest.json").is_file()
    code, _, err = _call(capsys, "plan", GOAL, "--store", url, "--quiet")
    assert code == 0, err
    assert [p.name for p in (project / "runs").iterdir()] == [run_id]
    code, out, err = _call(capsys, "runs", "push", run_id, "--store", url, "--json")
    assert code == 0, err
    assert json.loads(out)["pushed"] == [run_id]
    shutil.rmtree(project / "runs")
    code, out, err = _call(capsys, "replay", run_id, "--store", url)
    assert code == 0, err
    assert "stages equal" in out


def test_a_graph_that_goes_away_keeps_the_run_and_write_completes_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DYOCENSE_GRAPH", "neo4j")
    monkeypatch.setenv("DYOCENSE_NEO4J_URL", "bolt://127.0.0.1:1")
    code, _, err = _call(capsys, "plan", GOAL, "--quiet")
    assert code == 7
    assert "the run is kept in" in err
    assert "dyocense evidence write" in err
    monkeypatch.setenv("DYOCENSE_GRAPH", "ladybug")
    code, out, err = _call(capsys, "evidence", "write", "--json")
    assert code == 0, err
    assert len(json.loads(out)["written"]) == 1
