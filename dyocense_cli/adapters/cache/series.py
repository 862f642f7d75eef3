"""Forecasts by series, as immutable files that are renamed into place: many processes at once, no lock, no torn entry.

An entry is a header of 1,024 bytes (JSON, padded), then its payload. The name of the file is the hash of
(sku, horizon, features, model configuration); the header holds the SHA-256 of itself and the payload. DuckDB reads, lists and sums
the files in memory; there is no database file that a writer could hold.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from dyocense_cli.errors import InputError

__all__ = ["CacheEntry", "SeriesCache"]

_HEADER: Final = 1024
_TRIES: Final = 20
_KEY: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One entry as listed: its key, what it is of, how large it is, and whether its bytes are what they were."""

    key: str
    sku: str
    horizon: int
    model: str
    bytes: int
    whole: bool


class SeriesCache:
    """Entries below one folder, one per key (64 hex digits)."""

    features: ClassVar[frozenset[str]] = frozenset({"local", "sql"})

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise InputError("DY4305", f"`{key[:80]}` is no key of the forecast cache", hints="a key is 64 hex digits")
        return self._root / key[:2] / f"{key}.entry"

    def get(self, key: str) -> bytes | None:
        """Return the payload, or None if there is none; an altered entry is set aside as ``<key>.altered`` and counts as absent."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        payload = _payload(data, key)
        if payload is None:
            self._set_aside(path)
        return payload

    def put(self, key: str, payload: bytes, about: Mapping[str, str | int]) -> None:
        """Store a payload; `about` (sku, horizon, model) is what lists show. Storing again changes nothing."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {"key": key, "bytes": len(payload), **{k: v[:200] if isinstance(v, str) else v for k, v in about.items()}}
        head = _head({**about, "sha256": _sha(about, payload)})
        handle, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(head + payload)
        Path(name).replace(path)

    def entries(self) -> Iterator[CacheEntry]:
        """Yield every entry by key, each checked."""
        for path in sorted(self._root.glob("??/*.entry")):
            key = path.stem
            try:
                data = path.read_bytes()
            except FileNotFoundError:  # another process set it aside
                continue
            about = _header(data)
            yield CacheEntry(
                key,
                str(about.get("sku", "")),
                int(about.get("horizon", 0)),
                str(about.get("model", "")),
                len(data),
                _payload(data, key) is not None,
            )

    def verify(self) -> list[str]:
        """Check every entry, set altered ones aside, return their keys."""
        altered = [e.key for e in self.entries() if not e.whole]
        for key in altered:
            self._set_aside(self._path(key))
        return altered

    def clear(self, sku: str | None = None) -> int:
        """Remove all entries, or those of one SKU; return how many."""
        gone = [e.key for e in self.entries() if sku is None or e.sku == sku]
        for key in gone:
            self._path(key).unlink(missing_ok=True)
        for path in self._root.glob("??/*.altered") if sku is None else ():
            path.unlink(missing_ok=True)
        return len(gone)

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run SQL over the table ``entries`` (key, sku, horizon, model, sha256, payload_bytes, file_bytes, modified), in memory.

        Altered entries are set aside first.

        Returns
        -------
        columns, rows
        """
        import duckdb

        self.verify()
        with duckdb.connect(":memory:", config={"threads": 1}) as con:
            self._tabulate(con)
            con.execute("set enable_external_access = false")
            try:
                answer = con.execute(sql)
            except duckdb.Error as error:
                raise InputError(
                    "DY4306",
                    f"the cache query failed: {error}".splitlines()[0],
                    hints="select … from entries; columns: key, sku, horizon, model, payload_bytes, modified",
                ) from error
            return [c[0] for c in answer.description], answer.fetchall()

    def _tabulate(self, con: Any) -> None:
        """Read all headers into the table `entries`; a file that another process removes meanwhile is not there the next time."""
        import duckdb

        for attempt in range(_TRIES):
            found = any(self._root.glob("??/*.entry"))
            try:
                con.execute(_TABLE if found else _EMPTY, [str(self._root / "*" / "*.entry")] if found else [])
                return
            except duckdb.IOException:
                if attempt == _TRIES - 1:
                    raise

    @staticmethod
    def _set_aside(path: Path) -> None:
        try:
            path.replace(path.with_suffix(".altered"))
        except FileNotFoundError:  # another process set it aside first
            return


_TABLE: Final = """
create table entries as
with heads as (select decode(content[1:1024]) as head, size, last_modified from read_blob(?))
select head::json->>'key' as key, head::json->>'sku' as sku, (head::json->>'horizon')::int as horizon, head::json->>'model' as model,
       head::json->>'sha256' as sha256, (head::json->>'bytes')::bigint as payload_bytes, size as file_bytes, last_modified as modified
from heads order by key
"""
_EMPTY: Final = """
create table entries (key varchar, sku varchar, horizon int, model varchar, sha256 varchar, payload_bytes bigint, file_bytes bigint,
                      modified timestamp)
"""


def _header(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data[:_HEADER])
    except (ValueError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _head(about: Mapping[str, Any]) -> bytes:
    return json.dumps(about, sort_keys=True).encode().ljust(_HEADER - 1) + b"\n"


def _sha(about: Mapping[str, Any], payload: bytes) -> str:
    """Return the SHA-256 over what the header says, but the SHA-256 itself, and the payload."""
    said = json.dumps({k: v for k, v in about.items() if k != "sha256"}, sort_keys=True).encode()
    return hashlib.sha256(said + b"\n" + payload).hexdigest()


def _payload(data: bytes, key: str) -> bytes | None:
    """Return the payload of an entry whose every byte is as it was written, else None."""
    about, payload = _header(data), data[_HEADER:]
    whole = about.get("key") == key and about.get("sha256") == _sha(about, payload) and data[:_HEADER] == _head(about)
    return payload if whole else None
