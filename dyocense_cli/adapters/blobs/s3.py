"""Bytes by their SHA-256 in an S3 bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import ClassVar

from dyocense_cli.adapters.blobs.bucket import PATIENCE_S, RETRIES, Bucket
from dyocense_cli.errors import StoreError

__all__ = ["S3Blobs"]


class S3Blobs:
    """One object per hash under ``<prefix>/<tenant>/evidence/<first two digits>/``; altered objects are moved to ``*.altered``."""

    features: ClassVar[frozenset[str]] = frozenset({"remote"})

    def __init__(
        self, url: str, *, tenant: str = "local", endpoint: str = "", access_key: str = "", secret_key: str = "", retries: int = RETRIES,
        patience_s: float = PATIENCE_S,
    ) -> None:  # fmt: skip
        self._bucket = Bucket(
            url,
            f"{tenant}/evidence",
            endpoint=endpoint,
            access_key=access_key,
            secret_key=secret_key,
            retries=retries,
            patience_s=patience_s,
        )

    @staticmethod
    def _key(sha: str) -> str:
        digits = sha.removeprefix("sha256:")
        return f"{digits[:2]}/{digits}"

    def put(self, data: bytes) -> str:
        """Store bytes, return ``sha256:…``; storing again is a no-op."""
        sha = "sha256:" + hashlib.sha256(data).hexdigest()
        key = self._key(sha)
        if not self._bucket.create(key, data) and self._bucket.read(key) != data:
            self._bucket.replace(key, data)
        return sha

    def get(self, sha: str) -> bytes:
        """Return bytes; DY5003 if absent, DY5002 (and set aside) if altered."""
        key = self._key(sha)
        data = self._bucket.read(key)
        if data is None:
            raise StoreError("DY5003", f"nothing is stored under {sha[:19]}…", hints="run the command again to make it anew")
        if "sha256:" + hashlib.sha256(data).hexdigest() != sha:
            self._bucket.replace(key + ".altered", data)
            self._bucket.delete(key)
            raise StoreError(
                "DY5002", f"the bytes stored under {sha[:19]}… were altered; they were set aside", hints="run again to rebuild"
            )
        return data

    def has(self, sha: str) -> bool:
        """Say whether the bytes are stored, unread."""
        return self._bucket.size(self._key(sha)) is not None

    def list(self) -> Iterator[str]:
        """Yield all stored hashes, sorted."""
        for key in self._bucket.keys():  # noqa: SIM118  # not a mapping
            name = key.rpartition("/")[2]
            if len(name) == 64:
                yield "sha256:" + name

    def delete(self, sha: str) -> None:
        """Remove bytes; absent is a no-op."""
        self._bucket.delete(self._key(sha))
