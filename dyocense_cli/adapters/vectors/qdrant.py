"""Nearest earlier plans in Qdrant: a local folder, or a server by its address; one collection per tenant."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from qdrant_client import QdrantClient, models

from dyocense_cli.errors import UnavailableError
from dyocense_cli.kernel.evidence.statements import checked_tenant
from dyocense_cli.ports import Neighbour, Scope

__all__ = ["QdrantIndex"]

#: Names our points; any fixed UUID would do.
_SPACE: Final = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


class QdrantIndex:
    """Euclidean distance over vectors of one length; the collection is made with the first vector."""

    features: ClassVar[frozenset[str]] = frozenset({"local", "server"})

    def __init__(self, url: str, folder: str, scope: Scope | None = None) -> None:
        self._url, self._folder = url, Path(folder)
        self._collection = "collection_" + checked_tenant((scope or Scope()).tenant_id)

    def upsert(self, key: str, vector: Sequence[float], payload: Mapping[str, str | float]) -> None:
        """Store or replace one vector."""
        point = models.PointStruct(id=str(uuid.uuid5(_SPACE, key)), vector=list(vector), payload={**payload, "_key": key})
        with self._client() as client:
            if not client.collection_exists(self._collection):
                size = models.VectorParams(size=len(vector), distance=models.Distance.EUCLID)
                client.create_collection(self._collection, vectors_config=size)
            client.upsert(self._collection, points=[point], wait=True)

    def nearest(self, vector: Sequence[float], k: int) -> list[Neighbour]:
        """Return the `k` nearest, closest first, equal distances in the order of their keys."""
        with self._client() as client:
            if not client.collection_exists(self._collection):
                return []
            found = client.query_points(self._collection, query=list(vector), limit=k, with_payload=True).points
        out = [Neighbour(str(p.payload["_key"]), float(p.score), {n: v for n, v in p.payload.items() if n != "_key"}) for p in found]
        return sorted(out, key=lambda n: (round(n.distance, 9), n.key))

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        """Open for one call: a local folder admits one process at a time, and holding it would shut out the others."""
        try:
            if self._url:
                client = QdrantClient(url=self._url, timeout=10, check_compatibility=False)
            else:
                self._folder.mkdir(parents=True, exist_ok=True)
                client = QdrantClient(path=str(self._folder))
        except Exception as error:  # the library raises plain RuntimeError and its transport's own classes
            raise self._unreachable() from error
        try:
            yield client
        except Exception as error:  # as above
            raise self._unreachable() from error
        finally:
            client.close()

    def _unreachable(self) -> UnavailableError:
        where = self._url or str(self._folder)
        return UnavailableError("DY4411", f"the vector index at {where} cannot be reached or is in use", hints="wait, or start the server")
