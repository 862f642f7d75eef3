"""Artifacts in the blob store and stages in the cache: what is known is not made again."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dyocense_cli.artifacts.canonical import canonical_json
from dyocense_cli.errors import StoreError
from dyocense_cli.runner.nouns import noun

if TYPE_CHECKING:
    import numpy as np

    from dyocense_cli.ports import BlobStore, StageCache

__all__ = ["Held", "Memo", "array_bytes", "array_from"]


def array_bytes(array: np.ndarray) -> bytes:
    """Return an array as NPY bytes, little-endian and C-order, so that equal arrays have equal bytes."""
    import numpy as np

    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, _plain(array), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _plain(array: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)


def array_from(data: bytes) -> np.ndarray:
    """Return the array of NPY bytes; object arrays are refused."""
    import numpy as np

    return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)


@dataclass(slots=True)
class Held:
    """An artifact in hand: by value, or by a loader that reads it when someone needs it.

    `ident` stands for it in the keys of later stages; `doc` is the hash of its stored document, empty if it is not stored.
    """

    name: str
    fingerprint: str
    ident: str
    doc: str = ""
    loader: Callable[[], Any] | None = None
    _value: Any = field(default=None, repr=False)

    @property
    def value(self) -> Any:
        """The artifact; read on first use."""
        if self._value is None and self.loader is not None:
            self._value = self.loader()
        return self._value

    def put(self, value: Any) -> None:
        """Set the value in hand."""
        self._value = value


class Memo:
    """Stores artifacts as a canonical document plus arrays, and remembers which key made which."""

    def __init__(self, blobs: BlobStore, cache: StageCache) -> None:
        self.blobs = blobs
        self.cache = cache
        self.warnings: list[str] = []

    def save(self, artifact: Any) -> tuple[str, str]:
        """Store an artifact; return its fingerprint and the hash of its document."""
        return self._save(artifact)[:2]

    def _save(self, artifact: Any) -> tuple[str, str, bytes, dict[str, np.ndarray]]:
        """Store an artifact; return its fingerprint, the hash of its document, the document and its arrays."""
        from dyocense_cli.artifacts.codec import encode, fingerprint

        encoded = encode(artifact)
        places = {sha: self.blobs.put(array_bytes(array)) for sha, array in sorted(encoded.arrays.items())}
        doc = canonical_json({**encoded.doc, "arrays": places})
        return fingerprint(artifact), self.blobs.put(doc), doc, encoded.arrays

    def keep(self, name: str, artifact: Any, ident: str | None = None) -> Held:
        """Store an artifact and return it held, as it comes back from the store: maps in key order, arrays little-endian in C order.

        What a stage hands on and what the cache gives back are then the same in every bit, sums in the order of a map included.
        """
        from dyocense_cli.artifacts.codec import decode

        fingerprint, place, doc, arrays = self._save(artifact)
        held = Held(name, fingerprint, ident or fingerprint, place)
        held.put(decode(type(artifact), json.loads(doc), {sha: _plain(array) for sha, array in arrays.items()}))
        return held

    def load(self, name: str, doc: str) -> Any:
        """Read an artifact back; StoreError if a part is missing or altered."""
        from dyocense_cli.artifacts.codec import decode

        stored: Mapping[str, Any] = json.loads(self.blobs.get(doc))
        arrays = {sha: array_from(self.blobs.get(place)) for sha, place in stored["arrays"].items()}
        return decode(noun(name), stored, arrays)

    def find(self, name: str, key: str, ident: str | None = None) -> Held | None:
        """Return what a key made before, unread, or None.

        An entry whose document or arrays are gone counts as absent; one that turns out altered when it is read is rebuilt.
        """
        entry = self.cache.get(key)
        if entry is None:
            return None
        fingerprint, _, doc = entry.partition(" ")
        if not self._whole(doc):
            return None
        return Held(name, fingerprint, ident or fingerprint, doc, loader=lambda: self.load(name, doc))

    def _whole(self, doc: str) -> bool:
        """Say whether a document and all its arrays are stored and unaltered; what is altered is set aside with a warning."""
        try:
            stored = json.loads(self.blobs.get(doc))
            for place in stored["arrays"].values():
                self.blobs.get(place)
        except StoreError as error:
            if error.code == "DY5002":
                self.warnings.append(f"{error.message}; rebuilt")
            return False
        return True

    def remember(self, name: str, key: str, artifact: Any, ident: str | None = None) -> Held:
        """Store an artifact under a key and return it held."""
        held = self.keep(name, artifact, ident)
        self.cache.put(key, f"{held.fingerprint} {held.doc}")
        return held

    def document(self, held: Held) -> tuple[bytes, dict[str, bytes]]:
        """Return the canonical document of an artifact and its NPY files by the hash of their bytes, for a run's snapshot."""
        doc = held.doc or self.save(held.value)[1]
        data = self.blobs.get(doc)
        return data, {place: self.blobs.get(place) for place in json.loads(data)["arrays"].values()}

    def get_text(self, key: str) -> str | None:
        """Return a plain value remembered under a key."""
        return self.cache.get(key)

    def put_text(self, key: str, value: str) -> None:
        """Remember a plain value under a key."""
        self.cache.put(key, value)
