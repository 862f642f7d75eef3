"""The workspace: paths stay inside the project, every format reads to the same cells, queries see one folder."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import openpyxl
import pytest

from dyocense_cli.adapters.workspace.directory import DirectoryWorkspace, find_root
from dyocense_cli.artifacts.context import ContextSpec, RawTable, TableSpec
from dyocense_cli.errors import Findings, InputError, Ref, Span


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "data" / "days").mkdir(parents=True)
    (root / "goals").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "s.csv").write_text("a,b\n1,2\n")
    (root / "data" / "skus.csv").write_text('sku,price,note\nMILK,0.79,\nno,1e3,"two\nlines"\n')
    return root


def read(root: Path, table: TableSpec, allow: tuple[str, ...] = ()) -> RawTable:
    spec = ContextSpec(currency="EUR", tables={"t": table}, file="data/context.yaml")
    return DirectoryWorkspace(str(root), allow).tables(spec).tables["t"]


def refused(root: Path, table: TableSpec) -> list[tuple[str, str, object]]:
    with pytest.raises(Findings, match="table `t`") as caught:
        read(root, table)
    return [(f.id, f.message, f.where) for f in caught.value.findings]


def test_names_are_read_from_the_folder_of_the_file_that_holds_them(project: Path) -> None:
    workspace = DirectoryWorkspace(str(project))
    assert workspace.resolve("goals/g.yaml", "../data/skus.csv") == "data/skus.csv"
    assert workspace.text("data/skus.csv").startswith("sku,")
    assert workspace.data("data/skus.csv") == (project / "data/skus.csv").read_bytes()


@pytest.mark.parametrize("name", ["../../secret/s.csv", "/etc/passwd", "link/s.csv", "", "a\0b"])
def test_a_name_that_leaves_the_project_is_refused(project: Path, name: str) -> None:
    (project / "goals" / "link").symlink_to(project.parent / "secret")
    with pytest.raises(InputError, match=r"leads out|empty") as caught:
        DirectoryWorkspace(str(project)).resolve("goals/g.yaml", name)
    assert caught.value.code == "DY2001"


def test_an_allowed_path_opens_one_more_folder(project: Path) -> None:
    secret = project.parent / "secret"
    workspace = DirectoryWorkspace(str(project), (str(secret),))
    name = workspace.resolve("goals/g.yaml", "../../secret/s.csv")
    assert workspace.text(name) == "a,b\n1,2\n"
    assert workspace.resolve("goals/g.yaml", str(secret / "s.csv")) == name
    with pytest.raises(InputError, match="leads out"):
        DirectoryWorkspace(str(project)).text(name)


def test_what_is_absent_or_no_text_says_so(project: Path) -> None:
    workspace = DirectoryWorkspace(str(project))
    with pytest.raises(InputError, match="there is no file") as caught:
        workspace.text("data/sku.csv")
    assert caught.value.hints == ("did you mean `skus.csv`?",)
    (project / "bad.yaml").write_bytes("a: 1\nb: é".encode() + b"\xff")
    with pytest.raises(InputError, match="not UTF-8") as caught:
        workspace.text("bad.yaml")
    assert caught.value.where == Span("bad.yaml", 2, 5)
    with pytest.raises(InputError, match="not a file"):
        workspace.text("data")


def test_the_root_is_the_nearest_folder_with_a_settings_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert find_root(str(project / "goals")) == str(project)
    (project / "goals" / "dyocense.toml").write_text("")
    assert find_root(str(project / "goals" / "deeper")) == str(project / "goals")


def test_every_format_reads_to_the_same_cells(project: Path) -> None:
    data = project / "data"
    cells = {"sku": ("MILK", "no"), "on": ("2026-01-05", "2026-02-06"), "n": (1, 2), "x": (0.5, None)}
    (data / "t.json").write_text(
        json.dumps([{"sku": "MILK", "on": "2026-01-05", "n": 1, "x": 0.5}, {"sku": "no", "on": "2026-02-06", "n": 2}])
    )
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Two")
    for row in (["sku", "on", "n", "x"], ["MILK", "2026-01-05", 1, 0.5], ["no", "2026-02-06", 2, None]):
        sheet.append(row)
    book.save(data / "t.xlsx")
    made = "select * from (values ('MILK', date '2026-01-05', 1, 0.5::double), ('no', date '2026-02-06', 2, null)) v(sku, \"on\", n, x)"
    duckdb.connect().execute(f"copy ({made}) to '{data}/t.parquet'")
    rows = tuple({k: v[i] for k, v in cells.items()} for i in range(2))
    for table in (
        TableSpec(file="t.json"),
        TableSpec(file="t.xlsx", sheet="Two"),
        TableSpec(file="t.parquet"),
        TableSpec(rows=rows),
        TableSpec(sql="select * from 't.parquet' order by n"),
        TableSpec(sql=made),
    ):
        found = read(project, table)
        assert dict(found.columns) == cells, table
        assert len(found.sha) == 64


def test_csv_cells_are_text_and_empty_ones_nothing(project: Path) -> None:
    found = read(project, TableSpec(file="skus.csv"))
    assert dict(found.columns) == {"sku": ("MILK", "no"), "price": ("0.79", "1e3"), "note": (None, "two\nlines")}
    assert found.file == "data/skus.csv"


def test_blank_lines_keep_the_row_numbers(project: Path) -> None:
    (project / "data" / "t.csv").write_bytes(b"\xef\xbb\xbfa;b\r\n1;2\r\n\r\n3;4\r\n")
    found = read(project, TableSpec(file="t.csv"))
    assert dict(found.columns) == {"a": ("1", "3"), "b": ("2", "4")}
    assert found.rows == (1, 3)


def test_truncated_rows_are_all_found(project: Path) -> None:
    (project / "data" / "t.csv").write_text("a,b\n1,2\n3\n4,5,6\n")
    found = refused(project, TableSpec(file="t.csv"))
    assert [(code, where) for code, _, where in found] == [("DY2303", Ref("data/t.csv", 2, "b")), ("DY2303", Ref("data/t.csv", 3))]


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("t.csv", b"", "DY2302", "empty"),
        ("t.csv", b"a,a\n1,2\n", "DY2302", "twice"),
        ("t.csv", b'a,b\n"1,2\n', "DY2302", "unexpected end of data"),
        ("t.csv", b"a,b\n\xff,2\n", "DY2302", "UTF-8"),
        ("t.json", b"{}", "DY2302", "not a list"),
        ("t.json", b"[NaN]", "DY2302", "NaN"),
        ("t.json", b"[" * 100_000, "DY2302", "not JSON"),
        ("t.json", b'[{"a": [1]}]', "DY2303", "flat"),
        ("t.xlsx", b"PK", "DY2302", "not a workbook"),
        ("t.parquet", b"PAR1", "DY2302", "t.parquet"),
        ("t.txt", b"a", "DY2302", "no known format"),
    ],
)
def test_what_is_no_table_says_so(project: Path, name: str, content: bytes, code: str, message: str) -> None:
    (project / "data" / name).write_bytes(content)
    ((found, text, _),) = refused(project, TableSpec(file=name))
    assert found == code
    assert message in text


def test_all_unreadable_tables_are_found_at_once(project: Path) -> None:
    spec = ContextSpec(currency="EUR", tables={"a": TableSpec(file="no.csv"), "b": TableSpec(file="/etc/passwd")}, file="data/c.yaml")
    with pytest.raises(Findings, match="2 errors") as caught:
        DirectoryWorkspace(str(project)).tables(spec)
    assert [f.id for f in caught.value.findings] == ["DY2002", "DY2001"]


def test_a_query_reads_files_beside_the_context(project: Path) -> None:
    (project / "data" / "days" / "1.csv").write_text("s,n\nA,1\n")
    (project / "data" / "days" / "2.csv").write_text("s,n\nB,2\n")
    found = read(project, TableSpec(sql="select s, sum(n) as n from 'days/*.csv' group by s order by s"))
    assert dict(found.columns) == {"s": ("A", "B"), "n": (1, 2)}


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("copy (select 1) to 'x.csv'", "DY2306"),
        ("select 1; select 2", "DY2306"),
        ("attach 'x.db'", "DY2306"),
        ("set threads = 4", "DY2306"),
        ("install httpfs", "DY2306"),
        ("create table t as select 1", "DY2306"),
        ("select * from '../../secret/s.csv'", "DY2306"),
        ("select * from read_text('/etc/passwd')", "DY2306"),
        ("select * from glob('/*')", "DY2306"),
        ("select * from 'http://127.0.0.1:9/x.csv'", "DY2306"),
        ("select * from query('copy (select 1) to ''x.csv''')", "DY2305"),
        ("selec 1", "DY2305"),
        ("select 1 as a, 2 as a", "DY2305"),
        ("select * from 'none.csv'", "DY2305"),
        ("select [1, 2] as a", "DY2302"),
    ],
)
def test_a_query_is_one_select_inside_its_folder(project: Path, sql: str, code: str) -> None:
    ((found, text, _),) = refused(project, TableSpec(sql=sql))
    assert found == code, text
    assert not list(project.rglob("x.*"))


def test_a_query_is_refused_where_a_link_leaves_the_project(project: Path) -> None:
    (project / "data" / "link").symlink_to(project.parent / "secret")
    ((found, _, _),) = refused(project, TableSpec(sql="select * from 'link/s.csv'"))
    assert found == "DY2001"
