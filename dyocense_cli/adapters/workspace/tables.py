"""The tables of a context, each from its source, with everything that cannot be read found at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from dyocense_cli.adapters.workspace.cells import Columns, TableError
from dyocense_cli.artifacts.context import ContextSpec, RawTable, Tables, TableSpec
from dyocense_cli.artifacts.fingerprint import json_sha
from dyocense_cli.artifacts.rules import coded
from dyocense_cli.errors import Finding, Findings, InputError, Ref, Where

__all__ = ["Files", "read_tables"]


class Files(Protocol):
    """What reading tables needs of a workspace."""

    def resolve(self, base: str, name: str) -> str:
        """Return a logical name."""
        ...

    def path(self, name: str) -> Path:
        """Return the real path of a logical name."""
        ...

    def folder(self, name: str) -> Path:
        """Return the folder of a logical name, checked for links that leave."""
        ...


def _csv(path: Path, _spec: TableSpec) -> Columns:
    from dyocense_cli.adapters.workspace.csv_table import read_csv

    return read_csv(path)


def _json(path: Path, _spec: TableSpec) -> Columns:
    from dyocense_cli.adapters.workspace.json_table import read_json

    return read_json(path)


def _xlsx(path: Path, spec: TableSpec) -> Columns:
    from dyocense_cli.adapters.workspace.sheet import read_sheet

    return read_sheet(path, spec.sheet)


def _parquet(path: Path, _spec: TableSpec) -> Columns:
    from dyocense_cli.adapters.workspace.query import read_parquet

    return read_parquet(path)


_READERS: Final[Mapping[str, Callable[[Path, TableSpec], Columns]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".json": _json,
    ".xlsx": _xlsx,
    ".parquet": _parquet,
}


def _file(name: str, spec: TableSpec, base: str, files: Files) -> RawTable:
    assert spec.file is not None
    logical = files.resolve(base, spec.file)
    path = files.path(logical)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise TableError("DY2302", f"`{spec.file}` has no known format", hint="use one of " + ", ".join(sorted(_READERS)))
    columns = reader(path, spec)
    with path.open("rb") as stream:
        sha = hashlib.file_digest(stream, "sha256").hexdigest()
    return RawTable(name, logical, columns.values, sha, columns.rows)


def _rows(name: str, spec: TableSpec, base: str) -> RawTable:
    rows = spec.rows or ()
    names = dict.fromkeys(column for row in rows for column in row)
    values = {column: tuple(row.get(column) for row in rows) for column in names}
    return RawTable(name, base, values, json_sha([dict(row) for row in rows]).removeprefix("sha256:"))


def _query(name: str, spec: TableSpec, base: str, files: Files) -> RawTable:
    from dyocense_cli.adapters.workspace.query import run_query

    assert spec.sql is not None
    columns = run_query(spec.sql, files.folder(base))
    sha = json_sha({column: list(cells) for column, cells in columns.values.items()}).removeprefix("sha256:")
    return RawTable(name, base, columns.values, sha)


def read_tables(spec: ContextSpec, files: Files) -> Tables:
    """Read all tables of a context.

    Raises
    ------
    Findings
        DY2000 with one finding per table or row that cannot be read; its `rest` holds what the other rows say, if each table has some.
    """
    tables: dict[str, RawTable] = {}
    findings: list[Finding] = []
    for name, table in sorted(spec.tables.items()):
        where = spec.spans.get(f"/tables/{name}")
        try:
            if table.file is not None:
                tables[name] = _file(name, table, spec.file, files)
            elif table.rows is not None:
                tables[name] = _rows(name, table, spec.file)
            else:
                tables[name] = _query(name, table, spec.file, files)
        except TableError as error:
            file = files.resolve(spec.file, table.file) if table.file else name
            refs: list[Where] = [Ref(file, row, column) for row, column in error.rows.items()] or [where]
            if error.rest is not None:
                tables[name] = RawTable(name, file, error.rest.values, "", error.rest.rows)
            findings += [coded(error.code, f"table `{name}`: {error.message}", where=at, remediation=error.hint) for at in refs]
        except InputError as error:
            pointer = f"/tables/{name}/file"
            at = spec.spans.get(pointer) or where
            findings.append(
                coded(error.code, f"table `{name}`: {error.message}", where=at, pointer=pointer, remediation="; ".join(error.hints))
            )
    if findings:
        raise Findings(tuple(findings), rest=Tables(tables) if len(tables) == len(spec.tables) else None)
    return Tables(tables)
