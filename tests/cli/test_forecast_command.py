"""`dyocense forecast` and `dyocense runs cache`, through the real door."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from dyocense_cli.cli.app import run
from tests.cli.project import dyocense, make_project

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Lay out the dairy project in a folder of its own."""
    for folder in ("goals", "fixtures/dairy", "fixtures/newsvendor"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "dyocense.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("DYOCENSE_"):
            monkeypatch.delenv(name)
    return tmp_path


def answer(capsys, *arguments):
    code = run([*arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_forecast_prints_one_json_document_in_the_published_shape(project, capsys):
    code, out, _ = answer(capsys, "forecast", "goals/dairy.yaml", "--json")
    document = json.loads(out)
    assert code == 0
    assert {"horizon", "num_scenarios", "skus", "scenarios", "stats"} <= set(document)
    assert document["num_scenarios"] == len(document["scenarios"]) == 20
    first = document["scenarios"][0]
    assert set(first) == {"id", "probability", "demand", "lead_time_days", "lead_time_days_by_supplier"}
    assert len(first["demand"]) == document["horizon"] * len(document["skus"])
    assert {"mean", "sigma", "p95"} <= set(document["stats"]["EGGS-LARGE-1"])
    again = json.loads(answer(capsys, "forecast", "goals/dairy.yaml", "--json", "--no-cache")[1])
    assert again == document


def test_the_cache_lists_checks_and_forgets_what_was_forecast(project, capsys):
    answer(capsys, "forecast", "goals/dairy.yaml", "-q")
    listed = json.loads(answer(capsys, "runs", "cache", "--json")[1])
    assert (listed["entries"], listed["altered"]) == (8, 0)
    entry = next(Path(project, ".dyocense", "series").glob("??/*.entry"))
    data = bytearray(entry.read_bytes())
    data[-1] ^= 255
    entry.write_bytes(bytes(data))
    checked = json.loads(answer(capsys, "runs", "cache", "--verify", "--json")[1])
    assert (checked["altered"], checked["entries"]) == ([entry.stem], 7)
    rows = json.loads(answer(capsys, "runs", "cache", "--sql", "select count(*) as n from entries", "--json")[1])
    assert rows == {"columns": ["n"], "rows": [[7]]}
    assert json.loads(answer(capsys, "runs", "cache", "--clear", "--json")[1]) == {"removed": 7}


def test_plot_draws_a_fan_per_sku_and_html_is_one_file_that_loads_nothing(project, capsys):
    code, out, _ = answer(capsys, "forecast", "goals/dairy.yaml", "--plot", "--html", "fan.html", "-q")
    page = Path("fan.html").read_text(encoding="utf-8")
    assert code == 0
    assert out.count("│") >= 8
    assert page.count("<svg") == 8
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page


def test_backtest_scores_against_seasonal_naive_with_intervals(project, capsys):
    code, out, _ = answer(capsys, "forecast", "goals/dairy.yaml", "--backtest", "--origins", "1", "--json")
    found = json.loads(out)["backtest"]
    names = [m["name"] for m in found["methods"]]
    assert code == 0
    assert names[0] == "this forecast"
    assert "seasonal naive" in names
    crps = found["methods"][0]["pooled"]["crps"]
    assert crps["low"] <= crps["value"] <= crps["high"]
    assert {"energy", "variogram"} == set(found["methods"][0]["joint"])
    assert len(found["methods"][0]["series"]) == 8


def test_scenarios_of_a_file_are_used_and_nothing_is_forecast(project, capsys):
    made = json.loads(answer(capsys, "forecast", "goals/dairy.yaml", "--json")[1])
    Path("goals/given.json").write_text(json.dumps(made), encoding="utf-8")
    code, out, err = answer(capsys, "forecast", "goals/dairy.yaml", "--json", "--set", "forecast.scenarios=given.json")
    given = json.loads(out)
    assert (code, err) == (0, "")
    assert given["source"] == "table"
    assert given["scenarios"] == made["scenarios"]
    assert given["series"] == []
    made["scenarios"][3]["demand"].pop("EGGS-LARGE-1:t2")
    Path("goals/given.json").write_text(json.dumps(made), encoding="utf-8")
    code, _, err = answer(capsys, "forecast", "goals/dairy.yaml", "--set", "forecast.scenarios=given.json")
    assert code == 3
    assert "has no demand ≥ 0 for EGGS-LARGE-1 in t2" in err


def test_an_unknown_model_ends_with_exit_3_and_the_near_name(project, capsys):
    code, _, err = answer(capsys, "forecast", "goals/dairy.yaml", "--set", "forecast.model=seasonl")
    assert code == 3
    assert "did you mean `seasonal`?" in err


def test_stated_scenarios_have_no_charts(project, capsys):
    code, _, err = answer(capsys, "forecast", "goals/newsvendor.yaml", "--plot", "-q")
    assert code == 3
    assert "nothing is forecast here: the scenarios are stated" in err


def test_forecast_metrics_reach_telemetry(tmp_path):
    done = dyocense("forecast", "goals/dairy.yaml", "--quiet", cwd=make_project(tmp_path / "p"), DYOCENSE_TELEMETRY="console")
    assert done.code == 0, done.err
    assert '"name": "forecast_rmse"' in done.err
    assert '"name": "scenario_count"' in done.err
    assert '"name": "kernel.forecast"' in done.err
