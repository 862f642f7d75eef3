"""Broken table files and wild cells end in findings, never in a crash."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path

import duckdb
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.adapters.workspace.directory import DirectoryWorkspace
from dyocense_cli.artifacts.context import ContextSpec, TableSpec
from dyocense_cli.errors import Finding, Findings
from dyocense_cli.kernel.context.columns import COLUMNS
from tests.unit.kernel.context.world import world

COUNT = 2000 if os.environ.get("DYOCENSE_TEST_SCALE") == "full" else 30


def seed_file(kind: str, path: Path) -> bytes:
    rows = [["sku", "on", "n"], ["MILK", "2026-01-05", 1.5], ["no", "2026-01-06", None]]
    if kind == "csv":
        path.write_text("\n".join(",".join("" if c is None else str(c) for c in row) for row in rows) + "\n")
    elif kind == "json":
        path.write_text('[{"sku": "MILK", "n": 1.5}, {"sku": "no", "n": null, "x": true}]')
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        for row in rows:
            book.worksheets[0].append(row)
        book.save(path)
    else:
        duckdb.connect().execute(
            f"copy (select 'MILK' as sku, 1.5 as n, date '2026-01-05' as d from range(50)) to '{path}' (format parquet)"
        )
    return path.read_bytes()


def broken(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(out) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            del out[at : at + chance.choice((1, 5, 100))]
        elif kind == 1:
            out[at:at] = chance.choice((b'"', b",", b"\n", b"\x00", b"\xff", b"[", b"9" * 400, b"\r", b"{}"))
        elif kind == 2 and at < len(out):
            out[at] = chance.randrange(256)
        else:
            out[at:at] = out[: chance.randrange(len(out) + 1)]
    return bytes(out)


@pytest.mark.parametrize("kind", ["csv", "json", "xlsx", "parquet"])
def test_broken_files_end_in_findings(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{kind}"
    whole = seed_file(kind, path)
    spec = ContextSpec(currency="EUR", tables={"t": TableSpec(file=path.name)}, file="c.yaml")
    workspace = DirectoryWorkspace(str(tmp_path))
    chance = random.Random(7)
    refused = 0
    for _ in range(COUNT):
        path.write_bytes(broken(whole, chance))
        findings: tuple[Finding, ...] = ()
        columns: Mapping[str, tuple[object, ...]] = {}
        try:
            columns = workspace.tables(spec).tables["t"].columns
        except Findings as error:
            findings = error.findings
        refused += bool(findings)
        assert all(f.id.startswith("DY2") and f.message and f.remediation for f in findings)
        assert len({len(cells) for cells in columns.values()}) <= 1
    assert refused


_CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["A", "B", "", " ", "1", "-3", "1e400", "nan", "inf", "1_0", "１", "2026-01-05", "2026-13-01", "2026-01-05T10:00", "yes", "é\u0301"]),
    st.text(max_size=6),
)  # fmt: skip


@given(st.sampled_from(sorted(COLUMNS)), st.integers(0, 6), st.data())
def test_wild_cells_end_in_findings_or_a_table(table: str, rows: int, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from([*COLUMNS[table], "odd", "scenario"]), unique=True, min_size=1))
    columns = {name: data.draw(st.lists(_CELLS, min_size=rows, max_size=rows)) for name in names}
    findings: tuple[Finding, ...] = ()
    bound = None
    try:
        bound = world({table: columns}).tables[table]
    except Findings as error:
        findings = error.findings
    assert all(f.where is not None and f.message for f in findings)
    assert bound is None or (bound.n_rows == rows and set(bound.columns) == set(names))
