"""Parquet files, and read-only DuckDB queries over the files beside a context.

A query is one SELECT. It sees the context's folder and nothing else: no other file, no network, no extension, no write, no
change of settings. It ends after 30 s or at 512 MB.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Final

import duckdb

from dyocense_cli.adapters.workspace.cells import Columns, TableError, cell

__all__ = ["read_parquet", "run_query"]

_TIMEOUT_S: Final = 30.0
_ROWS: Final = 20_000_000
_CONFIG: Final = {
    "threads": "1",  # one order of rows
    "memory_limit": "512MB",
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}
#: A quoted text that names data files; it is read from the context's folder.
_FILE: Final = re.compile(r"'((?:[^']|'')+\.(?:csv|tsv|json|ndjson|jsonl|parquet)(?:\.gz|\.zst)?)'", re.IGNORECASE)
_HINT: Final = "write one SELECT over files beside the context, such as select * from 'deliveries/*.parquet'"


def _connect(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=_CONFIG)
    inside = str(folder).replace("'", "''")
    connection.execute(f"SET allowed_directories = ['{inside}/']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _absolute(sql: str, folder: Path) -> str:
    """Point quoted file names that match a file below `folder` to it; DuckDB would look in the working folder."""

    def repoint(found: re.Match[str]) -> str:
        name = found[1].replace("''", "'")
        if Path(name).is_absolute() or ".." in Path(name).parts or "://" in name:
            return found[0]
        return "'" + str(folder / name).replace("'", "''") + "'"

    return _FILE.sub(repoint, sql)


def _columns(connection: duckdb.DuckDBPyConnection, sql: str, values: list[str] | None = None) -> Columns:
    timer = threading.Timer(_TIMEOUT_S, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        result = connection.execute(sql, values)
        names = [str(entry[0]) for entry in result.description or []]
        rows = result.fetchmany(_ROWS + 1)
    except duckdb.InterruptException:
        raise TableError("DY2306", f"the query ran over {_TIMEOUT_S:.0f} s", hint="narrow it, or store its result as Parquet") from None
    except duckdb.PermissionException as error:
        raise TableError("DY2306", _first_line(error), hint=_HINT) from None
    except duckdb.Error as error:
        raise TableError("DY2305", _first_line(error), hint=_HINT) from None
    finally:
        timer.cancel()
    if len(rows) > _ROWS:
        raise TableError("DY2306", f"the query gives over {_ROWS} rows", hint="narrow it")
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    if len(set(names)) < len(names):
        raise TableError("DY2305", "the query names a column twice", hint="rename it with `as`")
    try:
        return Columns({name: tuple(map(cell, column)) for name, column in zip(names, columns, strict=True)})
    except TypeError as error:
        raise TableError("DY2302", str(error), hint="select columns of text, numbers, dates and booleans") from None


def _first_line(error: duckdb.Error) -> str:
    return str(error).split("\n", 1)[0][:300]


def read_parquet(path: Path) -> Columns:
    """Read a Parquet file.

    Raises
    ------
    TableError
        DY2302 if it cannot be read.
    """
    with _connect(path.parent) as connection:
        try:
            return _columns(connection, "SELECT * FROM read_parquet(?)", [str(path)])
        except TableError as error:
            raise TableError("DY2302", error.message, hint="write it again as Parquet") from None


def run_query(sql: str, folder: Path) -> Columns:
    """Run one SELECT over the files below `folder`.

    Raises
    ------
    TableError
        DY2305 if it is wrong, DY2306 if it is refused: another statement, a file elsewhere, a write, too long, too large.
    """
    with _connect(folder) as connection:
        try:
            statements = connection.extract_statements(sql)
        except duckdb.Error as error:
            raise TableError("DY2305", _first_line(error), hint=_HINT) from None
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise TableError("DY2306", "a query is one SELECT and nothing else", hint=_HINT)
        return _columns(connection, _absolute(sql, folder))
