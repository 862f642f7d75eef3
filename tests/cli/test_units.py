"""A unit that is wrong or left out on any column is told at compile; no conversion is ever guessed."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from dyocense_cli.cli.app import run
from dyocense_cli.cli.bakery import bakery_files

#: units that measure something else than any column of the context
STRANGE = ("case", "pallet", "kWh", "CHF/each", "EUR/pallet", "K", "EUR/each^2")
GOAL = """dsl: goal/v1
id: units
model: replenishment
context: ../fixtures/context.yaml
horizon: {periods: 2, every: week, start: 2026-11-30}
forecast: {num_scenarios: 10, seed: 1, reduce: {to: 2}}
objective: {cost: 1.0, shortage: 1.0}
"""


@pytest.fixture
def bakery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, data in bakery_files().items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        lines = data.splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:200]) if path.suffix == ".csv" else data)
    (tmp_path / "goals" / "units.yaml").write_text(GOAL, "utf-8")
    (tmp_path / "dyocense.toml").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("DYOCENSE_STORE", "DYOCENSE_OPA_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def stated(context: str) -> dict[str, dict[str, str]]:
    """Return the units that a context file states, by table and column."""
    lines = re.findall(r"^  (\w+): \{file: \w+\.csv, units: \{(.*)\}\}$", context, re.MULTILINE)
    return {table: dict(pair.split(": ") for pair in units.split(", ")) for table, units in lines}


def restated(context: str, table: str, units: dict[str, str]) -> str:
    """Return a context file in which a table states other units."""
    inner = ", ".join(f"{column}: {unit}" for column, unit in units.items())
    return re.sub(rf"^(  {table}: .*units: ){{.*}}}}$", lambda m: f"{m[1]}{{{inner}}}}}", context, flags=re.MULTILINE)


def findings(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, object]]]:
    code = run([*arguments, "--json"])
    document = json.loads(capsys.readouterr().out)
    return code, document["error"]["findings"] if "error" in document else document.get("findings", [])


def test_a_wrong_or_missing_unit_on_any_column_is_always_caught(bakery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = bakery / "fixtures" / "context.yaml"
    whole = path.read_text("utf-8")
    tables = stated(whole)
    assert sum(map(len, tables.values())) > 12
    chance = random.Random(5)
    for table, units in tables.items():
        for column in units:
            wrong = chance.choice(STRANGE)
            path.write_text(restated(whole, table, {**units, column: wrong}), "utf-8")
            code, told = findings(capsys, "compile", "goals/units.yaml", "--quiet")
            assert code == 3, (table, column, wrong)
            assert {f["id"] for f in told} <= {"DYO-X003", "DYO-X004"}
            assert f"`{table}.{column}` is in `{wrong}`" in str(told[0]["message"])

            rest = {c: u for c, u in units.items() if c != column}
            if rest:
                path.write_text(restated(whole, table, rest), "utf-8")
                code, told = findings(capsys, "lint", "goals/units.yaml", "--no-policy-check")
                assert code == 0, told
                assert any(f["id"] == "DYO-X003" and f"`{table}.{column}` states no unit" in str(f["message"]) for f in told), (table, column)


def test_what_is_suggested_is_open_and_refused_as_it_is(bakery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = bakery / "fixtures" / "context.yaml"
    path.write_text(path.read_text("utf-8").replace("moq: each", "moq: pallet"), "utf-8")
    assert run(["compile", "goals/units.yaml", "--quiet", "--suggest"]) == 3
    added = capsys.readouterr().out
    assert "1 pallet = ? each" in added
    path.write_text(path.read_text("utf-8") + added, "utf-8")
    assert run(["compile", "goals/units.yaml", "--quiet"]) == 3
    capsys.readouterr()
    path.write_text(path.read_text("utf-8").replace("= ? each", "= 480 each"), "utf-8")
    assert run(["compile", "goals/units.yaml", "--quiet", "--suggest"]) == 0
    assert "no conversion is missing" in capsys.readouterr().out
