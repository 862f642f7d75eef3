"""JSON tables: a list of flat objects, one per row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dyocense_cli.adapters.workspace.cells import Cell, Columns, TableError, cell

__all__ = ["read_json"]


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")


def read_json(path: Path) -> Columns:
    """Read a list of flat objects; a missing key is a missing value.

    Raises
    ------
    TableError
        DY2302 if it is not such a list, DY2303 for each row that is not a flat object.
    """
    try:
        rows = json.loads(path.read_text("utf-8-sig"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise TableError("DY2302", f"not JSON: {error}", hint="write a list of objects, one per row") from None
    if not isinstance(rows, list):
        raise TableError("DY2302", "the file is not a list of objects", hint="write a list of objects, one per row")
    bad = [i for i, row in enumerate(rows, 1) if not isinstance(row, dict) or any(isinstance(v, (list, dict)) for v in row.values())]
    if bad:
        raise TableError("DY2303", "a row is not a flat object", hint="give each row a value per column", rows=dict.fromkeys(bad[:20], ""))
    names: dict[str, None] = dict.fromkeys(name for row in rows for name in row)
    values: dict[str, tuple[Cell, ...]] = {name: tuple(cell(row.get(name)) for row in rows) for name in names}
    return Columns(values)
