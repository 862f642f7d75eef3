"""Replace personal data in raw tables by keyed hashes, so that nothing behind the door ever holds it."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from dyocense_cli.artifacts.context import ContextSpec, RawTable, Tables
from dyocense_cli.kernel.privacy.detect import is_personal_column, is_personal_value

__all__ = ["HIDDEN", "Mask"]

#: Stands for a value when no key is given: a hash without a key can be guessed.
HIDDEN: Final = "pii:hidden"
#: PBKDF2 rounds that stretch the configured key once per process (OWASP, PBKDF2-HMAC-SHA256).
ROUNDS: Final = 600_000
#: Columns that name things: only a value's own shape makes them personal, never the column's name.
_KEYS: Final = frozenset({"sku", "supplier", "location", "scenario", "date", "name", "category", "region"})

Cell = str | float | int | bool | None


@lru_cache(maxsize=8)
def _stretched(secret: str, tenant: str) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", secret.encode(), b"dyocense/pii/" + tenant.encode(), ROUNDS)


@dataclass(frozen=True, slots=True)
class Mask:
    """Keyed hashes of one tenant: equal values stay equal within the tenant, and say nothing across tenants.

    `secret` is the deployment's key (any text); without one, personal values become ``pii:hidden`` and cannot be told apart.
    """

    secret: str = field(default="", repr=False)
    tenant: str = "local"

    @property
    def tag(self) -> str:
        """What changes when the key does, for cache keys: 16 hex digits that do not tell the key, empty without one."""
        return self.hashed("tag")[4:] if self.secret else ""

    def hashed(self, value: str) -> str:
        """Return ``pii:`` and 16 hex digits of HMAC-SHA256 under the stretched key, ``pii:hidden`` without a key."""
        if not self.secret:
            return HIDDEN
        return "pii:" + hmac.new(_stretched(self.secret, self.tenant), value.encode(), hashlib.sha256).hexdigest()[:16]

    def tables(self, tables: Tables, spec: ContextSpec) -> Tables:
        """Return the tables with declared and detected personal values replaced; everything else is the same object."""
        return Tables({name: self._table(name, table, spec) for name, table in tables.tables.items()})

    def spec(self, spec: ContextSpec) -> ContextSpec:
        """Return the context file's inline rows with personal values replaced."""
        if not any(t.rows for t in spec.tables.values()):
            return spec
        masked = {}
        for name, table in spec.tables.items():
            declared = _declared(name, spec)
            rows = table.rows and tuple({k: self._cell(v, k, declared) for k, v in row.items()} for row in table.rows)
            masked[name] = dataclasses.replace(table, rows=rows)
        return dataclasses.replace(spec, tables=masked)

    def _table(self, name: str, table: RawTable, spec: ContextSpec) -> RawTable:
        declared = _declared(name, spec)
        columns: Mapping[str, tuple[Cell, ...]] = {c: self._column(c, values, declared) for c, values in table.columns.items()}
        changed = any(columns[c] is not table.columns[c] for c in columns)
        return dataclasses.replace(table, columns=columns) if changed else table

    def _column(self, column: str, values: tuple[Cell, ...], declared: frozenset[str]) -> tuple[Cell, ...]:
        if column in declared or _named(column):
            return tuple(self._cell(v, column, declared) for v in values)
        texts = {v for v in values if isinstance(v, str)}
        found = {v: self.hashed(v) for v in texts if is_personal_value(v)}
        return tuple(found.get(v, v) if isinstance(v, str) else v for v in values) if found else values

    def _cell(self, value: Cell, column: str, declared: frozenset[str]) -> Cell:
        if value is None or value == "" or (isinstance(value, str) and value.startswith("pii:")):
            return value
        if column in declared or _named(column) or (isinstance(value, str) and is_personal_value(value)):
            return self.hashed(str(value))
        return value


def _named(column: str) -> bool:
    return column not in _KEYS and is_personal_column(column)


def _declared(table: str, spec: ContextSpec) -> frozenset[str]:
    """Return the file's names of the columns that the context declares as personal."""
    ours = [entry.partition(".")[2] for entry in spec.pii if entry.partition(".")[0] == table]
    theirs = spec.tables[table].columns if table in spec.tables else {}
    return frozenset([*ours, *(theirs.get(column, column) for column in ours)])
