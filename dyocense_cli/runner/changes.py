"""What differs between two artifacts of one kind: field paths with both values, table rows by their keys."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dyocense_cli.artifacts.codec import encode
from dyocense_cli.artifacts.context import Context

if TYPE_CHECKING:
    from dyocense_cli.artifacts.context import Column, Table

__all__ = ["Change", "changes"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: where, what it was, what it is; of a table's row also the labels it has (sku, supplier)."""

    path: str
    old: str
    new: str
    keys: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.path} {self.old} → {self.new}"


def changes(old: object, new: object, *, most: int = 20) -> list[Change]:
    """Return up to `most` differences, in the order of the fields; META fields (places, row numbers) do not count."""
    found: list[Change] = []
    if isinstance(old, Context) and isinstance(new, Context):
        for change in _contexts(old, new):
            found.append(change)
            if len(found) >= most:
                return found
        return found
    a, b = encode(old, meta=False), encode(new, meta=False)
    for change in _walk(a.doc.get("body"), b.doc.get("body"), "", {**a.arrays, **b.arrays}):
        found.append(change)
        if len(found) >= most:
            break
    return found


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Mapping) and set(value) == {"value", "unit"}:
        return f"{value['value']:g} {value['unit'] or ''}".strip() if isinstance(value["value"], (int, float)) else str(value["value"])
    if isinstance(value, float):
        return f"{value:.10g}"
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _is_array(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"$array"}


def _walk(old: Any, new: Any, path: str, arrays: Mapping[str, np.ndarray]) -> Iterator[Change]:
    if old == new:
        return
    if _is_array(old) and _is_array(new):
        yield from _arrays(path, arrays[old["$array"]["sha256"]], arrays[new["$array"]["sha256"]])
    elif isinstance(old, Mapping) and isinstance(new, Mapping) and not {"value", "unit"} == set(old) == set(new):
        for key in [*old, *(k for k in new if k not in old)]:
            yield from _walk(old.get(key), new.get(key), f"{path}.{key}" if path else str(key), arrays)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from _walk(a, b, f"{path}[{_name(a, i)}]", arrays)
    elif isinstance(old, list) and isinstance(new, list):
        yield Change(path, f"{len(old)} entries", f"{len(new)} entries")
    else:
        yield Change(path, _text(old), _text(new))


def _name(entry: Any, index: int) -> str:
    return str(entry["name"]) if isinstance(entry, Mapping) and "name" in entry else str(index)


def _arrays(path: str, old: np.ndarray, new: np.ndarray) -> Iterator[Change]:
    if old.shape != new.shape or old.dtype != new.dtype:
        yield Change(path, f"{old.dtype}{list(old.shape)}", f"{new.dtype}{list(new.shape)}")
        return
    same = (old == new) | (np.isnan(old) & np.isnan(new)) if old.dtype.kind == "f" else old == new
    for at in np.argwhere(~same)[:20]:
        place = tuple(int(i) for i in at)
        yield Change(f"{path}[{','.join(map(str, place))}]", _text(old[place].item()), _text(new[place].item()))


def _contexts(old: Context, new: Context) -> Iterator[Change]:
    for name in sorted({*old.tables, *new.tables}):
        a, b = old.tables.get(name), new.tables.get(name)
        if a is None or b is None:
            yield Change(f"table {name}", "absent" if a is None else f"{a.n_rows} rows", "absent" if b is None else f"{b.n_rows} rows")
        else:
            yield from _tables(name, a, b, (old, new))
    rest = [encode(c, meta=False).doc["body"] for c in (old, new)]
    for body in rest:
        body.pop("tables")
    yield from _walk(rest[0], rest[1], "", {})


def _cells(column: Column) -> list[Any]:
    return column.text() if column.labels is not None else column.values.tolist()


def _unit(column: Column) -> str:
    return f" {column.unit}" if column.unit else ""


def _tables(name: str, old: Table, new: Table, worlds: tuple[Context, Context]) -> Iterator[Change]:
    place = new.file or name
    for missing in sorted(set(old.columns) ^ set(new.columns)):
        yield Change(
            f"{place} column {missing}", "there" if missing in old.columns else "absent", "there" if missing in new.columns else "absent"
        )
    moved = yield from _moved(name, place, worlds)
    shared = [c for c in sorted(old.columns) if c in new.columns and c not in moved]
    labels = [c for c in shared if old.columns[c].labels is not None and new.columns[c].labels is not None]
    before, after = _rows(old, shared, labels), _rows(new, shared, labels)
    numbers = new.rows.tolist() if new.rows is not None else list(range(1, new.n_rows + 1))
    for key, (index, row) in after.items():
        keys, at = {k: str(row[k]) for k in labels}, f"{place} row {numbers[index]}"
        if key not in before:
            yield Change(at, "absent", _line(row), keys)
            continue
        for column, value in row.items():
            was = before[key][1][column]
            if _differ(was, value):
                by = worlds[1].edit_of(name, column, int(numbers[index]))
                first, then = _text(was) + _unit(old.columns[column]), _text(value) + _unit(new.columns[column])
                yield Change(f"{at} {column}", first, then + (f" by --set {by}" if by else ""), keys)
    for key, (_, row) in before.items():
        if key not in after:
            yield Change(
                f"{place} row of {', '.join(str(k) for k in key[:-1])}", _line(row), "absent", {k: str(row[k]) for k in labels}
            )


def _line(row: Mapping[str, Any]) -> str:
    return ", ".join(_text(v) for v in row.values())


def _moved(name: str, place: str, worlds: tuple[Context, Context]) -> Generator[Change, None, set[str]]:
    """Tell a change of the command line to a column of dates as one difference; return those columns."""
    old, new = ([e for e in w.edits if e.table == name and w.tables[name].columns[e.column].labels is not None] for w in worlds)
    for edit in [*new, *old]:
        if (edit in old) != (edit in new):
            ends = (f"by --set {edit.given}", "as read") if edit in old else ("as read", f"by --set {edit.given}")
            yield Change(f"{place} {edit.column} of {len(edit.rows)} rows", *ends, dict(edit.keys))
    return {e.column for e in (*old, *new)}


def _differ(old: Any, new: Any) -> bool:
    both_missing = isinstance(old, float) and isinstance(new, float) and np.isnan(old) and np.isnan(new)
    return bool(old != new) and not both_missing


def _rows(table: Table, columns: list[str], keys: list[str]) -> dict[tuple[Any, ...], tuple[int, dict[str, Any]]]:
    """Rows by their text cells and a running number among equal ones."""
    cells = {c: _cells(table.columns[c]) for c in columns}
    seen: dict[tuple[Any, ...], int] = {}
    out: dict[tuple[Any, ...], tuple[int, dict[str, Any]]] = {}
    for i in range(table.n_rows):
        key = tuple(cells[k][i] for k in keys)
        seen[key] = seen.get(key, 0) + 1
        out[(*key, seen[key])] = (i, {c: cells[c][i] for c in columns})
    return out
