"""Personal data of a context stand in no byte that a run writes or shows."""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from pathlib import Path

import duckdb
import pytest

from dyocense_cli.cli.app import run as dyocense

ROOT = Path(__file__).parents[2]
SECRETS = ("anna.meier", "dairy-north.example", "170 5550123", "DE89 3704 0044 0532 0130 00")
SMALL = ("forecast.num_scenarios=6", "forecast.reduce.to=3", "limits.service.min=50 %", "solver.mip_gap=0.1")


def _project(folder: Path) -> None:
    for name in ("goals", "fixtures/dairy"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "dyocense.toml").write_text("")
    path = folder / "fixtures/dairy/suppliers.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    for row in rows:
        row["contact_email"] = "anna.meier@dairy-north.example"
        row["contact_phone"] = "+49 170 5550123"
        row["name"] = "pay to DE89 3704 0044 0532 0130 00"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _texts(path: Path) -> list[bytes]:
    """Return a file's bytes and, where it is packed, what it holds."""
    data = path.read_bytes()
    out = [data]
    if path.suffix == ".parquet":
        out.append(repr(duckdb.sql(f"SELECT * FROM '{path}'").fetchall()).encode())
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            out += [archive.read(n) for n in archive.namelist()]
    return out


@pytest.mark.parametrize("key", ["", "a deployment key"])
def test_no_byte_written_or_shown_holds_personal_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    _project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DYOCENSE_PII_KEY", key)
    monkeypatch.setenv("DYOCENSE_GRAPH", "ladybug")
    before = {p for p in tmp_path.rglob("*") if p.is_file()}
    sets = [part for s in SMALL for part in ("--set", s)]
    assert dyocense(["plan", "goals/dairy.yaml", *sets, "--xlsx", "plan.xlsx", "--all"]) == 0
    for command in (
        ["evidence", "export", "@last", "--output", "run.zip"],
        ["evidence", "why", "PO-0001"],
        ["evidence", "show"],
        ["evidence", "query", "MATCH (n) RETURN n.key, n.value"],
        ["runs", "show"],
    ):
        assert dyocense(command) == 0, command
    shown = capsys.readouterr()
    written = [p for p in tmp_path.rglob("*") if p.is_file() and p not in before]
    assert len(written) > 30
    texts = {str(p): _texts(p) for p in written} | {"stdout": [shown.out.encode()], "stderr": [shown.err.encode()]}
    found = [(name, secret) for name, parts in texts.items() for part in parts for secret in SECRETS if secret.encode() in part]
    assert found == []
    masked = b"pii:hidden" if not key else b"pii:"
    assert any(masked in part for parts in texts.values() for part in parts)
