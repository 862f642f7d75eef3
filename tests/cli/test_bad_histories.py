"""Tables through `forecast`: corrupt ones end in exit 3 with code and place, never a traceback, a partial artifact or exit 0; months out
of stock and short histories are no demand, and are said."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dyocense_cli.cli.app import run
from dyocense_cli.cli.bakery import bakery_files

COUNT = 500 if os.environ.get("DYOCENSE_TEST_SCALE") == "full" else 60
GOAL = """dsl: goal/v1
id: corrupt
model: replenishment
context: ../fixtures/context.yaml
horizon: {periods: 2, every: week, start: 2026-11-30}
forecast: {num_scenarios: 10, seed: 1, reduce: {to: 2}}
objective: {cost: 1.0, shortage: 1.0}
"""
#: numbers that each table must have, and the columns that name its rows
NUMBERS = {"history": ("quantity",), "offers": ("price", "moq", "lot_size"), "stock": ("on_hand",), "orders": ("quantity",), "suppliers": ("lead_days",)}
NAMES = {"history": "sku", "offers": "supplier", "stock": "sku", "orders": "sku", "deliveries": "supplier"}
DATES = {"history": "date", "orders": "due", "deliveries": "received_on"}

Lines = list[str]


def cell(lines: Lines, column: str, value: str, chance: random.Random) -> Lines:
    """Put a value into one cell of a column."""
    at, names = chance.randrange(1, len(lines)), lines[0].split(",")
    cells = lines[at].split(",")
    cells[names.index(column)] = value
    return [*lines[:at], ",".join(cells), *lines[at + 1 :]]


def cut(lines: Lines, chance: random.Random) -> Lines:
    """End the file within a row, before its last comma."""
    at = chance.randrange(1, len(lines))
    return [*lines[:at], lines[at][: chance.randrange(1, lines[at].rindex(",") + 1)]]


def corrupted(table: str, lines: Lines, chance: random.Random) -> bytes:
    """Return a table with one thing wrong that no reader may take."""
    kinds: list[Callable[[], Lines]] = [
        lambda: cut(lines, chance),
        lambda: [*lines, lines[-1] + ",one more"],
        lambda: [],
        lambda: [lines[0].replace(lines[0].split(",")[0], "thing", 1), *lines[1:]],
        lambda: [*lines[:2], '"never closed', *lines[2:]],
    ]
    if table in NUMBERS:
        column = chance.choice(NUMBERS[table])
        kinds += [lambda word=word: cell(lines, column, word, chance) for word in ("many", "nan", "inf", "1_000", "١٢", "12 boxes")]
    if table in NAMES:
        kinds.append(lambda: cell(lines, NAMES[table], "no such thing", chance))
    if table in DATES:
        kinds += [lambda day=day: cell(lines, DATES[table], day, chance) for day in ("2026-02-30", "30.11.2026", "tomorrow")]
    if table in ("skus", "suppliers", "stock"):
        kinds.append(lambda: [*lines, lines[1]])
    data = ("\n".join(chance.choice(kinds)()) + "\n").encode()
    return data if chance.random() < 0.95 else data[: len(data) // 2] + b"\xff\xfe" + data[len(data) // 2 :]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bakery with six SKUs and a quarter of history."""
    return bakery(tmp_path, monkeypatch, since=b"2026-08-31")


def bakery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, since: bytes) -> Path:
    """Make a bakery with six SKUs and a history after a day, and go there."""
    keep = {b"WHEAT", b"RYE", b"SPELT", b"OAT", b"CORN", b"RICE"}
    for name, data in bakery_files().items():
        lines = data.splitlines(keepends=True)
        if name.endswith(("skus.csv", "offers.csv", "stock.csv", "orders.csv", "history.csv")):
            lines = [lines[0], *(x for x in lines[1:] if x.split(b",")[0] in keep and (b"history" not in name.encode() or x.split(b",")[1] > since))]
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"".join(lines))
    context = tmp_path / "fixtures" / "context.yaml"
    context.write_text(context.read_text("utf-8").replace("date: 2026-11-27", "date: 2026-01-01"), "utf-8")
    (tmp_path / "goals" / "corrupt.yaml").write_text(GOAL, "utf-8")
    (tmp_path / "dyocense.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_corrupt_table_is_bad_input_and_nothing_is_written(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = {p.stem: p for p in sorted((small / "fixtures").glob("*.csv"))}
    whole = {name: path.read_bytes() for name, path in tables.items()}
    chance = random.Random(20261129)
    places = 0
    for number in range(COUNT):
        table = sorted(tables)[number % len(tables)]
        tables[table].write_bytes(corrupted(table, whole[table].decode().splitlines(), chance))
        shutil.rmtree(small / ".dyocense", ignore_errors=True)
        before = sorted(p for p in small.rglob("*") if ".dyocense" not in p.parts)
        code = run(["forecast", "goals/corrupt.yaml", "--json", "--quiet"])
        out = capsys.readouterr()
        assert code == 3, (table, tables[table].read_bytes()[-300:], out)
        assert "Traceback" not in out.err
        error = json.loads(out.out)["error"]
        assert all(f["id"].startswith("DY") and f["message"] for f in error.get("findings", [{"id": error["code"], "message": error["message"]}]))
        places += any((f["where"] or {}).get("row") for f in error.get("findings", []))
        assert sorted(p for p in small.rglob("*") if ".dyocense" not in p.parts) == before
        blobs = [p.read_bytes() for p in (small / ".dyocense").rglob("*") if p.is_file()]
        assert not any(b'"kind":"context"' in b or b'"kind":"forecast_set"' in b for b in blobs)
        tables[table].write_bytes(whole[table])
    assert places > COUNT / 3
    assert run(["forecast", "goals/corrupt.yaml", "--quiet"]) == 0


def test_all_bad_rows_of_a_cut_file_are_told_at_once(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = small / "fixtures" / "history.csv"
    lines = path.read_text("utf-8").splitlines()
    lines[3] = lines[3].rpartition(",")[0] + ",many"
    lines[7] = lines[7].replace("2026-", "2026-13-", 1)
    path.write_text("\n".join([*lines, "WHEAT,2026"]), "utf-8")
    assert run(["forecast", "goals/corrupt.yaml", "--json", "--quiet"]) == 3
    found = [(f["id"], f["where"]["row"], f["where"]["column"]) for f in json.loads(capsys.readouterr().out)["error"]["findings"]]
    assert sorted(found) == [("DY2303", len(lines), "quantity"), ("DY2304", 3, "quantity"), ("DY2311", 7, "date")]


def weekly_error(capsys: pytest.CaptureFixture[str], actual: dict[str, float]) -> float:
    """Forecast the four weeks from 2 November and return the mean absolute error of the weekly mean, as a share of demand."""
    assert run(["forecast", "goals/corrupt.yaml", "--json", "--quiet", "--set", "horizon.start=2026-11-02", "--set", "horizon.periods=4"]) == 0
    stats = json.loads(capsys.readouterr().out)["stats"]
    return sum(abs(stats[sku]["total_mean"] - actual[sku]) / actual[sku] for sku in actual) / len(actual)


def test_a_month_out_of_stock_is_no_data_and_so_forecasts_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bakery(tmp_path, monkeypatch, since=b"2020-01-01") / "fixtures" / "history.csv"
    rows = [line.split(",") for line in path.read_text("utf-8").splitlines()[1:]]
    actual: dict[str, float] = {}
    for sku, day, quantity in rows:
        if "2026-11-02" <= day < "2026-11-30":
            actual[sku] = actual.get(sku, 0.0) + float(quantity)
    assert len(actual) == 6
    emptied = [(sku, day, "0" if "2026-10-05" <= day < "2026-11-02" else q, int("2026-10-05" <= day < "2026-11-02")) for sku, day, q in rows]
    path.write_text("sku,date,quantity\n" + "".join(f"{s},{d},{q}\n" for s, d, q, _ in emptied), "utf-8")
    unmasked = weekly_error(capsys, actual)
    path.write_text("sku,date,quantity,stocked_out\n" + "".join(f"{s},{d},{q},{o}\n" for s, d, q, o in emptied), "utf-8")
    masked = weekly_error(capsys, actual)
    assert masked < 0.25
    assert unmasked > 2 * masked
